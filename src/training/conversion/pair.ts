/**
 * A trained model and a copy of it with another attention, as far as what trains the copy needs to know them. A model of our own
 * is one (learner.ts), and an encoder of Hugging Face's (src/pretrained/conversion.ts).
 */
import { noGrad } from '../../core/autograd.ts';
import { adopt } from '../../core/memory.ts';
import type { Random } from '../../core/random.ts';
import { keep, scope } from '../../core/scope.ts';
import { packed, type Tensor } from '../../core/tensor.ts';
import type { OwnLosses } from '../own-loss.ts';
import type { WeightPair } from './weights.ts';

/** Where a learned tensor of the converted model is from: the other attention added it, or it is one of the original's. */
export type Origin = 'added' | 'attention' | 'rest';

/** What an attention of the original gets and gives, [batch, length, modelDim]. */
export interface AttentionCall {
  x: Tensor;
  y: Tensor;
}

/** `Input` is a batch of texts. */
export interface Pair<Input> {
  /** The learned tensors of the converted model. */
  readonly learned: ReadonlyMap<string, { tensor: Tensor; origin: Origin }>;
  /** All tensors of the converted model, learned or not. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** What makes it the same conversion beside its settings and its tensors, as JSON: the attention, what a batch is. */
  readonly facts: Readonly<Record<string, unknown>>;
  readonly layers: number;
  /** Draws a batch. The caller releases it. */
  draw(part: 'training' | 'held-out', random: Random): Input;
  /** uint8 [batch, length]; undefined: no padding. */
  maskOf(input: Input): Tensor | undefined;
  /** Runs the original without a tape; `visit` sees what each layer's attention gets and gives. */
  watch(input: Input, visit: (layer: number, x: Tensor, y: Tensor) => void): void;
  /** The converted model's attention of a layer, from the same x: [batch, length, modelDim]. */
  attend(layer: number, x: Tensor, input: Input, training: boolean, losses?: OwnLosses): Tensor;
  /** The weights of both models' attention of a layer, from the same x, for attentions that `expectWeighsAll` allows. */
  weights(layer: number, x: Tensor, input: Input): WeightPair;
  /** The distance between what both models say of a batch, a scalar to walk back from. */
  outputLoss(input: Input): Tensor;
}

/** What every attention of the original gets and gives, in the current scope. */
export function callsOf<Input>(pair: Pair<Input>, input: Input): AttentionCall[] {
  const calls: AttentionCall[] = [];
  noGrad(() =>
    scope(() =>
      pair.watch(input, (layer, x, y) => {
        // Copies: a layer releases its tensors at its end.
        calls[layer] = { x: keep(packed(x)), y: keep(packed(y)) };
      }),
    ),
  );
  for (const { x, y } of calls) for (const { block } of [x, y]) adopt(block);
  return calls;
}
