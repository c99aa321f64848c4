/**
 * Queries, keys and values in the user's files: `FILE.safetensors` or `FILE.npz`, one `FILE.npy` of all three, or one
 * .npy file each. Arrays are [batch, heads, length, headDim], or [batch, length, heads, headDim] if that layout is chosen;
 * missing leading axes, as in [heads, length, headDim] or [length, headDim], count as 1.
 */
import { MISSING_FILE_HINT } from '#platform/page-files';
import { basename, dirname, join } from '#platform/path';
import { ArgumentError, FileFormatError, formatShape, ShapeError } from '../core/errors.ts';
import { expectList, expectText } from '../core/expect.ts';
import type { Complain } from '../core/files/input-file.ts';
import { readNpy } from '../core/files/npy.ts';
import type { StoredArray } from '../core/files/numbers.ts';
import { isFolder, isMissing, namesIn } from '../core/files/system-error.ts';
import type { NumericArray } from '../core/memory.ts';
import { visible } from '../core/visible.ts';
import { nearestName } from '../terminal/suggest.ts';
import { fourAxes, headsFirst, LAYOUTS, type Layout, placeInFile, toHeadsFirst } from './layout.ts';
import { masksIn, namedMasks, type StoredMask } from './mask-file.ts';
import { endOfLayer, NAMED, readNamedArrays, SINGLE, typeOf } from './named-arrays.ts';

/** A value for each of queries, keys and values. */
export interface Parts<T> {
  queries: T;
  keys: T;
  values: T;
}

/** How files are read. */
export interface FileSettings {
  /** The order of their axes, [batch, heads, length, headDim] by default: `bhld`. */
  layout?: Layout;
  /** A file that says which tokens are real (mask-file.ts); null for no mask, not even one next to queries and keys. */
  mask?: string | null;
}

/** The arrays of one layer; only `load` reads them. */
export interface StoredLayer {
  /** The prefix of the tensors' names, `layer1` of `layer1.queries`; absent if there is none. */
  layer?: string;
  /** The name of each array in messages. */
  names: Parts<string>;
  /** [batch, heads, length, headDim] each. */
  shapes: Parts<readonly number[]>;
  /** `nan.npz: queries[0, 1, 5, 7]`: an element of the loaded array by the axes of its file. */
  placeOf(part: keyof Parts<unknown>, element: number): string;
  mask?: StoredMask;
  load(): Parts<NumericArray>;
}

const FORMS =
  'expected one .safetensors or .npz file, one .npy file of all three, or three .npy files: queries, keys, values';

/** The order of three files, and of the first axis of a stacked array. */
const PARTS = ['queries', 'keys', 'values'] as const;

const SPELLINGS: Parts<readonly string[]> = {
  queries: ['queries', 'query', 'q'],
  keys: ['keys', 'key', 'k'],
  values: ['values', 'value', 'v'],
};

/** NumPy's names for arrays without names. */
const UNNAMED = ['arr_0', 'arr_1', 'arr_2'];

/** How many tensors of a file a message lists. */
const LISTED = 8;

/**
 * The layers in one .safetensors or .npz file (arrays `queries`, `keys`, `values` or LAYER.queries and so on; also `query`
 * or `q`; and `mask`), in one .npy file ([3, batch, heads, length, headDim]) or in three. Reads headers only.
 *
 * Throws ArgumentError for another number of files; FileFormatError for a file that is missing, malformed, of another
 * type or without the three arrays; ShapeError for an array that has too few or too many axes or an empty one.
 */
export function readQkv(paths: readonly string[], settings: FileSettings = {}): StoredLayer[] {
  expectList('qkv', paths, expectText);
  if (paths.length !== 1 && paths.length !== 3) throw new ArgumentError(`qkv: ${FORMS}, got ${paths.length} files`);
  for (const path of paths) expectPresent(path);
  return withMasks(layersIn(paths, settings), settings.mask);
}

function layersIn(paths: readonly string[], { layout = 'bhld', mask }: FileSettings): StoredLayer[] {
  const types = [...new Set(paths.map(typeOf))];
  if (types.length === 1 && types[0] === SINGLE) {
    return [paths.length === 3 ? threeFiles(paths, layout) : oneArray(paths[0], layout)];
  }
  if (paths.length === 1 && NAMED.includes(types[0])) return namedTensors(paths[0], layout, mask === undefined);
  throw new FileFormatError(`${paths.join(', ')}: ${FORMS}`);
}

/** The layers with the masks of a separate file. Throws FileFormatError for a mask of an unknown layer. */
function withMasks(layers: StoredLayer[], path: string | null | undefined): StoredLayer[] {
  if (typeof path !== 'string') return layers;
  expectPresent(path);
  if (typeOf(path) !== SINGLE && !NAMED.includes(typeOf(path))) {
    throw new FileFormatError(`${path}: expected a mask in a .npy, .npz or .safetensors file`);
  }
  const masks = masksIn(path, typeOf(path) === SINGLE ? null : readNamedArrays(path));
  const known = layers.map(({ layer = '' }) => layer);
  const stray = [...masks.keys()].find((layer) => layer !== '' && !known.includes(visible(layer)));
  if (stray !== undefined) {
    throw new FileFormatError(`${path}: expected masks of ${known.join(', ') || 'no layers'}, got a mask of ${stray}`);
  }
  return layers.map((layer) => ({ ...layer, ...maskOf(layer.layer ?? '', masks) }));
}

/** The mask of the layer, or the mask of all layers. */
function maskOf(layer: string, masks: ReadonlyMap<string, StoredMask>): Pick<StoredLayer, 'mask'> {
  const mask = masks.get(layer) ?? masks.get('');
  return mask === undefined ? {} : { mask };
}

/** Other problems of a path, such as a folder without permission, are reported when it is read. */
function expectPresent(path: string): void {
  if (isFolder(path)) throw new FileFormatError(`${path}: expected a file, but it is a folder`);
  if (!isMissing(path)) return;
  const folder = dirname(path);
  if (isMissing(folder)) throw new FileFormatError(`${path}: there is no folder ${folder}${MISSING_FILE_HINT}`);
  const nearest = nearestName(basename(path), namesIn(folder));
  const question = nearest === undefined ? '' : `: did you mean ${join(folder, nearest)}?`;
  throw new FileFormatError(`${path}: there is no such file${question}${MISSING_FILE_HINT}`);
}

function namedTensors(path: string, layout: Layout, withMask: boolean): StoredLayer[] {
  const tensors = readNamedArrays(path);
  const complain = (problem: string): FileFormatError => new FileFormatError(`${path}: ${problem}`);
  const layers = groupByLayer(tensors.keys(), complain);
  if (layers.size === 0) {
    const found = [...tensors.keys()].slice(0, LISTED).join(', ') || 'none';
    const more = tensors.size > LISTED ? ` and ${tensors.size - LISTED} more` : '';
    throw complain(`expected tensors queries, keys and values, or LAYER.queries and so on, got ${found}${more}`);
  }
  const masks = withMask ? namedMasks(path, tensors) : new Map<string, StoredMask>();
  // So that layer 10 comes after layer 9.
  const order = new Intl.Collator('en', { numeric: true });
  const inOrder = [...layers].sort(([a], [b]) => order.compare(a, b));
  return inOrder.map(([layer, found]) => {
    const tensorNames = mapParts((part) => {
      const name = found[part];
      if (name === undefined) throw complain(`expected ${part} with ${Object.values(found).join(' and ')}, got none`);
      return name;
    });
    const stored = threeArrays(
      mapParts((part) => `${path}: ${tensorNames[part]}`),
      mapParts((part) => tensors.get(tensorNames[part])!()),
      layout,
    );
    return { ...(layer === '' ? {} : { layer: visible(layer) }), ...stored, ...maskOf(layer, masks) };
  });
}

/**
 * Names of arrays by layer and part; other names are ignored. If none of the three parts is named, unnamed arrays of
 * `numpy.savez` are taken in the order of three files.
 */
function groupByLayer(names: Iterable<string>, complain: Complain): Map<string, Partial<Parts<string>>> {
  const layers = new Map<string, Partial<Parts<string>>>();
  const all = [...names];
  for (const name of all) {
    const end = endOfLayer(name);
    const spelling = name.slice(end + 1).toLowerCase();
    const part = PARTS.find((each) => SPELLINGS[each].includes(spelling));
    if (part === undefined) continue;
    const layer = name.slice(0, Math.max(end, 0));
    const group = layers.get(layer) ?? {};
    if (group[part] !== undefined) throw complain(`expected ${part} once, got both ${group[part]} and ${name}`);
    layers.set(layer, { ...group, [part]: name });
  }
  if (layers.size === 0 && UNNAMED.every((name) => all.includes(name))) {
    layers.set(
      '',
      mapParts((_, n) => UNNAMED[n]),
    );
  }
  return layers;
}

function threeFiles(paths: readonly string[], layout: Layout): StoredLayer {
  return threeArrays(
    mapParts((part, n) => `${paths[n]}: ${part}`),
    mapParts((_, n) => readNpy(paths[n])),
    layout,
  );
}

function threeArrays(names: Parts<string>, arrays: Parts<StoredArray>, layout: Layout): StoredLayer {
  const stored = mapParts((part) => checkedShape(names[part], arrays[part], arrays[part].shape, layout));
  return {
    names,
    shapes: mapParts((part) => headsFirst(stored[part], layout)),
    placeOf: (part, element) =>
      `${names[part]}[${placeInFile(element, stored[part], layout, arrays[part].shape.length).join(', ')}]`,
    load: () => mapParts((part) => toHeadsFirst(arrays[part].load(), stored[part], layout)),
  };
}

/** Queries, keys and values along a first axis, as `numpy.stack` arranges them. */
function oneArray(path: string, layout: Layout): StoredLayer {
  const array = readNpy(path);
  const [parts, ...shape] = array.shape;
  if (parts !== 3 || shape.length < 2) {
    const stacked = `[3, ${LAYOUTS[layout].slice(1)} for queries, keys and values in one file (or give three files)`;
    throw new ShapeError(`${path}: expected ${stacked}, got ${formatShape(array.shape)}`);
  }
  const names = mapParts((part) => `${path}: ${part}`);
  const stored = mapParts((part) => checkedShape(names[part], array, shape, layout));
  return {
    names,
    shapes: mapParts((part) => headsFirst(stored[part], layout)),
    placeOf: (part, element) =>
      `${names[part]}[${placeInFile(element, stored[part], layout, shape.length).join(', ')}]`,
    load: () => {
      const data = array.load();
      const size = data.length / 3;
      return mapParts((part, n) => toHeadsFirst(data.subarray(n * size, (n + 1) * size), stored[part], layout));
    },
  };
}

/** The shape with its four axes, in the order of the file. */
function checkedShape(
  name: string,
  { dtype, storedAs }: StoredArray,
  shape: readonly number[],
  layout: Layout,
): number[] {
  // Token numbers or quantised codes would pass through attention without an error and mean nothing.
  if (!dtype.startsWith('float'))
    throw new FileFormatError(
      `${name}: expected floating-point numbers, got ${storedAs}; save them as array.astype(numpy.float32) gives`,
    );
  if (shape.length < 2 || shape.length > 4 || shape.includes(0)) {
    const four = LAYOUTS[layout];
    const expected = `${four}, ${four.replace('batch, ', '')} or [length, headDim], none of them 0`;
    throw new ShapeError(`${name}: expected ${expected}, got ${formatShape(shape)}`);
  }
  return fourAxes(shape, layout);
}

/** A value for each part, in order. */
export function mapParts<T>(make: (part: keyof Parts<T>, index: number) => T): Parts<T> {
  const [queries, keys, values] = PARTS.map(make);
  return { queries, keys, values };
}
