/** The oracle of the spec of `compressive`: queues of tokens and rows, segment after segment, in float64. */
import type { Tensor } from '../../src/core/tensor.ts';
import type { CompressiveOptions } from '../../src/variants/compressive.ts';
import type { AttentionInputs, Parameters } from '../../src/variants/variant.ts';
import { sinusoid } from './transformer-xl-written-out.ts';

/** A key and a value; what is padding alone is not real. A token has received attention from so many queries, in so many heads. */
interface Row {
  key: number[];
  value: number[];
  real: boolean;
  used: number;
  queries: number;
}

/** What a copy may get wrong. */
interface Rule {
  /** Whether a full compressed memory forgets its oldest row, and not the newest. */
  keepsNewest: boolean;
  /** Whether attention counts towards usage in the memory alone, and not in a token's own segment. */
  countsMemory: boolean;
  /** Whether all heads keep the same tokens. */
  headsShare: boolean;
  /** Whether a row before those that leave together is zeros, and not the first of them. */
  padsWithZeros: boolean;
}

export const paper: Rule = { keepsNewest: true, countsMemory: true, headsShare: true, padsWithZeros: true };

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, each, c) => sum + each * b[c], 0);
const plus = (a: readonly number[], b: readonly number[]) => a.map((each, c) => each + b[c]);

/** Rows of one head of a tensor [batch, heads, length, width]. */
export function rowsOf(tensor: Tensor, list: number): number[][] {
  const [, , length, width] = tensor.shape;
  const numbers = tensor.toArray();
  return Array.from({ length }, (_, i) =>
    Array.from({ length: width }, (_, c) => numbers[(list * length + i) * width + c]),
  );
}

/** The matrix of a head of [heads, rows, columns]. */
export function matrixOf(x: Tensor, head: number): number[][] {
  const [, rows, columns] = x.shape;
  const numbers = x.toArray();
  return Array.from({ length: rows }, (_, n) =>
    Array.from({ length: columns }, (_, c) => numbers[(head * rows + n) * columns + c]),
  );
}

/** c rows as one, by a kernel of a head as rows [c · width][width], or by a mean, or by the largest of each column. */
export function compressedBy(rows: number[][], real: boolean[], kernel: number[][] | 'mean' | 'max'): number[] {
  const width = rows[0].length;
  const shown = rows.filter((_, t) => real[t]);
  const columns = Array.from({ length: width }, (_, c) => c);
  if (kernel === 'mean') return columns.map((c) => shown.reduce((sum, row) => sum + row[c], 0) / shown.length);
  if (kernel === 'max') return columns.map((c) => Math.max(...shown.map((row) => row[c])));
  const joined = rows.flatMap((row, t) => (real[t] ? row : row.map(() => 0)));
  return columns.map((c) => joined.reduce((sum, each, n) => sum + each * kernel[n][c], 0));
}

/** Tokens that leave together, with the usage of all heads, as rows of one head. */
function leave(
  rows: Row[],
  usage: number[],
  c: number,
  by: CompressiveOptions,
  kernels: number[][][],
  rule: Rule,
): Row[] {
  const count = rows.length / c;
  if (by.compression === 'most-used') {
    const score = (j: number) => (rows[j].real ? Math.round(usage[j] * 2 ** 40) : -1);
    const order = rows.map((_, j) => j).sort((i, j) => score(j) - score(i) || j - i);
    return order
      .slice(0, count)
      .sort((i, j) => i - j)
      .map((j) => rows[j]);
  }
  return Array.from({ length: count }, (_, g) => {
    const own = by.compression === 'convolution';
    const taps = Array.from({ length: c }, (_, t) => (g + 1) * c - 1 - (own ? by.dilation : 1) * (c - 1 - t));
    const nothing = { ...rows[0], key: rows[0].key.map(() => 0), value: rows[0].value.map(() => 0), real: false };
    const group = taps.map((tap) => (tap >= 0 ? rows[tap] : rule.padsWithZeros ? nothing : rows[0]));
    const flags = group.map((row) => row.real);
    if (!flags.includes(true)) return nothing;
    const made = (which: 'key' | 'value', n: number) => {
      const kind = own ? kernels[n] : which === 'key' && by.compression === 'max' ? 'max' : 'mean';
      const parts = group.map((row) => row[which]);
      return compressedBy(parts, flags, kind);
    };
    return { key: made('key', 0), value: made('value', 1), real: true, used: 0, queries: 0 };
  });
}

/** The output of all heads, joined. */
export function writtenOut(
  { queries, keys, values, keyMask }: AttentionInputs,
  { u, v, W_kR, W_K, W_V }: Parameters,
  options: CompressiveOptions,
  rule = paper,
): Float64Array {
  const { segmentLength: S, memoryLength: M, compressedLength: N, ratio: c, compression, causal } = options;
  const [batch, heads, length, d] = queries.shape;
  const width = values.shape[3];
  const real = (b: number, j: number) => keyMask === undefined || keyMask.toArray()[b * length + j] === 1;
  const output = new Float64Array(batch * heads * length * width);
  for (let b = 0; b < batch; b++) {
    const memory: Row[][] = Array.from({ length: heads }, () => []);
    const old: Row[][] = Array.from({ length: heads }, () => []);
    for (let start = 0; start < length; start += S) {
      const end = Math.min(length, start + S);
      for (let h = 0; h < heads; h++) {
        const list = b * heads + h;
        const [q, k, value] = [queries, keys, values].map((x) => rowsOf(x, list));
        const [ofU, ofV] = [u, v].map((x) => Array.from({ length: d }, (_, n) => x.toArray()[h * d + n]));
        const projection = matrixOf(W_kR, h);
        const r = (distance: number) => projection.map((row) => dot(row, sinusoid(distance, row.length)));
        const segment = Array.from({ length: end - start }, (_, t): Row => {
          const at = start + t;
          return { key: k[at], value: value[at], real: real(b, at), used: 0, queries: 0 };
        });
        const seen = [...old[h], ...memory[h], ...segment];
        for (let i = start; i < end; i++) {
          const place = seen.length - (end - i);
          const met = seen.flatMap((row, j) => {
            if (!row.real || (causal && j > place)) return [];
            const score = dot(plus(q[i], ofU), row.key) + dot(plus(q[i], ofV), r(place - j));
            return [{ score: score / Math.sqrt(d), row }];
          });
          const top = Math.max(...met.map(({ score }) => score));
          const weights = met.map(({ score }) => Math.exp(score - top));
          const total = weights.reduce((sum, weight) => sum + weight, 0);
          for (let n = 0; n < width; n++) {
            output[(list * length + i) * width + n] = met.reduce(
              (sum, { row }, m) => sum + (weights[m] / total) * row.value[n],
              0,
            );
          }
          if (!real(b, i)) continue;
          const counted = rule.countsMemory ? memory[h] : [...memory[h], ...segment];
          for (const row of counted) {
            const at = met.findIndex((each) => each.row === row);
            row.used += at < 0 ? 0 : weights[at] / total;
            row.queries++;
          }
        }
        memory[h] = [...memory[h], ...segment];
      }
      const leaving = c * Math.max(0, Math.floor((memory[0].length - M) / c));
      const usageOf = (of: Row[][]) =>
        Array.from({ length: leaving }, (_, j) =>
          of.reduce((sum, rows) => sum + rows[j].used / Math.max(1, rows[j].queries), 0),
        );
      const shared = usageOf(memory);
      for (let h = 0; h < heads; h++) {
        const usage = rule.headsShare ? shared : usageOf([memory[h]]);
        const kernels = compression === 'convolution' && N > 0 ? [matrixOf(W_K, h), matrixOf(W_V, h)] : [];
        if (leaving > 0 && N > 0) old[h].push(...leave(memory[h].slice(0, leaving), usage, c, options, kernels, rule));
        memory[h] = memory[h].slice(leaving);
        old[h] = rule.keepsNewest ? old[h].slice(Math.max(0, old[h].length - N)) : old[h].slice(0, N);
      }
    }
  }
  return output;
}
