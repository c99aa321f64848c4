/** The garbage collector of a page cannot be asked. */

export function exactCollector(): (() => void) | null {
  return null;
}
