/** Whether what a function returned is what the law expects, and in one sentence what is different. */
import { visible } from '../src/core/visible.ts';
import type { Value } from './exercise.ts';

export interface Difference {
  readonly kind: 'nothing' | 'type' | 'shape' | 'not-finite' | 'value';
  readonly sentence: string;
}

/** The first difference, the shape before the numbers; null if there is none. */
export function difference(expected: Value, got: unknown, tolerance: number): Difference | null {
  return ofShape(expected, got, []) ?? ofNumbers(expected, got as Value, tolerance * scaleOf(expected));
}

type Path = readonly (number | string)[];

function ofShape(expected: Value, got: unknown, path: Path): Difference | null {
  const where = path.length === 0 ? 'your function' : placeOf(path);
  if (got === undefined) {
    // Of two results, a mistake's and a learner's, both may have holes.
    if ((expected as unknown) === undefined) return null;
    const sentence =
      path.length === 0
        ? `your function returned nothing: it should return ${described(expected)}`
        : `${where} is missing`;
    return { kind: 'nothing', sentence };
  }
  const verb = path.length === 0 ? 'returned' : 'is';
  const wrong = (kind: Difference['kind']): Difference => ({
    kind,
    sentence: `${where} ${verb} ${described(got)} and should ${path.length === 0 ? 'return' : 'be'} ${described(expected)}`,
  });
  if (Array.isArray(expected)) {
    // A typed array holds numbers as well as a list does.
    const list = ArrayBuffer.isView(got) && 'length' in got ? Array.from(got as Float64Array) : got;
    if (!Array.isArray(list)) return wrong('type');
    if (list.length !== expected.length) return wrong('shape');
    for (let i = 0; i < expected.length; i++) {
      const found = ofShape(expected[i], list[i], [...path, i]);
      if (found !== null) return found;
    }
    return null;
  }
  if (typeof expected === 'object') {
    if (typeof got !== 'object' || got === null || Array.isArray(got)) return wrong('type');
    for (const [name, value] of Object.entries(expected)) {
      const found = ofShape(value, (got as Record<string, unknown>)[name], [...path, name]);
      if (found !== null) return found;
    }
    return null;
  }
  return typeof got === typeof expected ? null : wrong('type');
}

function ofNumbers(expected: Value, got: Value, allowed: number, path: Path = []): Difference | null {
  if (typeof expected === 'object') {
    for (const [name, value] of Object.entries(expected)) {
      const key = Array.isArray(expected) ? Number(name) : name;
      const found = ofNumbers(value, (got as Record<string, Value>)[name], allowed, [...path, key]);
      if (found !== null) return found;
    }
    return null;
  }
  if (Object.is(expected, got) || Math.abs(Number(expected) - Number(got)) <= allowed) return null;
  const where = path.length === 0 ? 'the result' : placeOf(path);
  if (typeof got === 'number' && !Number.isFinite(got) && Number.isFinite(Number(expected))) {
    const why = Number.isNaN(got) ? 'not a number (NaN)' : 'infinite';
    return { kind: 'not-finite', sentence: `${where} is ${why} and should be ${shortNumber(expected)}` };
  }
  return { kind: 'value', sentence: `${where} is ${shortNumber(got)} and should be ${shortNumber(expected)}` };
}

function scaleOf(value: Value): number {
  if (typeof value === 'number') return Number.isFinite(value) ? Math.max(1, Math.abs(value)) : 1;
  if (typeof value !== 'object') return 1;
  return Object.values(value).reduce((most: number, each) => Math.max(most, scaleOf(each)), 1);
}

/** Where in the result, as code would write it. */
function placeOf(path: Path): string {
  return `the result at ${path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`)).join('')}`;
}

function described(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (value instanceof Promise) return 'a promise (the function is async)';
  if (typeof value === 'function') return 'a function';
  if (ArrayBuffer.isView(value)) return `a typed array of ${(value as Float64Array).length}`;
  if (Array.isArray(value)) {
    if (value.length === 0) return 'an empty list';
    if (!Array.isArray(value[0]))
      return `a list of ${value.length}${typeof value[0] === 'number' ? ` number${value.length === 1 ? '' : 's'}` : ''}`;
    const widths = new Set(value.map((row) => (Array.isArray(row) ? row.length : 0)));
    return widths.size === 1 ? `a matrix of ${value.length} × ${[...widths][0]}` : `a list of ${value.length} lists`;
  }
  if (typeof value === 'object') return describedObject(value);
  if (typeof value === 'number') return `the number ${shortNumber(value)}`;
  return `a ${typeof value}`;
}

const MOST_NAMES = 8;

function describedObject(value: object): string {
  const kind = Object.prototype.toString.call(value).slice(8, -1);
  if (/Generator$/.test(kind))
    return 'a generator (the function has a star, and runs only when values are taken from it)';
  if (kind !== 'Object') return `an object of the kind ${visible(kind.slice(0, 40))}`;
  const names = Object.keys(value);
  if (names.length > MOST_NAMES) names.splice(MOST_NAMES, names.length, '…');
  return names.length === 0 ? 'an object without properties' : `{ ${visible(names.join(', '))} }`;
}

/** Six digits. */
export function shortNumber(value: unknown): string {
  if (typeof value !== 'number') return String(value);
  return Object.is(value, -0) ? '0' : String(Number(value.toPrecision(6)));
}
