/** ETC, held to loops over its definition (Ainslie et al. 2020), to full attention, to BigBird's form of it, and to its reach. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, noGrad } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { broadcastTo, contiguous, slice } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { filled, fromArray, randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import { summaryLoss } from '../../src/training/summary-loss.ts';
import { attend, checkOptions } from '../../src/variants/attend.ts';
import { bigbird } from '../../src/variants/bigbird.ts';
import { type EtcOptions, etc } from '../../src/variants/etc.ts';
import { full } from '../../src/variants/full.ts';
import { type AnyVariant, findVariant } from '../../src/variants/registry.ts';
import type { Parameters } from '../../src/variants/variant.ts';
import { type AttentionCase, forAllCases, inputsOf } from '../laws/draw.ts';
import { expectClose, outputOf, parametersOf, ROUNDING, read, redrawn } from '../laws/evaluate.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { equalsLoops, squareShape } from '../laws/written-out.ts';
import { byLoops, type Definition, paper } from './etc-written-out.ts';

const variant = findVariant('etc') as AnyVariant;
const optionsOf = ({ options }: AttentionCase) => options as EtcOptions;

const mapped = (parameters: Parameters, change: (tensor: Tensor, name: string) => Tensor): Parameters =>
  Object.fromEntries(Object.entries(parameters).map(([name, tensor]) => [name, change(tensor, name)]));

/** Labels of norm 1 and more: those that training starts from would hide a wrong one. */
const loud = (attentionCase: AttentionCase): Parameters => {
  const { shape, seed } = attentionCase;
  return mapped(parametersOf(variant, attentionCase), ({ shape: extents }, name) =>
    randomNormal([...extents], new Random(seed).split(name), shape.dtype),
  );
};

for (const { name, run } of equalsLoops(variant, { maxLength: 36 }, 60, byLoops, loud)) test(name, run);

const caseOf = (options: Partial<EtcOptions>, length = 19): AttentionCase => ({
  ...{ shape: squareShape(length), mask: null, seed: 5 },
  options: checkOptions(
    etc,
    { numGlobals: 3, segmentLength: 5, radius: 3, maxDistance: 2, ...options },
    squareShape(length),
  ),
});

test('the loops notice other labels, another scale of them, other segments, other vectors and another radius', () => {
  const broken: Partial<Definition>[] = [
    { distance: (difference, k) => paper.distance(-difference, k) },
    { distance: (difference, k) => paper.distance(difference, k - 1) },
    { labelScale: () => 1 },
    { belongs: (token, global, s) => Math.floor((token + 1) / s) === global },
    { belongs: (token, global, s) => Math.min(2, Math.floor(token / s)) === global },
    { vectorsOf: (_query, keyIsGlobal) => (keyIsGlobal ? 'a_g' : 'a_l') },
    { reach: (radius) => radius - 1 },
  ];
  for (const ownSegment of [false, true]) {
    const attentionCase = caseOf({ ownSegment });
    const [inputs, parameters] = [inputsOf(attentionCase), loud(attentionCase)];
    const output = outputOf(variant, attentionCase, inputs, parameters);
    expectClose(output, byLoops(inputs, optionsOf(attentionCase), parameters), ROUNDING, 'the definition');
    for (const change of broken) {
      const other = byLoops(inputs, optionsOf(attentionCase), parameters, { ...paper, ...change });
      assert.throws(() => expectClose(output, other, 1e-4, `${Object.keys(change)}`), `${Object.keys(change)}`);
    }
  }
});

test('with a radius of all tokens it is full attention, if all labels have one vector, whatever that is', () => {
  forAllCases(variant, { dtype: 'float64' }, 40, (drawn) => {
    const options = { ...optionsOf(drawn), radius: drawn.shape.keyLength, ownSegment: false };
    const attentionCase = { ...drawn, options };
    const inputs = inputsOf(attentionCase);
    const one = (a: Tensor) => noGrad(() => contiguous(broadcastTo(contiguous(slice(a, 1, 0, 1)), [...a.shape])));
    const output = outputOf(variant, attentionCase, inputs, mapped(loud(attentionCase), one));
    expectClose(output, read(noGrad(() => attend(full, inputs))), ROUNDING, 'full attention');
  });
});

test('without labels it is what BigBird calls ETC, with blocks of one token', () => {
  forAllCases(variant, { dtype: 'float64', minLength: 6 }, 30, (drawn) => {
    const last = drawn.shape.keyLength - 1;
    const numGlobals = Math.min(optionsOf(drawn).numGlobals, drawn.shape.keyLength - 5);
    const attentionCase = { ...drawn, options: { ...optionsOf(drawn), numGlobals, radius: 1, ownSegment: false } };
    const inputs = inputsOf(attentionCase);
    const none = ({ shape }: Tensor) => zeros([...shape], 'float64');
    const output = outputOf(variant, attentionCase, inputs, mapped(loud(attentionCase), none));
    const theirs = { construction: 'etc', blockSize: 1, globalBlocks: numGlobals, randomBlocks: 0 } as const;
    // BigBird draws a block in place of a neighbour that does not exist, or that is global.
    const hasBoth = (_b: number, _h: number, i: number) => i !== numGlobals && i !== last;
    expectClose(output, read(noGrad(() => attend(bigbird, inputs, theirs))), ROUNDING, 'BigBird', hasBoth);
  });
});

test('a token of the long input changes what is within the radius, and global tokens: all, or its own', () => {
  forAllCases(variant, { dtype: 'float64', masked: false, minLength: 4 }, 30, (attentionCase) => {
    const { numGlobals: n, radius, segmentLength, ownSegment } = optionsOf(attentionCase);
    const { keyLength: length } = attentionCase.shape;
    const token = n + (attentionCase.seed % (length - n));
    const { queries, keys, values } = inputsOf(attentionCase);
    const random = new Random(attentionCase.seed);
    const change = (x: Tensor, name: string) => redrawn(x, (_b, _h, at) => at === token, random.split(name));
    const changed = { queries: change(queries, 'q'), keys: change(keys, 'k'), values: change(values, 'v') };
    const parameters = loud(attentionCase);
    const [before, after] = [{ queries, keys, values }, changed].map((x) =>
      outputOf(variant, attentionCase, x, parameters),
    );
    const width = values.shape[3];
    const own = Math.floor((token - n) / segmentLength);
    before.data.forEach((number, at) => {
      const i = Math.floor(at / width) % length;
      const isReached = i < n ? !ownSegment || i === own : Math.abs(i - token) <= radius;
      if (!isReached) assert.is(after.data[at], number, `row ${i}, after a change of ${token}`);
    });
    const rows = (of: typeof before) => Array.from(of.data).slice(token * width, (token + 1) * width);
    assert.not.equal(rows(after), rows(before));
  });
});

test('cost: at fixed n_g and r each token of the long input costs the same', () => {
  for (const ownSegment of [false, true]) {
    const options = { ...etc.defaults(512), numGlobals: 16, radius: 84, ownSegment };
    const flops = (length: number) => etc.cost({ ...squareShape(length), headDim: 64 }, options).flops;
    for (let length = 2048; length <= 2 ** 18; length *= 2) {
      assert.is(flops(2 * length + 512) - flops(2 * length), flops(length + 512) - flops(length), `${length}`);
    }
  }
});

test('summaryLoss: −log of the share of the own summary among all hidden ones, and gradients of both', () => {
  const random = new Random(8);
  const shape = [3, 4, 5];
  const drawn = (name: string) => randomNormal(shape, random.split(name), 'float64').withGrad();
  const [predicted, seen] = [drawn('p'), drawn('s')];
  const flags = [0, 1, 0, 1, 0, 0, 0, 0, 1, 1, 0, 1];
  const hidden = fromArray(flags, [3, 4], 'uint8');
  const chosen = flags.flatMap((flag, n) => (flag === 1 ? [n] : []));
  const byLoops = (p: ArrayLike<number>, s: ArrayLike<number>) => {
    let total = 0;
    for (const i of chosen) {
      const products = chosen.map((j) => [0, 1, 2, 3, 4].reduce((sum, c) => sum + p[i * 5 + c] * s[j * 5 + c], 0));
      const shares = products.map(Math.exp);
      total -= Math.log(shares[chosen.indexOf(i)] / shares.reduce((sum, each) => sum + each, 0));
    }
    return total / chosen.length;
  };
  const loss = summaryLoss(predicted, seen, hidden);
  const [p, s] = [Array.from(predicted.toArray()), Array.from(seen.toArray())];
  assert.ok(Math.abs(loss.item() - byLoops(p, s)) < 1e-12);
  backward(loss);
  const gradients = [predicted, seen].map(({ grad }) => (grad as Tensor).toArray());
  for (let n = 0; n < p.length; n++) {
    const moved = (numbers: number[], by: number) => numbers.with(n, numbers[n] + by);
    const h = 1e-5;
    const slopes = [
      (byLoops(moved(p, h), s) - byLoops(moved(p, -h), s)) / (2 * h),
      (byLoops(p, moved(s, h)) - byLoops(p, moved(s, -h))) / (2 * h),
    ];
    // Central differences: h² for the third derivative, and 10⁻¹⁶/h of rounding.
    for (const [which, slope] of slopes.entries()) {
      assert.ok(Math.abs(slope - gradients[which][n]) < 1e-8, `${which} ${n}`);
    }
  }
  expectThrows(ArgumentError, 'hidden', () => void summaryLoss(predicted, seen, filled([3, 4], 0, 'uint8')));
  expectThrows(ShapeError, 'hidden', () => void summaryLoss(predicted, seen, filled([3, 3], 1, 'uint8')));
  expectThrows(ShapeError, 'seen', () => void summaryLoss(predicted, zeros([3, 4, 6], 'float64'), hidden));
  expectThrows(ShapeError, 'predicted', () => void summaryLoss(zeros([3, 4]), zeros([3, 4]), hidden));
});

test('more global tokens than tokens, a negative radius and vectors of other labels are refused by name', () => {
  const inputs = inputsOf(caseOf({}));
  expectThrows(ArgumentError, 'numGlobals', () => void attend(etc, inputs, { numGlobals: 19 }));
  expectThrows(ArgumentError, 'radius', () => void attend(etc, inputs, { radius: -1 }));
  const parameters = parametersOf(variant, caseOf({ maxDistance: 4 }));
  expectThrows(ShapeError, 'parameters.a_g', () => void attend(etc, inputs, { maxDistance: 5 }, { parameters }));
});

test.run();
