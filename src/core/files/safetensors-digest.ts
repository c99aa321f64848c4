/**
 * A digest that a .safetensors file holds of itself, under `digest` in its metadata: SHA-256 of all its bytes, with zeros
 * where the digest stands. A bit that flipped anywhere, in a number too, is noticed by it.
 */
import { createHash } from 'node:crypto';

export const DIGEST_KEY = 'digest';

const ALGORITHM = 'sha256';
/** In the digest's place while it is computed; as long as one. */
export const NO_DIGEST = `${ALGORITHM}:${'0'.repeat(64)}`;

/** Of a header that has `NO_DIGEST` in the digest's place, and of the data. */
export function digestOf(...parts: Iterable<Uint8Array>[]): string {
  const hash = createHash(ALGORITHM);
  for (const part of parts) for (const chunk of part) hash.update(chunk);
  return `${ALGORITHM}:${hash.digest('hex')}`;
}

/** The header's JSON with one digest in the place of another; null where it has none of that value. */
export function exchangeDigest(json: string, from: string, to: string): string | null {
  // Within a text, quotes would be escaped.
  const member = (digest: string) => `${JSON.stringify(DIGEST_KEY)}:${JSON.stringify(digest)}`;
  return json.includes(member(from)) ? json.replace(member(from), member(to)) : null;
}
