/** How much two models agree on which sentences are alike. */
import { noGrad } from '../core/autograd.ts';
import { scope } from '../core/scope.ts';
import { elements } from '../core/tensor.ts';
import type { PretrainedModel } from './architecture.ts';
import { embedSentences } from './sentences.ts';
import type { TextTokenizer } from './tokenizer.ts';

/** Written for this purpose: the same said twice, nearly the same, the same subject, and nothing in common. */
export const SENTENCES: readonly string[] = [
  'The cat slept on the warm windowsill all afternoon.',
  'All afternoon a cat was asleep on the sunny sill.',
  'A dog chased the neighbour’s cat over the fence.',
  'Our vet says that older cats need less food.',
  'The train to the coast leaves at seven in the morning.',
  'At seven o’clock the morning train departs for the sea.',
  'Trains in the mountains are often late in winter.',
  'She missed her flight because the road was closed.',
  'Boil the potatoes for twenty minutes and add salt.',
  'Add salt and cook the potatoes in boiling water for twenty minutes.',
  'This soup tastes better on the second day.',
  'The restaurant near the station closes on Mondays.',
  'The bank raised its interest rate for the third time this year.',
  'For the third time since January, the bank has put up interest rates.',
  'House prices fell in every large city.',
  'Few people understand how a pension is calculated.',
  'A program that never ends may still answer every question.',
  'The function returns an error if the list is empty.',
  'If there is nothing in the list, the function fails with an error.',
  'Stars look steady from space, where there is no air.',
  'The telescope found a planet that is twice as heavy as ours.',
  'He learned to play the violin when he was sixty.',
];

/** The product of the embeddings of each two sentences, pair by pair. */
export function similarities(
  model: PretrainedModel,
  tokenizer: Pick<TextTokenizer, 'encode'>,
  sentences: readonly string[] = SENTENCES,
): number[] {
  const rows = sentences.map((sentence) =>
    scope(() => noGrad(() => [...elements(embedSentences(model, tokenizer.encode([sentence])))])),
  );
  return pairProducts(rows);
}

/** The product of each two rows, pair by pair. */
export function pairProducts(rows: readonly (readonly number[])[]): number[] {
  return rows.flatMap((a, n) => rows.slice(n + 1).map((b) => a.reduce((sum, x, i) => sum + x * b[i], 0)));
}

/**
 * Spearman's rank correlation: Pearson's of the ranks, where equal numbers share the mean of their ranks. 0 where all numbers of
 * a list are equal.
 */
export function spearman(a: readonly number[], b: readonly number[]): number {
  const [x, y] = [ranks(a), ranks(b)];
  const middle = (a.length - 1) / 2;
  let [xy, xx, yy] = [0, 0, 0];
  for (let n = 0; n < x.length; n++) {
    const [dx, dy] = [x[n] - middle, y[n] - middle];
    xy += dx * dy;
    xx += dx * dx;
    yy += dy * dy;
  }
  return xx === 0 || yy === 0 ? 0 : xy / Math.sqrt(xx * yy);
}

function ranks(numbers: readonly number[]): number[] {
  const order = numbers.map((_, n) => n).sort((m, n) => numbers[m] - numbers[n]);
  const result = new Array<number>(numbers.length);
  for (let begin = 0; begin < order.length; ) {
    let end = begin + 1;
    while (end < order.length && numbers[order[end]] === numbers[order[begin]]) end++;
    for (let at = begin; at < end; at++) result[order[at]] = (begin + end - 1) / 2;
    begin = end;
  }
  return result;
}
