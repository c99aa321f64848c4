/** Linear recurrences: the op of linear attention, with its decays and delta rules. */
import { isRecording, recordAll } from '../autograd.ts';
import { expectOptions } from '../expect.ts';
import { scanKernel } from '../kernels/scan.ts';
import { CHUNK, scanSize } from '../kernels/scan-chunk.ts';
import { scanKeysKernel, scanQueriesKernel } from '../kernels/scan-gradient.ts';
import { allocate, type NumericArray } from '../memory.ts';
import { parallelFor } from '../parallel/pool.ts';
import { elements, empty, expectTensor, type Tensor, zeros } from '../tensor.ts';
import { expectInputs, expectWithin } from './check-scan.ts';
import { add, multiply } from './elementwise.ts';
import { withoutMaskedRows, zeroMasked } from './mask.ts';
import { sum } from './reduce.ts';
import { scannedErasing } from './scan-erase.ts';
import {
  DecayGradient,
  groupsOf,
  numbersOf,
  type Rows,
  type ScanInputs,
  type Scanned,
  ScanStates,
  windowsOf,
} from './scan-states.ts';
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
  const windows = windowsOf(numbers);
  const costPerItem = 2 * Math.min(size, length) * m * (n + CHUNK);
  const decays = { g: elements(g ?? q) };
  const delta = beta === null ? {} : { beta: elements(beta) };

  const output = empty(v.shape, v.dtype);
  const missing = beta === null ? null : empty(v.shape, v.dtype);
  const states = new ScanStates(k, v, g, numbers, windows);
  states.start(elements(before));
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
  const leaves = [q, k, v, ...[g, beta, given.state].filter((tensor) => tensor !== null)];
  const isRecorded = isRecording() && leaves.some(({ requiresGrad }) => requiresGrad);
  // The states before each window but the first: the backward pass opens the last one first.
  const borders = isRecorded ? allocate(before.dtype, (windows.count - 1) * before.size) : null;
  for (let window = 0; window < windows.count; window++) {
    const [first, count] = groupsOf(window, windows);
    const opened = states.open(first, count);
    if (borders !== null && window > 0) borders.set(states.before, (window - 1) * before.size);
    parallelFor(scanKernel, sequences * count, arrays, opened, { costPerItem });
  }
  const after = states.last(before);

  recordAll('scan', [output, after], leaves, ([ofOutput, ofState]) => {
    const gradient = contiguous(ofOutput ?? zeros(output.shape, output.dtype));
    const u = beta === null || missing === null ? v : multiply(expandDims(beta, 3), missing);
    const [ofQueries, ofKeys, ofValues] = [q, k, v].map(({ shape, dtype }) => empty(shape, dtype));
    const ofReading = beta && empty(k.shape, k.dtype);
    const ofWritten = beta && empty(v.shape, v.dtype);
    // A padded query without any gradient writes nothing, whatever it holds.
    const rows = elements(gradient);
    const isIdle = (row: number) => rows.subarray(row * n, (row + 1) * n).every((value) => value === 0);
    const queries = withoutMaskedRows(q, given.keyMask, isIdle);

    const behind = new ScanStates(k, u, g, numbers, windows);
    const ahead = new ScanStates(queries, gradient, g, { ...numbers, reverse: 1 }, windows);
    ahead.start(elements(contiguous(ofState ?? zeros(before.shape, before.dtype))));
    const ofDecays = g && new DecayGradient(g, numbers, windows);
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
    const forth = {
      ...common,
      states: behind.states,
      ofQueries: elements(ofQueries),
      ...(ofReading && { ofReading: elements(ofReading), taken: elements(ofValues) }),
    };
    let later = elements(after);
    for (let window = windows.count - 1; window >= 0; window--) {
      const [first, count] = groupsOf(window, windows);
      const backwards = ahead.open(windows.groups - first - count, count);
      ofDecays?.meet(window, later, ahead.before);
      parallelFor(scanKeysKernel, sequences * count, back, backwards, { costPerItem: 2 * costPerItem });
      const at = window * before.size;
      later = window === 0 ? elements(before) : (borders as NumericArray).subarray(at - before.size, at);
      behind.start(later);
      const forwards = behind.open(first, count, false);
      parallelFor(scanQueriesKernel, sequences * count, forth, forwards, { costPerItem: 2 * costPerItem });
    }
    behind.release();
    const ofBefore = ahead.last(before);

    const gradients = [ofQueries, ofReading === null ? ofKeys : add(ofKeys, ofReading), ofValues];
    if (ofDecays !== null) {
      const reading: Rows[] = [[queries, ofQueries]];
      if (ofReading !== null) reading.push([k, ofReading]);
      gradients.push(ofDecays.from(reading, [[k, ofKeys]]));
    }
    if (missing !== null && ofWritten !== null) gradients.push(sum(multiply(ofWritten, missing), 3));
    if (given.state !== null) gradients.push(ofBefore);
    return gradients;
  });
  return { output, state: after };
}

// What a delta rule removes depends on all earlier tokens, so there is one group.
const sizeOf = ({ q, v, beta }: ScanInputs): number => (beta === null ? scanSize(q.shape[3], v.shape[3]) : q.shape[2]);

/** The numbers of each token, with zeros for masked tokens. */
function withoutMasked(x: Tensor, keyMask: Tensor | undefined): Tensor {
  const [batch, heads, length] = x.shape;
  return reshape(zeroMasked(reshape(x, [batch, heads, length, -1]), keyMask), x.shape);
}
