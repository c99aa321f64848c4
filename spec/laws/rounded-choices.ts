/** Choices that are made of rounded numbers: which variants make them, and whether a case has one that a rounding could turn. */
import { noGrad } from '../../src/core/autograd.ts';
import { Random } from '../../src/core/random.ts';
import { fromArray, type Tensor } from '../../src/core/tensor.ts';
import { checkOptions } from '../../src/variants/attend.ts';
import type { AnyVariant } from '../../src/variants/registry.ts';
import { type AttentionCase, inputsOf } from './draw.ts';
import { parametersOf } from './evaluate.ts';

/**
 * Variants that choose by what float32 has rounded: compressed keys, keys of distances, normalised rows and hashes. Of scores
 * that tie but for rounding either may be chosen, so float64 is told what float32 chose; that it chose well is a law of each.
 * Others choose in float64 by the inputs themselves, and have to choose alike.
 */
export const CHOOSE_BY_ROUNDED = ['nsa', 'compressive', 'routing', 'reformer'];

const TURNS = 8;
/** Some roundings of float32. */
const MOVE = 2 ** -21;

/**
 * Whether a case is chosen for alike where its queries and keys are moved by some roundings, eight times. Of a choice that one
 * rounding could turn, each of these turns about every third, so one in 25 is not found. For code that cannot be told a choice.
 */
export function isClear(variant: AnyVariant, attentionCase: AttentionCase): boolean {
  if (!CHOOSE_BY_ROUNDED.includes(variant.name)) return true;
  const parameters = parametersOf(variant, attentionCase);
  const options = checkOptions(variant, attentionCase.options, attentionCase.shape);
  const random = new Random(attentionCase.seed).split('roundings');
  const moved = (x: Tensor) => {
    const numbers = x.toArray().map((each) => each * (1 + MOVE * (2 * random.uniform() - 1)));
    return fromArray(numbers, x.shape, x.dtype);
  };
  const inputs = inputsOf(attentionCase);
  const chosen = (given: typeof inputs) =>
    Object.values(noGrad(() => variant.decisions?.(given, options, parameters)) ?? {}).map(
      (each) => `${each.toArray()}`,
    );
  const own = `${chosen(inputs)}`;
  return Array.from({ length: TURNS }).every(
    () => `${chosen({ ...inputs, queries: moved(inputs.queries), keys: moved(inputs.keys) })}` === own,
  );
}
