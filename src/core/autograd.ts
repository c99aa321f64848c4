/**
 * Reverse-mode differentiation on a tape. Every differentiable op calls `record` with its outputs, its inputs and its
 * vector-Jacobian product; `backward` walks the recorded nodes from last to first.
 */
import { ArgumentError, describe, expectShape } from './errors.ts';
import { expectFunction, expectIterable } from './expect.ts';
import { binaryKernels } from './kernels/elementwise.ts';
import { planWalk } from './kernels/strided.ts';
import { type Block, isInCurrentScope, releaseBlock, scopeOf, withScope } from './memory.ts';
import { parallelFor } from './parallel/pool.ts';
import { opEnded } from './profile.ts';
import { expectSynchronous } from './reachable.ts';
import { scope } from './scope.ts';
import { empty, expectTensor, ones, packed, placementOf, Tensor } from './tensor.ts';

/**
 * Gradients of a node's inputs from those of its outputs; null means zero. A gradient is never written to once it is
 * returned, so it may be one of the outputs' gradients, a view, or a tensor from the forward pass.
 */
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

/**
 * Runs `body` without keeping a tape: nothing inside is differentiable, and intermediates can be released. Throws
 * ArgumentError if `body` is asynchronous, because the tape would be on again before its end.
 */
export function noGrad<T>(body: () => T): T {
  return recordingIf(false, body);
}

/**
 * Runs `body` with a tape, also inside `noGrad` and inside a vector-Jacobian product: for a product that recomputes part of
 * the forward pass and calls its own `backward` on it.
 */
export function enableGrad<T>(body: () => T): T {
  return recordingIf(true, body);
}

function recordingIf<T>(wanted: boolean, body: () => T): T {
  expectFunction('body', body);
  const outer = recording;
  recording = wanted;
  try {
    const result = body();
    expectSynchronous(result);
    return result;
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
  if (!recording) return;
  opEnded(name);
  if (!inputs.some((input) => input.requiresGrad)) return;
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
  if (recording) recordAll(name, [output], inputs, ([gradient]) => vjp(gradient as Tensor));
  return output;
}

/**
 * Adds d(result)/d(leaf), weighted by `gradient` (ones by default), to the `grad` of every leaf that requires it.
 * Gradients of intermediate results are released as soon as they have been passed on.
 *
 * @example
 * ```ts
 * queries.withGrad();
 * backward(ops.mean(attend(longformer, { queries, keys, values })));
 * console.log(queries.grad?.toArray());
 * ```
 */
export function backward(result: Tensor, gradient?: Tensor): void {
  expectTensor('result', result);
  if (gradient !== undefined) expectTensor('gradient', gradient);
  if (result.node === null)
    throw new ArgumentError(
      'backward: the result does not depend on any tensor that requires a gradient; call withGrad() on one, or load ' +
        'a model with { trainable: true }, outside of noGrad',
    );
  if (gradient !== undefined) expectLike('gradient', gradient, result, 'to match the result');
  noGrad(() =>
    scope(() => {
      const pending = new PendingGradients();
      pending.add(result, gradient ?? ones(result.shape, result.dtype as 'float32'));
      for (const node of nodesFromLastToFirst(result.node as TapeNode)) {
        const outputGradients = node.outputs.map((output) => pending.get(output));
        if (outputGradients.some((each) => each !== null)) {
          const inputGradients = scope(() => node.vjp(outputGradients));
          opEnded(node.name, true);
          node.inputs.forEach((input, index) => {
            const each = inputGradients[index];
            if (each === null || each === undefined || !input.requiresGrad) return;
            expectLike(`gradient of ${node.name}, input ${index}`, each, input);
            if (input.node === null) accumulateOnLeaf(input, each);
            else pending.add(input, each);
          });
          pending.discard(inputGradients);
          opEnded('sums of gradients', true);
        }
        for (const output of node.outputs) pending.drop(output);
      }
    }),
  );
}

/** Forgets the gradients of these tensors and releases their memory. */
export function zeroGrad(tensors: Iterable<Tensor>): void {
  for (const tensor of expectIterable('tensors', tensors)) {
    if (!(tensor instanceof Tensor)) throw new ArgumentError(`tensors: expected tensors, got ${describe(tensor)}`);
    if (tensor.grad !== null && !tensor.grad.block.free) releaseBlock(tensor.grad.block);
    tensor.grad = null;
  }
}

function expectLike(name: string, gradient: Tensor, of: Tensor, because = ''): void {
  expectShape(name, gradient.shape, of.shape, because);
  if (gradient.dtype === of.dtype) return;
  throw new ArgumentError(`${name}: expected ${of.dtype}${because === '' ? '' : ` ${because}`}, got ${gradient.dtype}`);
}

/** A gradient lives as long as its leaf: until the leaf's scope ends, or without a scope while it is referenced. */
function accumulateOnLeaf(leaf: Tensor, gradient: Tensor): void {
  if (leaf.grad === null) leaf.grad = withScope(scopeOf(leaf.block), () => packed(gradient));
  else addInto(leaf.grad, gradient);
}

/** sum += term, where `sum` is contiguous from its start. */
function addInto(sum: Tensor, term: Tensor): void {
  addTo(sum, sum, term);
}

/** sum = first + second, where `sum` is contiguous from its start. */
function addTo(sum: Tensor, first: Tensor, second: Tensor): void {
  const [to, a, b] = [placementOf(sum), placementOf(first), placementOf(second)];
  const { items, elementsPerItem, plan } = planWalk(
    to.shape,
    { offset: a.offset, strides: a.stride },
    { offset: b.offset, strides: b.stride },
  );
  const arrays = { a: a.data, b: b.data, c: to.data };
  parallelFor(binaryKernels.add, items, arrays, { plan }, { costPerItem: 2 * elementsPerItem });
}

function nodesFromLastToFirst(last: TapeNode): TapeNode[] {
  const found = new Set<TapeNode>([last]);
  // A Set visits what is added while it is walked.
  for (const node of found) for (const input of node.inputs) if (input.node !== null) found.add(input.node);
  return [...found].sort((a, b) => b.id - a.id);
}

/**
 * Gradients on their way. Several may share a block, as views of it or as one gradient passed on twice, so a block is
 * released when the last of them is dropped, and only if it was made on the way.
 */
class PendingGradients {
  readonly #gradients = new Map<Tensor, { value: Tensor; owned: boolean }>();
  readonly #holders = new Map<Block, number>();
  /** The first terms of sums. The current op may return the same tensor for other inputs too. */
  readonly #replaced: Tensor[] = [];

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
      // The first gradient may be shared with another tensor (add passes one on twice): the sum is a tensor of its own.
      const sum = empty(tensor.shape, tensor.dtype);
      addTo(sum, entry.value, gradient);
      this.#hold(entry.value, -1);
      this.#replaced.push(entry.value);
      this.#hold(sum, 1);
      this.#gradients.set(tensor, { value: sum, owned: true });
    }
  }

  /** The gradient of `tensor` has been passed on. */
  drop(tensor: Tensor): void {
    const entry = this.#gradients.get(tensor);
    if (entry === undefined) return;
    this.#gradients.delete(tensor);
    this.#hold(entry.value, -1);
    this.#releaseUnheld(entry.value);
  }

  /** After an op: releases what it returned, and what it replaced, unless it waits to be passed on. */
  discard(gradients: readonly (Tensor | null)[]): void {
    for (const gradient of gradients) if (gradient) this.#releaseUnheld(gradient);
    for (const gradient of this.#replaced.splice(0)) this.#releaseUnheld(gradient);
  }

  #releaseUnheld(gradient: Tensor): void {
    if (!this.#holders.get(gradient.block) && isInCurrentScope(gradient.block)) releaseBlock(gradient.block);
  }

  #hold({ block }: Tensor, change: number): void {
    this.#holders.set(block, (this.#holders.get(block) ?? 0) + change);
  }
}
