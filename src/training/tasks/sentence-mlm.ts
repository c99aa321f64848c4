/**
 * Masked language modelling of bytes with a summary for each sentence, the pretraining of ETC (Ainslie et al. 2020): n tokens
 * that stand for sentences, and then the sentences. Bytes are hidden one by one, as in byte-mlm, and some sentences are hidden
 * whole. Their summaries are to be predicted from the rest (training/summaries.ts); their bytes are no targets.
 *
 *     S S S S   sentence 0   sentence 1   ▒▒▒▒▒▒▒▒▒▒   sentence 3        the third is hidden: tokens MASK, and its summary stays
 *
 * Departs from the paper: a sentence is a piece of the text, all of one length but the last, as a summary stands for a fixed number
 * of tokens in the variant of that paper here. A quarter of them is hidden. A summary's loss counts 0.25 beside a byte's, which are
 * the weights 0.2 and 0.8 that reimplementations give as the paper's. Positions that say where a summary stands could tell
 * summaries apart by place, without what is in their sentences: relative ones as in ETC cannot.
 */
import { ArgumentError, expectInteger } from '../../core/errors.ts';
import { insteadOf, MASK, PREDICTED_SHARE, windowsOf } from './byte-lm.ts';
import type { HiddenSentence, Task, TaskDefinition } from './task.ts';

/** The token that stands for a sentence. */
export const SUMMARY = 257;
const HIDDEN_SENTENCES = 0.25;

export const sentenceMlm: TaskDefinition = {
  name: 'sentence-mlm',
  summary: 'Predict hidden bytes of your text, and summaries of hidden sentences',
  source: 'Ainslie et al. 2020, on bytes',
  // 16 bytes and a summary, or 17 tokens, for each sentence.
  defaults: { length: 136, sentences: 8, summaryWeight: 0.25, text: '' },

  make({ length, sentences: count, summaryWeight, text }): Task {
    // Every sentence has a byte at least, and the text a sentence more than are hidden.
    expectInteger('length', length, 2 * count);
    const size = length - count;
    const piece = Math.ceil(size / count);
    if ((count - 1) * piece >= size) {
      throw new ArgumentError(
        `sentences: expected a number of pieces of one length, but for the last, of ${size} bytes, got ${count}: ${count - 1} of ${piece} are all`,
      );
    }
    const all = Array.from({ length: count }, (_, n): HiddenSentence => {
      return { summary: n, begin: count + n * piece, end: Math.min(length, count + (n + 1) * piece) };
    });
    const window = windowsOf(text, size);
    return {
      name: 'sentence-mlm',
      kind: 'masked',
      settings: { length, sentences: count, summaryWeight, text },
      vocabulary: 258,
      classes: 258,
      length,
      accuracy: 'target',
      chance: 1 / 256,
      alphabet: 'bytes',
      summaryWeight,
      draw(part, random) {
        const targets = new Int32Array(length).fill(SUMMARY);
        targets.set(window(part, random), count);
        const tokens = Int32Array.from(targets);
        const chosen = random.choose(count, Math.max(1, Math.round(HIDDEN_SENTENCES * count)));
        const hidden = Array.from(chosen, (n) => all[n]);
        for (const { begin, end } of hidden) tokens.fill(MASK, begin, end);
        const places = all.flatMap(({ summary, begin, end }) =>
          chosen.includes(summary) ? [] : Array.from({ length: end - begin }, (_, n) => begin + n),
        );
        const counts = new Uint8Array(length);
        for (const n of random.choose(places.length, Math.max(1, Math.round(PREDICTED_SHARE * places.length)))) {
          counts[places[n]] = 1;
          tokens[places[n]] = insteadOf(tokens[places[n]], random);
        }
        return { tokens, targets, counts, hidden };
      },
    };
  },
};
