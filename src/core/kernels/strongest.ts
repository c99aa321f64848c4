/** The strongest tokens of every cluster, chosen among those of earlier calls and new ones. */
import { defineKernel } from './kernel.ts';
import { nthLargest } from './nth-largest.ts';

/**
 * scores [lists, length] of new tokens, the first of which is token `start`; mask [batch, length], 1 = may be chosen, for
 * `perEntry` lists of a batch entry; heldTokens, heldScores [lists, held] what was chosen before, ascending and then −1. Into
 * tokens, kept [lists, count]: the tokens of the largest scores, ascending and then −1, and their scores. Of equal ones the
 * first counts. Items: lists.
 */
export const strongestKernel = defineKernel(
  'strongest',
  {
    arrays: ['scores', 'tokens', 'kept'],
    optional: ['mask', 'heldTokens', 'heldScores'],
    numbers: ['length', 'start', 'held', 'count', 'perEntry'],
  },
  (begin, end, { scores, tokens, kept, mask, heldTokens, heldScores }, { length, start, held, count, perEntry }) => {
    const numbers = new Float64Array(held + length);
    const places = new Int32Array(held + length);
    const ranked = new Float64Array(held + length);
    for (let list = begin; list < end; list++) {
      let candidates = 0;
      if (heldTokens !== undefined && heldScores !== undefined) {
        for (let at = list * held; at < (list + 1) * held && heldTokens[at] >= 0; at++) {
          places[candidates] = heldTokens[at];
          numbers[candidates++] = heldScores[at];
        }
      }
      const flags = Math.floor(list / perEntry) * length;
      for (let n = 0; n < length; n++) {
        if (mask !== undefined && mask[flags + n] === 0) continue;
        places[candidates] = start + n;
        numbers[candidates++] = scores[list * length + n];
      }
      let least = Number.NEGATIVE_INFINITY;
      let equals = candidates;
      if (candidates > count) {
        ranked.set(numbers.subarray(0, candidates));
        least = nthLargest(ranked, candidates, count);
        equals = count;
        for (let n = 0; n < candidates; n++) if (numbers[n] > least) equals--;
      }
      let to = list * count;
      for (let n = 0; n < candidates; n++) {
        if (!(numbers[n] > least) && !(numbers[n] === least && equals-- > 0)) continue;
        tokens[to] = places[n];
        kept[to++] = numbers[n];
      }
      tokens.fill(-1, to, (list + 1) * count);
      kept.fill(0, to, (list + 1) * count);
    }
  },
);
