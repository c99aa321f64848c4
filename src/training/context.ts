/** What a forward pass is told besides its input. */
import { dropout } from '../core/ops/index.ts';
import { Random } from '../core/random.ts';
import type { Tensor } from '../core/tensor.ts';

export interface ForwardContext {
  /** Whether dropout is on. */
  training: boolean;
  /**
   * The stream of this step, e.g. `run.split(`step ${step}`)`. Modules split it by their place in the model and never
   * draw from it itself, so a second pass of the same step, as reversible layers make it, meets the same masks.
   */
  random: Random;
}

/** For evaluation and generation, where nothing is random. */
export const evaluation: ForwardContext = { training: false, random: new Random(0) };

/** The context of a part of a module. */
export function within(context: ForwardContext, name: string): ForwardContext {
  return { ...context, random: context.random.split(name) };
}

/** Dropout while training; x itself otherwise. */
export function dropped(x: Tensor, rate: number, { training, random }: ForwardContext): Tensor {
  return training ? dropout(x, rate, random.split('dropout')) : x;
}
