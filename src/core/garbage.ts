/**
 * A full garbage collection on request. The engine collects when its own heap has grown by a good share; it does not see
 * what lies behind a small object. A loop whose every round makes the same garbage rather asks at its own pace, and
 * keeps a resident set that does not wander.
 */
import { exactCollector } from '#platform/collector';

let collect: (() => void) | null = null;

/**
 * Takes some milliseconds. Afterwards the WeakRefs of unreachable objects are empty, at once; finalisers run when the event
 * loop turns. An engine that cannot be asked, as in a page, is given a reason instead, and collects soon.
 */
export function collectGarbage(): void {
  collect ??= exactCollector() ?? pressForOne;
  collect();
}

/**
 * Engines do count the bytes of array buffers. So many, dropped at once, make them look; the system gives no memory for
 * pages that nobody writes to. Chromium then finds within a few turns of the event loop what it else never looked for.
 */
const BALLAST_BYTES = 64 * 2 ** 20;

function pressForOne(): void {
  try {
    void new ArrayBuffer(BALLAST_BYTES);
  } catch {
    // No room for it: then the engine looks anyway.
  }
}
