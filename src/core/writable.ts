/** Arrays that random numbers are written to. */
import { expectArrayLike } from './dtype.ts';
import { ArgumentError, describe } from './errors.ts';

/** What `fillNormal` and `fillUniform` write to: a plain array or any typed array of floats. */
export interface WritableNumbers {
  readonly length: number;
  [index: number]: number;
}

/** Integer arrays are refused, because they would round every number. */
export function expectFloats(name: string, array: WritableNumbers): void {
  expectArrayLike(name, array);
  const isFloats = array instanceof Float32Array || array instanceof Float64Array || !ArrayBuffer.isView(array);
  if (!isFloats) throw new ArgumentError(`${name}: expected an array of floats, got ${describe(array)}`);
}

export function expectFinite(name: string, value: number): void {
  if (!Number.isFinite(value)) throw new ArgumentError(`${name}: expected a finite number, got ${describe(value)}`);
}
