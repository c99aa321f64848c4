/** `node:crypto`, as far as the library uses it on a page. What a browser has of its own gives digests as promises only. */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';

export function randomBytes(count: number) {
  const bytes = crypto.getRandomValues(new Uint8Array(count));
  return { toString: () => bytesToHex(bytes) };
}

/** A digest of bytes and of text as UTF-8, in hexadecimal. */
class Hash {
  readonly #hash = sha256.create();

  update(data: Uint8Array | string): this {
    // Tensors are in memory that threads share, which encoders and views of bytes may not accept.
    this.#hash.update(typeof data === 'string' ? new TextEncoder().encode(data) : data.slice());
    return this;
  }

  digest(_encoding: 'hex'): string {
    return bytesToHex(this.#hash.digest());
  }
}

export function createHash(_algorithm: 'sha256'): Hash {
  return new Hash();
}
