/**
 * Hyena: long convolutions and gates take turns.
 *
 * Problem: attention is quadratic, and what replaces it is often blind to what the tokens are. Idea (Poli et al. 2023, §3): a
 * convolution with a filter as long as the text lets all tokens meet, a product with a projection of the token (a gate) lets
 * the content decide, and two rounds of both, an operator of order 2, do for q, k and v what attention does:
 *
 *     z¹ = v,   zⁿ⁺¹ = xⁿ ∘ (hⁿ ∗ zⁿ + Dⁿ ∘ zⁿ),   y = z³,   x¹ = k, x² = q                        (§3.1, Definition 3.1)
 *
 * A filter has no entries of its own: a small network with sines makes h_t from the time t, and a window that decays bounds
 * it, so that its parameters do not grow with the length (hyena-filter.ts, §3.3). Every column has its own filter.
 *
 * Cost: O(L log L·d) time by Fourier transforms, O(L·d) memory. It gives up comparison: a token weighs another one by their
 * distance and by two gates, not by a match, and recall suffers. It gives up a short state, too: a step of a generation reads
 * all past rows and all filters, O(L·d), and keeps them, d numbers of each for a token and a filter.
 *
 * It is causal: the paper defines nothing else. A convolution in both directions would be another operator.
 *
 * Departs from the paper: `longFilters: 1` is the authors' released operator, whose first filter is the short convolution of
 * its layer (§3.1 has a long one in its place, the default). Features of the time are fixed (the released code may train them).
 * Short convolutions have no bias. The filters are computed in float64, and rounded once.
 */
import { ArgumentError, ShapeError } from '../core/errors.ts';
import { add, convolveLong, multiply, reshape, slice, zeroMasked } from '../core/ops/index.ts';
import type { Tensor } from '../core/tensor.ts';
import { defineVariant } from './define.ts';
import { longConvolutionFlops } from './flops.ts';
import { filterParameters, implicitFilters, rowCost } from './hyena-filter.ts';
import { integer, number, type OptionsOf } from './options.ts';
import { type AttentionState, Memory } from './state.ts';
import type { Attending, AttentionInputs, Parameters } from './variant.ts';

function attend(
  inputs: AttentionInputs,
  options: HyenaOptions,
  parameters: Parameters,
  state?: AttentionState,
): Attending {
  const { queries, keys, values, keyMask } = inputs;
  const [, heads, length, width] = queries.shape;
  if (values.shape[3] !== width) throw new ShapeError(`values: expected ${width} columns, got ${values.shape[3]}`);
  const memory = new Memory(state, length);
  const [begin, end] = [memory.position, memory.position + length];

  // h_t = Window(t) · (FFN ∘ PositionalEncoding)(t) for the times that are new                                  (§3.3)
  const place = { begin, end, heads, width, dtype: values.dtype as 'float32' };
  const fresh = implicitFilters(place, options, parameters);

  // hⁿ ∗ zⁿ + Dⁿ ∘ zⁿ                                                                                     (Definition 3.1)
  const filtered = (n: number, rows: Tensor) => {
    const ofFilter = (x: Tensor, axis: number) => slice(x, axis, (n - 1) * heads, n * heads);
    const h = memory.append(`h${n}`, ofFilter(fresh, 1));
    const z = zeroMasked(rows, keyMask);
    const past = convolveLong(h, memory.append(`z${n}`, z), begin);
    return add(past, multiply(reshape(ofFilter(parameters.D, 0), [heads, 1, width]), z));
  };
  const first = options.longFilters === 2 ? filtered(1, values) : values;
  return memory.leave(multiply(queries, filtered(options.longFilters, multiply(keys, first))));
}

const options = {
  /** Convolutions with long filters: 2 as in §3.1, 1 as in the released code, where the first one is short. */
  longFilters: integer({ minimum: 1, maximum: () => 2, default: 2, description: 'convolutions with long filters' }),
  /** The length in which the time goes from 0 to 1. Longer texts are read, too, with times up to 4. */
  filterLength: integer({
    symbol: 'L',
    minimum: 1,
    limit: 2 ** 24,
    default: (sequenceLength) => sequenceLength,
    description: 'tokens that the time of filters from 0 to 1 is divided into',
  }),
  /** Hidden numbers of the network that makes the filters, which has four layers. */
  filterWidth: integer({
    minimum: 1,
    limit: 4096,
    default: 64,
    description: 'width of the network that makes filters',
  }),
  /** *K*: the network reads the time, and K cosines and sines of it. */
  bands: integer({
    symbol: 'K',
    minimum: 1,
    limit: 4096,
    default: 16,
    description: 'frequencies that the network reads',
  }),
  /** *ω*: what the learned frequencies of the network's sines start at. 14 for language, 10 for small tasks in the released code. */
  sineFrequency: number({
    symbol: 'ω',
    minimum: 0.5,
    maximum: 16,
    default: 14,
    description: 'first frequency of sines',
  }),
  /** What the window adds to its decay, so that a filter need not end. */
  windowShift: number({ minimum: 0, maximum: 1, default: 0, description: 'what the window keeps at any distance' }),
};

/** Options of `hyena`: the sizes of its filters, and `causal`, which is implied. */
export interface HyenaOptions extends OptionsOf<typeof options> {}

/** Long convolutions and gates in turns, with filters that a network makes (Poli et al. 2023). */
export const hyena = defineVariant({
  name: 'hyena',
  paper: {
    authors: 'Poli et al.',
    year: 2023,
    title: 'Hyena Hierarchy: Towards Larger Convolutional Language Models',
    arxiv: '2302.10866',
  },
  family: 'convolution',
  exactness: 'own',
  complexity: 'O(L·log L·d)',
  averages: false,
  weighsColumns: true,
  supports: { causal: true, padding: true, crossAttention: false, incremental: true, bidirectional: false },
  options,
  parameters: filterParameters,
  layer: { shortConvolution: 3 },
  budget: null,
  check({ filterLength }, { keyLength }) {
    // The sines turn faster, the later it is: from there on a filter would be noise.
    const least = Math.ceil(keyLength / 4);
    if (filterLength >= least) return;
    throw new ArgumentError(`filterLength: expected at least ${least} for ${keyLength} tokens, got ${filterLength}`);
  },
  attend,
  cost(shape, complete) {
    const convolutions = complete.longFilters * longConvolutionFlops(shape);
    return { flops: convolutions + 2 * shape.keyLength * rowCost(complete, shape) };
  },
});
