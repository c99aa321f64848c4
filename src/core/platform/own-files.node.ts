/** Files of the package itself, by their path from src/ or dist/, whichever this runs from. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = new URL('../../', import.meta.url);

/** The bytes of a file. Throws what `node:fs` throws where the package is not whole. */
export function ownBytes(path: string): Uint8Array<ArrayBuffer> {
  return readFileSync(new URL(path, root));
}

/** The path of a file, for readers of other files too. */
export function ownPath(path: string): string {
  return fileURLToPath(new URL(path, root));
}
