/** Apart from the rest of the environment, because it needs nothing of the library. */
import { readFileSync } from 'node:fs';

/** The same relative path from src/ and from dist/. */
const manifest = new URL('../../package.json', import.meta.url);

/** Of this package, such as `0.1.0`. */
export function packageVersion(): string {
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}
