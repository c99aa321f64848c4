/** Faults of JSON: values of other kinds and sizes, at any depth; names that are missing, new, or those of every object. */
import type { Random } from '../../src/core/random.ts';
import { damaged, few, oneIn, pick } from './bytes.ts';

/** What a setting is worst at. Sizes that a machine can just about have are left out: to try them is no fault. */
const VALUES: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -0,
  1,
  -1,
  2,
  3,
  0.5,
  7,
  64,
  1e-320,
  1e308,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32,
  2 ** 40,
  2 ** 53,
  2 ** 63,
  -(2 ** 31),
  '',
  'x',
  '0',
  '1e3',
  'NaN',
  'full',
  'relu',
  '\u001b[31m',
  '\ud800',
  'é',
  '__proto__',
  'constructor',
  '../x',
  '/dev/zero',
  'a\u0000b',
  [],
  {},
  [[]],
  [null],
  [0],
  [1, 2, 3],
  ['a'],
  { a: 1 },
  [-1],
  [2 ** 53],
  [1e308],
];
const NAMES = ['__proto__', 'constructor', 'toString', 'length', '', '__metadata__', 'x', '0', '\u001b', 'a.b', 'é'];

// A fault that got into one of them would make later cases depend on earlier ones.
for (const value of VALUES) freeze(value);

function freeze(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  Object.values(value).forEach(freeze);
  Object.freeze(value);
}

type Container = Record<string | number, unknown>;

/** A copy of a JSON value with a few faults. */
export function faulty(value: unknown, random: Random): unknown {
  let copy = structuredClone(value);
  for (let faults = few(3, random); faults > 0; faults--) copy = withFault(copy, random);
  return copy;
}

/** JSON text of a value with faults: of the value, or now and then of the text. */
export function faultyText(value: unknown, random: Random): Buffer {
  const text = Buffer.from(textOf(faulty(value, random)));
  return oneIn(6, random) ? damaged(text, random) : text;
}

/** As JSON.stringify, also of `__proto__` and of what is nested too deeply for it. */
export function textOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? 'null';
  } catch {
    return `${'['.repeat(5000)}${']'.repeat(5000)}`;
  }
}

function withFault(root: unknown, random: Random): unknown {
  const places = placesIn(root);
  // A copy: the next fault is put into it.
  if (places.length === 0) return structuredClone(pick(VALUES, random));
  const { parent, key } = pick(places, random);
  const old = parent[key];
  const fresh = (): unknown => {
    switch (random.integer(8)) {
      case 0:
        return typeof old === 'number'
          ? pick([old + 1, old - 1, -old, old * 2, old / 2, old * 1e6, old + 0.5], random)
          : [old];
      case 1:
        return typeof old === 'string' ? damaged(Buffer.from(old), random).toString() : { [String(key)]: old };
      case 2:
        // Another part of the same value.
        return copyOf(pick(places, random).parent[key] ?? pick(VALUES, random));
      case 3:
        return oneIn(8, random) ? nested(pick([30, 200, 4000], random)) : 'long '.repeat(random.integer(2000));
      default:
        return structuredClone(pick(VALUES, random));
    }
  };
  switch (random.integer(Array.isArray(parent) ? 5 : 6)) {
    case 0:
      if (Array.isArray(parent)) parent.splice(Number(key), 1);
      else delete parent[key];
      break;
    case 1:
      if (Array.isArray(parent)) parent.splice(Number(key), 0, fresh());
      else define(parent, pick(NAMES, random), fresh());
      break;
    case 5:
      delete parent[key];
      define(parent, pick(NAMES, random), old);
      break;
    default:
      parent[key] = fresh();
  }
  return root;
}

/** Also where the name is `__proto__`, as JSON.parse does. */
function define(parent: Container, name: string, value: unknown): void {
  Object.defineProperty(parent, name, { value, enumerable: true, configurable: true, writable: true });
}

/** What is nested too deeply to be copied stays one value in two places. */
function copyOf(value: unknown): unknown {
  try {
    return structuredClone(value);
  } catch {
    return value;
  }
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let n = 0; n < depth; n++) value = n % 2 === 0 ? [value] : { a: value };
  return value;
}

interface Place {
  parent: Container;
  key: string | number;
}

/** Of each value within another. Where there are many, as in a vocabulary, of a few. */
function placesIn(root: unknown, depth = 0): Place[] {
  if (typeof root !== 'object' || root === null || depth > 12) return [];
  const parent = root as Container;
  return Object.keys(parent)
    .slice(0, 200)
    .flatMap((key) => [{ parent, key }, ...placesIn(parent[key], depth + 1)]);
}
