/**
 * Switch (Fedus et al. 2021, *Switch Transformers*, arXiv 2101.03961): one expert for each token.
 *
 * Problem: a dense layer computes with all of its parameters for every token, so more parameters cost more time.
 * Idea: N feed-forward layers, the experts, and a router that sends each token to the one that it finds most probable. Its
 *   probability p_i(x) multiplies the expert's result, which is how the router learns.
 * Cost: that of one dense layer, and T · N · d for the router, however many experts there are.
 * It gives up: a token's result may depend on others while training, because an expert takes no more than its capacity.
 *
 *     p(x) = softmax(x W_r),   y = p_i(x) E_i(x),   i = argmax_i p_i(x)                              (eqs. 1, 2)
 *     capacity = ⌈capacityFactor · T / N⌉ real tokens an expert, the first ones of the batch         (eq. 3)
 *     loss = α N Σ_i f_i P_i, 1 · α if all experts get the same                                      (eqs. 4 to 6)
 *
 * Departs from the paper: nothing is dropped in evaluation unless `evaluationCapacity` says so (the paper evaluates with a
 * factor of 2), padding is not routed, and experts start as a dense layer does, not with a tenth of the variance.
 */
import { number } from '../../variants/options.ts';
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

const rule: Rule = { perToken: 1, gates: (chosen) => chosen };

/** The layer of Switch, as a kind for `feedForward` of a model. */
export const switchKind: FeedForwardKind<MixtureOptions, MixtureParameters> = {
  name: 'switch',
  papers: [
    {
      authors: 'Fedus et al.',
      year: 2021,
      title: 'Switch Transformers: Scaling to Trillion Parameter Models with Simple and Efficient Sparsity',
      arxiv: '2101.03961',
    },
  ],
  options: {
    ...mixtureOptions,
    jitter: number({ ...mixtureOptions.jitter, default: 0.01 }),
  },
  counts: (options, place) => mixtureCounts(options, place, rule),
  parameters: mixtureParameters,
  apply: (x, options, parameters, call) => mixture(x, options, parameters, rule, call),
};
