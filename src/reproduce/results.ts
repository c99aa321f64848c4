/** The numbers that the units of an experiment have left, read by unit and name. */
import { FileFormatError } from '../core/errors.ts';
import { isObject } from '../core/files/json.ts';

/** What one unit of work measured. All numbers are finite, as JSON needs them. */
export type Numbers = Readonly<Record<string, number | readonly number[]>>;

export class Results {
  readonly #units: ReadonlyMap<string, Numbers>;

  constructor(units: ReadonlyMap<string, Numbers>) {
    this.#units = units;
  }

  /** Throws FileFormatError if it is not there. */
  number(unit: string, name: string): number {
    const value = this.#units.get(unit)?.[name];
    if (typeof value !== 'number') throw new FileFormatError(`results of '${unit}': expected a number '${name}'`);
    return value;
  }

  /** Of all numbers and lists of a unit; empty if it has none. */
  names(unit: string): string[] {
    return Object.keys(this.#units.get(unit) ?? {});
  }

  /** Throws FileFormatError if it is not there. */
  list(unit: string, name: string): readonly number[] {
    const value = this.#units.get(unit)?.[name];
    if (!Array.isArray(value)) throw new FileFormatError(`results of '${unit}': expected a list '${name}'`);
    return value;
  }
}

/** Whether a value is numbers by name, all of them finite. */
export function isNumbers(value: unknown): value is Numbers {
  const isFiniteNumber = (each: unknown) => typeof each === 'number' && Number.isFinite(each);
  return (
    isObject(value) &&
    Object.values(value).every((each) => isFiniteNumber(each) || (Array.isArray(each) && each.every(isFiniteNumber)))
  );
}
