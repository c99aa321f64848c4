/** The part of `node:crypto` that the library uses. */
import { Sha256 } from './sha256.browser.ts';

export function randomBytes(count: number): { toString(encoding: 'hex'): string } {
  const bytes = crypto.getRandomValues(new Uint8Array(count));
  return { toString: () => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('') };
}

interface Hash {
  /** Text as UTF-8. */
  update(data: Uint8Array | string): Hash;
  digest(encoding: 'hex'): string;
}

export function createHash(_algorithm: 'sha256'): Hash {
  const sum = new Sha256();
  const hash: Hash = {
    update(data) {
      sum.update(typeof data === 'string' ? new TextEncoder().encode(data) : data);
      return hash;
    },
    digest: () => sum.digest(),
  };
  return hash;
}
