/** Linear recurrences: the op of linear attention, with its decays and delta rules. */
import { recordAll } from '../autograd.ts';
import { ArgumentError, expectShape } from '../errors.ts';
import { expectOptions } from '../expect.ts';
import { scanKernel } from '../kernels/scan.ts';
import { CHUNK, scanGroup } from '../kernels/scan-chunk.ts';
import { scanKeysKernel, scanQueriesKernel } from '../kernels/scan-gradient.ts';
import { parallelFor } from '../parallel/pool.ts';
import { elements, empty, expectTensor, type Tensor, zeros } from '../tensor.ts';
import { expectFlags, expectFloat, expectSameDType, expectTokens } from './check.ts';
import { add, multiply, subtract } from './elementwise.ts';
import { withoutMaskedRows, zeroMasked } from './mask.ts';
import { sum } from './reduce.ts';
import { scannedErasing } from './scan-erase.ts';
import { bordersOf, decayGradient, numbersOf, type ScanInputs, type Scanned, ScanStates } from './scan-states.ts';
import { contiguous, expandDims, reshape } from './shape.ts';

/** Optional inputs of `scan`. */
export interface ScanOptions {
  /** log a ≤ 0, [batch, heads, length], or [batch, heads, length, m] with one for each channel. Absent: no decay. */
  logDecay?: Tensor | undefined;
  /**
   * β of the delta rule, 0 to 2, [batch, heads, length]; beyond 1 a key of norm 1 changes sign in the state (Grazzi et al.
   * 2024, arXiv:2411.12537). Absent: no delta rule.
   */
  beta?: Tensor | undefined;
  /**
   * r and e, [batch, heads, length, m], in place of a β: rᵀ (a ∘ S) is read out of the decayed state, and taken off it along e
   * (RWKV-7). Both or neither.
   */
  reads?: Tensor | undefined;
  erases?: Tensor | undefined;
  /** [batch, length], uint8: a token with 0 changes no state, whatever its rows hold. */
  keyMask?: Tensor | undefined;
  /** S₀, [batch, heads, m, n]. Absent: zeros. */
  state?: Tensor | undefined;
}

const SCAN_OPTIONS = {
  logDecay: expectTensor,
  beta: expectTensor,
  reads: expectTensor,
  erases: expectTensor,
  keyMask: expectTensor,
  state: expectTensor,
};

export type { Scanned } from './scan-states.ts';

/**
 * o_t = S_tᵀ q_t for every token t, where the state S, [m, n], is updated at every token:
 *
 *     S_t = a_t ∘ S_{t−1} + k_t v_tᵀ                                                  (linear attention, GLA, Mamba-2 …)
 *     S_t = (I − β_t k_t k_tᵀ) (a_t ∘ S_{t−1}) + β_t k_t v_tᵀ                         (with the delta rule)
 *     S_t = (I − e_t r_tᵀ) (a_t ∘ S_{t−1}) + k_t v_tᵀ                           (with what is read, r, and erased, e)
 *
 * for queries q and keys k [batch, heads, length, m], and values v [batch, heads, length, n]; a_t is one number, or one for
 * each row of S. Takes O(length · m · n) time and O(length · (m + n)) memory, chunk by chunk (Yang et al. 2024,
 * arXiv:2406.06484). No bit of an output depends on later tokens. Everything is differentiable, including the state. Throws
 * ShapeError or ArgumentError for arguments that do not fit, for a decay above 1 and a β outside 0 to 2, and for
 * reads without erases or beside a β.
 */
export function scan(queries: Tensor, keys: Tensor, values: Tensor, options: ScanOptions = {}): Scanned {
  const { logDecay, beta, reads, erases, keyMask, state } = expectOptions('options', options, SCAN_OPTIONS);
  expectInputs(queries, keys, values, { logDecay, beta, reads, erases, keyMask, state });
  const [batch, heads, , m] = queries.shape;
  const g = logDecay && withoutMasked(logDecay, keyMask);
  const b = beta && withoutMasked(beta, keyMask);
  if (g !== undefined) expectWithin('logDecay', g, Number.NEGATIVE_INFINITY, 0);
  if (b !== undefined) expectWithin('beta', b, 0, 2);
  const given: ScanInputs = {
    // Made contiguous once: several kernels read them, and each would copy a view.
    q: contiguous(queries),
    k: zeroMasked(contiguous(keys), keyMask),
    v: zeroMasked(contiguous(values), keyMask),
    g: g === undefined ? null : contiguous(g),
    beta: b ?? null,
    state: state ?? null,
    keyMask,
  };
  const before = state ?? zeros([batch, heads, m, values.shape[3]], queries.dtype);
  if (reads === undefined || erases === undefined) return scanned(given, before);
  const [r, e] = [reads, erases].map((each) => zeroMasked(contiguous(each), keyMask));
  return scannedErasing({ ...given, r, e }, before);
}

function scanned(given: ScanInputs, before: Tensor): Scanned {
  const { q, k, v, g, beta } = given;
  const numbers = numbersOf(given, sizeOf(given), 0);
  const { sequences, length, m, n, size } = numbers;
  const items = sequences * Math.ceil(length / size);
  const costPerItem = 2 * Math.min(size, length) * m * (n + CHUNK);
  const decays = { g: elements(g ?? q) };
  const delta = beta === null ? {} : { beta: elements(beta) };

  const output = empty(v.shape, v.dtype);
  const missing = beta === null ? null : empty(v.shape, v.dtype);
  const states = new ScanStates(k, v, g, before, numbers);
  const arrays = {
    queries: elements(q),
    keys: elements(k),
    values: elements(v),
    ...decays,
    states: states.states,
    output: elements(output),
    ...delta,
    ...(missing && { missing: elements(missing) }),
  };
  parallelFor(scanKernel, items, arrays, numbers, { costPerItem });
  const after = states.last(before);

  const leaves = [q, k, v, ...[g, beta, given.state].filter((tensor) => tensor !== null)];
  recordAll('scan', [output, after], leaves, ([ofOutput, ofState]) => {
    const gradient = contiguous(ofOutput ?? zeros(output.shape, output.dtype));
    const stateGradient = ofState ?? zeros(before.shape, before.dtype);
    const u = beta === null || missing === null ? v : multiply(expandDims(beta, 3), missing);
    const [ofQueries, ofKeys, ofValues] = [q, k, v].map(({ shape, dtype }) => empty(shape, dtype));
    const ofReading = beta && empty(k.shape, k.dtype);
    const ofWritten = beta && empty(v.shape, v.dtype);
    // A padded query without any gradient writes nothing, whatever it holds.
    const rows = elements(gradient);
    const isIdle = (row: number) => rows.subarray(row * n, (row + 1) * n).every((value) => value === 0);
    const queries = withoutMaskedRows(q, given.keyMask, isIdle);

    const behind = new ScanStates(k, u, g, before, numbers);
    const backwards = numbersOf(given, sizeOf(given), 1);
    const ahead = new ScanStates(queries, gradient, g, stateGradient, backwards);
    const borders = g && bordersOf(behind, ahead, after, g, numbers);
    const common = { keys: elements(k), written: elements(u), ...decays, gradient: rows };
    const back = {
      ...common,
      queries: elements(queries),
      states: ahead.states,
      ofKeys: elements(ofKeys),
      ofValues: elements(ofValues),
      ...delta,
      ...(ofWritten && { ofWritten: elements(ofWritten) }),
    };
    parallelFor(scanKeysKernel, items, back, backwards, { costPerItem: 2 * costPerItem });
    const forth = {
      ...common,
      states: behind.states,
      ofQueries: elements(ofQueries),
      ...(ofReading && { ofReading: elements(ofReading), taken: elements(ofValues) }),
    };
    parallelFor(scanQueriesKernel, items, forth, numbers, { costPerItem: 2 * costPerItem });
    behind.release();
    const ofBefore = ahead.last(before);

    const gradients = [ofQueries, ofReading === null ? ofKeys : add(ofKeys, ofReading), ofValues];
    if (g !== null && borders !== null) {
      const written = ofReading === null ? ofKeys : subtract(ofKeys, ofReading);
      const b = subtract(multiply(queries, ofQueries), multiply(k, written));
      gradients.push(decayGradient(g.shape.length === 3 ? sum(b, 3) : b, g, borders, numbers));
    }
    if (missing !== null && ofWritten !== null) gradients.push(sum(multiply(ofWritten, missing), 3));
    if (given.state !== null) gradients.push(ofBefore);
    return gradients;
  });
  return { output, state: after };
}

// What a delta rule removes depends on all earlier tokens, so there is one group.
const sizeOf = ({ q, v, beta }: ScanInputs): number => (beta === null ? scanGroup(q.shape[3], v.shape[3]) : q.shape[2]);

/** The numbers of each token, with zeros for masked tokens. */
function withoutMasked(x: Tensor, keyMask: Tensor | undefined): Tensor {
  const [batch, heads, length] = x.shape;
  return reshape(zeroMasked(reshape(x, [batch, heads, length, -1]), keyMask), x.shape);
}

/** NaN is let through and turns what it reaches into NaN, so that a caller who passes one is not stopped halfway. */
function expectWithin(name: string, x: Tensor, least: number, most: number): void {
  const at = elements(x).findIndex((value) => value < least || value > most);
  if (at < 0) return;
  const range = least === Number.NEGATIVE_INFINITY ? `at most ${most}` : `${least} to ${most}`;
  throw new ArgumentError(`${name}: expected ${range}, got ${elements(x)[at]} at element ${at}`);
}

function expectInputs(
  queries: Tensor,
  keys: Tensor,
  values: Tensor,
  { logDecay, beta, reads, erases, keyMask, state }: ScanOptions,
): void {
  expectFloat('queries', queries);
  for (const [name, tensor] of Object.entries({ keys, values, logDecay, beta, reads, erases, state })) {
    if (tensor !== undefined) expectSameDType(name, tensor, queries.dtype, 'to match queries');
  }
  for (const [name, tensor] of Object.entries({ queries, keys, values })) expectTokens(name, tensor);
  const [batch, heads, length, m] = queries.shape;
  const n = values.shape[3];
  expectShape('keys', keys.shape, queries.shape, 'to match queries');
  expectShape('values', values.shape, [batch, heads, length, n], 'to match queries');
  if (logDecay !== undefined) {
    const channels = logDecay.shape.length === 4 ? [m] : [];
    expectShape('logDecay', logDecay.shape, [batch, heads, length, ...channels], 'to match queries');
  }
  expectErasing(beta, reads, erases, queries.shape);
  if (beta !== undefined) expectShape('beta', beta.shape, [batch, heads, length], 'to match queries');
  if (state !== undefined) expectShape('state', state.shape, [batch, heads, m, n], 'to match keys and values');
  if (keyMask !== undefined) expectFlags('keyMask', keyMask, [batch, length], 'to match keys');
}

function expectErasing(
  beta: Tensor | undefined,
  reads: Tensor | undefined,
  erases: Tensor | undefined,
  shape: readonly number[],
): void {
  for (const [name, own, other] of [
    ['reads', reads, 'erases'],
    ['erases', erases, 'reads'],
  ] as const) {
    if (own === undefined && (reads ?? erases) !== undefined) {
      throw new ArgumentError(`${name}: expected a tensor, because ${other} is given, got none`);
    }
    if (own === undefined) continue;
    if (beta !== undefined) throw new ArgumentError(`${name}: expected none beside beta, got one`);
    expectShape(name, own.shape, shape, 'to match queries');
  }
}
