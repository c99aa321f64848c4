/**
 * The .npy format of NumPy, versions 1.0, 2.0 and 3.0 (numpy.lib.format): a magic text and the version, the length of
 * the header, the header as a Python dict (`descr`, how a number is stored; `fortran_order`; `shape`), then the numbers.
 */
import { formatShape, ShapeError } from '../errors.ts';
import { expectText } from '../expect.ts';
import { dtypeOf, type NumericArray } from '../memory.ts';
import { writeFileAtomically } from './atomic.ts';
import { type FileOrBytes, openGiven } from './given.ts';
import type { ByteSource, Complain } from './input-file.ts';
import {
  type ArrayToStore,
  countElements,
  decode,
  expectFilled,
  isExtent,
  littleEndianBytes,
  NUMBER_KINDS,
  type StoredArray,
  type StoredNumber,
} from './numbers.ts';
import { type PythonLiteral, parsePythonLiteral } from './python-literal.ts';

const MAGIC = '\x93NUMPY';
/** The magic text and the version. */
const MAGIC_BYTES = 8;
/** The longest header of version 1.0; longer ones belong to structured types. NumPy itself refuses more than 10 000. */
const LONGEST_HEADER = 65535;
/** NumPy's limit. */
const MOST_AXES = 64;
const ALIGNMENT = 64;

/** By the letter and the size of a `descr`. */
const NUMBERS: ReadonlyMap<string, StoredNumber> = new Map([
  ['f8', 'float64'],
  ['f4', 'float32'],
  ['f2', 'float16'],
  ['i8', 'int64'],
  ['u8', 'uint64'],
  ['i4', 'int32'],
  ['u4', 'uint32'],
  ['i2', 'int16'],
  ['u2', 'uint16'],
  ['i1', 'int8'],
  ['u1', 'uint8'],
  ['b1', 'bool'],
]);
const WRITTEN_DESCRIPTIONS = { float64: '<f8', float32: '<f4', int32: '<i4', uint8: '|u1' } as const;

/**
 * Opens a file, by its path or its bytes: reads and checks its header; `load` gives the numbers, row-major also where the
 * file is in Fortran's order. float16 is widened to float32, integers become int32. Throws FileFormatError for a file that
 * is missing or malformed, that continues after the array, or that holds anything but plain numbers (Python objects,
 * structures), ArgumentError unless it is a path or bytes.
 *
 * @example
 * ```ts
 * const { shape, load } = readNpy('queries.npy');
 * const queries = fromArray(load(), shape);
 * ```
 */
export function readNpy(file: FileOrBytes): StoredArray {
  return openNpy(openGiven(file));
}

/** The same of bytes that are within another file. */
export function openNpy(file: ByteSource): StoredArray {
  const { text, end: start } = readHeader(file);
  const header = parseHeader(text, (problem) => file.error(`header: ${problem}`));
  const { description, number, littleEndian, fortranOrder, shape } = header;
  const { bytes, dtype } = NUMBER_KINDS[number];
  const expected = countElements(shape) * bytes;
  const extra = file.size - start - expected;
  const form = `${expected} bytes for '${description}' ${formatShape(shape)}`;
  if (extra < 0) throw file.error(`truncated: expected ${form}, got ${file.size - start}`);
  if (extra > 0) throw file.error(`expected ${form} and nothing after them, got ${extra} bytes more`);
  const load = (): NumericArray => {
    const data = decode(file.read(start, file.size), number, littleEndian, (problem) => file.error(problem));
    return fortranOrder ? fromFortranOrder(data, shape) : data;
  };
  return { shape, storedAs: description, dtype, load };
}

/**
 * Writes an array as version 1.0, little-endian and row-major, as `numpy.save` does. The file is there whole or not at
 * all. Throws ShapeError for numbers that do not fill their shape and for more than 64 axes, FileWriteError if the system
 * refuses.
 *
 * @example
 * ```ts
 * writeNpy('output.npy', { shape: output.shape, data: output.toArray() });
 * ```
 */
export function writeNpy(path: string, array: ArrayToStore): void {
  expectText('path', path);
  expectFilled('array', array);
  const { shape, data } = array;
  if (shape.length > MOST_AXES) throw new ShapeError(`array: expected at most ${MOST_AXES} axes, got ${shape.length}`);
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const dict = `{'descr': '${WRITTEN_DESCRIPTIONS[dtypeOf(data)]}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const unpadded = MAGIC_BYTES + 2 + dict.length + 1;
  const header = `${dict}${' '.repeat(-unpadded & (ALIGNMENT - 1))}\n`;
  const length = String.fromCharCode(header.length & 0xff, header.length >> 8);
  writeFileAtomically(path, [bytesOf(`${MAGIC}\x01\x00${length}${header}`), littleEndianBytes(data)]);
}

/** The header's text, and where it ends. */
function readHeader(file: ByteSource): { text: string; end: number } {
  const read = (begin: number, end: number): Uint8Array => {
    if (file.size >= end) return new Uint8Array(file.read(begin, end));
    throw file.error(`truncated: expected a header of ${end} bytes, got ${file.size}`);
  };
  const magic = new Uint8Array(file.read(0, Math.min(file.size, MAGIC.length)));
  if (textOf(magic) !== MAGIC) throw file.error('expected a .npy file, got another format');
  const [major, minor] = read(MAGIC.length, MAGIC_BYTES);
  if (major < 1 || major > 3 || minor !== 0) {
    throw file.error(`expected version 1.0, 2.0 or 3.0 of the .npy format, got ${major}.${minor}`);
  }
  const start = MAGIC_BYTES + (major === 1 ? 2 : 4);
  const length = read(MAGIC_BYTES, start).reduceRight((sum, byte) => 256 * sum + byte, 0);
  if (length > LONGEST_HEADER) throw file.error(`header: expected at most ${LONGEST_HEADER} bytes, got ${length}`);
  // Version 3.0 is UTF-8, which differs only in the names of fields; arrays that have fields are refused.
  return { text: textOf(read(start, start + length)), end: start + length };
}

/** Latin-1: every byte is the character of its number. */
function textOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

interface NpyHeader {
  description: string;
  number: StoredNumber;
  littleEndian: boolean;
  fortranOrder: boolean;
  shape: number[];
}

function parseHeader(text: string, complain: Complain): NpyHeader {
  const header = parseDict(text, complain);
  const [description, fortranOrder, shape] = ['descr', 'fortran_order', 'shape'].map((key) => header.get(key));
  if (typeof fortranOrder !== 'boolean') throw complain('fortran_order: expected True or False');
  if (!Array.isArray(shape) || !shape.every(isExtent) || shape.length > MOST_AXES) {
    throw complain(`shape: expected a tuple of at most ${MOST_AXES} integers of at least 0`);
  }
  return { ...parseDescription(description, complain), fortranOrder, shape };
}

function parseDict(text: string, complain: Complain): Map<string, PythonLiteral> {
  let header: PythonLiteral;
  try {
    header = parsePythonLiteral(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw complain(`expected a Python dict: ${error.message}`);
    throw error;
  }
  if (header instanceof Map && [...header.keys()].sort().join() === 'descr,fortran_order,shape') return header;
  throw complain('expected a Python dict of descr, fortran_order and shape');
}

function parseDescription(
  description: PythonLiteral | undefined,
  complain: Complain,
): Pick<NpyHeader, 'description' | 'number' | 'littleEndian'> {
  const advice = 'save plain numbers instead, as array.astype(numpy.float32) gives';
  if (typeof description !== 'string') throw complain(`descr: expected plain numbers, got a structure: ${advice}`);
  if (/^.?O/.test(description)) throw complain(`descr: expected numbers, got pickled Python objects: ${advice}`);
  const [, order, name] = /^([<>|])([a-z]\d)$/.exec(description) ?? [];
  const number = NUMBERS.get(name);
  if (number === undefined || (order === '|' && NUMBER_KINDS[number].bytes > 1)) {
    const known = [...NUMBERS.keys()].join(', ');
    throw complain(`descr: expected < or > and one of ${known}, got '${description}': ${advice}`);
  }
  return { description, number, littleEndian: order !== '>' };
}

/** From the order in which the first axis runs fastest to the one in which the last does. */
function fromFortranOrder(data: NumericArray, shape: readonly number[]): NumericArray {
  const strides: number[] = [];
  let stride = 1;
  for (const extent of shape) {
    strides.push(stride);
    stride *= extent;
  }
  const result = data.slice();
  const index = shape.map(() => 0);
  let from = 0;
  for (let to = 0; to < result.length; to++) {
    result[to] = data[from];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis];
      if (++index[axis] < shape[axis]) break;
      from -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return result;
}
