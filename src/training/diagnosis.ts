/** Where a NaN or an infinity came from: the tape records which op made each tensor from which inputs. */
import { backward, type TapeNode, type VectorJacobianProduct } from '../core/autograd.ts';
import { formatShape } from '../core/errors.ts';
import { elements, type Tensor } from '../core/tensor.ts';

/**
 * The origin of a result that is not finite, in words. Follows inputs that are not finite, NaN before infinities, back to an
 * op whose inputs are all finite, or to a leaf that is not finite itself. `names` names the model's tensors.
 */
export function originOf(result: Tensor, names: ReadonlyMap<string, Tensor>): string {
  let current = result;
  for (;;) {
    const { node } = current;
    if (node === null) return `${nameOf(current, names)} holds ${describe(current)}`;
    const bad = node.inputs.filter((input) => !allFinite(input));
    const next = bad.find(hasNaN) ?? bad[0];
    if (next === undefined) return `${node.name} made ${describe(current)} from finite numbers: ${inputsOf(node)}`;
    current = next;
  }
}

/**
 * Walks back from a finite loss and returns the first op whose gradient is not finite; null if all are finite. Adds to the
 * gradients of leaves, as `backward` does.
 */
export function originOfGradient(loss: Tensor): string | null {
  let origin: string | null = null;
  for (const node of nodesBehind(loss)) {
    const { vjp } = node;
    const watched: VectorJacobianProduct = (outputGradients) => {
      const gradients = vjp(outputGradients);
      const at = gradients.findIndex((gradient) => gradient && !allFinite(gradient));
      if (at >= 0 && origin === null && outputGradients.every((gradient) => gradient === null || allFinite(gradient))) {
        origin = `that of ${node.name} with respect to its input ${at} is ${describe(gradients[at] as Tensor)}, from a finite one: ${inputsOf(node)}`;
      }
      return gradients;
    };
    // Nothing else uses this tape, and it is thrown away afterwards.
    (node as { vjp: VectorJacobianProduct }).vjp = watched;
  }
  backward(loss);
  return origin;
}

function nodesBehind(result: Tensor): Set<TapeNode> {
  const found = new Set<TapeNode>(result.node === null ? [] : [result.node]);
  // A Set visits what is added while it is walked.
  for (const node of found) for (const { node: before } of node.inputs) if (before !== null) found.add(before);
  return found;
}

function allFinite(tensor: Tensor): boolean {
  return elements(tensor).every(Number.isFinite);
}

function hasNaN(tensor: Tensor): boolean {
  return elements(tensor).some(Number.isNaN);
}

/** `NaN at element 3 of [8, 64]` */
function describe(tensor: Tensor): string {
  const values = elements(tensor);
  const at = hasNaN(tensor) ? values.findIndex(Number.isNaN) : values.findIndex((value) => !Number.isFinite(value));
  return `${values[at]} at element ${at} of ${formatShape(tensor.shape)}`;
}

/** `[8, 64] from -1.20 to 104` for each. */
function inputsOf({ inputs }: TapeNode): string {
  const ranges = inputs.map((input) => {
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const value of elements(input)) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    return `${formatShape(input.shape)} from ${low.toPrecision(3)} to ${high.toPrecision(3)}`;
  });
  return ranges.join(', ');
}

function nameOf(tensor: Tensor, names: ReadonlyMap<string, Tensor>): string {
  const found = [...names].find(([, { block }]) => block === tensor.block)?.[0];
  return found ?? 'an input';
}
