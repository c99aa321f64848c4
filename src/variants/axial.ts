/**
 * Axial attention: the sequence is a grid, and tokens attend along one axis of it at a time.
 *
 * Problem: an image or a video of L places has L² pairs. Idea (Ho et al. 2019, §3.1): lay the tokens out in rows of C, and have
 * each attend along its row and along its column alone, one after the other. Two such steps lead from everywhere to everywhere:
 *
 *     Y_rc = Σ_c′ softmax_c′(q_rc·k_rc′/√d) v_rc′,      O_rc = Σ_r′ softmax_r′(q_rc·k_r′c/√d) Y_r′c                      (§3.1)
 *
 * Causally the rows above are read whole and the own row up to the token: a column takes Y of rows r′ < r, and in its own place
 * masked attention along the row. So no token is out of reach, as with the shifts of §3.2. With planes of R rows there is a third
 * axis, and planes that have ended are read whole in the same way.
 *
 * Cost: O(L·(C + L/C)) time, O(L·√L) where C is near √L (measured from 4,096 to 65,536 tokens: L^1.42, causally L^1.52), and
 * O(L) memory; a token is generated from its row and its column. It gives up weights of single pairs: one is the product of a
 * weight in a row and one in a column. Where the last row is short, the columns beyond its end do not read it, unless causal.
 * `perLayer: { layer: ['rows', 'columns'] }` has a model's layers take turns instead, each along one axis, as those of the paper
 * do; causally these never reach what lies above and to the right.
 *
 * Departs from the paper: composed, all axes use the same queries and keys; there each axis is a layer of its own, with its
 * projections, a norm and a residual. The paper adds what the rows above give, shifted down, to the inputs of masked layers along
 * rows; here one softmax weighs both. Nothing is shifted right, as a model's inputs already are.
 */
import { attention } from '../core/ops/index.ts';
import { attendBefore } from './axial/causal.ts';
import { type Axis, along, axesOf, pairsAlong, pairsOfAll, startOf } from './axial/grid.ts';
import { defineVariant } from './define.ts';
import { SOFTMAX_FLOPS } from './flops.ts';
import { choice, integer, type OptionsOf } from './options.ts';
import { type AttentionState, Memory } from './state.ts';
import type { Attending, AttentionInputs, AttentionPattern, Parameters } from './variant.ts';

function attend(
  inputs: AttentionInputs,
  options: AxialOptions,
  _parameters: Parameters,
  state?: AttentionState,
): Attending {
  const { queries, keys, values, keyMask } = inputs;
  const length = queries.shape[2];
  const memory = new Memory(state, length);
  if (options.layer !== 'composed') return attendAlong(memory, inputs, options);
  if (options.causal) return memory.leave(attendBefore(memory, inputs, axesOf(options)));

  // Along rows, and their results along columns, and theirs across planes                                       (§3.1)
  const whole = { position: 0, length, first: 0, keyLength: length };
  let Y = values;
  for (const axis of axesOf(options)) Y = attention(queries, keys, Y, along(axis, 'all', whole), { keyMask }).output;
  return memory.leave(Y);
}

/** Attention along one axis, masked if causal (§3.1); the state keeps what later tokens can meet. */
function attendAlong(memory: Memory, inputs: AttentionInputs, options: AxialOptions): Attending {
  const { queries, keys, values, keyMask } = inputs;
  const [batch, , length] = queries.shape;
  const { position } = memory;
  const axis = axisOf(options);
  const end = position + length;
  const [keep, held] = [end, position].map((at) => at - startOf(at, axis));
  const [K, V] = [memory.append('keys', keys, keep, held), memory.append('values', values, keep, held)];
  const mask = memory.appendMask(keyMask, batch, keep, held);
  const span = { position, length, first: position - held, keyLength: held + length };
  const layout = along(axis, options.causal ? 'up to' : 'all', span);
  return memory.leave(attention(queries, K, V, layout, { keyMask: mask }).output);
}

/** The axis of a layer that attends along one. Without planes a token has none behind it. */
const axisOf = (options: AxialOptions): Axis =>
  axesOf(options)[['rows', 'columns', 'planes'].indexOf(options.layer)] ?? { step: 1, span: 1 };

/** Composed, axes lead from everywhere to everywhere. */
function pattern(options: AxialOptions): AttentionPattern {
  const { layer, causal } = options;
  const { step, span } = axisOf(options);
  const isAlong = (i: number, j: number) => i % step === j % step && Math.floor(i / span) === Math.floor(j / span);
  return (_head, i, j) => !(causal && j > i) && (layer === 'composed' || isAlong(i, j));
}

const most = (sequenceLength: number) => sequenceLength;

const options = {
  /** Attention along all axes, one after the other, or along one of them; the layers of a model take turns. */
  layer: choice({
    choices: ['composed', 'rows', 'columns', 'planes'],
    default: 'composed',
    description: 'along all axes in turn, or along one of them',
  }),
  /** C: tokens of a row. */
  columns: integer({
    symbol: 'C',
    minimum: 1,
    maximum: most,
    default: (sequenceLength, { rows }) =>
      Math.ceil(typeof rows === 'number' && rows > 0 ? Math.cbrt(sequenceLength) : Math.sqrt(sequenceLength)),
    description: 'tokens of a row; about √L is cheapest',
  }),
  /** R: rows of a plane, for three axes. 0: all rows are one plane, and there are two axes. */
  rows: integer({
    symbol: 'R',
    minimum: 0,
    maximum: most,
    default: 0,
    description: 'rows of a plane, for a third axis across planes; 0: no planes',
  }),
};

/** Options of `axial`: along which axes, the tokens of a row, the rows of a plane, and `causal`. */
export interface AxialOptions extends OptionsOf<typeof options> {}

/** Attention along the rows and then along the columns of a grid, O(L·√L) (Ho et al. 2019). */
export const axial = defineVariant({
  name: 'axial',
  paper: {
    authors: 'Ho et al.',
    year: 2019,
    title: 'Axial Attention in Multidimensional Transformers',
    arxiv: '1912.12180',
  },
  family: 'sparse',
  exactness: 'own',
  complexity: 'O(L·√L)',
  // Composed, a query that is padding finds nothing if its whole column is padding.
  averagesWith: ({ layer }) => layer !== 'composed',
  supports: { causal: true, padding: true, crossAttention: false, incremental: true },
  options,
  budget: {
    symbol: 'C',
    option: 'columns',
    values: (sequenceLength) => [
      Math.min(16, sequenceLength),
      ...[32, 64, 128, 256, 512].filter((C) => 4 * C <= sequenceLength),
    ],
  },
  attend,
  pattern,
  cost({ batch, heads, keyLength, headDim }, complete) {
    const { layer, causal } = complete;
    const pairs =
      layer === 'composed'
        ? pairsOfAll(axesOf(complete), causal, keyLength)
        : pairsAlong(axisOf(complete), causal, keyLength);
    return { flops: batch * heads * pairs * (4 * headDim + SOFTMAX_FLOPS) };
  },
});
