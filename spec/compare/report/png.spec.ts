import { inflateSync } from 'node:zlib';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { pngDataUri } from '../../../src/compare/report/png.ts';

type Colour = readonly [number, number, number];

/** Chunks of a PNG: four bytes of length, a name, data, four bytes of checksum. */
function chunksOf(uri: string): { name: string; data: Buffer; checksum: string }[] {
  const [, base64] = /^data:image\/png;base64,(.+)$/.exec(uri) ?? [];
  const bytes = Buffer.from(base64, 'base64');
  assert.is(bytes.subarray(0, 8).toString('latin1'), '\x89PNG\r\n\x1a\n');
  const chunks = [];
  for (let at = 8; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    const data = bytes.subarray(at + 8, at + 8 + length);
    const checksum = bytes.subarray(at + 8 + length, at + 12 + length).toString('hex');
    chunks.push({ name: bytes.toString('latin1', at + 4, at + 8), data, checksum });
    at += 12 + length;
  }
  return chunks;
}

const byte = fc.nat({ max: 255 });
const pictures = fc
  .record({ width: fc.integer({ min: 1, max: 40 }), height: fc.integer({ min: 1, max: 40 }) })
  .chain(({ width, height }) =>
    fc.record({
      width: fc.constant(width),
      height: fc.constant(height),
      palette: fc.array(fc.tuple(byte, byte, byte) as fc.Arbitrary<Colour>, { minLength: 1, maxLength: 256 }),
      seeds: fc.array(byte, { minLength: width * height, maxLength: width * height }),
    }),
  );

test('what is written reads back: size, palette, every pixel', () => {
  fc.assert(
    fc.property(pictures, ({ width, height, palette, seeds }) => {
      const pixels = Uint8Array.from(seeds, (seed) => seed % palette.length);
      const [header, colours, data, end] = chunksOf(pngDataUri(width, height, pixels, palette));
      assert.equal([header.name, colours.name, data.name, end.name], ['IHDR', 'PLTE', 'IDAT', 'IEND']);
      assert.equal([header.data.readUInt32BE(0), header.data.readUInt32BE(4)], [width, height]);
      // Eight bits a pixel, colour type 3 (palette), the only compression and filtering there are, not interlaced.
      assert.equal([...header.data.subarray(8)], [8, 3, 0, 0, 0]);
      assert.equal([...colours.data], palette.flat());
      const rows = inflateSync(data.data);
      assert.is(rows.length, height * (width + 1));
      for (let row = 0; row < height; row++) {
        assert.is(rows[row * (width + 1)], 0, 'filter');
        const line = rows.subarray(row * (width + 1) + 1, (row + 1) * (width + 1));
        assert.equal([...line], [...pixels.subarray(row * width, (row + 1) * width)]);
      }
    }),
    { numRuns: 50 },
  );
});

test('checksums are those of the standard', () => {
  // An IEND chunk is the same in every PNG. IHDR and PLTE of one black pixel: computed by zlib's crc32.
  const [header, colours, , end] = chunksOf(pngDataUri(1, 1, Uint8Array.of(0), [[0, 0, 0]]));
  assert.equal([header.checksum, colours.checksum, end.checksum], ['28cb34bb', 'a77a3dda', 'ae426082']);
});

test.run();
