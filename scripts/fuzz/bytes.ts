/** Faults of bytes: bits that flip, parts that are lost, twice there or of another file, numbers that cannot be. */
import type { Random } from '../../src/core/random.ts';

/** What a length, a count or a place in a file is worst at. */
const NUMBERS = [
  0n,
  1n,
  7n,
  127n,
  128n,
  255n,
  256n,
  32767n,
  65535n,
  65536n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
];

type Fault = (bytes: Buffer, random: Random, other: Uint8Array) => Buffer;

const FAULTS: readonly Fault[] = [
  function flipBit(bytes, random) {
    if (bytes.length > 0) bytes[random.integer(bytes.length)] ^= 1 << random.integer(8);
    return bytes;
  },
  function setByte(bytes, random) {
    if (bytes.length > 0)
      bytes[random.integer(bytes.length)] = pick([0, 1, 0x22, 0x5b, 0x7b, 0x7f, 0x80, 0xff], random);
    return bytes;
  },
  function setNumber(bytes, random) {
    const width = pick([1, 2, 4, 8], random);
    if (bytes.length < width) return bytes;
    const number = Buffer.alloc(8);
    number.writeBigUInt64LE(pick(NUMBERS, random));
    number.copy(bytes, random.integer(bytes.length - width + 1), 0, width);
    return bytes;
  },
  function insert(bytes, random) {
    const [at, count] = [random.integer(bytes.length + 1), 1 + random.integer(16)];
    const fresh = Buffer.from(Array.from({ length: count }, () => random.integer(256)));
    return Buffer.concat([bytes.subarray(0, at), fresh, bytes.subarray(at)]);
  },
  function remove(bytes, random) {
    const [begin, end] = range(bytes, random);
    return Buffer.concat([bytes.subarray(0, begin), bytes.subarray(end)]);
  },
  function repeat(bytes, random) {
    const [begin, end] = range(bytes, random);
    return Buffer.concat([bytes.subarray(0, end), bytes.subarray(begin)]);
  },
  function cut(bytes, random) {
    return bytes.subarray(0, random.integer(bytes.length + 1));
  },
  function splice(bytes, random, other) {
    return Buffer.concat([
      bytes.subarray(0, random.integer(bytes.length + 1)),
      other.subarray(random.integer(other.length + 1)),
    ]);
  },
];

/** A copy with a few faults; `other` is a file whose parts may get in. */
export function damaged(bytes: Uint8Array, random: Random, other: Uint8Array = bytes): Buffer {
  let copy = Buffer.from(bytes);
  for (let faults = few(4, random); faults > 0; faults--) copy = Buffer.from(pick(FAULTS, random)(copy, random, other));
  return copy;
}

/** Of a few bytes most often. */
function range(bytes: Uint8Array, random: Random): [begin: number, end: number] {
  const begin = random.integer(bytes.length + 1);
  const longest = random.integer(4) === 0 ? bytes.length : 16;
  return [begin, Math.min(bytes.length, begin + random.integer(longest + 1))];
}

export function pick<T>(from: readonly T[], random: Random): T {
  return from[random.integer(from.length)];
}

/** One most often, at most so many. */
export function few(most: number, random: Random): number {
  return oneIn(2, random) ? 1 : 1 + random.integer(most);
}

/** True in one of `of` cases. */
export function oneIn(of: number, random: Random): boolean {
  return random.integer(of) === 0;
}
