/** Attention whose weights are products of positive features, in linear time: the op of kernel attentions. */
import { recordAll } from '../autograd.ts';
import { expectShape, ShapeError } from '../errors.ts';
import { type Check, expectBoolean, expectOptions, expectRecord, oneOf } from '../expect.ts';
import { FEATURE_MAPS, type FeatureMapName } from '../kernels/feature-maps.ts';
import { NOTHING } from '../kernels/feature-sums.ts';
import { elements, empty, expectTensor, filled, type Tensor, zeros } from '../tensor.ts';
import type { Attended } from './attention.ts';
import { expectAxes, expectFlags, expectFloat, expectSameDType, expectTokens } from './check.ts';
import { multiply, relu, shift } from './elementwise.ts';
import { zeroMasked } from './mask.ts';
import { sum } from './reduce.ts';
import { type FeatureState, RunningSums } from './running-sums.ts';
import { contiguous, expandDims } from './shape.ts';
import { keySide, querySide } from './token-sides.ts';

export type { FeatureMapName, FeatureState };

/** What queries and keys are given as. */
export interface FeatureForm {
  /**
   * φ: `exp` (the default) takes the logarithms of features, `elu-plus-one` takes x of φ(x) = elu(x) + 1. The same for queries and
   * keys.
   */
  map?: FeatureMapName | undefined;
}

/** Optional inputs of `featureSums`. */
export interface FeatureSumOptions extends FeatureForm {
  /** c, added to the logarithms of all features of a key, [batch, heads, keyLength]. */
  keyScale?: Tensor | undefined;
  /** [batch, keyLength], uint8: 0 = masked, whatever its row holds. */
  keyMask?: Tensor | undefined;
  /** The sums over the keys before these. */
  state?: FeatureState | undefined;
}

/** Optional inputs of `featureAttention`. */
export interface FeatureOptions extends FeatureSumOptions {
  /** Query i meets keys 0 … i, and those of the state. Needs as many keys as queries. */
  causal?: boolean;
}

const expectState: Check = (name, state) =>
  expectRecord(name, state, { sums: expectTensor, totals: expectTensor, scales: expectTensor });

const FORM = { map: oneOf(...(Object.keys(FEATURE_MAPS) as FeatureMapName[])) };
const SUM_OPTIONS = { ...FORM, keyScale: expectTensor, keyMask: expectTensor, state: expectState };

/**
 * Attention with the weights w_ij = Σ_f φ(a_if) φ(b_jf) exp(c_j), divided by their sum over the keys that query i meets:
 * queries a [batch, heads, queryLength, m], keys b [batch, heads, keyLength, m], values [batch, heads, keyLength, valueDim].
 * By default φ is exp: a and b are the logarithms of positive features. `map` chooses another φ. Numbers may be of any size.
 * It takes O(length · m · valueDim) time, and memory for the results alone. `logSumExp` is the logarithm of the sum of the
 * weights, and `state` lets a later call continue. With `causal`, no bit of an output depends on later tokens. Everything
 * but the scales is differentiable. Throws ShapeError or ArgumentError for arguments that do not fit.
 */
export function featureAttention(
  queries: Tensor,
  keys: Tensor,
  values: Tensor,
  given: FeatureOptions = {},
): Attended & { state: FeatureState } {
  const { causal = false, ...options } = expectOptions('options', given, { ...SUM_OPTIONS, causal: expectBoolean });
  expectKeys(keys, values, options);
  expectQueries(queries, keys, keys.shape[3]);
  const [queryLength, keyLength] = [queries.shape[2], keys.shape[2]];
  if (causal && queryLength !== keyLength) {
    throw new ShapeError(`causal: expected as many queries as keys, got ${queryLength} and ${keyLength}`);
  }
  if (causal && keyLength > 1) {
    // Made contiguous once: several kernels read them, and each would copy a view.
    return causalAttention(contiguous(queries), contiguous(keys), contiguous(values), options);
  }
  const state = featureSums(keys, values, options);
  return { ...readFeatureSums(queries, state, { map: options.map }), state };
}

function causalAttention(queries: Tensor, keys: Tensor, values: Tensor, options: FeatureSumOptions) {
  const { map = 'exp', keyScale, keyMask, state } = options;
  const before = state ?? emptyState(keys.shape, values.shape[3], keys.dtype);
  const ofKeys = keySide(map, keys, values, keyScale, keyMask);
  const sums = RunningSums.along(ofKeys, before);
  const result = sums.attend(queries, map);
  const after = sums.last();
  const outputs = [result.output, result.logSumExp, after.sums, after.totals];
  const inputs = [queries, ...inputsOf(keys, values, options)];
  recordAll('featureAttention', outputs, inputs, ([ofOutput, ofLogSum, ofSums, ofTotals]) => {
    const ofQueries = querySide(map, queries, result, ofOutput, ofLogSum);
    // Queries read the sums of keys …
    const forward = RunningSums.along(ofKeys, before);
    const queryGradient = forward.slopes(ofQueries);
    forward.release();
    // … and keys, from the last to the first, read the sums of queries.
    const backward = RunningSums.along(ofQueries, gradientState(after, ofSums, ofTotals), true);
    const [keyGradient, valueGradient] = backward.slopesAndMixture(ofKeys);
    const initial = gradientsOfState(before, backward.last());
    return [queryGradient, ...gradientsOf(keys, keyGradient, valueGradient, initial, options)];
  });
  return { output: result.output, logSumExp: result.logSumExp, state: after };
}

/** The sums over keys, for `readFeatureSums`: the half of `featureAttention` that comes before any query. */
export function featureSums(keys: Tensor, values: Tensor, options: FeatureSumOptions = {}): FeatureState {
  expectOptions('options', options, SUM_OPTIONS);
  expectKeys(keys, values, options);
  return sumsOf(contiguous(keys), contiguous(values), options);
}

function sumsOf(keys: Tensor, values: Tensor, options: FeatureSumOptions): FeatureState {
  const { map = 'exp', keyScale, keyMask, state } = options;
  const before = state ?? emptyState(keys.shape, values.shape[3], keys.dtype);
  const ofKeys = keySide(map, keys, values, keyScale, keyMask);
  const after = RunningSums.over(ofKeys, before);
  recordAll('featureSums', [after.sums, after.totals], inputsOf(keys, values, options), ([ofSums, ofTotals]) => {
    const ahead = gradientState(after, ofSums, ofTotals);
    const [keyGradient, valueGradient] = RunningSums.of(ahead).slopesAndMixture(ofKeys);
    return gradientsOf(keys, keyGradient, valueGradient, gradientsOfState(before, ahead), options);
  });
  return after;
}

/** The outputs of queries that meet all keys of a state: the half of `featureAttention` that comes after `featureSums`. */
export function readFeatureSums(queries: Tensor, state: FeatureState, options: FeatureForm = {}): Attended {
  expectState('state', state);
  const { map = 'exp' } = expectOptions('options', options, FORM);
  expectAxes('state.sums', state.sums, 4);
  const [batch, heads, m] = state.sums.shape;
  expectSameDType('state.totals', state.totals, state.sums.dtype, 'to match state.sums');
  expectSameDType('state.scales', state.scales, 'float64', 'whatever the rest is');
  for (const name of ['totals', 'scales'] as const) {
    expectShape(`state.${name}`, state[name].shape, [batch, heads, m], 'to match state.sums');
  }
  expectQueries(queries, state.sums, state.sums.shape[2]);
  return readBy(contiguous(queries), state, map);
}

function readBy(queries: Tensor, state: FeatureState, map: FeatureMapName): Attended {
  const result = RunningSums.of(state).attend(queries, map);
  const outputs = [result.output, result.logSumExp];
  recordAll('readFeatureSums', outputs, [queries, state.sums, state.totals], ([ofOutput, ofLogSum]) => {
    const ofQueries = querySide(map, queries, result, ofOutput, ofLogSum);
    const written = RunningSums.over(ofQueries, emptyState(queries.shape, state.sums.shape[3], queries.dtype));
    return [RunningSums.of(state).slopes(ofQueries), ...gradientsOfState(state, written)];
  });
  return { output: result.output, logSumExp: result.logSumExp };
}

/** The inputs of the sums over keys, in the order of `gradientsOf`. */
function inputsOf(keys: Tensor, values: Tensor, { keyScale, state }: FeatureSumOptions): Tensor[] {
  return [keys, values, ...(keyScale ? [keyScale] : []), ...(state ? [state.sums, state.totals] : [])];
}

function gradientsOf(
  keys: Tensor,
  ofKeys: Tensor,
  ofValues: Tensor,
  ofState: readonly Tensor[],
  { map, keyScale, keyMask, state }: FeatureSumOptions,
): Tensor[] {
  // By the logarithms of features: φ/φ′ is 1 + max(x, 0) for elu + 1.
  const ofLogs = () => (map === 'elu-plus-one' ? multiply(ofKeys, shift(relu(zeroMasked(keys, keyMask)), 1)) : ofKeys);
  return [ofKeys, ofValues, ...(keyScale ? [sum(ofLogs(), 3)] : []), ...(state ? ofState : [])];
}

/** Empty sums. */
function emptyState([batch, heads, , m]: readonly number[], n: number, dtype: Tensor['dtype']): FeatureState {
  const [sums, totals] = [zeros([batch, heads, m, n], dtype), zeros([batch, heads, m], dtype)];
  return { sums, totals, scales: filled([batch, heads, m], NOTHING, 'float64') };
}

/**
 * The gradients of a state as sums that keys read: the state is e^−μ times the true sums, so these are e^μ times the true
 * gradients, and their scale is −μ.
 */
function gradientState(state: FeatureState, ofSums: Tensor | null, ofTotals: Tensor | null): FeatureState {
  const { shape, dtype } = state.totals;
  const scales = empty(shape, 'float64');
  const [from, to] = [elements(state.scales), elements(scales)];
  for (let at = 0; at < to.length; at++) to[at] = from[at] === NOTHING ? NOTHING : -from[at];
  return { sums: ofSums ?? zeros(state.sums.shape, dtype), totals: ofTotals ?? zeros(shape, dtype), scales };
}

/** The reverse: gradients of a state's sums and totals from the true gradients, which are e^scale times these. */
function gradientsOfState(state: FeatureState, { sums, totals, scales }: FeatureState): [Tensor, Tensor] {
  const factors = empty(totals.shape, totals.dtype);
  const [own, theirs, to] = [state.scales, scales, factors].map(elements);
  for (let at = 0; at < to.length; at++) to[at] = Math.exp(own[at] + theirs[at]);
  return [multiply(sums, expandDims(factors, 3)), multiply(totals, factors)];
}

function expectQueries(queries: Tensor, { dtype, shape: [batch, heads] }: Tensor, m: number): void {
  expectFloat('queries', queries);
  expectSameDType('queries', queries, dtype, 'to match keys');
  expectTokens('queries', queries);
  expectShape('queries', queries.shape, [batch, heads, queries.shape[2], m], 'to match keys');
}

function expectKeys(keys: Tensor, values: Tensor, { keyScale, keyMask, state }: FeatureSumOptions): void {
  expectFloat('keys', keys);
  const { sums, totals, scales } = state ?? {};
  if (scales !== undefined) expectSameDType('state.scales', scales, 'float64', 'whatever the rest is');
  for (const [name, tensor] of Object.entries({ values, keyScale, 'state.sums': sums, 'state.totals': totals })) {
    if (tensor !== undefined) expectSameDType(name, tensor, keys.dtype, 'to match keys');
  }
  expectTokens('keys', keys);
  expectTokens('values', values);
  const [batch, heads, length, m] = keys.shape;
  const n = values.shape[3];
  expectShape('values', values.shape, [batch, heads, length, n], 'to match keys');
  if (keyScale !== undefined) expectShape('keyScale', keyScale.shape, [batch, heads, length], 'to match keys');
  if (state !== undefined) {
    expectShape('state.sums', state.sums.shape, [batch, heads, m, n], 'to match keys and values');
    expectShape('state.totals', state.totals.shape, [batch, heads, m], 'to match keys');
    expectShape('state.scales', state.scales.shape, [batch, heads, m], 'to match keys');
  }
  if (keyMask !== undefined) expectFlags('keyMask', keyMask, [batch, length], 'to match keys');
}
