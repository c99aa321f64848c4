/**
 * A mixture of experts, which Switch and GShard share: a router scores the experts of each token, each expert is a feed-forward
 * layer of its own, and a token gets the sum of its experts' results, weighted by their gates.
 *
 *     h = x W_r,   p = softmax(h)                                                         (Fedus et al. 2021, eq. 1)
 *     y = Σ_{i ∈ T} g_i E_i(x),   T the chosen experts that have room                     (eq. 2)
 *     capacity = ⌈factor · choices / experts⌉                                             (eq. 3)
 *     loss = α N Σ_i f_i P_i,  f_i the share of tokens whose first choice is i, P_i the mean of p_i     (eqs. 4 to 6)
 *     loss = c_z mean (log Σ_j exp h_j)²                                                  (Zoph et al. 2022, eq. 5)
 *
 * Tokens are grouped by expert, and an expert computes its own group alone, so the cost is that of the tokens which are let in.
 * A token without room gets zeros, and so passes the layer by its residual. Evaluation and generation drop nothing unless
 * `evaluationCapacity` says so, so that steps give the rows of a whole run.
 */
import { noGrad } from '../../core/autograd.ts';
import { groupedMatmul } from '../../core/ops/grouped-matmul.ts';
import { add, gatherRows, gelu, matmul, multiply, reshape, scale, softmax, sum } from '../../core/ops/index.ts';
import type { Random } from '../../core/random.ts';
import { elements, empty, fromArray, randomNormal, type Tensor, zeros } from '../../core/tensor.ts';
import { integer, number } from '../../variants/options.ts';
import { withOwnLoss } from '../own-loss.ts';
import type { FeedForwardCall, FeedForwardPlace, ParameterCounts, Routed } from './kind.ts';
import { balanceLoss, zLoss } from './router-loss.ts';
import { bestExperts, dispatch, loadsOf } from './routing.ts';

/** The options of every mixture. */
export const mixtureOptions = {
  numExperts: integer({ symbol: 'N', minimum: 1, limit: 2 ** 16, default: 8, description: 'experts' }),
  capacityFactor: number({
    minimum: Number.MIN_VALUE,
    maximum: 2 ** 16,
    default: 1.25,
    description: 'room of an expert while training, where 1 is its share if all have the same',
  }),
  evaluationCapacity: number({
    minimum: 0,
    maximum: 2 ** 16,
    default: 0,
    description: 'the same in evaluation and generation; 0: an expert takes every token',
  }),
  balance: number({ symbol: 'α', minimum: 0, maximum: 1e6, default: 0.01, description: 'weight of the balance loss' }),
  zLoss: number({ symbol: 'c_z', minimum: 0, maximum: 1e6, default: 0, description: 'weight of the router z loss' }),
  jitter: number({
    symbol: 'ε',
    minimum: 0,
    maximum: 0.999,
    default: 0,
    description: 'the router’s input is multiplied by numbers of 1 − ε to 1 + ε while training',
  }),
};

/** Complete options of a mixture. */
export type MixtureOptions = {
  numExperts: number;
  capacityFactor: number;
  evaluationCapacity: number;
  balance: number;
  zLoss: number;
  jitter: number;
};

/** A type, so that a record of learned tensors can hold it. */
export type MixtureParameters = {
  /** W_r [width, experts] */
  router: Tensor;
  /** [experts, width, hidden] */
  W1: Tensor;
  /** [experts · hidden], flat, so that optimisers see a bias. */
  b1: Tensor;
  /** [experts, hidden, width] */
  W2: Tensor;
  /** [experts · width] */
  b2: Tensor;
};

/** How a kind of mixture routes. */
export interface Rule {
  /** Experts of a token; all of them where there are fewer. */
  perToken: number;
  /** Gates of the choices, [tokens, perToken], from the probabilities of the chosen experts. */
  gates(chosen: Tensor): Tensor;
  /** Which choices a token does without while training, by their gates: decided before the capacity counts. */
  leavesOut?(choice: number, gate: number, random: Random): boolean;
}

/**
 * Experts start as a dense layer does (Glorot & Bengio 2010). The router starts small, N(0, 0.1/width), as in Fedus et al. 2021,
 * §2.4.
 */
export function mixtureParameters(
  { numExperts }: MixtureOptions,
  { width, hidden, dtype }: FeedForwardPlace,
  random: Random,
): MixtureParameters {
  const draw = (name: string, shape: number[], deviation: number) =>
    scale(randomNormal(shape, random.split(name), dtype), deviation).withGrad();
  const deviation = Math.sqrt(2 / (width + hidden));
  return {
    router: draw('router', [width, numExperts], Math.sqrt(0.1 / width)),
    W1: draw('W1', [numExperts, width, hidden], deviation),
    b1: zeros([numExperts * hidden], dtype).withGrad(),
    W2: draw('W2', [numExperts, hidden, width], deviation),
    b2: zeros([numExperts * width], dtype).withGrad(),
  };
}

/** Of the router, and of all experts or of those that a token has. */
export function mixtureCounts(
  { numExperts }: MixtureOptions,
  { width, hidden }: Pick<FeedForwardPlace, 'width' | 'hidden'>,
  { perToken }: Rule,
): ParameterCounts {
  const of = (experts: number) => width * numExperts + experts * (2 * width * hidden + hidden + width);
  return { all: of(numExperts), active: of(Math.min(perToken, numExperts)) };
}

/** The layer for x [batch, length, width]. */
export function mixture(
  x: Tensor,
  options: MixtureOptions,
  parameters: MixtureParameters,
  rule: Rule,
  call: FeedForwardCall,
): Tensor {
  const { numExperts } = options;
  const perToken = Math.min(rule.perToken, numExperts);
  const width = x.shape[x.shape.length - 1];
  const rows = reshape(x, [-1, width]);
  const [tokens] = rows.shape;
  const real = call.keyMask === undefined ? null : elements(call.keyMask);
  const realTokens = real === null ? tokens : Array.from(real).filter((flag) => flag === 1).length;

  const logits = matmul(jittered(rows, options, call), parameters.router);
  const probabilities = softmax(logits); // (eq. 1)
  let isFirst = false;
  const decide = () => {
    isFirst = true;
    const best = bestExperts(probabilities, perToken);
    const asking = best.map((expert, at) => ((real?.[Math.floor(at / perToken)] ?? 1) === 1 ? expert : -1));
    if (call.training && rule.leavesOut) {
      const gates = elements(noGrad(() => gatesOf(best)));
      const random = call.random.split('choices');
      for (let at = 0; at < best.length; at++) {
        if (rule.leavesOut(at % perToken, gates[at], random)) asking[at] = -1;
      }
    }
    return fromArray([...best, ...asking], [2, tokens * perToken], 'int32');
  };
  const gatesOf = (best: Int32Array): Tensor => {
    const places = best.map((expert, at) => Math.floor(at / perToken) * numExperts + expert);
    return rule.gates(reshape(gatherRows(reshape(probabilities, [-1, 1]), places), [tokens, perToken]));
  };
  const decided = elements(call.once('choices', decide)) as Int32Array;
  const [best, choices] = [decided.slice(0, tokens * perToken), decided.slice(tokens * perToken)];
  const factor = call.training ? options.capacityFactor : options.evaluationCapacity;
  const share = (factor * perToken * realTokens) / numExperts;
  const capacity = factor === 0 ? tokens : Math.min(tokens, Math.ceil(share)); // (eq. 3)
  const sent = dispatch(choices, perToken, numExperts, capacity);

  const counts = countsOf(real, tokens, realTokens, x.dtype);
  const first = best.filter((_, at) => at % perToken === 0);
  const ownLoss = () => {
    const balanced = scale(balanceLoss(probabilities, first, counts), options.balance); // (eqs. 4 to 6)
    return options.zLoss === 0 ? balanced : add(balanced, scale(zLoss(logits, counts), options.zLoss));
  };
  if (isFirst) {
    const { dropped } = sent;
    const loads = loadsOf(sent);
    const refused = Uint8Array.from(choices, (expert, at) => Number(expert >= 0 && sent.rows[at] < 0));
    const found = { choices: choices.slice(), perToken, among: numExperts, loads, dropped, refused, capacity };
    call.note(found satisfies Routed);
  }
  const gates = gatesOf(best);
  const y = reshape(combined(rows, gates, sent, parameters, perToken), x.shape);
  return call.training && call.losses ? withOwnLoss(y, ownLoss(), call.losses, isFirst) : y;
}

/** Σ_i g_i E_i(x) over the choices that were let in, [tokens, width].                                            (eq. 2) */
function combined(
  rows: Tensor,
  gates: Tensor,
  { tokens, choices, experts, begins, rows: places }: ReturnType<typeof dispatch>,
  { W1, b1, W2, b2 }: MixtureParameters,
  perToken: number,
): Tensor {
  if (tokens.length === 0) return zeros(rows.shape, rows.dtype);
  const biasOf = (b: Tensor) => gatherRows(reshape(b, [W1.shape[0], -1]), experts);
  const inner = gelu(add(groupedMatmul(gatherRows(rows, tokens), W1, begins), biasOf(b1)));
  const results = add(groupedMatmul(inner, W2, begins), biasOf(b2));
  const weighted = multiply(results, gatherRows(reshape(gates, [-1, 1]), choices));
  const own = gatherRows(weighted, places);
  return perToken === 1 ? own : sum(reshape(own, [-1, perToken, rows.shape[1]]), 1);
}

/** x times numbers of 1 − ε to 1 + ε, the same in both passes of a step. */
function jittered(rows: Tensor, { jitter }: MixtureOptions, { training, random }: FeedForwardCall): Tensor {
  if (!training || jitter === 0) return rows;
  const noise = empty(rows.shape, rows.dtype);
  random.split('jitter').fillUniform(elements(noise) as Float32Array, 1 - jitter, 1 + jitter);
  return multiply(rows, noise);
}

/** 1/T for each of T real tokens, 0 for padding: [tokens, 1]. */
function countsOf(real: ArrayLike<number> | null, tokens: number, realTokens: number, dtype: Tensor['dtype']): Tensor {
  const each = 1 / Math.max(1, realTokens);
  return fromArray(
    Float64Array.from({ length: tokens }, (_, t) => (real?.[t] ?? 1) * each),
    [tokens, 1],
    dtype,
  );
}
