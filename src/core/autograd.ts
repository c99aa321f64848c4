/**
 * Reverse-mode differentiation on a tape. Every differentiable op calls `record` with its outputs, its inputs and its
 * vector-Jacobian product; `backward` walks the recorded nodes from last to first.
 */
import { ArgumentError, expectShape } from './errors.ts';
import { binaryKernels } from './kernels/elementwise.ts';
import { planWalk } from './kernels/strided.ts';
import { type Block, release, withScope } from './memory.ts';
import { parallelFor } from './parallel/pool.ts';
import { ones, packed, scope, type Tensor } from './tensor.ts';

/** Gradients of a node's inputs from those of its outputs; null means zero. */
export type VectorJacobianProduct = (outputGradients: (Tensor | null)[]) => (Tensor | null)[];

/** One recorded op. */
export interface TapeNode {
  /** Nodes are numbered in the order of recording, which is a topological order. */
  readonly id: number;
  readonly name: string;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly vjp: VectorJacobianProduct;
}

let nextId = 0;
let recording = true;

/** Runs `body` without keeping a tape: nothing inside is differentiable, and intermediates can be released. */
export function noGrad<T>(body: () => T): T {
  const outer = recording;
  recording = false;
  try {
    return body();
  } finally {
    recording = outer;
  }
}

export function isRecording(): boolean {
  return recording;
}

/** Enters an op with several outputs in the tape, if any of its inputs needs a gradient. */
export function recordAll(
  name: string,
  outputs: readonly Tensor[],
  inputs: readonly Tensor[],
  vjp: VectorJacobianProduct,
): void {
  if (!recording || !inputs.some((input) => input.requiresGrad)) return;
  const node: TapeNode = { id: nextId++, name, inputs, outputs, vjp };
  for (const output of outputs) {
    output.requiresGrad = true;
    output.node = node;
  }
}

/** Enters an op with one output in the tape, and returns that output. */
export function record(
  name: string,
  output: Tensor,
  inputs: readonly Tensor[],
  vjp: (gradient: Tensor) => (Tensor | null)[],
): Tensor {
  recordAll(name, [output], inputs, ([gradient]) => vjp(gradient as Tensor));
  return output;
}

/**
 * Adds d(result)/d(leaf), weighted by `gradient` (ones by default), to the `grad` of every leaf that requires it.
 * Gradients of intermediate results are released as soon as they have been passed on.
 */
export function backward(result: Tensor, gradient?: Tensor): void {
  if (result.node === null)
    throw new ArgumentError('backward: the result does not depend on any tensor that requires a gradient');
  if (gradient !== undefined) {
    expectShape('gradient', gradient.shape, result.shape, 'to match the result');
    if (gradient.dtype !== result.dtype) {
      throw new ArgumentError(`gradient: expected ${result.dtype} to match the result, got ${gradient.dtype}`);
    }
  }
  noGrad(() =>
    scope(() => {
      const pending = new PendingGradients();
      pending.add(result, gradient ?? ones(result.shape, result.dtype as 'float32'));
      for (const node of nodesFromLastToFirst(result.node as TapeNode)) {
        const outputGradients = node.outputs.map((output) => pending.get(output));
        if (outputGradients.some((each) => each !== null)) {
          const inputGradients = scope(() => node.vjp(outputGradients));
          node.inputs.forEach((input, index) => {
            const each = inputGradients[index];
            if (each === null || each === undefined || !input.requiresGrad) return;
            expectShape(`gradient of ${node.name}, input ${index}`, each.shape, input.shape);
            if (input.node === null) accumulateOnLeaf(input, each);
            else pending.add(input, each);
          });
        }
        for (const output of node.outputs) pending.drop(output, gradient);
      }
    }),
  );
}

/** Forgets the gradients of these tensors and releases their memory. */
export function zeroGrad(tensors: Iterable<Tensor>): void {
  for (const tensor of tensors) {
    if (tensor.grad !== null) release(tensor.grad.array.data);
    tensor.grad = null;
  }
}

function accumulateOnLeaf(leaf: Tensor, gradient: Tensor): void {
  if (leaf.grad === null) leaf.grad = withScope(null, () => packed(gradient));
  else addInto(leaf.grad, gradient);
}

/** sum += term, where `sum` is contiguous from its start. */
function addInto({ array: sum }: Tensor, { array: term }: Tensor): void {
  const plan = planWalk(sum.shape, { offset: 0, strides: sum.stride }, { offset: term.offset, strides: term.stride });
  const cost = { costPerItem: 2 * plan.elementsPerItem };
  parallelFor(binaryKernels.add, plan.items, [sum.data, term.data, sum.data], plan.numbers, cost);
}

function nodesFromLastToFirst(last: TapeNode): TapeNode[] {
  const found = new Set<TapeNode>([last]);
  // A Set visits what is added while it is walked.
  for (const node of found) for (const input of node.inputs) if (input.node !== null) found.add(input.node);
  return [...found].sort((a, b) => b.id - a.id);
}

/** Gradients on their way. Views may share a block, so blocks are released when the last gradient on them is dropped. */
class PendingGradients {
  readonly #gradients = new Map<Tensor, { value: Tensor; owned: boolean }>();
  readonly #holders = new Map<Block, number>();

  get(tensor: Tensor): Tensor | null {
    return this.#gradients.get(tensor)?.value ?? null;
  }

  add(tensor: Tensor, gradient: Tensor): void {
    const entry = this.#gradients.get(tensor);
    if (entry === undefined) {
      this.#gradients.set(tensor, { value: gradient, owned: false });
      this.#hold(gradient, 1);
    } else if (entry.owned) {
      addInto(entry.value, gradient);
    } else {
      // The first gradient may be shared with another tensor (add passes one on twice): sum into a copy.
      const sum = packed(entry.value);
      addInto(sum, gradient);
      this.#hold(entry.value, -1);
      this.#hold(sum, 1);
      this.#gradients.set(tensor, { value: sum, owned: true });
    }
  }

  drop(tensor: Tensor, except: Tensor | undefined): void {
    const entry = this.#gradients.get(tensor);
    if (entry === undefined) return;
    this.#gradients.delete(tensor);
    const holders = this.#hold(entry.value, -1);
    if (holders === 0 && entry.value.block !== except?.block) release(entry.value.array.data);
  }

  #hold(gradient: Tensor, change: number): number {
    const block = gradient.block as Block;
    const holders = (this.#holders.get(block) ?? 0) + change;
    this.#holders.set(block, holders);
    return holders;
  }
}
