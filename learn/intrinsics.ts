/**
 * What JavaScript brings (`Array.prototype`, `Math`, …), as it was before the learner's code ran: the laws, and all that reads
 * a result, need it unchanged. Changes are found and undone by functions that were taken beforehand.
 */
const { apply, defineProperty, deleteProperty, getOwnPropertyDescriptor, getPrototypeOf, isExtensible, ownKeys } =
  Reflect;
const { setPrototypeOf } = Reflect;
const { isNaN: isNotNumber } = Number;
const description = getOwnPropertyDescriptor(Symbol.prototype, 'description')!.get!;

/** What is compared: these globals, what they have, and their prototypes. */
const NAMES = [
  ...[
    'Object',
    'Function',
    'Array',
    'Number',
    'Math',
    'Boolean',
    'String',
    'Symbol',
    'BigInt',
    'JSON',
    'Reflect',
    'Proxy',
  ],
  ...['Map', 'Set', 'WeakMap', 'WeakSet', 'Promise', 'RegExp', 'Date', 'ArrayBuffer', 'DataView'],
  ...['Float32Array', 'Float64Array', 'Int8Array', 'Int16Array', 'Int32Array', 'Uint8Array', 'Uint8ClampedArray'],
  ...['Uint16Array', 'Uint32Array', 'BigInt64Array', 'BigUint64Array'],
  ...['isNaN', 'isFinite', 'parseInt', 'parseFloat'],
];
/** Of errors only their prototypes: engines and tools change what the constructors have, such as `stackTraceLimit`. */
const ERRORS = ['Error', 'TypeError', 'RangeError', 'SyntaxError', 'ReferenceError'];

interface Kept {
  readonly name: string;
  readonly object: object;
  readonly prototype: object | null;
  readonly isExtensible: boolean;
  readonly keys: readonly PropertyKey[];
  /** Without a prototype, for one that is changed would change what they say. */
  readonly properties: readonly PropertyDescriptor[];
  /** Whether more may be there than was there: of the global object only some properties are compared. */
  readonly isPart: boolean;
}

/** The learner's code changed what is not its own. */
export class IntrinsicChanged extends Error {}

/** Taken before the learner's code is loaded. */
export class Intrinsics {
  readonly #kept: readonly Kept[] = taken();

  /** Undoes what has changed, as far as that can be undone; an error that names the first change, or null. */
  changed(): IntrinsicChanged | null {
    let first: string | null = null;
    for (let n = 0; n < this.#kept.length; n++) {
      const found = undone(this.#kept[n]);
      if (first === null) first = found;
    }
    return first === null
      ? null
      : new IntrinsicChanged(`your code ${first}, which the laws and all other code need as it was`);
  }
}

function taken(): Kept[] {
  const seen = new Set<object>();
  const kept: Kept[] = [];
  const keep = (name: string, object: unknown) => {
    if ((typeof object !== 'object' && typeof object !== 'function') || object === null || seen.has(object)) return;
    seen.add(object);
    kept.push(keptOf(name, object, ownKeys(object), false));
  };
  const scope = globalThis as unknown as Record<string, { prototype?: object } | undefined>;
  kept.push(
    keptOf(
      '',
      globalThis,
      [...NAMES, ...ERRORS].filter((name) => name in globalThis),
      true,
    ),
  );
  for (const name of [...NAMES, ...ERRORS]) {
    if (!ERRORS.includes(name)) keep(name, scope[name]);
    keep(`${name}.prototype`, scope[name]?.prototype);
  }
  const typed = getPrototypeOf(Float64Array) as { prototype: object };
  keep('the prototype of typed arrays', typed);
  keep('TypedArray.prototype', typed.prototype);
  const iterators = [[][Symbol.iterator](), new Map().entries(), new Set().values(), ''[Symbol.iterator]()];
  for (const iterator of iterators) keep('the prototype of an iterator', getPrototypeOf(iterator));
  keep('the prototype of all iterators', getPrototypeOf(getPrototypeOf(iterators[0]) as object));
  return kept;
}

function keptOf(name: string, object: object, keys: readonly PropertyKey[], isPart: boolean): Kept {
  const properties = keys.map((key) => {
    const property = getOwnPropertyDescriptor(object, key) as PropertyDescriptor;
    setPrototypeOf(property, null);
    return property;
  });
  return {
    name,
    object,
    prototype: getPrototypeOf(object),
    isExtensible: isExtensible(object),
    keys,
    properties,
    isPart,
  };
}

/** The first change of an object as the end of a sentence, after all its changes were undone. Uses nothing that may be changed. */
function undone({
  name,
  object,
  prototype,
  isExtensible: wasExtensible,
  keys,
  properties,
  isPart,
}: Kept): string | null {
  let found: string | null = null;
  for (let n = 0; n < keys.length; n++) {
    const now = getOwnPropertyDescriptor(object, keys[n]);
    if (now !== undefined && sameProperty(now, properties[n])) continue;
    if (found === null) found = `changes ${placeOf(name, keys[n])}`;
    defineProperty(object, keys[n], properties[n]);
  }
  if (wasExtensible && !isExtensible(object)) found = `freezes ${name}`;
  if (getPrototypeOf(object) !== prototype) {
    if (found === null) found = `gives ${name} another prototype`;
    setPrototypeOf(object, prototype);
  }
  if (isPart) return found;
  const all = ownKeys(object);
  if (all.length === keys.length) return found;
  for (let n = 0; n < all.length; n++) {
    let isOld = false;
    for (let m = 0; m < keys.length && !isOld; m++) isOld = keys[m] === all[n];
    if (isOld) continue;
    if (found === null) found = `adds ${placeOf(name, all[n])}`;
    deleteProperty(object, all[n]);
  }
  return found;
}

function sameProperty(a: PropertyDescriptor, b: PropertyDescriptor): boolean {
  return (
    a.writable === b.writable &&
    a.enumerable === b.enumerable &&
    a.configurable === b.configurable &&
    // NaN is no change.
    (a.value === b.value || (isNotNumber(a.value) && isNotNumber(b.value))) &&
    a.get === b.get &&
    a.set === b.set
  );
}

/** `Array.prototype.map`, `Array.prototype[Symbol.iterator]` */
function placeOf(name: string, key: PropertyKey): string {
  if (typeof key === 'symbol') return `${name}[${apply(description, key, [])}]`;
  return name === '' ? `${key as string}` : `${name}.${key as string}`;
}
