/**
 * The .npz format of NumPy, as `numpy.savez` and `numpy.savez_compressed` write it: a .zip archive with a member NAME.npy
 * for each array, stored as it is or deflated (RFC 1951, which Node has).
 */
import { inflateRawSync, constants as zlib } from '#platform/zlib';
import { MemoryError } from '../errors.ts';
import { crc32 } from './crc32.ts';
import { type ByteSource, type Complain, InputFile } from './input-file.ts';
import { openNpy } from './npy.ts';
import type { StoredArray } from './numbers.ts';
import { beginOfMember, readZipDirectory, type ZipMember } from './zip.ts';

const [STORED, DEFLATED] = [0, 8];
/** Deflate makes at most so many bytes of one: a match of 258 bytes takes two bits at least. */
const MOST_INFLATED = 1032;
const SUFFIX = '.npy';
/** Packed bytes that are first searched for a header. */
const PREFIX = 2 ** 10;

/**
 * The arrays of a file by name, in its order; members that are not .npy files are ignored. Reads the directory; each
 * array is opened by its function, which throws FileFormatError as `readNpy` does. Throws FileFormatError for a file that
 * is missing, is no archive, or has two arrays of one name.
 */
export function readNpz(path: string): ReadonlyMap<string, () => StoredArray> {
  const file = new InputFile(path);
  const directory = readZipDirectory(file);
  const arrays = new Map<string, () => StoredArray>();
  for (const member of directory.members) {
    if (!member.name.endsWith(SUFFIX)) continue;
    const name = member.name.slice(0, -SUFFIX.length);
    if (arrays.has(name)) throw file.error(`expected one array ${name}, got two`);
    arrays.set(name, () => openNpy(new Member(file, member, beginOfMember(file, member, directory))));
  }
  return arrays;
}

/** One member of an archive, as bytes that are read in parts. A complete read is checked by its checksum. */
class Member implements ByteSource {
  readonly size: number;
  readonly error: Complain;
  readonly #file: InputFile;
  readonly #member: ZipMember;
  readonly #begin: number;
  #prefix: Uint8Array = new Uint8Array();

  constructor(file: InputFile, member: ZipMember, begin: number) {
    const { name, method, size, packedSize, isEncrypted } = member;
    this.error = (problem) => file.error(`${name}: ${problem}`);
    if (isEncrypted) throw this.error('expected an array that is not encrypted');
    if (method !== STORED && method !== DEFLATED) {
      throw this.error(`expected a member that is stored or deflated, got method ${method}: save it with numpy.savez`);
    }
    const isPossible = method === STORED ? size === packedSize : size <= MOST_INFLATED * packedSize;
    if (!isPossible)
      throw this.error(`expected ${size} bytes, which ${packedSize} bytes in the archive cannot expand to`);
    this.size = size;
    this.#file = file;
    this.#member = member;
    this.#begin = begin;
  }

  read(begin: number, end: number): ArrayBuffer {
    const isWhole = end === this.size;
    if (this.#member.method === STORED) {
      const bytes = this.#packed(begin, end);
      if (isWhole) this.#check(crc32(new Uint8Array(bytes), crc32(new Uint8Array(this.#packed(0, begin)))));
      return bytes;
    }
    if (!isWhole) return copyOf(this.#inflatedTo(end), begin, end);
    const bytes = this.#inflate(this.#member.packedSize, this.size, zlib.Z_FINISH);
    if (bytes.length !== this.size) throw this.error(`expected ${this.size} bytes, got ${bytes.length}`);
    this.#check(crc32(bytes));
    return copyOf(bytes, begin, end);
  }

  #packed(begin: number, end: number): ArrayBuffer {
    return this.#file.read(this.#begin + begin, this.#begin + end);
  }

  /** At least the first `end` bytes, of no more of the packed ones than it takes. */
  #inflatedTo(end: number): Uint8Array {
    const { packedSize } = this.#member;
    for (let packed = PREFIX; this.#prefix.length < end; packed *= 4) {
      const most = Math.min(packed, packedSize);
      this.#prefix = this.#inflate(most, MOST_INFLATED * most, zlib.Z_SYNC_FLUSH);
      if (most === packedSize && this.#prefix.length < end) {
        throw this.error(`truncated: expected ${end} bytes, got ${this.#prefix.length}`);
      }
    }
    return this.#prefix;
  }

  #inflate(packed: number, most: number, finishFlush: number): Uint8Array {
    const bytes = new Uint8Array(this.#packed(0, packed));
    try {
      // One more, so that a longer result is noticed; an empty limit is none.
      return inflateRawSync(bytes, { maxOutputLength: most + 1, finishFlush });
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      if (code === 'ERR_BUFFER_TOO_LARGE') throw this.error(`expected ${most} bytes when inflated, got more`);
      if (code?.startsWith('Z_')) throw this.error(`damaged: cannot be inflated: ${message}`);
      if (!(error instanceof RangeError)) throw error;
      throw new MemoryError(`${this.#file.path}: ${most} bytes are too many to hold at once`, { cause: error });
    }
  }

  #check(sum: number): void {
    if (sum !== this.#member.crc) throw this.error('damaged: its bytes do not match their checksum');
  }
}

function copyOf(bytes: Uint8Array, begin: number, end: number): ArrayBuffer {
  return new Uint8Array(bytes.subarray(begin, end)).buffer;
}
