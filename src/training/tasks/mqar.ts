/**
 * Multi-query associative recall (Arora et al. 2023, "Zoology", as in their code): pairs of a key and a value, then those keys
 * again among random tokens; the answer at each is its value. A key is asked for soon after the pairs or long after them, and
 * the answers do not stand in the sequence.
 *
 *     k₁ v₁ k₂ v₂ … kₙ vₙ  · · kⱼ · · · · kᵢ · ·        answer vⱼ at kⱼ, vᵢ at kᵢ
 *
 * Keys and values come from the two halves of the vocabulary, none twice. Queries stand at every second place at most: the
 * i-th such place after the pairs, i = 1, 2 …, has the weight i^(α − 1), which for the small α of text falls as 1/i, and for
 * α = 1 is the same everywhere.
 */
import { ArgumentError } from '../../core/errors.ts';
import type { Random } from '../../core/random.ts';
import type { Task, TaskDefinition } from './task.ts';

export const mqar: TaskDefinition = {
  name: 'mqar',
  summary: 'Answer keys, asked for among random tokens, each with the value that it was paired with',
  source: 'Arora et al. 2023 (Zoology)',
  // The smallest of their settings; their largest are 512 tokens, 64 pairs and a vocabulary of 8192.
  defaults: { length: 64, vocabulary: 256, pairs: 4, alpha: 0.01 },

  make({ length, vocabulary, pairs, alpha }): Task {
    if (length < 4 * pairs) {
      throw new ArgumentError(
        `length: expected at least ${4 * pairs} for ${pairs} pairs and their queries, got ${length}`,
      );
    }
    const half = Math.floor(vocabulary / 2);
    // Token 0 is no key.
    const keys = half - 1;
    if (keys < pairs) {
      throw new ArgumentError(`vocabulary: expected at least ${2 * pairs + 2} for ${pairs} pairs, got ${vocabulary}`);
    }
    const places = Math.floor(length / 2) - pairs;
    const weights = Array.from({ length: places }, (_, n) => (n + 1) ** (alpha - 1));
    return {
      name: 'mqar',
      kind: 'causal',
      settings: { length, vocabulary, pairs, alpha },
      vocabulary,
      classes: vocabulary,
      length,
      accuracy: 'target',
      chance: 1 / (vocabulary - half),
      alphabet: 'numbers',
      recall: true,
      draw(_, random) {
        const own = shuffledChoice(keys, pairs, random).map((key) => 1 + key);
        const values = shuffledChoice(vocabulary - half, pairs, random).map((value) => half + value);
        const tokens = Array.from({ length }, () => random.integer(vocabulary));
        const targets = new Array<number>(length).fill(0);
        const counts = new Array<number>(length).fill(0);
        const gaps = weightedChoice(weights, pairs, random);
        for (let n = 0; n < pairs; n++) {
          tokens[2 * n] = own[n];
          tokens[2 * n + 1] = values[n];
          const at = 2 * pairs + 2 * gaps[n];
          tokens[at] = own[n];
          targets[at] = values[n];
          counts[at] = 1;
        }
        return { tokens, targets, counts };
      },
    };
  },
};

/** `count` of 0 … n − 1, in random order. */
function shuffledChoice(n: number, count: number, random: Random): number[] {
  const chosen = random.choose(n, count);
  return Array.from(random.permutation(count), (at) => chosen[at]);
}

/**
 * `count` places in the order of draws without replacement, each with the share of its weight in those that are left. The
 * waiting times of events at these rates come in just that order.
 */
function weightedChoice(weights: readonly number[], count: number, random: Random): number[] {
  const waits = weights.map((weight, place) => ({ place, wait: -Math.log(1 - random.uniform()) / weight }));
  waits.sort((a, b) => a.wait - b.wait);
  return waits.slice(0, count).map(({ place }) => place);
}
