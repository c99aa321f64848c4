/** The oracle of the spec of `compressive`: queues of tokens and rows, segment after segment, in float64. */
import type { Tensor } from '../../src/core/tensor.ts';
import type { CompressiveOptions } from '../../src/variants/compressive.ts';
import type { AttentionInputs, Parameters } from '../../src/variants/variant.ts';
import { sinusoid } from './transformer-xl-written-out.ts';

/** A key and a value; what is padding alone is not real. */
interface Row {
  key: number[];
  value: number[];
  real: boolean;
}

/** What a copy may get wrong. */
interface Rule {
  /** Whether a full compressed memory forgets its oldest row, and not the newest. */
  keepsNewest: boolean;
}

export const paper: Rule = { keepsNewest: true };

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

/** The output of all heads, joined. */
export function writtenOut(
  { queries, keys, values, keyMask }: AttentionInputs,
  { u, v, W_kR, W_K, W_V }: Parameters,
  options: CompressiveOptions,
  rule = paper,
): Float64Array {
  const { segmentLength: S, memoryLength: M, compressedLength: N, ratio: c, compression, causal } = options;
  const [batch, heads, length, d] = queries.shape;
  const real = (b: number, j: number) => keyMask === undefined || keyMask.toArray()[b * length + j] === 1;
  const output: number[] = [];
  for (let list = 0; list < batch * heads; list++) {
    const [b, h] = [Math.floor(list / heads), list % heads];
    const [q, k, value] = [queries, keys, values].map((x) => rowsOf(x, list));
    const [ofU, ofV] = [u, v].map((x) => Array.from({ length: d }, (_, n) => x.toArray()[h * d + n]));
    const projection = matrixOf(W_kR, h);
    const r = (distance: number) => projection.map((row) => dot(row, sinusoid(distance, row.length)));
    const compressed = (rows: Row[]): Row => {
      const flags = rows.map((row) => row.real);
      if (!flags.includes(true)) return { ...rows[0], real: false };
      const by = (which: 'key' | 'value', W: Tensor) => {
        const kind = compression === 'convolution' ? matrixOf(W, h) : which === 'key' ? compression : 'mean';
        return compressedBy(
          rows.map((row) => row[which]),
          flags,
          kind,
        );
      };
      return { key: by('key', W_K), value: by('value', W_V), real: true };
    };
    let memory: Row[] = [];
    let old: Row[] = [];
    for (let start = 0; start < length; start += S) {
      const end = Math.min(length, start + S);
      const segment = Array.from({ length: end - start }, (_, t): Row => {
        return { key: k[start + t], value: value[start + t], real: real(b, start + t) };
      });
      const seen = [...old, ...memory, ...segment];
      for (let i = start; i < end; i++) {
        const place = seen.length - (end - i);
        const met = seen.flatMap(({ key, value, real }, j) => {
          if (!real || (causal && j > place)) return [];
          const score = dot(plus(q[i], ofU), key) + dot(plus(q[i], ofV), r(place - j));
          return [{ score: score / Math.sqrt(d), value }];
        });
        const top = Math.max(...met.map(({ score }) => score));
        const weights = met.map(({ score }) => Math.exp(score - top));
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        for (let n = 0; n < value[0].length; n++) {
          output.push(met.reduce((sum, each, m) => sum + (weights[m] / total) * each.value[n], 0));
        }
      }
      memory = [...memory, ...segment];
      while (memory.length - c >= M) {
        if (N > 0) old.push(compressed(memory.slice(0, c)));
        memory = memory.slice(c);
      }
      old = rule.keepsNewest ? old.slice(Math.max(0, old.length - N)) : old.slice(0, N);
    }
  }
  return Float64Array.from(output);
}
