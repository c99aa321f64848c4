/** The sum by which .zip archives and PNG pictures notice damage (ISO 3309, the reflected polynomial 0xedb88320). */

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = (rest >>> 1) ^ (rest & 1 ? 0xedb88320 : 0);
  return rest;
});

/** CRC-32 of bytes that follow those of which `before` is the sum. node:zlib has it from Node 20.15 on. */
export function crc32(bytes: Uint8Array, before = 0): number {
  let sum = ~before;
  for (let n = 0; n < bytes.length; n++) sum = TABLE[(sum ^ bytes[n]) & 0xff] ^ (sum >>> 8);
  return ~sum >>> 0;
}
