/** Inflating (RFC 1951) at once, of input that is not trusted: what a browser has of its own answers by a stream. */
import { damaged, FIXED_DISTANCES, FIXED_LITERALS, InflateError, type Table, tableOf } from './huffman.browser.ts';

/** Of `node:zlib`: what is cut off gives what it can. */
const Z_SYNC_FLUSH = 2;

/** Thrown where the input ends before a symbol does: made once, for it may be no fault. */
const CUT_OFF = new InflateError('Z_BUF_ERROR', 'unexpected end of file');

const END_OF_BLOCK = 256;
/** 3.2.5: of each length code from 257 on, and each distance code, the least value and how many bits are added to it. */
const LENGTH_BITS = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_BITS = [
  0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
];
const LENGTHS = [...leastOf(LENGTH_BITS, 3).slice(0, -1), 258];
const DISTANCES = leastOf(DISTANCE_BITS, 1);
/** 3.2.7: in which order the lengths of the codes of lengths come. */
const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

function leastOf(bits: readonly number[], first: number): number[] {
  let next = first;
  return bits.map((count) => {
    const least = next;
    next += 2 ** count;
    return least;
  });
}

/**
 * The bytes that a raw deflate stream holds, as `node:zlib` gives them: what lies behind its end is passed over, and with
 * `finishFlush: Z_SYNC_FLUSH` a stream that is cut off gives what it can. Throws errors with a code: ERR_BUFFER_TOO_LARGE for
 * more than `maxOutputLength` bytes, Z_DATA_ERROR for what is no such stream, Z_BUF_ERROR for one that is cut off.
 */
export function inflateRawSync(
  bytes: Uint8Array,
  { maxOutputLength, finishFlush }: { maxOutputLength: number; finishFlush: number },
): Uint8Array {
  const [input, output] = [new Input(bytes), new Output(maxOutputLength)];
  try {
    for (let isLast = false; !isLast; ) {
      isLast = input.take(1) === 1;
      inflateBlock(input.take(2), input, output);
    }
  } catch (error) {
    if (error !== CUT_OFF || finishFlush !== Z_SYNC_FLUSH) throw error;
  }
  return output.bytes();
}

function inflateBlock(kind: number, input: Input, output: Output): void {
  if (kind === 0) copyStored(input, output);
  else if (kind === 1) copySymbols(input, output, FIXED_LITERALS, FIXED_DISTANCES);
  else if (kind === 2) copySymbols(input, output, ...tablesIn(input));
  else throw damaged('invalid block type');
}

/** Bits of the input, from the least of each byte up. */
class Input {
  readonly #bytes: Uint8Array;
  #at = 0;
  #held = 0;
  #count = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  take(count: number): number {
    this.#fill();
    if (count > this.#count) throw CUT_OFF;
    const bits = this.#held & ((1 << count) - 1);
    this.#held >>>= count;
    this.#count -= count;
    return bits;
  }

  /** The next symbol of a table. */
  symbol({ entries, bits }: Table): number {
    this.#fill();
    const entry = entries[this.#held & ((1 << bits) - 1)];
    const length = entry & 15;
    // What is not there reads as zeros, which may be no code though more bits would be one.
    if (length > this.#count || (length === 0 && this.#count < bits)) throw CUT_OFF;
    if (length === 0) throw damaged('invalid code');
    this.#held >>>= length;
    this.#count -= length;
    return entry >> 4;
  }

  /** The next whole bytes, as many of `count` as there are. */
  wholeBytes(count: number): Uint8Array {
    // Whole bytes that were held already are given back.
    const begin = this.#at - (this.#count >> 3);
    const found = this.#bytes.subarray(begin, begin + count);
    [this.#at, this.#held, this.#count] = [begin + found.length, 0, 0];
    return found;
  }

  /** Up to the next whole byte. */
  align(): void {
    this.take(this.#count & 7);
  }

  #fill(): void {
    while (this.#count <= 16 && this.#at < this.#bytes.length) {
      this.#held |= this.#bytes[this.#at++] << this.#count;
      this.#count += 8;
    }
  }
}

/** Bytes so far, in a buffer that grows. */
class Output {
  readonly #most: number;
  #buffer = new Uint8Array(1024);
  #length = 0;

  constructor(most: number) {
    this.#most = most;
  }

  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  put(byte: number): void {
    this.#reserve(1);
    this.#buffer[this.#length++] = byte;
  }

  append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** What was put `distance` before, which may go on into what this puts. */
  repeat(length: number, distance: number): void {
    if (distance > this.#length) throw damaged('invalid distance too far back');
    this.#reserve(length);
    const buffer = this.#buffer;
    for (const end = this.#length + length; this.#length < end; this.#length++) {
      buffer[this.#length] = buffer[this.#length - distance];
    }
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed > this.#most) throw new InflateError('ERR_BUFFER_TOO_LARGE', `more than ${this.#most} bytes`);
    if (needed <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.min(this.#most, Math.max(needed, 2 * this.#buffer.length)));
    larger.set(this.bytes());
    this.#buffer = larger;
  }
}

/** 3.2.4. */
function copyStored(input: Input, output: Output): void {
  input.align();
  const [length, inverse] = [input.take(16), input.take(16)];
  if (length !== (inverse ^ 0xffff)) throw damaged('invalid stored block lengths');
  const bytes = input.wholeBytes(length);
  output.append(bytes);
  if (bytes.length < length) throw CUT_OFF;
}

function copySymbols(input: Input, output: Output, literals: Table, distances: Table): void {
  for (;;) {
    const symbol = input.symbol(literals);
    if (symbol < END_OF_BLOCK) output.put(symbol);
    else if (symbol === END_OF_BLOCK) return;
    else {
      const at = symbol - END_OF_BLOCK - 1;
      if (at >= LENGTHS.length) throw damaged('invalid literal/length code');
      const length = LENGTHS[at] + input.take(LENGTH_BITS[at]);
      const code = input.symbol(distances);
      if (code >= DISTANCES.length) throw damaged('invalid distance code');
      output.repeat(length, DISTANCES[code] + input.take(DISTANCE_BITS[code]));
    }
  }
}

/** 3.2.7. */
function tablesIn(input: Input): [literals: Table, distances: Table] {
  const [literals, distances, count] = [input.take(5) + 257, input.take(5) + 1, input.take(4) + 4];
  if (literals > 286 || distances > 30) throw damaged('too many length or distance symbols');
  const lengthsOfLengths = new Array<number>(ORDER.length).fill(0);
  for (let n = 0; n < count; n++) lengthsOfLengths[ORDER[n]] = input.take(3);
  const table = tableOf(lengthsOfLengths, false);
  const lengths: number[] = [];
  while (lengths.length < literals + distances) {
    const symbol = input.symbol(table);
    if (symbol < 16) lengths.push(symbol);
    else {
      if (symbol === 16 && lengths.length === 0) throw damaged('invalid bit length repeat');
      const length = symbol === 16 ? lengths[lengths.length - 1] : 0;
      const times = symbol === 16 ? 3 + input.take(2) : symbol === 17 ? 3 + input.take(3) : 11 + input.take(7);
      if (lengths.length + times > literals + distances) throw damaged('invalid bit length repeat');
      for (let n = 0; n < times; n++) lengths.push(length);
    }
  }
  if (lengths[END_OF_BLOCK] === 0) throw damaged('missing end-of-block');
  return [tableOf(lengths.slice(0, literals), true), tableOf(lengths.slice(literals), true)];
}
