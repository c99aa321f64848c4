/** What the specs of modules and models share: drawn tokens, and gradient checks that include a module's parameters. */
import { checkGradients } from '../../src/core/gradient-check.ts';
import { Random } from '../../src/core/random.ts';
import { fromArray, randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { type ForwardContext, learned } from '../../src/training/module.ts';

/** int32 [batch, length] of 0 … vocabulary − 1. */
export function drawTokens(batch: number, length: number, vocabulary: number, seed: number): Tensor {
  const random = new Random(seed).split('tokens');
  const tokens = Array.from({ length: batch * length }, () => random.integer(vocabulary));
  return fromArray(tokens, [batch, length], 'int32');
}

/** A context of a step, the same each time it is asked for. */
export const stepOf = (seed: number, training = true): ForwardContext => ({ training, random: new Random(seed) });

/** uint8 [batch, length]: the first `real[b]` tokens of each row are real. */
export function maskOf(real: readonly number[], length: number): Tensor {
  const flags = real.flatMap((count) => Array.from({ length }, (_, i) => (i < count ? 1 : 0)));
  return fromArray(flags, [real.length, length], 'uint8');
}

/**
 * Moves every parameter away from where it starts, biases from 0 and gains from 1, so that a gradient that only vanishes
 * there is found out.
 */
export function stir(tensors: ReadonlyMap<string, Tensor>, seed: number): void {
  for (const [name, tensor] of learned(tensors)) {
    const noise = randomNormal(tensor.shape, new Random(seed).split(name), tensor.dtype as 'float64').toArray();
    const values = tensor.array.data;
    for (let n = 0; n < noise.length; n++) values[tensor.array.offset + n] += 0.1 * noise[n];
  }
}

/** Checks the gradients of all parameters, a few entries each, and of further inputs. Throws if there are none. */
export function checkParameters(
  f: () => Tensor,
  tensors: ReadonlyMap<string, Tensor>,
  inputs: readonly Tensor[] = [],
  seed = 1,
): void {
  const parameters = [...learned(tensors).values()];
  if (parameters.length === 0) throw new Error('no parameters to check');
  checkGradients(f, [...inputs, ...parameters], { maxEntries: 4, seed });
}
