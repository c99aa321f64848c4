/** Archives made by hand, as `numpy.savez` and others write them. */
import { deflateRawSync } from 'node:zlib';

export interface ZipOptions {
  deflated?: boolean;
  /** Numbers of members in records of zip64, though they would fit. */
  wide?: boolean;
  /** Also those of the directory. */
  wideEnd?: boolean;
  comment?: string;
}

/** By the definition, bit by bit. */
export function crcOf(bytes: Uint8Array): number {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  }
  return (sum ^ 0xffffffff) >>> 0;
}

/** Little-endian numbers, each with its width. */
function record(...numbers: readonly [value: number, bytes: 2 | 4 | 8][]): Buffer {
  return Buffer.concat(
    numbers.map(([value, bytes]) => {
      const buffer = Buffer.alloc(8);
      buffer.writeBigUInt64LE(BigInt(value));
      return buffer.subarray(0, bytes);
    }),
  );
}

export function zipBytes(
  files: readonly (readonly [name: string, content: Uint8Array])[],
  { deflated = false, wide = false, wideEnd = false, comment = '' }: ZipOptions = {},
): Buffer {
  const parts: Buffer[] = [];
  const entries: Buffer[] = [];
  let at = 0;
  for (const [name, content] of files) {
    const packed = deflated ? deflateRawSync(content) : Buffer.from(content);
    const text = Buffer.from(name);
    const common = record([45, 2], [0, 2], [deflated ? 8 : 0, 2], [0, 4], [crcOf(content), 4]);
    const [none, size, packedSize] = [0xffffffff, content.length, packed.length];
    const localExtra = wide ? record([1, 2], [16, 2], [size, 8], [packedSize, 8]) : Buffer.alloc(0);
    const extra = wide
      ? record([7, 2], [3, 2], [0, 2], [1, 2], [24, 2], [size, 8], [packedSize, 8], [at, 8])
      : Buffer.alloc(0);
    // A field of another kind first, whose length is odd.
    const entryExtra = wide ? Buffer.concat([extra.subarray(0, 4), Buffer.of(0), extra.subarray(4)]) : extra;
    const sizes = wide ? record([none, 4], [none, 4]) : record([packedSize, 4], [size, 4]);
    const local = Buffer.concat([
      record([0x04034b50, 4]),
      common,
      sizes,
      record([text.length, 2], [localExtra.length, 2]),
      text,
      localExtra,
      packed,
    ]);
    entries.push(
      record([0x02014b50, 4], [45, 2]),
      common,
      sizes,
      record([text.length, 2], [entryExtra.length, 2], [0, 2], [0, 2], [0, 2], [0, 4], [wide ? none : at, 4]),
      text,
      entryExtra,
    );
    parts.push(local);
    at += local.length;
  }
  const directory = Buffer.concat(entries);
  const { length } = files;
  const wideRecords = wideEnd
    ? [
        record([0x06064b50, 4], [44, 8], [45, 2], [45, 2], [0, 4], [0, 4], [length, 8], [length, 8]),
        record([directory.length, 8], [at, 8]),
        record([0x07064b50, 4], [0, 4], [at + directory.length, 8], [1, 4]),
      ]
    : [];
  const [count, size, begin] = wideEnd ? [0xffff, 0xffffffff, 0xffffffff] : [length, directory.length, at];
  const end = Buffer.concat([
    record([0x06054b50, 4], [0, 2], [0, 2], [count, 2], [count, 2], [size, 4], [begin, 4]),
    record([comment.length, 2]),
  ]);
  return Buffer.concat([...parts, directory, ...wideRecords, end, Buffer.from(comment, 'latin1')]);
}

/** `a` = [[0, 1, 2], [3, 4, 5]] as float32 and `layer.b` = [True, False], as NumPy 2.4 writes them. */
export const BY_NUMPY = {
  savez: [
    'UEsDBC0AAAAAAAAAIQBP6QAq//////////8FABQAYS5ucHkBABAAmAAAAAAAAACYAAAAAAAAAJNOVU1QWQEAdgB7J2Rlc2NyJzog',
    'JzxmNCcsICdmb3J0cmFuX29yZGVyJzogRmFsc2UsICdzaGFwZSc6ICgyLCAzKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAg',
    'ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAKAAAAAAAAgD8AAABAAABAQAAAgEAAAKBAUEsDBC0AAAAAAAAAIQDuGbtd',
    '//////////8LABQAbGF5ZXIuYi5ucHkBABAAggAAAAAAAACCAAAAAAAAAJNOVU1QWQEAdgB7J2Rlc2NyJzogJ3xiMScsICdmb3J0',
    'cmFuX29yZGVyJzogRmFsc2UsICdzaGFwZSc6ICgyLCksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg',
    'ICAgICAgICAgICAgICAgICAgICAKAQBQSwECLQMtAAAAAAAAACEAT+kAKpgAAACYAAAABQAAAAAAAAAAAAAAgAEAAAAAYS5ucHlQ',
    'SwECLQMtAAAAAAAAACEA7hm7XYIAAACCAAAACwAAAAAAAAAAAAAAgAHPAAAAbGF5ZXIuYi5ucHlQSwUGAAAAAAIAAgBsAAAAjgEA',
    'AAAA',
  ].join(''),
  savez_compressed: [
    'UEsDBC0AAAAIAAAAIQBP6QAq//////////8FABQAYS5ucHkBABAAmAAAAAAAAABVAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6l',
    'oG6TZqKuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GkY6CsaaOgq1CmQDLgYwaLAHEg5ABMQNQLzAAQBQSwMELQAAAAgA',
    'AAAhAO4Zu13//////////wsAFABsYXllci5iLm5weQEAEACCAAAAAAAAAEYAAAAAAAAAm+wX6hsQychQxlCtnpJanFykbqWgXpNk',
    'qK6joJ6WX1RSlJgXn1+UkgoSd0vMKU4FihdnJBakAvkaRjqaOgq1ChQALkYGAFBLAQItAy0AAAAIAAAAIQBP6QAqVQAAAJgAAAAF',
    'AAAAAAAAAAAAAACAAQAAAABhLm5weVBLAQItAy0AAAAIAAAAIQDuGbtdRgAAAIIAAAALAAAAAAAAAAAAAACAAYwAAABsYXllci5i',
    'Lm5weVBLBQYAAAAAAgACAGwAAAAPAQAAAAA=',
  ].join(''),
};
