/** Separate from the rest of the environment, because it needs no other part of the library. */
import { ownBytes } from '#platform/own-files';

/** The version of this package, such as `0.1.0`. */
export function packageVersion(): string {
  return (JSON.parse(new TextDecoder().decode(ownBytes('../package.json'))) as { version: string }).version;
}
