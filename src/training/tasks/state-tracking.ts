/**
 * State tracking: the word problem of a group (Merrill et al. 2024, §5; Grazzi et al. 2024, §5.1). Each token is an element
 * of the group, and the answer at each is the product of all up to it,
 *
 *     p₁ = g₁,   pₜ = pₜ₋₁ ∘ gₜ,   (p ∘ g)(i) = p(g(i)).
 *
 * Nothing can be looked up: every answer depends on all tokens before it. Parity is the group of two elements: whether the
 * number of ones is odd. A recurrence whose transitions have positive eigenvalues alone cannot compute it for all lengths, nor
 * can diagonal transitions compute the products of the permutations of five things. Of `s5-swaps` tokens move two things at most
 * (Grazzi et al. 2024, §5.2, and their code): still every permutation is an answer, and one step of a delta rule with β = 2 is a swap.
 */
import { GROUPS, permutations } from './groups.ts';
import type { Task, TaskDefinition } from './task.ts';

export const stateTracking: TaskDefinition = {
  name: 'state-tracking',
  summary: 'Keep the running product of the elements of a group: parity, or permutations of five things',
  source: 'Merrill et al. 2024; Grazzi et al. 2024',
  defaults: { length: 32, group: 'parity' },

  make({ length, group }): Task {
    const { things, moved } = GROUPS[group];
    const elements = permutations(things);
    const isDrawn = (element: readonly number[]) => element.filter((image, i) => image !== i).length <= moved;
    const drawn = elements.flatMap((element, n) => (isDrawn(element) ? [n] : []));
    const numberOf = new Map(elements.map((element, n) => [element.join(), n]));
    const products = elements.map((p) => elements.map((g) => numberOf.get(g.map((i) => p[i]).join()) as number));
    return {
      name: 'state-tracking',
      kind: 'causal',
      settings: { length, group },
      vocabulary: elements.length,
      classes: elements.length,
      length,
      accuracy: 'target',
      chance: 1 / elements.length,
      alphabet: 'numbers',
      draw(_, random) {
        const tokens = Array.from({ length }, () => drawn[random.integer(drawn.length)]);
        // The identity is the first permutation.
        let product = 0;
        const targets = tokens.map((token) => {
          product = products[product][token];
          return product;
        });
        return { tokens, targets };
      },
    };
  },
};
