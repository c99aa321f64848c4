/**
 * The directory of a .zip archive (PKWARE's APPNOTE.TXT 6.3): at the end of the file a record says where the directory is,
 * the directory says where each member is, and before each member stands a header of its own. Where 16 or 32 bits do not
 * suffice, records of zip64 have the numbers; programs that write to a stream, as NumPy does, use them always.
 *
 * Everything that the archive says of places and sizes is compared with the size of the file before it is used.
 */
import type { Complain, InputFile } from './input-file.ts';

export interface ZipMember {
  readonly name: string;
  /** 0: stored; 8: deflated. Others are not read here. */
  readonly method: number;
  readonly isEncrypted: boolean;
  /** CRC-32 of the member's own bytes. */
  readonly crc: number;
  /** Bytes in the archive, and what they become. */
  readonly packedSize: number;
  readonly size: number;
  /** Where its header begins. */
  readonly header: number;
}

export interface ZipDirectory {
  readonly members: readonly ZipMember[];
  /** Where the directory begins, before which all members lie. */
  readonly begin: number;
}

/** Signatures, and bytes of the records without the parts whose length differs. */
const END = { signature: 0x06054b50, bytes: 22 };
const END_64 = { signature: 0x06064b50, bytes: 56 };
const LOCATOR_64 = { signature: 0x07064b50, bytes: 20 };
const ENTRY = { signature: 0x02014b50, bytes: 46 };
const LOCAL = { signature: 0x04034b50, bytes: 30 };
/** In the place of a number that is in a record of zip64. */
const [IN_64_OF_16, IN_64_OF_32] = [0xffff, 0xffffffff];
const EXTRA_64 = 1;
const LONGEST_COMMENT = 0xffff;
/** Some hundred thousand members. */
const LONGEST_DIRECTORY = 2 ** 25;

/** Opens an archive: reads its directory and no member. Throws FileFormatError for one that is malformed in any way. */
export function readZipDirectory(file: InputFile): ZipDirectory {
  const { begin, size, count } = findDirectory(file);
  if (size > LONGEST_DIRECTORY) throw file.error(`directory: expected at most ${LONGEST_DIRECTORY} bytes, got ${size}`);
  const view = new DataView(file.read(begin, begin + size));
  const members: ZipMember[] = [];
  let at = 0;
  while (at < size) {
    const complain: Complain = (problem) => file.error(`directory: entry ${members.length}: ${problem}`);
    if (at + ENTRY.bytes > size || view.getUint32(at, true) !== ENTRY.signature) throw complain('expected an entry');
    const [name, extra, comment] = [28, 30, 32].map((offset) => view.getUint16(at + offset, true));
    const end = at + ENTRY.bytes + name + extra + comment;
    if (end > size) throw complain('goes beyond the directory');
    members.push(memberOf(view, at, name, extra, begin, complain));
    at = end;
  }
  if (members.length !== count) throw file.error(`directory: expected ${count} members, got ${members.length}`);
  return { members, begin };
}

/** Where a member's bytes begin. Throws FileFormatError where they are not in the file, before the directory. */
export function beginOfMember(file: InputFile, member: ZipMember, { begin }: ZipDirectory): number {
  const { name, header, packedSize } = member;
  const complain: Complain = (problem) => file.error(`${name}: ${problem}`);
  if (header + LOCAL.bytes > begin) throw complain('its header goes beyond the directory');
  const view = new DataView(file.read(header, header + LOCAL.bytes));
  if (view.getUint32(0, true) !== LOCAL.signature) throw complain('expected a header before its bytes');
  const start = header + LOCAL.bytes + view.getUint16(26, true) + view.getUint16(28, true);
  if (start + packedSize <= begin) return start;
  throw complain(`expected ${packedSize} bytes, got ${Math.max(0, begin - start)} before the directory`);
}

/** By the record at the end of the file, that of zip64 where it refers to one. */
function findDirectory(file: InputFile): { begin: number; size: number; count: number } {
  const tailBegin = Math.max(0, file.size - END.bytes - LONGEST_COMMENT);
  const tail = new DataView(file.read(tailBegin, file.size));
  let at = tail.byteLength - END.bytes;
  // The comment has a known length, so that a signature inside it is not taken for one.
  const isEnd = () =>
    tail.getUint32(at, true) === END.signature && at + END.bytes + tail.getUint16(at + 20, true) === tail.byteLength;
  while (at >= 0 && !isEnd()) at--;
  if (at < 0) throw file.error('truncated, or not a .zip archive: expected the record of its end');
  const [disk, count, size, begin] = [
    tail.getUint16(at + 4, true),
    tail.getUint16(at + 10, true),
    tail.getUint32(at + 12, true),
    tail.getUint32(at + 16, true),
  ];
  if (disk !== 0 && disk !== IN_64_OF_16) throw file.error('expected an archive in one part');
  const end = tailBegin + at;
  const isIn64 = count === IN_64_OF_16 || size === IN_64_OF_32 || begin === IN_64_OF_32;
  return within(file, end, isIn64 ? endOf64(file, end) : { begin, size, count });
}

function endOf64(file: InputFile, end: number): { begin: number; size: number; count: number } {
  const locator = end - LOCATOR_64.bytes;
  if (locator < 0) throw file.error('expected a record of zip64 before that of the end');
  const found = new DataView(file.read(locator, end));
  const at = numberOf(found, 8);
  if (found.getUint32(0, true) !== LOCATOR_64.signature || !(at + END_64.bytes <= locator)) {
    throw file.error('expected a record of zip64 before that of the end');
  }
  const record = new DataView(file.read(at, at + END_64.bytes));
  if (record.getUint32(0, true) !== END_64.signature) throw file.error('expected the record of zip64, got other bytes');
  return { count: numberOf(record, 32), size: numberOf(record, 40), begin: numberOf(record, 48) };
}

function within<Place extends { begin: number; size: number }>(file: InputFile, end: number, place: Place): Place {
  const { begin, size } = place;
  if (begin + size <= end) return place;
  throw file.error(`directory: expected ${size} bytes from byte ${begin} on, got a file of ${file.size}`);
}

function memberOf(
  view: DataView,
  at: number,
  nameLength: number,
  extraLength: number,
  directory: number,
  complain: Complain,
): ZipMember {
  const flags = view.getUint16(at + 8, true);
  const nameBegin = at + ENTRY.bytes;
  // Without the flag names are of code page 437, which differs only where they are not ASCII.
  const name = new TextDecoder().decode(new Uint8Array(view.buffer, nameBegin, nameLength));
  const wide = numbersOf64(view, nameBegin + nameLength, extraLength);
  // In this order, and only those for which there was no room.
  const [size, packedSize, header] = [24, 20, 42].map((offset) => {
    const short = view.getUint32(at + offset, true);
    if (short !== IN_64_OF_32) return short;
    const long = wide.shift();
    if (long === undefined) throw complain('expected numbers of zip64, got none');
    return long;
  });
  if (header + packedSize > directory) throw complain(`${name}: expected ${packedSize} bytes before the directory`);
  return {
    name,
    method: view.getUint16(at + 10, true),
    isEncrypted: (flags & 1) === 1,
    crc: view.getUint32(at + 16, true),
    packedSize,
    size,
    header,
  };
}

/** The numbers in the field of zip64, of those that follow a name. */
function numbersOf64(view: DataView, begin: number, length: number): number[] {
  for (let at = begin; at + 4 <= begin + length; ) {
    const [kind, bytes] = [view.getUint16(at, true), view.getUint16(at + 2, true)];
    const count = Math.floor(Math.min(bytes, begin + length - at - 4) / 8);
    if (kind === EXTRA_64) return Array.from({ length: count }, (_, n) => numberOf(view, at + 4 + 8 * n));
    at += 4 + bytes;
  }
  return [];
}

/** 64 bits. What is too large to be exact is larger than any file, too. */
function numberOf(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, true));
}
