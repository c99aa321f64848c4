/**
 * A full garbage collection on request. The engine collects when its own heap has grown by a good share; it does not see the
 * memory behind a small object. A loop that makes the same garbage in every round asks for collections at its own pace, so
 * that its memory stays level.
 */
import { exactCollector } from '#platform/collector';

let collect: (() => void) | null = null;

/**
 * Takes some milliseconds. Afterwards the WeakRefs of unreachable objects are empty at once; finalisers run when the event
 * loop turns. An engine that cannot be asked, as in a page, is given a reason to collect soon.
 */
export function collectGarbage(): void {
  collect ??= exactCollector() ?? pressForOne;
  collect();
}

/**
 * Engines do count the bytes of array buffers. Dropping this many at once makes them collect, and the system provides no
 * memory for pages that nobody writes to. Chromium then collects within a few turns of the event loop; otherwise it never
 * would.
 */
const BALLAST_BYTES = 64 * 2 ** 20;

function pressForOne(): void {
  try {
    void new ArrayBuffer(BALLAST_BYTES);
  } catch {
    // No room for it: then the engine collects anyway.
  }
}
