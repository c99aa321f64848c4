/** A PNG with a palette, as a data URI: a picture of thousands of cells in a few kilobytes. */

import { deflateSync } from '#platform/zlib';
import { crc32 } from '../../core/files/crc32.ts';

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const EIGHT_BITS_WITH_PALETTE = [8, 3, 0, 0, 0];

/** `pixels` holds `width` × `height` indices into `palette`, row-major; a colour is three bytes. */
export function pngDataUri(
  width: number,
  height: number,
  pixels: Uint8Array,
  palette: readonly (readonly [number, number, number])[],
): string {
  const header = new Uint8Array(13);
  const sizes = new DataView(header.buffer);
  sizes.setUint32(0, width);
  sizes.setUint32(4, height);
  header.set(EIGHT_BITS_WITH_PALETTE, 8);

  // Each row starts with the number of its filter; 0 is none, which suits a palette.
  const rows = new Uint8Array(height * (width + 1));
  for (let row = 0; row < height; row++) {
    rows.set(pixels.subarray(row * width, (row + 1) * width), row * (width + 1) + 1);
  }
  const parts = [
    Uint8Array.from(SIGNATURE),
    chunk('IHDR', header),
    chunk('PLTE', Uint8Array.from(palette.flat())),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', new Uint8Array()),
  ];
  return `data:image/png;base64,${base64Of(parts)}`;
}

/** Joins the parts, one after another. */
function base64Of(parts: readonly Uint8Array[]): string {
  let text = '';
  for (const part of parts) for (const byte of part) text += String.fromCharCode(byte);
  return btoa(text);
}

/** Length, name, data, checksum of name and data. */
function chunk(name: string, data: Uint8Array): Uint8Array {
  const framed = new Uint8Array(data.length + 12);
  const view = new DataView(framed.buffer);
  view.setUint32(0, data.length);
  framed.set(new TextEncoder().encode(name), 4);
  framed.set(data, 8);
  view.setUint32(8 + data.length, crc32(framed.subarray(4, 8 + data.length)));
  return framed;
}
