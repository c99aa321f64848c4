/** Variants in which each column of the values has a matrix of its own: what is measured and drawn is the mean of these. */
import { noGrad } from '../core/autograd.ts';
import { type AttendSettings, drawParameters } from '../variants/attend.ts';
import type { AttentionShape, AttentionVariant, CommonOptions, Parameters } from '../variants/variant.ts';

/** Whether a row takes all columns of a pass, because no parameters give all of them the mean. */
export function takesAllColumns<Options extends CommonOptions>({
  weighsColumns,
  withEvenColumns,
}: AttentionVariant<Options>): boolean {
  return weighsColumns === true && withEvenColumns === undefined;
}

/** The given parameters or those drawn from the seed; where columns have matrices of their own, those that give all the mean, if any. */
export function evenParameters<Options extends CommonOptions>(
  variant: AttentionVariant<Options>,
  options: Options,
  shape: AttentionShape,
  { parameters, seed = 0 }: AttendSettings,
): Parameters {
  const drawn = parameters ?? drawParameters(variant, options, shape, seed);
  return noGrad(() => variant.withEvenColumns?.(drawn) ?? drawn);
}
