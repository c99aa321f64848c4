/** What `scan` takes: its arguments are checked before any work. */
import { ArgumentError, expectShape } from '../errors.ts';
import { elements, type Tensor } from '../tensor.ts';
import { expectFlags, expectFloat, expectSameDType, expectTokens } from './check.ts';
import type { ScanOptions } from './scan.ts';

/** NaN is let through and turns what it reaches into NaN, so that a caller who passes one is not stopped halfway. */
export function expectWithin(name: string, x: Tensor, least: number, most: number): void {
  const at = elements(x).findIndex((value) => value < least || value > most);
  if (at < 0) return;
  const range = least === Number.NEGATIVE_INFINITY ? `at most ${most}` : `${least} to ${most}`;
  throw new ArgumentError(`${name}: expected ${range}, got ${elements(x)[at]} at element ${at}`);
}

/** Throws ShapeError or ArgumentError for tensors of other shapes or types, and for options that exclude each other. */
export function expectInputs(
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
