/**
 * Top-2 experts, as in GShard (Lepikhin et al. 2020, arXiv 2006.16668, algorithm 1) and GLaM (Du et al. 2021, arXiv 2112.06905);
 * with `zLoss` also as in ST-MoE (Zoph et al. 2022, arXiv 2202.08906).
 *
 * Problem: a router that sends a token to one expert never learns what the next best would have done with it.
 * Idea: the two most probable experts, whose results are mixed by their probabilities. The first choices of all tokens get room
 *   before any second one.
 * Cost: that of two dense layers, and T · N · d for the router, however many experts there are.
 * It gives up: half of the speed of Switch; while training, tokens compete for room, and second choices are left to chance.
 *
 *     y = g₁ E₁(x) + g₂ E₂(x),   g_i = p_i / (p₁ + p₂)
 *     capacity = ⌈capacityFactor · 2T / N⌉ choices an expert
 *     a second choice asks for room with probability min(1, 2 g₂)                  (`secondChoice: 'random'`, while training)
 *     loss = α N Σ_i f_i P_i, with f_i of first choices alone, + c_z mean (log Σ_j exp h_j)²   (Zoph et al. 2022, eqs. 5, 6)
 *
 * Departs from the paper: the balance loss is N² times GShard's mean over experts, as in Switch, so that it is 1 for equal shares.
 * A batch is one group. Evaluation takes every second choice and drops none unless `evaluationCapacity` says so. Each capacity
 * counts both choices, so ST-MoE's factor of 1.25, which counts tokens, is 0.625 here.
 */
import { divide, sum } from '../../core/ops/index.ts';
import { choice, number } from '../../variants/options.ts';
import type { FeedForwardKind } from './kind.ts';
import {
  type MixtureOptions,
  type MixtureParameters,
  mixture,
  mixtureCounts,
  mixtureOptions,
  mixtureParameters,
  type Rule,
} from './mixture.ts';

type Options = MixtureOptions & { secondChoice: 'random' | 'always' };

const always: Rule = { perToken: 2, gates: (chosen) => divide(chosen, sum(chosen, 1, true)) };
const random: Rule = {
  ...always,
  leavesOut: (choice, gate, stream) => choice === 1 && stream.uniform() >= 2 * gate,
};

/** The layer of GShard, GLaM and ST-MoE, as a kind for `feedForward` of a model. */
export const top2Kind: FeedForwardKind<Options, MixtureParameters> = {
  name: 'top-2',
  papers: [
    {
      authors: 'Lepikhin et al.',
      year: 2020,
      title: 'GShard: Scaling Giant Models with Conditional Computation and Automatic Sharding',
      arxiv: '2006.16668',
    },
    {
      authors: 'Du et al.',
      year: 2021,
      title: 'GLaM: Efficient Scaling of Language Models with Mixture-of-Experts',
      arxiv: '2112.06905',
    },
    {
      authors: 'Zoph et al.',
      year: 2022,
      title: 'ST-MoE: Designing Stable and Transferable Sparse Expert Models',
      arxiv: '2202.08906',
    },
  ],
  options: {
    ...mixtureOptions,
    capacityFactor: number({ ...mixtureOptions.capacityFactor, default: 1 }),
    secondChoice: choice({
      choices: ['random', 'always'],
      default: 'random',
      description: 'whether a second choice is left to chance while training, by its gate',
    }),
  },
  counts: (options, place) => mixtureCounts(options, place, always),
  parameters: mixtureParameters,
  apply: (x, options, parameters, call) =>
    mixture(x, options, parameters, options.secondChoice === 'random' ? random : always, call),
};
