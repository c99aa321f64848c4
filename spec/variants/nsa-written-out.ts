/** NSA as its paper writes it, in plain loops over numbers of one batch entry: eqs. 5 to 12, the choice by sorting. */

/** [heads][tokens][width] */
export type Heads = number[][][];

export interface WrittenOut {
  /** l, d, l′, n, w of the paper, and the heads of a group. */
  l: number;
  d: number;
  block: number;
  n: number;
  w: number;
  group: number;
  /** φ: a head's rows of a block to one row. */
  compressKeys(rows: number[][], head: number): number[];
  compressValues(rows: number[][], head: number): number[];
  /** Whether a token is real. */
  real: boolean[];
  /** [branch][heads][tokens]: compressed, selected, window. */
  gates: number[][][];
}

const dot = (a: number[], b: number[]) => a.reduce((sum, x, i) => sum + x * b[i], 0);

function softmax(scores: number[]): number[] {
  const top = Math.max(...scores);
  const weights = scores.map((score) => Math.exp(score - top));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

function attended(q: number[], keys: number[][], values: number[][], width: number): number[] {
  const weights = keys.length === 0 ? [] : softmax(keys.map((key) => dot(q, key) / Math.sqrt(q.length)));
  return Array.from({ length: width }, (_, c) => weights.reduce((sum, p, j) => sum + p * values[j][c], 0));
}

/** The blocks that token t selects for the heads from `first` on, by the probabilities of each head over compressed blocks. */
export function selected(t: number, probabilities: number[][], { l, d, block, n }: WrittenOut): number[] {
  const own = Math.floor(t / block);
  const fixed = [...new Set([0, own - 1, own])].filter((j) => j >= 0);
  const others = Array.from({ length: own + 1 }, (_, j) => j).filter((j) => !fixed.includes(j));
  const score = (j: number) => {
    let sum = 0;
    for (const p of probabilities) {
      // Token by token: how many tokens of block j does compressed block i hold, in strides of d.
      for (const [i, each] of p.entries()) {
        for (let token = i * d; token < i * d + l; token++) if (Math.floor(token / block) === j) sum += each / d;
      }
    }
    // Sums that share their largest terms differ by rounding alone: to seven digits they are equal, and the earlier wins.
    return Math.fround(sum);
  };
  const ranked = others.map((j) => [score(j), j]).sort((a, b) => b[0] - a[0]);
  return [...fixed, ...ranked.slice(0, Math.max(0, n - fixed.length)).map(([, j]) => j)];
}

export function nsaWrittenOut(queries: Heads, keys: Heads, values: Heads, settings: WrittenOut): Heads {
  const { l, d, block, w, group, real, gates } = settings;
  const [heads, length, width] = [queries.length, queries[0].length, values[0][0].length];
  const zeroed = (rows: number[][]) => rows.map((row, j) => (real[j] ? row : row.map(() => 0)));
  const output: Heads = queries.map((rows) => rows.map(() => new Array<number>(width).fill(0)));
  for (let t = 0; t < length; t++) {
    // Compressed blocks that have ended, and hold a real token                                                  (eq. 7)
    const ended: number[] = [];
    for (let i = 0; i * d + l <= t + 1; i++) ended.push(i);
    const holds = (i: number) => real.slice(i * d, i * d + l).includes(true);
    const compressed = queries.map((rows, h) => {
      const seen = ended.filter(holds);
      const of = (x: Heads, phi: WrittenOut['compressKeys']) =>
        seen.map((i) => phi(zeroed(x[h]).slice(i * d, i * d + l), h));
      const [K, V] = [of(keys, settings.compressKeys), of(values, settings.compressValues)];
      const p = K.length === 0 ? [] : softmax(K.map((key) => dot(rows[t], key) / Math.sqrt(key.length)));
      return { K, V, p: ended.map((i) => (holds(i) ? p[seen.indexOf(i)] : 0)) };
    });
    for (let h = 0; h < heads; h++) {
      const first = h - (h % group);
      const probabilities = compressed.slice(first, first + group).map(({ p }) => p);
      const blocks = selected(t, probabilities, settings);
      const over = (meets: (j: number) => boolean) => {
        const seen = keys[h].map((_, j) => j).filter((j) => j <= t && real[j] && meets(j));
        return attended(
          queries[h][t],
          seen.map((j) => keys[h][j]),
          seen.map((j) => values[h][j]),
          width,
        );
      };
      const branches = [
        attended(queries[h][t], compressed[h].K, compressed[h].V, width),
        over((j) => blocks.includes(Math.floor(j / block))),
        over((j) => j > t - w),
      ];
      branches.forEach((branch, c) => {
        branch.forEach((x, at) => {
          output[h][t][at] += gates[c][h][t] * x;
        });
      });
    }
  }
  return output;
}
