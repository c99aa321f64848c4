/** A turn of the event loop. */

/** Until the event loop has heard what came meanwhile. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
