/**
 * Selective copying (Gu & Dao 2023, §3.1 and §4.1.1): symbols at random places among filler, then as many markers; the answer
 * at the n-th marker is the n-th symbol. A convolution copies from fixed distances; here the distances differ each time, so
 * the model has to choose by content what it keeps. The answers do not stand in the sequence.
 *
 *     · 3 · · 1 · · · 7 · ? ? ?        answers 3 1 7 at the ?
 */
import { ArgumentError } from '../../core/errors.ts';
import type { Task, TaskDefinition } from './task.ts';

export const selectiveCopy: TaskDefinition = {
  name: 'selective-copy',
  summary: 'Repeat symbols that stood at random places among filler',
  source: 'Gu & Dao 2023, §4.1.1',
  // In the paper 4096 tokens, 16 of them to copy. The vocabulary has 16 tokens there too.
  defaults: { length: 64, symbols: 14, items: 8 },

  make({ length, symbols, items }): Task {
    if (length < 2 * items) {
      throw new ArgumentError(
        `length: expected at least ${2 * items} for ${items} items and as many markers, got ${length}`,
      );
    }
    const [filler, marker] = [0, symbols + 1];
    return {
      name: 'selective-copy',
      kind: 'causal',
      settings: { length, symbols, items },
      vocabulary: symbols + 2,
      classes: symbols + 2,
      length,
      accuracy: 'target',
      chance: 1 / symbols,
      alphabet: 'numbers',
      recall: true,
      draw(_, random) {
        const begin = length - items;
        const tokens = Array.from({ length }, (_, at) => (at < begin ? filler : marker));
        const targets = new Array<number>(length).fill(0);
        random.choose(begin, items).forEach((at, n) => {
          tokens[at] = 1 + random.integer(symbols);
          targets[begin + n] = tokens[at];
        });
        return { tokens, targets, counts: tokens.map((_, at) => Number(at >= begin)) };
      },
    };
  },
};
