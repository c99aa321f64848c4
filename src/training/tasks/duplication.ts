/**
 * Sequence duplication (Kitaev et al. 2020, §5): sequences 0w0w, with w of symbols 1 … 127, where the second half follows
 * from the first. Only its symbols count. A model that solves the task attends from each token to the one after the same
 * token half a sequence earlier. Hashing has to find it, and a window cannot reach it.
 */
import { expectInteger } from '../../core/errors.ts';
import type { Task, TaskDefinition } from './task.ts';

export const duplication: TaskDefinition = {
  name: 'duplication',
  summary: 'Repeat a random sequence w: predict the second half of 0w0w',
  source: 'Kitaev et al. 2020, §5',
  // In the paper 1024.
  defaults: { length: 128, symbols: 127 },

  make({ length, symbols }): Task {
    expectInteger('length', length, 4);
    const half = Math.floor(length / 2);
    const tokensUsed = 2 * half;
    return {
      name: 'duplication',
      kind: 'causal',
      settings: { length, symbols },
      vocabulary: 1 + symbols,
      classes: 1 + symbols,
      length: tokensUsed,
      accuracy: 'sequence',
      chance: symbols ** -(half - 1),
      alphabet: 'numbers',
      recall: true,
      draw(_, random) {
        const w = Array.from({ length: half - 1 }, () => 1 + random.integer(symbols));
        const tokens = [0, ...w, 0, ...w];
        // The next token; the last token has none.
        const targets = [...tokens.slice(1), 0];
        const counts = tokens.map((_, at) => Number(at >= half && at < tokensUsed - 1));
        return { tokens, targets, counts };
      },
    };
  },
};
