/** NSA as its paper writes it, in plain loops over numbers of one batch entry: eqs. 5 to 12, given a choice or by sorting. */
import { type Candidate, roundings } from '../laws/choices.ts';

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
  /** How far each number of a compressed key may be from this one where it is rounded to the type of the inputs. */
  roundingOfKeys(rows: number[][], head: number): number[];
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

/** The first block, the own one and the one before. */
const fixedBlocks = (own: number): number[] => [...new Set([0, own - 1, own])].filter((j) => j >= 0);

/** Of one head: weights over compressed blocks, and how far a score of those may be off by rounding. */
export interface Weights {
  p: number[];
  slack: number;
}

/**
 * What the blocks that token t may select score for the heads whose weights are given (eqs. 9 and 10). Scores that are off by
 * δ at most give weights off by e^{2δ} − 1, relative. The sums are compared in float32: half a step of it, or of its least number.
 */
export function scored(t: number, heads: readonly Weights[], { l, d, block }: WrittenOut): Map<number, Candidate> {
  const own = Math.floor(t / block);
  const fixed = fixedBlocks(own);
  const others = Array.from({ length: own + 1 }, (_, j) => j).filter((j) => !fixed.includes(j));
  return new Map(
    others.map((j) => {
      let [score, error] = [0, 2 ** -150];
      for (const { p, slack } of heads) {
        // Token by token: how many tokens of block j does compressed block i hold, in strides of d.
        for (const [i, each] of p.entries()) {
          for (let token = i * d; token < i * d + l; token++) {
            if (Math.floor(token / block) !== j) continue;
            score += each / d;
            error += (Math.expm1(2 * slack) * each) / d;
          }
        }
      }
      // And the roundings of float64 in a softmax over p blocks and the sum of l of them for each head.
      const sums = roundings(heads.length * (l + heads[0].p.length + 8), 'float64');
      return [j, { score, error: error + (score + error) * (sums + roundings(1, 'float32')) }];
    }),
  );
}

/** Which of scored blocks a token of a group of heads, by its first, selects beside the fixed ones; all together, in any order. */
export type Choose = (first: number, t: number, fixed: number[], candidates: Map<number, Candidate>) => number[];

/** Eqs. 11 and 12: the best of all. */
export const byScore =
  (n: number, order = 1): Choose =>
  (_first, _t, fixed, candidates) => {
    const ranked = [...candidates].sort((a, b) => order * (b[1].score - a[1].score)).map(([j]) => j);
    return [...fixed, ...ranked.slice(0, Math.max(0, n - fixed.length))];
  };

/** The blocks that token t selects, by the weights of each head over compressed blocks. */
export function selected(t: number, heads: readonly Weights[], settings: WrittenOut): number[] {
  const fixed = fixedBlocks(Math.floor(t / settings.block));
  return byScore(settings.n)(0, t, fixed, scored(t, heads, settings));
}

export function nsaWrittenOut(
  queries: Heads,
  keys: Heads,
  values: Heads,
  settings: WrittenOut,
  choose: Choose = byScore(settings.n),
): Heads {
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
      // A product with a key that is off by ε is off by |q|·ε; it is summed up in float64.
      const errors = of(keys, settings.roundingOfKeys).map((error, i) => {
        const own = roundings(rows[t].length + 2, 'float64');
        const each = rows[t].map((x, c) => Math.abs(x) * (error[c] + own * Math.abs(K[i][c])));
        return each.reduce((sum, x) => sum + x, 0) / Math.sqrt(rows[t].length);
      });
      return { K, V, p: ended.map((i) => (holds(i) ? p[seen.indexOf(i)] : 0)), slack: Math.max(0, ...errors) };
    });
    for (let h = 0; h < heads; h++) {
      const first = h - (h % group);
      const fixed = fixedBlocks(Math.floor(t / block));
      const blocks = choose(first, t, fixed, scored(t, compressed.slice(first, first + group), settings));
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
