/** Softmax attention over any sets of keys, in O(length) memory, with optional terms added to the scores. */
import { recordAll } from '../autograd.ts';
import { ArgumentError } from '../errors.ts';
import { attentionBackwardKernel, attentionRowsKernel } from '../kernels/attention-backward.ts';
import { attentionForwardKernel } from '../kernels/attention-forward.ts';
import { TILE_FIELDS } from '../kernels/attention-sets.ts';
import type { NumericArray } from '../memory.ts';
import { parallelFor } from '../parallel/pool.ts';
import type { Random } from '../random.ts';
import { elements, empty, type Tensor, zeros } from '../tensor.ts';
import { headsApart } from './attention-apart.ts';
import { beginRows } from './attention-begin.ts';
import { checkCall } from './attention-call.ts';
import { backwardListed, forwardListed, withListedKeys } from './attention-listed.ts';
import { pairsOfSet } from './attention-pairs.ts';
import { backwardRounds, type ForwardItems, forwardItems, haveMeetings, tilesOfFew } from './attention-plan.ts';
import { checkTerms, gateSumsGradient, gradientsFor, sinksGradient, termsOf } from './attention-terms.ts';
import { turned } from './attention-turned.ts';
import { type CheckedSet, checkSet } from './check-key-sets.ts';
import { sumGates } from './gate-sums.ts';
import { int32, passesOf } from './key-set-tables.ts';
import type { KeySet } from './key-sets.ts';

/** Settings of the weights of `attention`: masks, scale, biases, positions, gates, sinks and dropout. */
export interface AttentionSettings {
  /** [batch, keyLength], uint8: 1 = a real key, 0 = padding. The contents of padding have no influence. */
  keyMask?: Tensor | undefined;
  /** The factor of q·k; 1/√headDim by default. */
  scale?: number;
  /** Place of query 0 among the keys, for causal sets and all terms that depend on distance; 0 by default. */
  queryStart?: number;
  /** Added to scores: [batch or 1, heads or 1, queryLength or 1, keyLength or 1]. */
  bias?: Tensor | undefined;
  /**
   * Adds scale · q̂_i·r_{p_i − j} (Dai et al. 2019, §3.3): queries q̂ [batch, heads, queryLength, headDim], keys r [heads,
   * distances, headDim], the first for distance `nearest`, which may be negative.
   */
  relative?: { queries: Tensor; keys: Tensor; nearest: number } | undefined;
  /** Subtracts slope_h · |p_i − j| (ALiBi; Press et al. 2022, §3): one slope for each head. */
  slopes?: readonly number[];
  /** Adds Σ_{j < l ≤ p_i} log f_l (forgetting attention; Lin et al. 2025, eq. 5): log f [batch, heads, keyLength], ≤ 0. */
  logGates?: Tensor | undefined;
  /** The same as running sums, which a generation keeps (`sumGates`): float64 [batch, heads, keyLength, 1]. */
  gateSums?: Tensor | undefined;
  /** c: scores become c tanh(S/c) (Gemma 2, 2024, §2). */
  softCap?: number;
  /** Added to the score of a token with itself. */
  selfBias?: number;
  /** One more score in every row, for a key without a value (a learned sink): [heads]. */
  sinks?: Tensor | undefined;
  /** Each weight is dropped with probability `rate` after the softmax, and the others are divided by 1 − rate. */
  dropout?: { rate: number; random: Random } | undefined;
}

/** An attention over some of the keys, with the numbers needed to join it with attention over other keys. */
export interface Attended {
  /** Σ_j softmax_j(S_ij) v_j: [batch, heads, queryLength, valueDim]. Zeros for a query that meets no key. */
  output: Tensor;
  /** log Σ_j exp S_ij: [batch, heads, queryLength]. −∞ for a query that meets no key. */
  logSumExp: Tensor;
}

/** The cost of an exp, in multiply-adds. */
const EXP_COST = 16;

/**
 * softmax(S) V over the pairs of one or more key sets, in one softmax, without the matrix of weights (Milakov & Gimelshein
 * 2018; Rabe & Staats 2021): queries [batch, heads, queryLength, headDim], keys [batch, keyHeads, keyLength, headDim],
 * values [batch, keyHeads, keyLength, valueDim]. `heads` is a multiple of `keyHeads`: each head of keys serves the same
 * number of heads of queries (Ainslie et al. 2023). A pair in two of the sets counts twice, so sets should be disjoint. Both
 * results are differentiable. Throws ShapeError or ArgumentError, with the name of the argument, for arguments that do not
 * fit.
 */
export function attention(
  queries: Tensor,
  keys: Tensor,
  values: Tensor,
  sets: KeySet | readonly KeySet[],
  settings: AttentionSettings = {},
): Attended {
  const call = checkCall(queries, keys, values, settings);
  const { batch, heads, queryLength, headDim, valueDim } = call;
  const list = (Array.isArray(sets) ? sets : [sets]) as readonly KeySet[];
  if (list.length === 0) throw new ArgumentError('sets: expected at least one, got none');
  const given = list.map((set, n) => checkSet(list.length === 1 ? 'sets' : `sets[${n}]`, set, call));
  checkTerms(call, queries, given, settings);
  const gateSums = settings.gateSums ?? (settings.logGates && sumGates(settings.logGates));
  const terms = termsOf(call, settings, gateSums);
  const isPlain = !terms.numbers.hasTerms && !terms.numbers.dropThreshold && call.numbers.selfBias === 0;
  const checked = given.map((set) => (isPlain ? withListedKeys(turned(set), call) : turned(set)));
  const passes = checked.flatMap((set) => passesOf(call, set));
  const few = passes.map(({ set, numbers }) => tilesOfFew(set, numbers.round, call));

  const output = empty([batch, heads, queryLength, valueDim], queries.dtype);
  const logSumExp = empty([batch, heads, queryLength], queries.dtype);
  // For every row, the largest score and the sum of exponentials relative to it.
  const largest = elements(empty(logSumExp.shape, queries.dtype));
  const sums = elements(empty(logSumExp.shape, queries.dtype));
  // A query in no tile of the first set has met nothing yet.
  if (checked[0].queryTokens !== undefined || checked[0].listed !== undefined) {
    elements(output).fill(0);
    elements(logSumExp).fill(Number.NEGATIVE_INFINITY);
  }
  const goesOn = beginRows(settings.sinks, elements(output), elements(logSumExp), largest, sums, queryLength);
  const rows = { queries: elements(queries), keys: call.keys.data, values: call.values.data };
  const pairs = checked.map((set) => pairsOfSet(set, heads));
  const plans = new Map<CheckedSet, ForwardItems>();
  passes.forEach(({ set, arrays, numbers, lists }, index) => {
    if (set.listed !== undefined) {
      const ofRows = { output: elements(output), logSumExp: elements(logSumExp), largest, sums };
      forwardListed(set, call, { ...rows, ...ofRows });
      return;
    }
    // All rounds of a set have the same tiles, except where few tiles hold a query.
    const plan = few[index] ?? plans.get(set) ?? forwardItems(set, batch, heads);
    if (few[index] === null) plans.set(set, plan);
    const items = (plan.starts?.length ?? plan.tiles.length / TILE_FIELDS + 1) - 1;
    if (items === 0) return;
    const cost =
      ((batch * pairs[checked.indexOf(set)]) / set.rounds / items) * (headDim + valueDim + EXP_COST + terms.cost);
    parallelFor(
      attentionForwardKernel,
      items,
      // Not by spreading: that takes an engine twenty times as long, as long as the rest of a generation step.
      Object.assign(
        {
          lists,
          output: elements(output),
          logSumExp: elements(logSumExp),
          tiles: int32(plan.tiles),
          starts: plan.starts && int32(plan.starts),
          largest,
          sums,
        },
        rows,
        terms.arrays,
        arrays,
      ),
      Object.assign(
        { goesOn: goesOn || index > 0 || set.turned !== undefined ? 1 : 0 },
        call.numbers,
        terms.numbers,
        numbers,
      ),
      { costPerItem: cost },
    );
  });

  const termInputs = [settings.bias, settings.relative?.queries, settings.relative?.keys, gateSums, settings.sinks];
  const inputs = [queries, keys, values, ...termInputs.filter((each) => each !== undefined)];
  recordAll('attention', [output, logSumExp], inputs, ([gradient, logSumExpGradient]) => {
    const outputGradient = gradient ?? zeros(output.shape, output.dtype);
    const delta = empty(logSumExp.shape, output.dtype);
    const weighed = empty(logSumExp.shape, output.dtype);
    const shares = empty(logSumExp.shape, output.dtype);
    const ofRows = { output, outputGradient, delta, weighed, shares };
    // Taken once: for a view, such as the gradient of a sum, this makes a copy.
    const rowArrays = Object.fromEntries(
      Object.entries(ofRows).map(([name, tensor]) => [name, elements(tensor)]),
    ) as Record<keyof typeof ofRows, NumericArray>;
    const lseGradient = logSumExpGradient === null ? undefined : elements(logSumExpGradient);
    parallelFor(
      attentionRowsKernel,
      delta.size,
      { ...rowArrays, largest, sums, logSumExpGradient: lseGradient },
      { width: valueDim },
      { costPerItem: valueDim },
    );
    const own = gradientsFor(call, queries, keys, values, settings, gateSums);
    const whole = own.relativeKeys !== null;
    const products = 2 + (own.queries === null ? 0 : 1) + (own.keys === null ? 0 : 1);
    const apart = headsApart(call, settings.bias, own);
    // All rounds of a set have the same plan.
    const planned = checked.map((set) =>
      set.listed ? [] : apart.map((chosen) => backwardRounds(set, chosen, heads, whole)),
    );
    for (const { set, arrays, numbers, lists } of passes) {
      const { output: _, ...weighing } = rowArrays;
      const gradients = {
        queryGradient: arrayOf(own.queries),
        keyGradient: set.stopsGradient ? undefined : arrayOf(own.keys),
        valueGradient: set.stopsGradient ? undefined : arrayOf(own.values),
      };
      if (set.listed !== undefined) {
        for (const chosen of apart) backwardListed(set, call, chosen, { ...rows, ...weighing, ...gradients });
        continue;
      }
      const walksLists = set.blocks !== null && !haveMeetings(set.blocks);
      for (const [group, rounds] of planned[checked.indexOf(set)].entries()) {
        const pairsOfGroup = ((apart[group].length / heads) * pairs[checked.indexOf(set)]) / set.rounds;
        for (const { tiles, starts } of rounds) {
          const items = starts.length - 1;
          parallelFor(
            attentionBackwardKernel,
            items,
            Object.assign(
              {
                lists: walksLists ? lists : undefined,
                tiles: int32(tiles),
                starts: int32(starts),
                biasGradient: arrayOf(own.bias),
                gatesQueryGradient: arrayOf(own.gatesOfQueries),
                gatesKeyGradient: arrayOf(own.gatesOfKeys),
                relativeQueriesGradient: arrayOf(own.relativeQueries),
                relativeKeysGradient: arrayOf(own.relativeKeys),
              },
              rows,
              weighing,
              gradients,
              terms.arrays,
              arrays,
            ),
            Object.assign({}, call.numbers, terms.numbers, numbers),
            { costPerItem: (pairsOfGroup / items) * (products * headDim + valueDim + EXP_COST + terms.cost) },
          );
        }
      }
    }
    const ofTerms = [
      [settings.bias, own.bias],
      [settings.relative?.queries, own.relativeQueries],
      [settings.relative?.keys, own.relativeKeys],
      [gateSums, gateSumsGradient(call, own.gatesOfQueries, own.gatesOfKeys)],
      [settings.sinks, sinksGradient(settings.sinks, largest, sums, delta)],
    ] as const;
    return [
      own.queries,
      own.keys,
      own.values,
      ...ofTerms.filter(([term]) => term !== undefined).map(([, each]) => each),
    ];
  });
  return { output, logSumExp };
}

const arrayOf = (tensor: Tensor | null) => (tensor === null ? undefined : elements(tensor));
