/**
 * Palindromes (Kimi Team 2025, §5.1): a sequence of symbols, a separator, and the same symbols backwards; only the second half
 * counts. Each symbol is asked for at another distance, and the one that was read last comes first.
 */
import { expectInteger } from '../../core/errors.ts';
import type { Task, TaskDefinition } from './task.ts';

export const palindrome: TaskDefinition = {
  name: 'palindrome',
  summary: 'Repeat a sequence backwards after a separator',
  source: 'Kimi Team 2025, §5.1',
  // In the paper 256 to 2048.
  defaults: { length: 64, symbols: 16 },

  make({ length, symbols }): Task {
    expectInteger('length', length, 3);
    const half = Math.floor((length - 1) / 2);
    return {
      name: 'palindrome',
      kind: 'causal',
      settings: { length, symbols },
      vocabulary: 1 + symbols,
      classes: 1 + symbols,
      length: 2 * half + 1,
      accuracy: 'target',
      chance: 1 / symbols,
      alphabet: 'numbers',
      recall: true,
      draw(_, random) {
        const w = Array.from({ length: half }, () => 1 + random.integer(symbols));
        const tokens = [...w, 0, ...w.toReversed()];
        const targets = [...tokens.slice(1), 0];
        // From the separator, which predicts the first symbol, to the last symbol but one.
        const counts = tokens.map((_, at) => Number(at >= half && at < 2 * half));
        return { tokens, targets, counts };
      },
    };
  },
};
