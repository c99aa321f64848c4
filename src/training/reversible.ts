/**
 * Reversible residual layers (Gomez et al. 2017; Kitaev et al. 2020, §3): a stack of layers whose activations need not
 * be kept, because the inputs of a layer follow from its outputs.
 *
 *     y₁ = x₁ + F(x₂)      y₂ = x₂ + G(y₁)                                                                  (eq. 7)
 *     x₂ = y₂ − G(y₁)      x₁ = y₁ − F(x₂)                                                                  (eq. 8)
 *
 * In a Transformer F is attention, of any variant, and G the feed-forward layer, each with its layer normalisation
 * inside (eq. 9). Cost: the forward pass runs twice; memory is that of one layer, however many there are. It gives up the
 * last bits: an activation recovered by subtraction is off by one or two rounding errors.
 */
import { noGrad, recordAll } from '../core/autograd.ts';
import { ArgumentError, expectShape } from '../core/errors.ts';
import { adopt, release } from '../core/memory.ts';
import { expectFloat, expectSameDType } from '../core/ops/check.ts';
import { add, subtract } from '../core/ops/index.ts';
import { Random } from '../core/random.ts';
import { scope } from '../core/scope.ts';
import { type Tensor, zeros } from '../core/tensor.ts';
import { pullBack } from './recompute.ts';
import { type Branch, type Repeatable, repeatable } from './repeatable.ts';

export interface ReversibleBlock {
  f: Branch;
  g: Branch;
  /** The learned tensors that f and g use. */
  parameters: readonly Tensor[];
}

export interface ReversibleOptions {
  /** The branches' streams are split from it; a trainer passes one for each step. */
  random?: Random;
}

/**
 * Runs the blocks one after another on a pair of tensors of one shape, and returns the resulting pair. Only the two ends are
 * kept for the backward pass. It walks from the last block to the first, recovers the inputs of each (eq. 8), and recomputes
 * its branches with a tape. Throws ArgumentError without blocks, ShapeError for unequal shapes, including the result of a
 * branch.
 */
export function reversible(
  x1: Tensor,
  x2: Tensor,
  blocks: readonly ReversibleBlock[],
  { random = new Random(0) }: ReversibleOptions = {},
): [Tensor, Tensor] {
  expectFloat('x1', x1);
  expectSameDType('x2', x2, x1.dtype, 'to match x1');
  expectShape('x2', x2.shape, x1.shape, 'to match x1');
  if (blocks.length === 0) throw new ArgumentError('blocks: expected at least one, got none');
  const parameters = blocks.flatMap((block) => block.parameters);
  const layers = blocks.map((block, n): Layer => {
    const stream = random.split(`block ${n}`);
    return {
      f: repeatable(`blocks[${n}].f`, block.f, stream.split('f')),
      g: repeatable(`blocks[${n}].g`, block.g, stream.split('g')),
    };
  });

  let y: Pair = [x1, x2];
  noGrad(() => {
    for (const { f, g } of layers) {
      const next = scope((): Pair => {
        const y1 = add(y[0], f.first(y[1]));
        return [y1, add(y[1], g.first(y1))];
      });
      releaseAll(y, [x1, x2]);
      y = next;
    }
  });
  const outputs = y;
  recordAll('reversible', outputs, [x1, x2, ...parameters], ([gradient1, gradient2]) => {
    const given: Backward = {
      y: outputs,
      gradients: [gradient1 ?? zeros(x1.shape, x1.dtype), gradient2 ?? zeros(x1.shape, x1.dtype)],
    };
    let state = given;
    for (const layer of layers.toReversed()) {
      const before = scope(() => reversed(layer, state));
      releaseAll([...state.y, ...state.gradients], [...outputs, ...given.gradients, ...before.y, ...before.gradients]);
      state = before;
    }
    // Parameters got their gradients on the way.
    return state.gradients;
  });
  const decided = layers.flatMap(({ f, g }) => [...f.decided(), ...g.decided()]);
  // The outputs live as long as the tape, which ends with the scope around it.
  if (outputs[0].node === null) releaseAll(decided, []);
  else for (const { block } of decided) adopt(block);
  return outputs;
}

type Pair = [Tensor, Tensor];

interface Layer {
  f: Repeatable;
  g: Repeatable;
}

interface Backward {
  y: Pair;
  /** Of y. */
  gradients: Pair;
}

/** One block, backwards: its inputs and their gradients, from its outputs and theirs. */
function reversed({ f, g }: Layer, { y, gradients }: Backward): Backward {
  const [y1, y2] = y;
  const [gradient1, gradient2] = gradients;
  const ofG = pullBack(g.again, y1, gradient2);
  const x2 = subtract(y2, ofG.value);
  const sum1 = ofG.gradient === null ? gradient1 : add(gradient1, ofG.gradient);
  const ofF = pullBack(f.again, x2, sum1);
  const x1 = subtract(y1, ofF.value);
  const sum2 = ofF.gradient === null ? gradient2 : add(gradient2, ofF.gradient);
  return { y: [x1, x2], gradients: [sum1, sum2] };
}

/** Releases tensors that are no longer needed, unless they are still held under another name. */
function releaseAll(tensors: readonly Tensor[], held: readonly Tensor[]): void {
  const blocks = new Set(held.map(({ block }) => block));
  for (const tensor of tensors) if (!blocks.has(tensor.block)) release(tensor.array.data);
}
