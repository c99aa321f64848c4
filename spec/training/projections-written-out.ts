/** The oracle of projections.spec.ts: the multiplicative layer and its convolution, number by number, in float64. */
import type { Tensor } from '../../src/core/tensor.ts';

/** What of the definition a copy gets wrong, for the law to notice. */
export interface Definition {
  /** A term of y. */
  term(x: number, D: number, E: number): number;
  /** How many tokens back the first row of a filter of F looks. */
  back(F: number): number;
  /** How many modules before its own the first column of a filter of F looks. */
  aside(F: number): number;
  /** What is there beyond the first and the last module. */
  beyond(modules: number, s: number): number | null;
}

export const paper: Definition = {
  term: (x, D, E) => x * D * E,
  back: (F) => F - 1,
  aside: (F) => (F - 1) / 2,
  beyond: () => null,
};

/** [batch][length][S · filters] of x [batch, length, d] by D [d, S], E [d, M], weight [F, F, M, filters] and bias [filters]. */
export function byLoops(
  x: Tensor,
  { D, E, weight, bias }: Record<'D' | 'E' | 'weight' | 'bias', Tensor>,
  real: readonly number[],
  how = paper,
): number[][][] {
  const [batch, length, d] = x.shape;
  const [S, M, F, filters] = [D.shape[1], E.shape[1], weight.shape[0], weight.shape[3]];
  const [X, DD, EE, W, B] = [x, D, E, weight, bias].map((each) => each.toArray());
  const y = (b: number, t: number, s: number, m: number): number => {
    if (t < 0 || t >= real[b]) return 0;
    const module = s >= 0 && s < S ? s : how.beyond(S, s);
    if (module === null) return 0;
    let sum = 0;
    for (let i = 0; i < d; i++) sum += how.term(X[(b * length + t) * d + i], DD[i * S + module], EE[i * M + m]);
    return sum;
  };
  const all = Array.from({ length: batch }, (_, b) =>
    Array.from({ length: length + F }, (_, t) =>
      Array.from({ length: S + 2 * F }, (_, s) => Array.from({ length: M }, (_, m) => y(b, t - F, s - F, m))),
    ),
  );
  return Array.from({ length: batch }, (_, b) =>
    Array.from({ length }, (_, t) =>
      Array.from({ length: S * filters }, (_, n) => {
        const [s, f] = [Math.floor(n / filters), n % filters];
        let sum = B[f];
        for (let i = 0; i < F; i++) {
          for (let j = 0; j < F; j++) {
            const [row, column] = [t - how.back(F) + i, s - how.aside(F) + j];
            for (let m = 0; m < M; m++) {
              sum += (all[b][row + F]?.[column + F]?.[m] ?? 0) * W[((i * F + j) * M + m) * filters + f];
            }
          }
        }
        return sum;
      }),
    ),
  );
}
