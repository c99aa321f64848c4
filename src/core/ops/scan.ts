/** Causal sums of outer products: what every causal linear attention is made of. */
import { record } from '../autograd.ts';
import { expectShape, formatShape, ShapeError } from '../errors.ts';
import { expectBoolean, expectOptions } from '../expect.ts';
import {
  type ScanNumbers,
  STATE_PIECE,
  scanGroup,
  scanKernel,
  scanPrefixKernel,
  scanStatesKernel,
} from '../kernels/scan.ts';
import { allocate, release } from '../memory.ts';
import { parallelFor } from '../parallel/pool.ts';
import { elements, empty, sizeOf, type Tensor } from '../tensor.ts';
import { expectFloat, expectSameDType, expectTensor } from './check.ts';

export interface ScanOptions {
  /** Sum over j ≥ i in place of j ≤ i. */
  reverse?: boolean;
}

/**
 * result_i = Σ_{j ≤ i} (a_i · b_j) c_j for a, b [batch, heads, length, m] and c [batch, heads, length, n], without a
 * matrix for every position or a number for every pair: O(length · m · n) time, O(length · (m + n)) memory. The result
 * is [batch, heads, length, n]. Throws ShapeError or ArgumentError for what does not fit.
 *
 * With g the gradient of the result, the gradients are scans too:
 *
 *     ā_i = Σ_{j ≤ i} (g_i · c_j) b_j,   b̄_j = Σ_{i ≥ j} (c_j · g_i) a_i,   c̄_j = Σ_{i ≥ j} (b_j · a_i) g_i
 */
export function causalScan(a: Tensor, b: Tensor, c: Tensor, options: ScanOptions = {}): Tensor {
  const { reverse = false } = expectOptions('options', options, { reverse: expectBoolean });
  expectOperands(a, b, c);
  return record('causalScan', scanned(a, b, c, reverse), [a, b, c], (gradient) => [
    a.requiresGrad ? causalScan(gradient, c, b, { reverse }) : null,
    b.requiresGrad ? causalScan(c, gradient, a, { reverse: !reverse }) : null,
    c.requiresGrad ? causalScan(b, a, gradient, { reverse: !reverse }) : null,
  ]);
}

function scanned(a: Tensor, b: Tensor, c: Tensor, reverse: boolean): Tensor {
  const [batch, heads, length, m] = a.shape;
  const n = c.shape[3];
  const sequences = batch * heads;
  const size = scanGroup(m, n);
  const groups = Math.ceil(length / size);
  const numbers: ScanNumbers = [length, m, n, groups, reverse ? 1 : 0];
  const [left, middle, right] = [a, b, c].map(elements);
  const result = empty([batch, heads, length, n], a.dtype);
  const states = allocate(a.dtype, sizeOf([sequences, groups, m, n]));
  const place = m * n;
  parallelFor(scanStatesKernel, sequences * (groups - 1), [middle, right, states], numbers, {
    costPerItem: size * place,
  });
  parallelFor(scanPrefixKernel, sequences * Math.ceil(place / STATE_PIECE), [states], numbers, {
    costPerItem: groups * Math.min(place, STATE_PIECE),
  });
  parallelFor(scanKernel, sequences * groups, [left, middle, right, states, elements(result)], numbers, {
    costPerItem: 2 * Math.min(size, length) * place,
  });
  // A tape would keep the scratch until the backward pass.
  release(states);
  return result;
}

function expectOperands(a: Tensor, b: Tensor, c: Tensor): void {
  expectFloat('a', a);
  expectSameDType('b', b, a.dtype, 'to match a');
  expectSameDType('c', c, a.dtype, 'to match a');
  for (const [name, tensor] of Object.entries({ a, b, c })) {
    expectTensor(name, tensor);
    if (tensor.shape.length === 4) continue;
    throw new ShapeError(`${name}: expected [batch, heads, length, width], got ${formatShape(tensor.shape)}`);
  }
  expectShape('b', b.shape, a.shape, 'to match a');
  expectShape('c', c.shape, a.shape.with(3, c.shape[3]), 'to match a');
}
