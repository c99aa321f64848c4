/**
 * The scores of Synthesizer's kinds (Tay et al. 2020, §3). Those that are products of rows are handed to `attention` as
 * its queries and keys, so that no matrix of scores is made; the others are a bias.
 */
import { add, broadcastTo, concat, matmul, multiply, relu, reshape, scale, slice } from '../core/ops/index.ts';
import { type Tensor, zeros } from '../core/tensor.ts';
import type { SynthesizerOptions } from './synthesizer.ts';
import type { Parameters } from './variant.ts';

/** The kinds: a part, or a mixture of two (the paper's R + D, D + V and R + V, and those of factorized ones). */
export const KINDS = [
  'dense',
  'random',
  'fixed-random',
  'factorized-dense',
  'factorized-random',
  'random+dense',
  'dense+vanilla',
  'random+vanilla',
  'factorized-dense+vanilla',
  'factorized-random+vanilla',
] as const;

export type Part = 'dense' | 'random' | 'fixed-random' | 'factorized-dense' | 'factorized-random' | 'vanilla';

/** The parts that a kind mixes, in the order of α. */
export const partsOf = (kind: SynthesizerOptions['kind']): Part[] => kind.split('+') as Part[];

/** a, and b = ⌈N/a⌉: the numbers that factorized dense makes of a token. */
export const factorsOf = ({ maxLength, factor }: Pick<SynthesizerOptions, 'maxLength' | 'factor'>) => ({
  a: factor,
  b: Math.ceil(maxLength / factor),
});

/** Scores q·k + bias: rows [batch, heads, length, m] and [batch, heads, end, m], a bias [batch or 1, heads, length or 1, end]. */
export interface Scores {
  queries?: Tensor;
  keys?: Tensor;
  bias?: Tensor;
}

/** Tokens `begin` and on meet all before `end`. */
interface Place {
  queries: Tensor;
  /** Of all tokens before `end`, where a part reads them. */
  keys: Tensor;
  begin: number;
  end: number;
  options: SynthesizerOptions;
  parameters: Parameters;
}

export const scoresOf: Readonly<Record<Part, (place: Place) => Scores>> = {
  /** S_i = W σ_R(q_i) + b: the rows of W are keys that no token has made. */
  dense: ({ queries, end, parameters: { W, b } }) => ({
    queries: relu(queries),
    keys: rowsFor(queries, W, 0, end),
    bias: reshape(slice(b, 1, 0, end), [1, b.shape[0], 1, end]),
  }),
  random: ({ parameters: { R }, ...place }) => ({ bias: partOf(R, place) }),
  'fixed-random': ({ parameters: { fixedR }, ...place }) => ({ bias: partOf(fixedR, place) }),
  /** A_i = W_A σ_R(q_i) + b_A, and B; S_ij = A_i[j mod a] · B_i[⌊j/a⌋]. */
  'factorized-dense'({ queries, end, options, parameters: { WA, bA, WB, bB } }) {
    const [batch, heads, length] = queries.shape;
    const { a, b } = factorsOf(options);
    const hidden = relu(queries);
    const made = (W: Tensor, bias: Tensor) =>
      add(matmul(hidden, W, { transposeB: true }), reshape(bias, [heads, 1, bias.shape[1]]));
    const A = reshape(made(WA, bA), [batch, heads, length, 1, a]);
    const B = reshape(made(WB, bB), [batch, heads, length, b, 1]);
    return { bias: slice(reshape(multiply(A, B), [batch, heads, length, a * b]), 3, 0, end) };
  },
  'factorized-random': ({ queries, begin, end, parameters: { R1, R2 } }) => ({
    queries: rowsFor(queries, R1, begin, begin + queries.shape[2]),
    keys: rowsFor(queries, R2, 0, end),
  }),
  /** QKᵀ/√d, as in full attention. */
  vanilla: ({ queries, keys }) => ({ queries: scale(queries, 1 / Math.sqrt(queries.shape[3])), keys }),
};

/** Rows of a parameter [heads, N, m] for every entry of the batch. Of one entry they are a view, so that a step copies none. */
function rowsFor({ shape: [batch] }: Tensor, parameter: Tensor, begin: number, end: number): Tensor {
  const rows = slice(reshape(parameter, [1, ...parameter.shape]), 2, begin, end);
  return batch === 1 ? rows : broadcastTo(rows, rows.shape.with(0, batch));
}

/** R [heads, N, N] for queries from `begin` on and keys before `end`: [1, heads, length, end]. */
function partOf(R: Tensor, { queries, begin, end }: Pick<Place, 'queries' | 'begin' | 'end'>): Tensor {
  const length = queries.shape[2];
  return reshape(slice(slice(R, 1, begin, begin + length), 2, 0, end), [1, R.shape[0], length, end]);
}

/**
 * Σ_n α_n S_n: rows side by side, whose products add up, and the sum of the biases. Without any rows they are zeros, one
 * column wide. `values` [batch, heads, end, …] tell their shape.
 */
export function summed(
  scores: readonly Scores[],
  alpha: Tensor | null,
  queries: Tensor,
  values: Tensor,
): { queries: Tensor; keys: Tensor; bias: Tensor | undefined } {
  const weighed = scores.map((each, n) => {
    if (alpha === null) return each;
    const share = slice(alpha, 0, n, n + 1);
    return {
      ...each,
      ...(each.queries && { queries: multiply(each.queries, share) }),
      ...(each.bias && { bias: multiply(each.bias, share) }),
    };
  });
  const beside = (rows: (Tensor | undefined)[], like: Tensor) => {
    const found = rows.filter((each) => each !== undefined);
    if (found.length === 0) return zeros([...like.shape.slice(0, 3), 1], like.dtype);
    return found.length === 1 ? found[0] : concat(found, 3);
  };
  const biases = weighed.flatMap(({ bias }) => (bias === undefined ? [] : [bias]));
  return {
    queries: beside(
      weighed.map((each) => each.queries),
      queries,
    ),
    keys: beside(
      weighed.map((each) => each.keys),
      values,
    ),
    bias: biases.length === 0 ? undefined : biases.reduce(add),
  };
}

/** Columns of the rows that `summed` returns. */
export function widthOf({ kind, rank }: SynthesizerOptions, headDim: number): number {
  const widths: Readonly<Partial<Record<Part, number>>> = {
    dense: headDim,
    vanilla: headDim,
    'factorized-random': rank,
  };
  return Math.max(
    1,
    partsOf(kind).reduce((sum, part) => sum + (widths[part] ?? 0), 0),
  );
}
