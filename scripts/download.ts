/** Files that the scripts here fetch, each checked by its SHA-256. */
import { createHash } from 'node:crypto';
import { EfficientTransformersError } from '../src/core/errors.ts';

/** A file cannot be fetched or unpacked, or is another than it was. */
export class FetchError extends EfficientTransformersError {
  override name = 'FetchError';
}

/** The bytes behind an address. Throws FetchError if there are none, or others than those of the digest. */
export async function download(url: string, sha256: string): Promise<Buffer> {
  const bytes = await get(url);
  const digest = createHash('sha256').update(bytes).digest('hex');
  if (digest !== sha256) throw new FetchError(`${url}: expected SHA-256 ${sha256}, got ${digest}`);
  return bytes;
}

/** The same without a digest, for lists. Throws FetchError. */
export async function get(url: string, headers: Record<string, string> = {}): Promise<Buffer> {
  const unreachable = (error: Error): never => {
    throw new FetchError(`${url} cannot be reached: ${(error.cause as Error | undefined)?.message ?? error.message}`);
  };
  const response = await fetch(url, { headers }).catch(unreachable);
  if (!response.ok) throw new FetchError(`${url}: ${response.status} ${response.statusText}`);
  return Buffer.from(await response.arrayBuffer().catch(unreachable));
}
