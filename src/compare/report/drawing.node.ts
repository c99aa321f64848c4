/** Draws the plots of a report: Observable Plot, on linkedom's document. */

/** Heavy, so they are loaded only when a report is written. */
export async function loadDrawing() {
  const [plot, { parseHTML }] = await Promise.all([import('@observablehq/plot'), import('linkedom')]);
  return { plot, document: parseHTML('<!doctype html><html><body></body></html>').document };
}
