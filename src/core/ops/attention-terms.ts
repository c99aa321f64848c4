/**
 * The terms that attention adds to its scores (kernels/attention-terms.ts): their checks, the form that kernels read, and
 * their gradients.
 */
import { ArgumentError, expectShape, formatShape, ShapeError } from '../errors.ts';
import type { NumericArray } from '../memory.ts';
import type { Random } from '../random.ts';
import { elements, empty, type Tensor, zeros } from '../tensor.ts';
import type { AttentionSettings } from './attention.ts';
import { type Call, rowsOf } from './attention-call.ts';
import { expectSameDType } from './check.ts';
import type { CheckedSet } from './check-key-sets.ts';

const MATCHING = 'to match queries';
/** The cost of a term for each pair, in multiply-adds. */
const TERM_COST = 8;

/** Throws ShapeError or ArgumentError, with the name of the argument, for terms that do not fit. */
export function checkTerms(
  call: Call,
  queries: Tensor,
  sets: readonly CheckedSet[],
  settings: AttentionSettings,
): void {
  const { bias, relative, slopes, logGates, gateSums, sinks } = settings;
  const { batch, heads, queryLength, keyLength, headDim } = call;
  const { dtype } = queries;
  if (bias !== undefined) {
    expectSameDType('bias', bias, dtype, MATCHING);
    const full = [batch, heads, queryLength, keyLength];
    const fits = bias.shape.length === 4 && bias.shape.every((extent, axis) => extent === 1 || extent === full[axis]);
    if (!fits)
      throw new ShapeError(`bias: expected ${formatShape(full)}, or 1 in any place, got ${formatShape(bias.shape)}`);
  }
  if (relative !== undefined) {
    expectSameDType('relative.queries', relative.queries, dtype, MATCHING);
    expectSameDType('relative.keys', relative.keys, dtype, MATCHING);
    expectShape('relative.queries', relative.queries.shape, [batch, heads, queryLength, headDim], 'to match queries');
    expectShape('relative.keys', relative.keys.shape, [heads, relative.keys.shape[1], headDim], 'to match queries');
  }
  if (slopes !== undefined) {
    if (slopes.length !== heads)
      throw new ShapeError(`slopes: expected one for each of ${heads} heads, got ${slopes.length}`);
  }
  if (logGates !== undefined) {
    expectSameDType('logGates', logGates, dtype, MATCHING);
    expectShape('logGates', logGates.shape, [batch, heads, keyLength], 'to match keys');
    if (gateSums !== undefined) throw new ArgumentError('gateSums: expected none beside logGates, got both');
  }
  if (gateSums !== undefined) {
    expectShape('gateSums', gateSums.shape, [batch, heads, keyLength, 1], 'to match keys');
    if (gateSums.dtype !== 'float64') throw new ArgumentError(`gateSums: expected float64, got ${gateSums.dtype}`);
  }
  if ((logGates ?? gateSums) !== undefined && call.queryStart + queryLength > keyLength) {
    throw new ShapeError(
      `${logGates ? 'logGates' : 'gateSums'}: expected queries within the ${keyLength} keys, got ${queryLength} from ` +
        `${call.queryStart} on`,
    );
  }
  if (sinks !== undefined) {
    expectSameDType('sinks', sinks, dtype, MATCHING);
    expectShape('sinks', sinks.shape, [heads], 'to match queries');
  }
  expectDistances(call, sets, settings);
}

/** The terms of a call, as kernels read them. `gateSums` are those of the settings, or of their log-gates. */
export function termsOf({ headDim }: Call, settings: AttentionSettings, gateSums: Tensor | undefined) {
  const { bias, relative, slopes, softCap = 0, dropout } = settings;
  const gates = gateSums && rowsOf(gateSums);
  const rate = dropout?.rate ?? 0;
  const drops = dropout !== undefined && rate > 0;
  return {
    cost:
      TERM_COST *
        [bias, slopes, gates, softCap || undefined, drops || undefined].filter((each) => each !== undefined).length +
      (relative === undefined ? 0 : 3 * headDim),
    arrays: {
      bias: bias && elements(bias),
      slopes: slopes && float64(slopes),
      gates: gates?.data,
      relativeQueries: relative && elements(relative.queries),
      relativeKeys: relative && elements(relative.keys),
    },
    numbers: {
      hasTerms: bias || relative || slopes || gates || softCap ? 1 : 0,
      gateCapacity: gates?.capacity ?? 0,
      biasBatch: strideOf(bias, 0),
      biasHead: strideOf(bias, 1),
      biasQuery: strideOf(bias, 2),
      biasKey: strideOf(bias, 3),
      nearest: relative?.nearest ?? 0,
      distances: relative?.keys.shape[1] ?? 0,
      softCap,
      dropKey1: drops ? wordOf(dropout.random, 'rows') : 0,
      dropKey2: drops ? wordOf(dropout.random, 'columns') : 0,
      dropThreshold: drops ? Math.min(2 ** 32 - 1, Math.round(rate * 2 ** 32)) : 0,
      dropShare: drops ? 1 / (1 - rate) : 1,
    },
  };
}

const wordOf = (random: Random, name: string): number => random.split(name).integer(2 ** 31 - 1);

/** Throws ShapeError unless there is a relative key for every distance at which pairs of these sets meet. */
function expectDistances(call: Call, sets: readonly CheckedSet[], { relative }: AttentionSettings): void {
  if (relative === undefined) return;
  const { queryStart, queryLength, keyLength } = call;
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { layout, queryTokens, keyTokens, causal } of sets) {
    if (layout === null || queryTokens !== undefined || keyTokens !== undefined) {
      // In an order, any two tokens may meet.
      least = Math.min(least, causal ? 0 : queryStart - keyLength + 1);
      most = Math.max(most, queryStart + queryLength - 1);
      continue;
    }
    for (const { begin, end, dilation, start = 0 } of layout.heads) {
      for (let i = 0; i < queryLength; i++) {
        if (begin[i] >= end[i]) continue;
        const remainder = (start + i) % dilation;
        least = Math.min(least, queryStart + i - (remainder + dilation * (end[i] - 1)));
        most = Math.max(most, queryStart + i - (remainder + dilation * begin[i]));
      }
    }
  }
  const { nearest } = relative;
  const farthest = nearest + relative.keys.shape[1] - 1;
  if (least >= nearest && most <= farthest) return;
  if (least > most) return;
  throw new ShapeError(
    `relative.keys: expected keys of all distances from ${least} to ${most}, got those from ${nearest} to ${farthest}`,
  );
}

/** The stride along an axis of a contiguous tensor; 0 where the axis has one entry for all. */
function strideOf(tensor: Tensor | undefined, axis: number): number {
  if (tensor === undefined || tensor.shape[axis] === 1) return 0;
  return tensor.shape.slice(axis + 1).reduce((product, extent) => product * extent, 1);
}

function float64(numbers: ArrayLike<number>): NumericArray {
  const array = elements(empty([numbers.length], 'float64'));
  array.set(numbers);
  return array;
}

/** Zeros to add gradients to, for every input that needs one. */
export function gradientsFor(
  call: Call,
  queries: Tensor,
  keys: Tensor,
  values: Tensor,
  settings: AttentionSettings,
  gateSums: Tensor | undefined,
) {
  const like = (tensor: Tensor | undefined) => (tensor?.requiresGrad ? zeros(tensor.shape, tensor.dtype) : null);
  const { batch, heads, queryLength, keyLength } = call;
  const gated = gateSums?.requiresGrad === true;
  return {
    queries: like(queries),
    keys: like(keys),
    values: like(values),
    bias: like(settings.bias),
    relativeQueries: like(settings.relative?.queries),
    relativeKeys: like(settings.relative?.keys),
    gatesOfQueries: gated ? zeros([batch, heads, queryLength], 'float64') : null,
    gatesOfKeys: gated ? zeros([batch, heads, keyLength], 'float64') : null,
  };
}

export type AttentionGradients = ReturnType<typeof gradientsFor>;

/** The gradient of G, float64 [batch, heads, keyLength, 1]: as G_j of keys, and as G_{p_i} of queries. */
export function gateSumsGradient(
  { batch, heads, queryLength, keyLength, queryStart }: Call,
  ofQueries: Tensor | null,
  ofKeys: Tensor | null,
): Tensor | null {
  if (ofQueries === null || ofKeys === null) return null;
  const result = zeros([batch, heads, keyLength, 1], 'float64');
  const [rows, sums, to] = [elements(ofQueries), elements(ofKeys), elements(result)];
  to.set(sums);
  for (let row = 0; row < rows.length; row++) {
    to[Math.floor(row / queryLength) * keyLength + queryStart + (row % queryLength)] += rows[row];
  }
  return result;
}

/** The weight of a sink is exp(s_h − m_i) / sum_i, and its value is zero: ∂s_h = −Σ_i weight_i δ_i. */
export function sinksGradient(
  sinks: Tensor | undefined,
  largest: NumericArray,
  sums: NumericArray,
  delta: Tensor,
): Tensor | null {
  if (sinks === undefined || !sinks.requiresGrad) return null;
  const [batch, heads, length] = delta.shape;
  const result = zeros(sinks.shape, sinks.dtype);
  const [scores, deltas, to] = [sinks, delta, result].map(elements);
  for (let h = 0; h < heads; h++) {
    if (scores[h] === Number.NEGATIVE_INFINITY) continue;
    let sum = 0;
    for (let b = 0; b < batch; b++) {
      for (let at = (b * heads + h) * length, end = at + length; at < end; at++) {
        if (deltas[at] !== 0) sum -= (Math.exp(scores[h] - largest[at]) / sums[at]) * deltas[at];
      }
    }
    to[h] = sum;
  }
  return result;
}
