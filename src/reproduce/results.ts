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

  /** Throws FileFormatError if it is not there, or has another length: as in a log that was cut, or written by hand. */
  list(unit: string, name: string, length: number): readonly number[] {
    const value = this.#listOf(unit, name);
    if (value.length === length) return value;
    const expected = `expected a list '${name}' of ${length} numbers`;
    throw new FileFormatError(`results of '${unit}': ${expected}, got ${value.length}`);
  }

  /** The steps at which a training looked at held-out examples. Throws FileFormatError unless there are some, each after the last. */
  steps(unit: string): readonly number[] {
    const steps = this.#listOf(unit, 'steps');
    if (steps.length > 0 && steps.every((step, at) => step > (steps[at - 1] ?? 0))) return steps;
    const given = steps.length === 0 ? 'none' : steps.join(', ');
    throw new FileFormatError(`results of '${unit}': expected a list 'steps' of rising numbers above 0, got ${given}`);
  }

  /** At each of `steps`, the values of trainings that looked then, one a unit. Throws FileFormatError for other steps or lengths. */
  curve(units: readonly string[], name: string, steps: readonly number[]): number[][] {
    const lists = units.map((unit) => {
      const own = this.list(unit, 'steps', steps.length);
      const at = own.findIndex((step, place) => step !== steps[place]);
      if (at === -1) return this.list(unit, name, steps.length);
      const expected = `expected ${steps[at]} as number ${at + 1} of the list 'steps'`;
      throw new FileFormatError(`results of '${unit}': ${expected}, got ${own[at]}`);
    });
    return steps.map((_, at) => lists.map((list) => list[at]));
  }

  #listOf(unit: string, name: string): readonly number[] {
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
