/** The oracle of the spec of `compressive`: queues of tokens and rows, segment after segment, in float64, given what stays. */
import type { Tensor } from '../../src/core/tensor.ts';
import type { CompressiveOptions } from '../../src/variants/compressive.ts';
import type { AttentionInputs, Parameters } from '../../src/variants/variant.ts';
import { type Candidate, expectBest, roundings } from '../laws/choices.ts';
import { sinusoid } from './transformer-xl-written-out.ts';

/**
 * A key and a value; what is padding alone is not real. A token has received attention from so many queries, which may be off by
 * so much where it is rounded.
 */
interface Row {
  key: number[];
  value: number[];
  real: boolean;
  used: number;
  error: number;
  queries: number;
}

/** What a copy may get wrong. */
interface Rule {
  /** Whether a full compressed memory forgets its oldest row, and not the newest. */
  keepsNewest: boolean;
  /** Whether attention counts towards usage in the memory alone, and not in a token's own segment. */
  countsMemory: boolean;
  /** Whether the tokens that were used most stay, and not the least. */
  keepsMost: boolean;
  /** Whether all heads keep the same tokens. */
  headsShare: boolean;
  /** Whether a row before those that leave together is zeros, and not the first of them. */
  padsWithZeros: boolean;
}

export const paper: Rule = {
  keepsNewest: true,
  countsMemory: true,
  keepsMost: true,
  headsShare: true,
  padsWithZeros: true,
};

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

/** Tokens that leave together, as rows of one head. */
function leave(rows: Row[], c: number, by: CompressiveOptions, kernels: number[][][], rule: Rule): Row[] {
  const count = rows.length / c;
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
    return { key: made('key', 0), value: made('value', 1), real: true, used: 0, error: 0, queries: 0 };
  });
}

/** Those of the tokens that leave together which stay, by their places: the most used of all heads, or else it throws. */
function stay(
  rows: readonly Row[],
  ofHeads: readonly Row[][],
  places: readonly number[],
  c: number,
  rule: Rule,
): Row[] {
  const candidates = rows.map(({ real }, j): [number, Candidate] => {
    if (!real) return [j, { score: Number.NEGATIVE_INFINITY, error: 0 }];
    const mean = (row: Row, sum: number) => sum / Math.max(1, row.queries);
    const score = ofHeads.reduce((sum, own) => sum + mean(own[j], own[j].used), 0);
    // Averages that are this near may count as alike.
    return [
      j,
      {
        score: rule.keepsMost ? score : -score,
        error: ofHeads.reduce((sum, own) => sum + mean(own[j], own[j].error), 2 ** -41),
      },
    ];
  });
  expectBest(places, new Map(candidates), rows.length / c, `of ${rows.length} tokens`);
  return places.map((j) => rows[j]);
}

/** The output of all heads, joined; `chosen` is what of the most used stays, the places of [batch, groups]. */
export function writtenOut(
  { queries, keys, values, keyMask }: AttentionInputs,
  { u, v, W_kR, W_K, W_V }: Parameters,
  options: CompressiveOptions,
  rule = paper,
  chosen?: Tensor,
): Float64Array {
  const { segmentLength: S, memoryLength: M, compressedLength: N, ratio: c, compression, causal } = options;
  const [batch, heads, length, d] = queries.shape;
  const width = values.shape[3];
  const real = (b: number, j: number) => keyMask === undefined || keyMask.toArray()[b * length + j] === 1;
  const output = new Float64Array(batch * heads * length * width);
  for (let b = 0; b < batch; b++) {
    let groups = 0;
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
        const sizes = (row: readonly number[]) => row.map(Math.abs);
        const sizeOfR = (distance: number) =>
          projection.map((row) => dot(sizes(row), sizes(sinusoid(distance, row.length))));
        // q + u, q + v, R, W R, their products with keys, and the sum.
        const each = roundings(projection[0].length + 2 * d + 6, queries.dtype as 'float32');
        const segment = Array.from({ length: end - start }, (_, t): Row => {
          const at = start + t;
          return { key: k[at], value: value[at], real: real(b, at), used: 0, error: 0, queries: 0 };
        });
        const seen = [...old[h], ...memory[h], ...segment];
        for (let i = start; i < end; i++) {
          const place = seen.length - (end - i);
          const met = seen.flatMap((row, j) => {
            if (!row.real || (causal && j > place)) return [];
            const [toKey, toPlace] = [plus(q[i], ofU), plus(q[i], ofV)];
            const score = dot(toKey, row.key) + dot(toPlace, r(place - j));
            const error = each * (dot(sizes(toKey), sizes(row.key)) + dot(sizes(toPlace), sizeOfR(place - j)));
            return [{ score: score / Math.sqrt(d), error: error / Math.sqrt(d), row }];
          });
          // Scores that are off by δ at most give weights off by e^{2δ} − 1, relative; and the roundings of a softmax.
          const off = Math.expm1(2 * Math.max(0, ...met.map(({ error }) => error)));
          const rounded = off + roundings(met.length + heads * length + 20, 'float64');
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
            row.error += at < 0 ? 0 : (rounded * weights[at]) / total;
            row.queries++;
          }
        }
        memory[h] = [...memory[h], ...segment];
      }
      const leaving = c * Math.max(0, Math.floor((memory[0].length - M) / c));
      const places = Array.from({ length: leaving / c }, (_, n) => chosen?.toArray()[b * chosen.shape[1] + groups + n]);
      const left = memory.map((rows) => rows.slice(0, leaving));
      for (let h = 0; h < heads; h++) {
        const kernels = compression === 'convolution' && N > 0 ? [matrixOf(W_K, h), matrixOf(W_V, h)] : [];
        // What leaves after the last segment is met by none.
        if (leaving > 0 && N > 0 && end < length) {
          const isChoice = compression === 'most-used';
          const rows = isChoice
            ? stay(left[h], rule.headsShare ? left : [left[h]], places as number[], c, rule)
            : leave(left[h], c, options, kernels, rule);
          old[h].push(...rows);
        }
        memory[h] = memory[h].slice(leaving);
        old[h] = rule.keepsNewest ? old[h].slice(Math.max(0, old[h].length - N)) : old[h].slice(0, N);
      }
      groups += leaving / c;
    }
  }
  return output;
}
