/** How long tensors live: a scope releases those made inside, and what is kept lives as long as it is referenced. */
import { expectFunction } from './expect.ts';
import { adopt, type Block, releaseScope, withScope } from './memory.ts';
import { expectSynchronous, reachable } from './reachable.ts';
import { expectTensor, Tensor } from './tensor.ts';

const isTensor = (value: unknown): value is Tensor => value instanceof Tensor;

/**
 * Runs `body` and releases every tensor made inside, unless it can be reached from the result: directly, in lists,
 * records, Maps, Sets and public fields of instances, at any depth (see reachable.ts). A leaf keeps its gradient. When a
 * returned tensor carries a tape, everything is passed on to the outer scope instead, because backward will need it. A throw
 * releases everything. Throws ArgumentError if `body` is asynchronous or a generator.
 *
 *     for (const text of texts) {
 *       const vector = scope(() => embedSentences(model, tokenize(text)).toArray());
 *       …
 *     }
 */
export function scope<T>(body: () => T): T {
  expectFunction('body', body);
  const members = new Set<Block>();
  try {
    const result = withScope(members, body);
    expectSynchronous(result);
    const found = reachable('body', result, isTensor);
    if (found.some((tensor) => tensor.node !== null)) for (const block of [...members]) adopt(block);
    for (const { block } of found.flatMap(withGradient)) if (members.has(block)) adopt(block);
    return result;
  } finally {
    releaseScope(members);
  }
}

function withGradient(tensor: Tensor): Tensor[] {
  return tensor.grad === null ? [tensor] : [tensor, tensor.grad];
}

/**
 * Takes a tensor, and its gradient if it has one, out of every scope: from then on it lives as long as it is referenced.
 * Throws MemoryError if it was already released.
 */
export function keep(tensor: Tensor): Tensor {
  expectTensor('tensor', tensor);
  withScope(null, () => {
    for (const { block } of withGradient(tensor)) if (!block.free) adopt(block);
  });
  return tensor;
}
