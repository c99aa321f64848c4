/** The part of `node:crypto` that the library uses. A browser's own digest answers by a promise, which no caller can await. */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';

export function randomBytes(count: number): { toString(encoding: 'hex'): string } {
  const bytes = crypto.getRandomValues(new Uint8Array(count));
  return { toString: () => bytesToHex(bytes) };
}

interface Hash {
  /** Text as UTF-8. Bytes may be in memory that threads share. */
  update(data: Uint8Array | string): Hash;
  /** Nothing may be taken in after it. */
  digest(encoding: 'hex'): string;
}

export function createHash(_algorithm: 'sha256'): Hash {
  const sum = sha256.create();
  const hash: Hash = {
    update(data) {
      sum.update(typeof data === 'string' ? new TextEncoder().encode(data) : data);
      return hash;
    },
    digest: () => bytesToHex(sum.digest()),
  };
  return hash;
}
