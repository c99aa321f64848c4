/** How long tensors live: a scope releases those made inside, and what is kept lives as long as it is referenced. */
import { expectFunction } from './expect.ts';
import { adopt, BlockList, releaseScope, withScope } from './memory.ts';
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
  const members = new BlockList();
  try {
    const result = withScope(members, body);
    expectSynchronous(result);
    if (result instanceof Tensor) passOn([result], members);
    else if (areTensors(result)) passOn(result, members);
    else if (typeof result === 'object' && result !== null) passOn(reachable('body', result, isTensor), members);
    return result;
  } finally {
    releaseScope(members);
  }
}

/** Whether it is a list of tensors, which needs no search. */
function areTensors(value: unknown): value is Tensor[] {
  if (!Array.isArray(value)) return false;
  for (let n = 0; n < value.length; n++) if (!(value[n] instanceof Tensor)) return false;
  return true;
}

/** Moves what has to outlive a scope to the scope around it. */
function passOn(found: readonly Tensor[], members: BlockList): void {
  for (const { node } of found) {
    if (node === null) continue;
    while (members.first !== null) adopt(members.first);
    return;
  }
  for (const { block, grad } of found) {
    if (block.list === members) adopt(block);
    if (grad !== null && grad.block.list === members) adopt(grad.block);
  }
}

/**
 * Takes a tensor, and its gradient if it has one, out of every scope: from then on it lives as long as it is referenced.
 * Throws MemoryError if it was already released.
 */
export function keep(tensor: Tensor): Tensor {
  expectTensor('tensor', tensor);
  withScope(null, () => {
    adopt(tensor.block);
    if (tensor.grad !== null && !tensor.grad.block.free) adopt(tensor.grad.block);
  });
  return tensor;
}
