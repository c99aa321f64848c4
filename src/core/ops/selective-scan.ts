/** The selective scan: a linear recurrence with a decay for each channel of the values and each number of its state. */
import { recordAll } from '../autograd.ts';
import { ArgumentError, expectShape } from '../errors.ts';
import { expectOptions } from '../expect.ts';
import { SELECTIVE_CHUNK } from '../kernels/selective-rows.ts';
import { SELECTIVE_CHANNELS, selectiveGradientKernel, selectiveScanKernel } from '../kernels/selective-scan.ts';
import { parallelFor } from '../parallel/pool.ts';
import { elements, empty, expectTensor, type Tensor, zeros } from '../tensor.ts';
import { expectFlags, expectFloat, expectSameDType, expectTokens } from './check.ts';
import { withoutMaskedRows, zeroMasked } from './mask.ts';
import { sum } from './reduce.ts';
import type { Scanned } from './scan-states.ts';
import { contiguous } from './shape.ts';

/** The other inputs of `selectiveScan`. */
export interface SelectiveScanOptions {
  /** Δ ≥ 0, [batch, heads, length, n]. */
  steps: Tensor;
  /** A ≤ 0, [heads, n, m]. */
  rates: Tensor;
  /** [batch, length], uint8: a token with 0 changes no state, whatever its rows hold. */
  keyMask?: Tensor | undefined;
  /** h₀, [batch, heads, n, m]. Absent: zeros. */
  state?: Tensor | undefined;
}

const OPTIONS = { steps: expectTensor, rates: expectTensor, keyMask: expectTensor, state: expectTensor };

/** The exponential of a decay, in multiply-adds. */
const EXP_COST = 4;

/**
 * y_t = C_t · h_t for every token t and every channel of the values x [batch, heads, length, n]. A channel has a state h of m
 * numbers, its own step Δ_t and its own rates A:
 *
 *     h_t = exp(Δ_t A) ∘ h_{t−1} + Δ_t x_t B_t                                       (Gu & Dao 2023, arXiv:2312.00752, eq. 2)
 *
 * with keys B and queries C, [batch, heads, length, m]. Returns y like x, and the last state [batch, heads, n, m]. Where all
 * rates of a head are one number and its channels share a step, `scan` gives the same faster. Takes O(length · m · n) time, and
 * O(length · (m + n)) memory and the states of every 64th token, in the backward pass m ⌈n/16⌉ for each token. No bit of an output
 * depends on later tokens. Everything is differentiable, including the state. Throws ShapeError or ArgumentError for arguments
 * that do not fit, for a step under 0 and a rate above 0.
 */
export function selectiveScan(queries: Tensor, keys: Tensor, values: Tensor, options: SelectiveScanOptions): Scanned {
  const { steps, rates, keyMask, state } = expectOptions('options', options, OPTIONS, ['steps', 'rates']);
  expectInputs(queries, keys, values, { steps, rates, keyMask, state });
  const [batch, heads, length, m] = queries.shape;
  const n = values.shape[3];
  const [C, A] = [contiguous(queries), contiguous(rates)];
  // Δ = 0 keeps a state as it is.
  const [B, x, delta] = [keys, values, steps].map((rows) => zeroMasked(contiguous(rows), keyMask));
  expectSign('steps', delta, 1);
  expectSign('rates', A, -1);

  const numbers = { sequences: batch * heads, heads, length, m, n };
  const blocks = Math.ceil(n / SELECTIVE_CHANNELS);
  const items = numbers.sequences * blocks;
  const costPerItem = length * m * Math.min(n, SELECTIVE_CHANNELS) * (3 + EXP_COST);
  const before = state ?? zeros([batch, heads, n, m], x.dtype);
  const states = empty([Math.ceil(length / SELECTIVE_CHUNK) + 1, before.size], x.dtype);
  elements(states).set(elements(before));
  const arrays = {
    keys: elements(B),
    values: elements(x),
    steps: elements(delta),
    rates: elements(A),
    states: elements(states),
  };
  const output = empty(x.shape, x.dtype);
  parallelFor(selectiveScanKernel, items, { ...arrays, queries: elements(C), output: elements(output) }, numbers, {
    costPerItem,
  });
  const after = empty(before.shape, x.dtype);
  elements(after).set(elements(states).subarray(states.size - before.size));

  const leaves = [C, B, x, delta, A, ...(state === undefined ? [] : [state])];
  recordAll('selectiveScan', [output, after], leaves, ([ofOutput, ofState]) => {
    const gradient = contiguous(ofOutput ?? zeros(output.shape, x.dtype));
    // A padded query without any gradient has none, whatever it holds.
    const rows = elements(gradient);
    const isIdle = (row: number) => rows.subarray(row * n, (row + 1) * n).every((value) => value === 0);
    const carried = empty(before.shape, x.dtype);
    elements(carried).set(elements(ofState ?? zeros(before.shape, x.dtype)));
    const [ofC, ofB] = [C, B].map(({ shape, dtype }) => empty([blocks, ...shape], dtype));
    const [ofX, ofDelta] = [x, delta].map(({ shape, dtype }) => empty(shape, dtype));
    const ofA = empty(before.shape, x.dtype);
    const back = {
      ...arrays,
      queries: elements(withoutMaskedRows(C, keyMask, isIdle)),
      gradient: rows,
      carried: elements(carried),
      ofQueries: elements(ofC),
      ofKeys: elements(ofB),
      ofValues: elements(ofX),
      ofSteps: elements(ofDelta),
      ofRates: elements(ofA),
    };
    parallelFor(selectiveGradientKernel, items, back, numbers, { costPerItem: 3 * costPerItem });
    return [sum(ofC, 0), sum(ofB, 0), ofX, ofDelta, sum(ofA, 0), ...(state === undefined ? [] : [carried])];
  });
  return { output, state: after };
}

/** NaN is let through, as in `scan`. */
function expectSign(name: string, x: Tensor, sign: 1 | -1): void {
  const at = elements(x).findIndex((value) => sign * value < 0);
  if (at < 0) return;
  throw new ArgumentError(
    `${name}: expected at ${sign > 0 ? 'least' : 'most'} 0, got ${elements(x)[at]} at element ${at}`,
  );
}

function expectInputs(
  queries: Tensor,
  keys: Tensor,
  values: Tensor,
  { steps, rates, keyMask, state }: SelectiveScanOptions,
): void {
  expectFloat('queries', queries);
  for (const [name, tensor] of Object.entries({ keys, values, steps, rates, state })) {
    if (tensor !== undefined) expectSameDType(name, tensor, queries.dtype, 'to match queries');
  }
  for (const [name, tensor] of Object.entries({ queries, keys, values })) expectTokens(name, tensor);
  const [batch, heads, length, m] = queries.shape;
  const n = values.shape[3];
  expectShape('keys', keys.shape, queries.shape, 'to match queries');
  expectShape('values', values.shape, [batch, heads, length, n], 'to match queries');
  expectShape('steps', steps.shape, values.shape, 'to match values');
  expectShape('rates', rates.shape, [heads, n, m], 'to match queries and values');
  if (state !== undefined) expectShape('state', state.shape, [batch, heads, n, m], 'to match queries and values');
  if (keyMask !== undefined) expectFlags('keyMask', keyMask, [batch, length], 'to match keys');
}
