/**
 * Associative recall (Ba et al. 2016, "Using Fast Weights to Attend to the Recent Past", §4.1; with many questions about one
 * list, as in Arora et al. 2024): pairs of a key and a value, then the keys again in another order; the answer to each is its
 * value. Kernel attention can store as many pairs as it has features, full attention any number.
 */
import { expectInteger } from '../../core/errors.ts';
import type { Task, TaskDefinition } from './task.ts';

export const associativeRecall: TaskDefinition = {
  name: 'associative-recall',
  summary: 'Answer each key with the value that it was paired with',
  source: 'Ba et al. 2016, §4.1; Arora et al. 2024',
  defaults: { length: 64, symbols: 16 },

  make({ length, symbols }): Task {
    expectInteger('length', length, 5);
    const pairs = Math.floor((length - 1) / 4);
    // Twice as many keys as pairs, so that no key always appears.
    const keys = 2 * pairs;
    return {
      name: 'associative-recall',
      kind: 'causal',
      settings: { length, symbols },
      // A separator, keys, values.
      vocabulary: 1 + keys + symbols,
      classes: 1 + keys + symbols,
      length: 4 * pairs + 1,
      accuracy: 'target',
      chance: 1 / symbols,
      alphabet: 'numbers',
      recall: true,
      draw(_, random) {
        const own = random.permutation(keys).subarray(0, pairs);
        const list = Array.from(own, (key) => [1 + key, 1 + keys + random.integer(symbols)]);
        const questions = Array.from(random.permutation(pairs), (n) => list[n]);
        const tokens = [...list.flat(), 0, ...questions.flat()];
        const targets = [...tokens.slice(1), 0];
        // In the second part, the target at each key is its value.
        const counts = tokens.map((_, at) => Number(at > 2 * pairs && at % 2 === 1));
        return { tokens, targets, counts };
      },
    };
  },
};
