/**
 * Advice that error messages add for common mistakes: how to make the expected value from the given one. Each function looks
 * at a value of any kind, and returns an empty text if it has no advice.
 */

/** Nested lists are inspected down to the number of axes that a tensor can have. */
const DEEPEST = 8;

type Look = (name: string, value: unknown) => string | undefined;

/** Property reads that never throw, whatever getters and proxies do. */
const safely =
  (look: Look): ((name: string, value: unknown) => string) =>
  (name, value) => {
    try {
      return look(name, value) ?? '';
    } catch {
      return '';
    }
  };

const isArray = (value: unknown): value is ArrayLike<unknown> =>
  Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
const isTensorLike = (value: unknown): boolean =>
  isObject(value) && isArray(value.shape) && typeof value.toArray === 'function';

/** The extents of lists in lists, as long as they are those of the first; `[2, 3]` for `[[1, 2, 3], [4, 5, 6]]`. */
function extentsOf(value: unknown, deepest = DEEPEST): number[] {
  if (!isArray(value) || value.length === 0 || deepest === 0) return [];
  return [value.length, ...extentsOf(value[0], deepest - 1)];
}

/** `values.flat(2)`, for lists in lists; undefined for a flat one. */
function flattened(name: string, value: unknown): string | undefined {
  const depth = extentsOf(value).length - 1;
  if (depth < 1) return undefined;
  // `flat` joins lists, and leaves typed arrays whole.
  let row = value;
  for (let level = 0; level < depth; level++) row = (row as ArrayLike<unknown>)[0];
  const joined = depth === 1 ? name : `${name}.flat(${depth - 1})`;
  return Array.isArray(row) ? `${name}.flat(${depth})` : `${joined}.flatMap((row) => [...row])`;
}

/** Advice for a value that is not a tensor. */
export const adviceForTensor = safely((name, value) => {
  if (typeof value === 'number') return `filled(shape, ${value}) makes one`;
  if (isArray(value)) {
    const flat = flattened(name, value);
    return flat === undefined
      ? `fromArray(${name}, shape) makes one`
      : `fromArray(${flat}, [${extentsOf(value).join(', ')}]) makes one`;
  }
  if (!isObject(value)) return undefined;
  if (isArray(value.shape) && isArray(value.stride)) return `fromNdarray(${name}) makes one`;
  if (isArray(value.shape) && isArray(value.data)) return `fromArray(${name}.data, ${name}.shape) makes one`;
  if (isArray(value.shape) && typeof value.load === 'function') {
    return `fromArray(${name}.load(), ${name}.shape) makes one`;
  }
  const member = Object.keys(value).find((key) => isTensorLike(value[key]));
  return member === undefined ? undefined : `${name}.${member} is one`;
});

/** Advice for a value that is not an array of numbers, and for nested lists. */
export const adviceForNumbers = safely((name, value) => {
  if (typeof value === 'number') return `[${value}] is one`;
  if (isArray(value)) {
    const flat = flattened(name, value);
    return flat && `${flat} is one, of shape [${extentsOf(value).join(', ')}]`;
  }
  if (!isObject(value)) return undefined;
  if (typeof value.toArray === 'function') return `${name}.toArray() is one`;
  if (isArray(value.data)) return `${name}.data is one`;
  return typeof value.load === 'function' ? `${name}.load() is one` : undefined;
});

/** Advice for a value that is not `{ shape, data }`. */
export const adviceForDense = safely((name, value) =>
  isTensorLike(value) ? `{ shape: ${name}.shape, data: ${name}.toArray() } is one` : undefined,
);

/** Advice for a value that is not a list. */
export const adviceForList = safely((name, value) => {
  if (value instanceof Set || value instanceof Map || ArrayBuffer.isView(value)) return `[...${name}] is one`;
  return typeof value === 'number' || typeof value === 'string' || isTensorLike(value) ? `[${name}] is one` : undefined;
});

/** Advice for a value that is not iterable. */
export const adviceForEntries = safely((name, value) =>
  isObject(value) && Object.getPrototypeOf(value) === Object.prototype ? `Object.entries(${name}) is one` : undefined,
);

/** Advice for a value that is not a text. */
export const adviceForText = safely((name, value) => {
  if (!isObject(value)) return undefined;
  if (typeof value.href === 'string' && typeof value.pathname === 'string') return `fileURLToPath(${name}) is one`;
  return typeof value.name === 'string' ? `${name}.name is one` : undefined;
});

/** Advice for a value that is not a number. */
export const adviceForNumber = safely((_name, value) => {
  if (typeof value === 'bigint') return 'without its n it is a number';
  const isNumeric = typeof value === 'string' && value.trim() !== '' && Number.isFinite(Number(value));
  return isNumeric ? 'without quotes it is a number' : undefined;
});

/** Advice for an object that only holds an instance of the class, as a learner holds its model. */
export function adviceForInstance(name: string, value: unknown, Kind: abstract new (...given: never[]) => unknown) {
  const look = (path: string, each: unknown, depth: number): string | undefined => {
    if (each instanceof Kind) return `${path} is one`;
    if (depth === 0 || !isObject(each) || isArray(each)) return undefined;
    for (const key of Object.keys(each)) {
      const found = look(`${path}.${key}`, each[key], depth - 1);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return safely(() => look(name, value, 2))(name, value);
}
