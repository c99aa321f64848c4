/** Softmax attention in O(length) memory, over any layout, and the sum of attentions over disjoint sets of keys. */
import { recordAll } from '../autograd.ts';
import { expectShape, formatShape, ShapeError } from '../errors.ts';
import { expectFiniteNumber, expectList, expectOptions, expectRecord } from '../expect.ts';
import { attentionKernel } from '../kernels/attention.ts';
import { attentionGradientKernel } from '../kernels/attention-gradient.ts';
import { meetingsOf, roundsOf } from '../kernels/attention-rounds.ts';
import { type AttentionLayout, TILE_FIELDS, tabulate } from '../kernels/attention-tiles.ts';
import { joinGradientKernel, joinKernel } from '../kernels/join.ts';
import { parallelFor } from '../parallel/pool.ts';
import { elements, empty, fromArray, type Tensor, zeros } from '../tensor.ts';
import { beginBackward } from './attention-backward.ts';
import { expectFlags, expectFloat, expectSameDType, expectTensor } from './check.ts';
import { expectLayout } from './check-layout.ts';
import { quietMasked } from './mask.ts';

export interface StreamingOptions {
  /** [batch, keyLength] or [batch, heads, keyLength], uint8: 1 = a real key, 0 = padding. */
  keyMask?: Tensor | undefined;
  /** What q·k is multiplied by; 1/√headDim by default. */
  scale?: number;
}

/** An attention over some of the keys, with what it takes to join it with one over others. */
export interface Attended {
  /** Σ_j softmax_j(S_ij) v_j: [batch, heads, queryLength, valueDim]. Zeros for a query that meets no key. */
  output: Tensor;
  /** log Σ_j exp S_ij: [batch, heads, queryLength]. −∞ for a query that meets no key. */
  logSumExp: Tensor;
}

/** Multiply-adds that an exp counts for. */
const EXP_COST = 16;

/**
 * softmax(scale · QKᵀ) V over the pairs of a layout, without the matrix of weights (Milakov & Gimelshein 2018; Rabe &
 * Staats 2021): queries [batch, heads, queryLength, headDim], keys [batch, heads, keyLength, headDim], values [batch,
 * heads, keyLength, valueDim]. Both results are differentiable. Throws ShapeError or ArgumentError for what does not fit.
 */
export function streamingAttention(
  queries: Tensor,
  keys: Tensor,
  values: Tensor,
  layout: AttentionLayout,
  options: StreamingOptions = {},
): Attended {
  const { keyMask, scale } = expectOptions('options', options, { keyMask: expectTensor, scale: expectFiniteNumber });
  expectInputs(queries, keys, values, layout, keyMask);
  // What padding holds has no influence, even if it is NaN.
  return attendOver(queries, quietMasked(keys, keyMask), quietMasked(values, keyMask), layout, { keyMask, scale });
}

function attendOver(
  queries: Tensor,
  keys: Tensor,
  values: Tensor,
  layout: AttentionLayout,
  { keyMask, scale }: StreamingOptions,
): Attended {
  const [batch, heads, queryLength, headDim] = queries.shape;
  const [, , keyLength, valueDim] = values.shape;
  const layoutHeads = layout.heads.length;
  const tables = tabulate(layout);
  const int32 = (numbers: Int32Array) => elements(fromArray(numbers, [numbers.length], 'int32'));
  const [queryTiles, begins, ends, dilations] = [tables.queryTiles, tables.begin, tables.end, tables.dilations].map(
    int32,
  );
  const mask = keyMask === undefined ? dilations : elements(keyMask);
  const groups = layoutHeads === 1 ? batch * heads : batch;
  const numbersWith = (tiles: Int32Array) => [
    heads,
    layoutHeads,
    tiles.length / TILE_FIELDS,
    queryLength,
    keyLength,
    headDim,
    valueDim,
    scale ?? 1 / Math.sqrt(headDim),
    keyMask === undefined ? 0 : keyMask.shape.length - 1,
  ];
  const queryItems = (groups * tables.queryTiles.length) / TILE_FIELDS;
  const pairs = groups * tables.pairs;

  const output = empty([batch, heads, queryLength, valueDim], queries.dtype);
  const logSumExp = empty([batch, heads, queryLength], queries.dtype);
  const inputs = [elements(queries), elements(keys), elements(values)];
  parallelFor(
    attentionKernel,
    queryItems,
    [...inputs, elements(output), elements(logSumExp), queryTiles, begins, ends, dilations, mask],
    numbersWith(tables.queryTiles),
    { costPerItem: (pairs * (headDim + valueDim + EXP_COST)) / queryItems },
  );

  recordAll('streamingAttention', [output, logSumExp], [queries, keys, values], (given) => {
    const begun = beginBackward([output, logSumExp], given, [queries, keys, values]);
    const { outputGradient, delta, gradients, asked } = begun;
    const known = [...inputs, ...[outputGradient, logSumExp, delta].map(elements)];
    const results = begun.results.map(elements);
    const products = 1 + gradients.filter((gradient) => gradient !== null).length;
    const rounds = roundsOf(layout);
    const meetings = rounds.reduce((sum, round) => sum + meetingsOf(round), 0);
    for (const round of rounds) {
      parallelFor(
        attentionGradientKernel,
        groups * meetingsOf(round),
        [...known, int32(round), begins, ends, dilations, mask, ...results],
        [...numbersWith(round), asked],
        { costPerItem: (tables.pairs * (products * headDim + valueDim + EXP_COST)) / meetings },
      );
    }
    return gradients;
  });
  return { output, logSumExp };
}

/** Parts that one pass can join: a kernel takes so many arrays. A join of joins is a join. */
const MOST_JOINED = 5;

/**
 * One attention over all keys from attentions of the same queries over disjoint sets of them: each output counts by its
 * share of the exponentials, exp(lse_p) / Σ exp(lse). A query that no part has a key for gets zeros. Throws ArgumentError
 * for no parts, ShapeError for parts that differ in shape.
 */
export function joinAttention(parts: readonly Attended[]): Attended {
  expectList(
    'parts',
    parts,
    (name, part) => expectRecord(name, part, { output: expectTensor, logSumExp: expectTensor }),
    1,
  );
  if (parts.length === 1) return parts[0];
  const [first] = parts;
  expectFloat('parts[0].output', first.output);
  const outputs = parts.map(({ output }) => output);
  const logSumExps = parts.map(({ logSumExp }) => logSumExp);
  parts.forEach((part, index) => {
    expectShape(`parts[${index}].output`, part.output.shape, first.output.shape, 'to match the first part');
    expectShape(`parts[${index}].logSumExp`, part.logSumExp.shape, first.output.shape.slice(0, -1), 'to match it');
    expectSameDType(`parts[${index}].output`, part.output, first.output.dtype, 'to match the first part');
    expectSameDType(`parts[${index}].logSumExp`, part.logSumExp, first.output.dtype, 'to match the first part');
  });
  if (parts.length > MOST_JOINED) {
    const rest = parts.slice(MOST_JOINED);
    let joined = joinAttention(parts.slice(0, MOST_JOINED));
    for (let n = 0; n < rest.length; n += MOST_JOINED - 1) {
      joined = joinAttention([joined, ...rest.slice(n, n + MOST_JOINED - 1)]);
    }
    return joined;
  }
  const width = first.output.shape[first.output.shape.length - 1];
  const rows = first.logSumExp.size;
  const output = empty(first.output.shape, first.output.dtype);
  const logSumExp = empty(first.logSumExp.shape, first.output.dtype);
  const given = [...outputs, ...logSumExps, output, logSumExp].map(elements);
  const costPerItem = parts.length * (width + EXP_COST);
  parallelFor(joinKernel, rows, given, [parts.length, width], { costPerItem });
  recordAll('joinAttention', [output, logSumExp], [...outputs, ...logSumExps], ([gradient, logSumExpGradient]) => {
    const results = [...outputs, ...logSumExps].map(({ shape, dtype }) => empty(shape, dtype));
    const gradients = [gradient ?? zeros(output.shape, output.dtype), logSumExpGradient ?? logSumExp, ...results];
    const numbers = [parts.length, width, logSumExpGradient === null ? 0 : 1];
    const cost = { costPerItem: 3 * costPerItem };
    parallelFor(joinGradientKernel, rows, [...given, ...gradients.map(elements)], numbers, cost);
    return results;
  });
  return { output, logSumExp };
}

function expectInputs(
  queries: Tensor,
  keys: Tensor,
  values: Tensor,
  layout: AttentionLayout,
  keyMask: Tensor | undefined,
): void {
  expectFloat('queries', queries);
  expectSameDType('keys', keys, queries.dtype, 'to match queries');
  expectSameDType('values', values, queries.dtype, 'to match queries');
  for (const [name, { shape }] of Object.entries({ queries, keys, values })) {
    if (shape.length === 4) continue;
    throw new ShapeError(`${name}: expected [batch, heads, length, headDim], got ${formatShape(shape)}`);
  }
  expectLayout('layout', layout);
  const [batch, heads, , headDim] = queries.shape;
  expectShape('queries', queries.shape, [batch, heads, layout.queryLength, headDim], 'to match the layout');
  expectShape('keys', keys.shape, [batch, heads, layout.keyLength, headDim], 'to match queries and the layout');
  expectShape('values', values.shape, [batch, heads, layout.keyLength, values.shape[3]], 'to match keys');
  if (layout.heads.length !== 1 && layout.heads.length !== heads) {
    throw new ShapeError(`layout: expected runs for ${heads} heads, or one for all, got ${layout.heads.length}`);
  }
  if (keyMask === undefined) return;
  const perHead = keyMask.shape.length === 3 ? [heads] : [];
  expectFlags('keyMask', keyMask, [batch, ...perHead, layout.keyLength], 'to match keys');
}
