/** The part of `node:os` that the library uses, as far as a page knows its machine. */

/** Threads can share memory only where the page is cross-origin isolated; elsewhere one has to do. */
export function availableParallelism(): number {
  return globalThis.crossOriginIsolated ? navigator.hardwareConcurrency : 1;
}

export function endianness(): 'LE' | 'BE' {
  return new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? 'LE' : 'BE';
}

export function cpus(): { model: string }[] {
  return [{ model: `${navigator.hardwareConcurrency} cores` }];
}

/** What the browser says of itself and of the system. */
export function platform(): string {
  return navigator.userAgent;
}

export function release(): string {
  return '';
}

export function arch(): string {
  return '';
}
