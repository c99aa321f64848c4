/** The part of `node:zlib` that the library uses. A browser has streams for it only, which no caller here can await. */
export { inflateRawSync } from './inflate.browser.ts';

/** How much of the input has to be there: what is cut off gives what it can (Z_SYNC_FLUSH), or an error. */
export const constants = { Z_SYNC_FLUSH: 2, Z_FINISH: 4 } as const;

const LONGEST_BLOCK = 0xffff;
/** The zlib format (RFC 1950) around blocks that are stored as they are (RFC 1951, 3.2.4): larger, and read by everyone. */
export function deflateSync(bytes: Uint8Array, _options: { level: number }): Uint8Array {
  const blocks = Math.max(1, Math.ceil(bytes.length / LONGEST_BLOCK));
  const out = new Uint8Array(2 + 5 * blocks + bytes.length + 4);
  const view = new DataView(out.buffer);
  // Deflate with a window of 32 KiB, no dictionary, the fastest level: a multiple of 31.
  view.setUint16(0, 0x7801);
  let at = 2;
  for (let n = 0; n < blocks; n++) {
    const block = bytes.subarray(n * LONGEST_BLOCK, (n + 1) * LONGEST_BLOCK);
    out[at] = n === blocks - 1 ? 1 : 0;
    view.setUint16(at + 1, block.length, true);
    view.setUint16(at + 3, block.length ^ 0xffff, true);
    out.set(block, at + 5);
    at += 5 + block.length;
  }
  view.setUint32(at, adler32(bytes));
  return out;
}

function adler32(bytes: Uint8Array): number {
  const PRIME = 65521;
  let [a, b] = [1, 0];
  for (const byte of bytes) {
    a = (a + byte) % PRIME;
    b = (b + a) % PRIME;
  }
  return b * 65536 + a;
}
