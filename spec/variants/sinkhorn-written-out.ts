/** The oracle of sinkhorn.spec.ts: pooling, the sorting network, whole matrices of logarithms, and every pair, in float64. */
import type { SinkhornOptions } from '../../src/variants/sinkhorn.ts';
import type { AttentionInputs, Parameters } from '../../src/variants/variant.ts';
import type { Output } from '../laws/evaluate.ts';

/** What of the definition a copy gets wrong, for the law to notice. */
export interface Definition {
  relu(x: number): number;
  /** Whether columns come before rows. */
  columnsFirst(causal: boolean): boolean;
  /** The last row whose entry is in the sum of a column at row i of n. */
  lastOfSum(i: number, n: number, causal: boolean): number;
  /** The first token that block i does not pool. */
  pooledTo(i: number, size: number, causal: boolean): number;
  /** The part of a place's tokens that are real, as it enters a score. */
  logOfPart(part: number): number;
}

export const paper: Definition = {
  relu: (x) => Math.max(0, x),
  columnsFirst: (causal) => causal,
  lastOfSum: (i, n, causal) => (causal ? i : n - 1),
  pooledTo: (i, size, causal) => (causal ? i * size + 1 : (i + 1) * size),
  logOfPart: Math.log,
};

type Rows = number[][];

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, each, c) => sum + each * b[c], 0);

function logSum(numbers: readonly number[]): number {
  const largest = Math.max(...numbers);
  if (largest === -Infinity) return 0;
  return largest + Math.log(numbers.reduce((sum, each) => sum + Math.exp(each - largest), 0));
}

function mean(met: readonly { score: number; value: number[] }[], width: number): number[] {
  const total = logSum(met.map(({ score }) => score));
  return Array.from({ length: width }, (_, c) =>
    met.reduce((sum, { score, value }) => sum + Math.exp(score - total) * value[c], 0),
  );
}

/** What a place has at least of a block that may be mixed into it, where some tokens are missing. */
const LEAST = 2 ** -60;

export function byLoops(
  inputs: AttentionInputs,
  options: SinkhornOptions,
  parameters: Parameters,
  how = paper,
): Output {
  const { queries, keys, values, keyMask } = inputs;
  const { causal, blockLength: size, sortCut } = options;
  const [batch, heads, length, d] = queries.shape;
  const width = values.shape[3];
  const mask = keyMask?.toArray();
  const rowsOf = ({ shape, toArray }: { shape: readonly number[]; toArray(): ArrayLike<number> }, n: number): Rows => {
    const [count, columns] = shape.slice(-2);
    const all = Array.from(toArray());
    return Array.from({ length: count }, (_, i) => all.slice((n * count + i) * columns, (n * count + i + 1) * columns));
  };
  const of = (tensor: typeof keys, n: number) => rowsOf({ shape: tensor.shape, toArray: () => tensor.toArray() }, n);
  const count = Math.ceil(length / size);
  const data = new Float64Array(batch * heads * length * width);
  for (let sequence = 0; sequence < batch * heads; sequence++) {
    const [b, h] = [Math.floor(sequence / heads), sequence % heads];
    const [q, k, v] = [queries, keys, values].map((each) => of(each, sequence));
    const isReal = (t: number) => t < length && mask?.[b * length + t] !== 0;
    const tokensOf = (i: number) => Array.from({ length: size }, (_, p) => i * size + p).filter(isReal);
    const all = Array.from({ length: count }, (_, i) => i);
    const held = all.map((i) => tokensOf(i).length > 0);
    const S = order(pooled(k, isReal, count, options, how), held, h, options, parameters, of, how);
    const isWhole = all.every((i) => tokensOf(i).length === size);
    /** The places of row i of the order: keys, values, and what is added to scores. */
    const sortedBlock = (i: number) => {
      const from = all.filter((j) => !causal || j < i);
      const isPartial = causal ? from.some((j) => tokensOf(j).length < size) : !isWhole;
      const shares = from.map((j) => (isPartial ? Math.max(S[i][j], LEAST) : S[i][j]));
      const total = shares.reduce((sum, each) => sum + each, 0);
      return Array.from({ length: size }, (_, p) => p).flatMap((p) => {
        const there = from.flatMap((j, n) => (isReal(j * size + p) ? [{ t: j * size + p, share: shares[n] }] : []));
        if (there.length === 0) return [];
        const part = isPartial ? there.reduce((sum, { share }) => sum + share, 0) / total : 1;
        const mixture = (rows: Rows, columns: number) =>
          Array.from({ length: columns }, (_, c) =>
            there.reduce((sum, { t, share }) => sum + (share * rows[t][c]) / part, 0),
          );
        return [{ key: mixture(k, d), value: mixture(v, width), shift: how.logOfPart(part) }];
      });
    };
    const cut = sortCut === 0 ? null : all.filter((i) => held[i]).slice(0, sortCut);
    const common = cut?.flatMap((i) => sortedBlock(i));
    for (let t = 0; t < length; t++) {
      const block = Math.floor(t / size);
      const near = tokensOf(block).filter((j) => !causal || j <= t);
      const met = (common ?? sortedBlock(block)).map(({ key, value, shift }) => {
        return { score: dot(q[t], key) / Math.sqrt(d) + shift, value };
      });
      if (!cut) met.push(...near.map((j) => ({ score: dot(q[t], k[j]) / Math.sqrt(d), value: v[j] })));
      if (met.length > 0) data.set(mean(met, width), (sequence * length + t) * width);
    }
  }
  return { shape: [batch, heads, length, width], dtype: queries.dtype, data };
}

function pooled(
  k: Rows,
  isReal: (t: number) => boolean,
  count: number,
  options: SinkhornOptions,
  how: Definition,
): Rows {
  const { blockLength: size, causal } = options;
  return Array.from({ length: count }, (_, i) => {
    const end = Math.min(k.length, how.pooledTo(i, size, causal));
    const tokens = k.map((_row, t) => t).filter((t) => t < end && (causal || t >= i * size) && isReal(t));
    return k[0].map((_, c) => tokens.reduce((sum, t) => sum + k[t][c], 0));
  });
}

/** S of one head. */
function order(
  X: Rows,
  held: readonly boolean[],
  h: number,
  { causal, iterations, temperature, gumbel }: SinkhornOptions,
  { W_P, b_P, W_B, b_B, G }: Parameters,
  of: (tensor: Parameters[string], n: number) => Rows,
  how: Definition,
): Rows {
  const count = X.length;
  const layer = (rows: Rows, W: Rows, [bias]: Rows) =>
    rows.map((row) => bias.map((each, c) => how.relu(row.reduce((sum, x, n) => sum + x * W[n][c], each))));
  const R = layer(layer(X, of(W_P, h), of(b_P, h)), of(W_B, h), of(b_B, h));
  const noise = gumbel === 0 ? null : of(G, h);
  let log = X.map((_, i) =>
    X.map((_other, j) => {
      const isThere = held[j] && (causal ? j < i : held[i]);
      return isThere ? (R[i][j] + (noise === null ? 0 : gumbel * noise[i][j])) / temperature : -Infinity;
    }),
  );
  const byColumns = () => {
    log = log.map((row, i) =>
      row.map((each, j) => {
        const last = how.lastOfSum(i, count, causal);
        return each - logSum(log.slice(0, last + 1).map((other) => other[j]));
      }),
    );
  };
  const byRows = () => {
    log = log.map((row) => row.map((each) => each - logSum(row)));
  };
  const steps = how.columnsFirst(causal) ? [byColumns, byRows] : [byRows, byColumns];
  for (let n = 0; n < iterations; n++) for (const step of steps) step();
  return log.map((row) => row.map(Math.exp));
}
