/**
 * Evaluation of a language model with and without reuse of states (Dai et al. 2019, Table 9): Transformer-XL continues from
 * the memory of the previous segments; a model without memory has to read all of it again for each token to see as far back.
 */
import { timeInTurns, warmUp } from '../compare/stopwatch.ts';
import { noGrad } from '../core/autograd.ts';
import { Random } from '../core/random.ts';
import { scope } from '../core/scope.ts';
import { fromArray } from '../core/tensor.ts';
import { languageModel } from '../training/language-model.ts';
import { evaluation } from '../training/module.ts';

/** How much slower recomputation was in the paper, by attention length. */
export const SLOWER: Readonly<Record<number, number>> = { 800: 363, 1800: 773, 2800: 1409, 3800: 1874 };
/** Tokens that are read at a time with memory. */
const SEGMENT = 128;
const SIZES = { vocabulary: 256, layers: 2, modelDim: 64, heads: 2, dropout: 0, causal: true } as const;

/** In milliseconds. */
export interface SegmentCost {
  reuseMillisecondsPerToken: number;
  recomputeMillisecondsPerToken: number;
}

/** Medians over `rounds` in turns, on the clock `now`. */
export function segmentCost(attentionLength: number, rounds: number, now = () => performance.now()): SegmentCost {
  // A token at the end of a segment meets both the segment and the memory: together they are the attention length.
  const options = { segmentLength: SEGMENT, memoryLength: attentionLength - SEGMENT };
  const length = attentionLength + SEGMENT * (rounds + 1);
  const model = languageModel({ ...SIZES, length, attention: { variant: 'transformer-xl', options } }, 1);
  const plain = languageModel({ ...SIZES, length: attentionLength, attention: { variant: 'full' } }, 1);
  const random = new Random(1);
  const draw = (count: number) => Array.from({ length: count }, () => random.integer(SIZES.vocabulary));
  const generation = model.startGeneration(1);
  scope(() => void generation.read([draw(attentionLength)]));
  const states = generation.states();
  generation.end();
  const segment = draw(SEGMENT);
  const window = fromArray(draw(attentionLength), [1, attentionLength], 'int32');
  const bodies = [
    () => {
      const next = model.startGeneration(1, states);
      scope(() => void next.read([segment]));
      next.end();
    },
    () => scope(() => void noGrad(() => plain.forward(window, evaluation))),
  ];
  warmUp(bodies, { now });
  const turns = { minTurns: rounds, maxTurns: rounds, patience: Number.POSITIVE_INFINITY, now };
  const [reuse, recompute] = timeInTurns(bodies, turns);
  return { reuseMillisecondsPerToken: reuse / SEGMENT, recomputeMillisecondsPerToken: recompute };
}
