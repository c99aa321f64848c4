/**
 * Copying (Katharopoulos et al. 2020, §4.1): a sequence of symbols of any length up to half of the maximum, a separator, and
 * the same sequence again; only the copy counts. Unlike in duplication, each example starts its copy at another place, with
 * another distance to the original.
 */
import { expectInteger } from '../../core/errors.ts';
import type { Task, TaskDefinition } from './task.ts';

export const copy: TaskDefinition = {
  name: 'copy',
  summary: 'Repeat a sequence of any length after a separator',
  source: 'Katharopoulos et al. 2020, §4.1',
  defaults: { length: 128, symbols: 10 },
  brief: { length: 64 },

  make({ length, symbols }): Task {
    expectInteger('length', length, 4);
    const [shortest, longest] = [Math.max(1, Math.floor(length / 4)), Math.floor((length - 1) / 2)];
    return {
      name: 'copy',
      kind: 'causal',
      settings: { length, symbols },
      vocabulary: 1 + symbols,
      classes: 1 + symbols,
      length,
      accuracy: 'target',
      chance: 1 / symbols,
      alphabet: 'numbers',
      recall: true,
      draw(_, random) {
        const size = shortest + random.integer(longest - shortest + 1);
        const w = Array.from({ length: size }, () => 1 + random.integer(symbols));
        const tokens = [...w, 0, ...w, ...new Array<number>(length - 2 * size - 1).fill(0)];
        const targets = [...tokens.slice(1), 0];
        // From the separator, which predicts the first symbol, to the last symbol but one.
        const counts = tokens.map((_, at) => Number(at >= size && at < 2 * size));
        return { tokens, targets, counts };
      },
    };
  },
};
