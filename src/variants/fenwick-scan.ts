/**
 * A linear recurrence that weighs its past by buckets: one state for each bucket of a Fenwick tree, all of which take the same
 * steps, and a weight λ for each level (Guo et al. 2025, §3.1). Made of scans: O(L log L) time.
 */
import {
  add,
  broadcastTo,
  concat,
  expandDims,
  gatherRows,
  matmul,
  multiply,
  reshape,
  scan,
  slice,
  sum,
} from '../core/ops/index.ts';
import { elements, type Tensor, zeros } from '../core/tensor.ts';
import { bucketsOf, FENWICK_CHUNK, levelOf, piecesOf } from './fenwick-buckets.ts';
import { scanFlops } from './flops.ts';
import type { AttentionShape } from './variant.ts';

/** FLOPs of `fenwickScan` for a whole run: the scans of each piece, and the products of its chunks. */
export function fenwickFlops(shape: AttentionShape, levels: number, deltaRule: boolean): number {
  const { batch, heads, keyLength, headDim: d } = shape;
  const scanned = (length: number, valueDim: number) =>
    scanFlops({ ...shape, batch: 1, heads: 1, keyLength: length }, { deltaRule, valueDim });
  const each = piecesOf(0, keyLength).map(([begin, end]) => {
    const length = end - begin;
    const c = Math.min(length, FENWICK_CHUNK);
    // P and W, then (P ∘ Λ) V and W V.
    let flops = (length / c) * (scanned(c, c) + 2 * c * c * d + 2 * c * d * d);
    for (let half = c; half < length; half *= 2) flops += (length / half / 2) * scanned(half, d);
    const buckets = bucketsOf(begin, levels).length;
    return flops + (buckets === 0 ? 0 : scanned(length, d * buckets));
  });
  return batch * heads * each.reduce((sum, flops) => sum + flops, 0);
}

/** What each token brings, [sequences, 1, length, …]: those that are masked bring zeros. */
interface Tokens {
  /** [sequences, 1, length, m]. */
  q: Tensor;
  k: Tensor;
  /** [sequences, 1, length, n]. */
  v: Tensor;
  /** log a and, with the delta rule, β, as of `scan`: [sequences, 1, length, 1]. */
  logDecay: Tensor;
  beta?: Tensor | undefined;
  /** λ, a number for each level, [sequences, 1, length, levels]. */
  lambda: Tensor;
}

/** The same of [batch, heads, length, …], from token `position` on. */
export interface FenwickTokens extends Tokens {
  /** The number of tokens before. */
  position: number;
  /** The states of their buckets side by side, [batch, heads, m, buckets · n], as an earlier call returned them. */
  states?: Tensor | undefined;
}

/**
 * o_t = Σ_ℓ λ_t^ℓ (S_t^ℓ)ᵀ q_t, [batch, heads, length, n], and the states of the buckets after the last token, where
 * S_t^ℓ holds what the tokens of bucket ℓ wrote, after all steps up to t.
 */
export function fenwickScan({ position, states, ...given }: FenwickTokens): { output: Tensor; states: Tensor } {
  const [batch, heads, length, m] = given.q.shape;
  const n = given.v.shape[3];
  const tokens = mapped(given, (x) => reshape(x, [batch * heads, 1, length, x.shape[3]]));
  let known = states && reshape(states, [batch * heads, 1, m, states.shape[3]]);
  const outputs = piecesOf(position, position + length).map(([begin, end]) => {
    const isWhole = end - begin === length;
    const piece = isWhole ? tokens : mapped(tokens, (x) => slice(x, 2, begin - position, end - position));
    const own = begin % FENWICK_CHUNK === 0 && end - begin > FENWICK_CHUNK ? wholeChunks(piece) : chunk(piece, begin);
    const past = known && pastOf(piece, begin, known);
    known = carried(begin, end, given.lambda.shape[3], own.written, past?.states);
    return past === undefined ? own.output : add(own.output, past.output);
  });
  return {
    output: reshape(concat(outputs, 2), [batch, heads, length, n]),
    states: reshape(known as Tensor, [batch, heads, m, -1]),
  };
}

/** What a piece computes of its own tokens: their outputs, and the state that tokens `from` to `to` − 1 leave. */
interface Own {
  output: Tensor;
  written(from: number, to: number): Tensor;
}

/**
 * Tokens of one chunk, from token `begin` on. Values that are unit vectors bring out the matrix P of pairs, O = P V, and what
 * each token writes, S = W V. Then O = (P ∘ Λ) V, Λ_tj = λ_t^ℓ for the level ℓ of the pair.
 */
function chunk({ q, k, v, lambda, ...steps }: Tokens, begin: number): Own {
  const [sequences, , c] = q.shape;
  const levels = lambda.shape[3];
  const one = zeros([c, c], q.dtype);
  const index = new Int32Array(c * c).fill(-1);
  for (let t = 0; t < c; t++) {
    elements(one)[t * c + t] = 1;
    for (let j = 0; j <= t; j++) index[t * c + j] = t * levels + levelOf(begin + t, begin + j, levels);
  }
  const { output: P, state: W } = scan(q, k, broadcastTo(one, [sequences, 1, c, c]), ofScan(steps));
  const weights = gatherRows(reshape(lambda, [sequences, c * levels, 1]), index);
  return {
    output: matmul(multiply(P, reshape(weights, [sequences, 1, c, c])), v),
    written: (from, to) => matmul(from + c === to ? W : slice(W, 3, from, to), slice(v, 2, from, to)),
  };
}

/** 2^s chunks. Each by itself; then, level by level, the second half of each block reads the state that the first one left. */
function wholeChunks(tokens: Tokens): Own {
  const { q, v, lambda } = tokens;
  const [sequences, , length, m] = q.shape;
  const n = v.shape[3];
  const fold = (size: number) => (x: Tensor) => reshape(x, [-1, 1, size, x.shape[3]]);
  const chunks = chunk(mapped(tokens, fold(FENWICK_CHUNK)), 0);
  let { output } = chunks;
  let left = chunks.written(0, FENWICK_CHUNK);
  for (let half = FENWICK_CHUNK; half < length; half *= 2) {
    const second = (x: Tensor) => slice(reshape(x, [-1, 2, ...x.shape.slice(2)]), 1, 1, 2);
    const first = (x: Tensor) => slice(reshape(x, [-1, 2, ...x.shape.slice(2)]), 1, 0, 1);
    const { q, k, v: none, lambda: weights, ...steps } = mapped(mapped(tokens, fold(half)), second);
    const read = scan(q, k, zeros(none.shape, none.dtype), { ...ofScan(steps), state: first(left) });
    const level = levelOf(half, 0, lambda.shape[3]);
    const weighed = multiply(slice(weights, 3, level, level + 1), read.output);
    output = add(fold(2 * half)(output), fold(2 * half)(concat([zeros(weighed.shape, weighed.dtype), weighed], 1)));
    left = add(read.state, second(left));
  }
  const whole = reshape(left, [sequences, 1, m, n]);
  return { output, written: () => whole };
}

/** What the tokens of a piece read in the buckets before it, and these states after its steps. */
function pastOf(
  { q, k, v, lambda, ...steps }: Tokens,
  begin: number,
  states: Tensor,
): { output: Tensor; states: Tensor } {
  const [sequences, , length] = q.shape;
  const [n, levels] = [v.shape[3], lambda.shape[3]];
  const buckets = bucketsOf(begin, levels);
  const none = zeros([sequences, 1, length, n * buckets.length], v.dtype);
  const { output, state } = scan(q, k, none, { ...ofScan(steps), state: states });
  // A bucket moves up while the piece goes on.
  const index = Int32Array.from({ length: length * buckets.length }, (_, at) => {
    const t = Math.floor(at / buckets.length);
    return t * levels + levelOf(begin + t, buckets[at % buckets.length], levels);
  });
  const weights = gatherRows(reshape(lambda, [sequences, length * levels, 1]), index);
  const each = reshape(output, [sequences, length, buckets.length, n]);
  const weighed = multiply(each, reshape(weights, [sequences, length, buckets.length, 1]));
  return { output: expandDims(sum(weighed, 2), 1), states: state };
}

/** The states of the buckets after a piece: as in a counter, buckets become one where a digit carries. */
function carried(
  begin: number,
  end: number,
  levels: number,
  written: Own['written'],
  states: Tensor | undefined,
): Tensor {
  const before = bucketsOf(begin, levels);
  const after = bucketsOf(end, levels);
  const n = states === undefined ? 0 : states.shape[3] / before.length;
  const joined = after.map((from, bucket) => {
    const to = after[bucket + 1] ?? end;
    const parts = before.flatMap((each, place) =>
      states !== undefined && each >= from && each < to ? [slice(states, 3, place * n, (place + 1) * n)] : [],
    );
    if (to > begin) parts.push(written(Math.max(from, begin) - begin, to - begin));
    return parts.reduce((total, part) => add(total, part));
  });
  return joined.length === 1 ? joined[0] : concat(joined, 3);
}

const ofScan = ({ logDecay, beta }: Pick<Tokens, 'logDecay' | 'beta'>) => {
  const [sequences, , length] = logDecay.shape;
  return {
    logDecay: reshape(logDecay, [sequences, 1, length]),
    ...(beta && { beta: reshape(beta, [sequences, 1, length]) }),
  };
};

function mapped({ q, k, v, logDecay, beta, lambda }: Tokens, change: (x: Tensor) => Tensor): Tokens {
  return {
    ...{ q: change(q), k: change(k), v: change(v), logDecay: change(logDecay) },
    ...(beta && { beta: change(beta) }),
    lambda: change(lambda),
  };
}
