/** The oracle's inputs: queries, keys and values, which pairs are visible, and the checks of all of them. */

import { ArgumentError, formatShape, ShapeError } from '../errors.ts';
import { expectBoolean, expectFiniteNumber, expectFunction, expectList, expectRecord } from '../expect.ts';
import { at, type Dense, type Dense64, eachRow, expectDense, offset, zeros } from './dense.ts';

/** Queries, keys and values in the oracle's form. */
export interface ReferenceInputs {
  /** [batch, heads, queryLength, headDim] */
  readonly queries: Dense;
  /** [batch, heads, keyLength, headDim] */
  readonly keys: Dense;
  /** [batch, heads, keyLength, valueDim] */
  readonly values: Dense;
}

/** Which keys a query may see. A pair is visible when every condition given says so. */
export interface ReferenceMasks {
  /** Key j is visible to query i only if j ≤ i. Needs keyLength = queryLength. */
  readonly causal?: boolean;
  /** [batch, keyLength], 1 = keep, 0 = padding. */
  readonly keyMask?: Dense;
}

/** The optional inputs of the oracle: masks, a scale, a pattern and a bias. */
export interface ReferenceOptions extends ReferenceMasks {
  /** The factor of q·k; 1/√headDim by default. */
  readonly scale?: number;
  /** An attention pattern, the same for the whole batch. */
  readonly allowed?: (head: number, query: number, key: number) => boolean;
  /** A pattern that depends on the data, and therefore on the batch entry. */
  readonly allowedIn?: (batch: number, head: number, query: number, key: number) => boolean;
  /** Added to the scaled score. */
  readonly bias?: (batch: number, head: number, query: number, key: number) => number;
}

/** Whether query i may see key j. */
export function visible(b: number, h: number, i: number, j: number, options: ReferenceOptions): boolean {
  if (options.causal && j > i) return false;
  if (options.keyMask && options.keyMask.data[b * options.keyMask.shape[1] + j] === 0) return false;
  if (options.allowed && !options.allowed(h, i, j)) return false;
  if (options.allowedIn && !options.allowedIn(b, h, i, j)) return false;
  return true;
}

/** O = A V. A weight of 0 contributes 0 even if the value is not finite. */
export function mixValues(weights: Dense64, values: Dense): Dense64 {
  const output = zeros([...weights.shape.slice(0, 3), values.shape[3]]);
  eachRow(weights, (b, h, i, keyLength) => {
    for (let j = 0; j < keyLength; j++) {
      const weight = at(weights, b, h, i, j);
      if (weight === 0) continue;
      for (let c = 0; c < values.shape[3]; c++) {
        output.data[offset(output, b, h, i, c)] += weight * at(values, b, h, j, c);
      }
    }
  });
  return output;
}

export const maskChecks = { causal: expectBoolean, keyMask: expectRecord };
export const optionChecks = {
  ...maskChecks,
  scale: expectFiniteNumber,
  allowed: expectFunction,
  allowedIn: expectFunction,
  bias: expectFunction,
};

/** Checks queries, keys and values in this order, under the names of the arguments. */
export function checkInputs(inputs: object, { causal, keyMask }: ReferenceMasks): void {
  const named = Object.entries(inputs) as [string, Dense][];
  for (const [name, dense] of named) {
    expectRecord(name, dense);
    const { shape } = dense;
    expectList(`${name}.shape`, shape);
    if (shape.length === 4) continue;
    throw new ShapeError(`${name}: expected [batch, heads, length, columns], got ${formatShape(shape)}`);
  }
  const [[ofQueries, queries], [ofKeys, keys], [ofValues, values]] = named;
  const [batch, heads, queryLength, headDim] = queries.shape;
  const keyLength = keys.shape[2];
  expectDense(ofQueries, queries, queries.shape);
  expectDense(ofKeys, keys, [batch, heads, keyLength, headDim], `to match ${ofQueries}`);
  expectDense(ofValues, values, [batch, heads, keyLength, values.shape[3]], `to match ${ofKeys}`);
  if (causal && keyLength !== queryLength) {
    throw new ShapeError(`causal: expected as many keys as queries (${queryLength}), got ${keyLength} keys`);
  }
  if (keyMask === undefined) return;
  expectDense('keyMask', keyMask, [batch, keyLength], 'to match keys');
  for (let n = 0; n < keyMask.data.length; n++) {
    const value = keyMask.data[n];
    if (value !== 0 && value !== 1) throw new ArgumentError(`keyMask: expected 0 or 1, got ${value} at ${n}`);
  }
}
