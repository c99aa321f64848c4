/** Draws the plots of a report in a browser: Observable Plot, on a hidden document. */
import { UnsupportedError } from '../../core/errors.ts';

/** Throws UnsupportedError in a worker, and if Observable Plot is not available, as from a script tag. */
export async function loadDrawing() {
  if (typeof document === 'undefined') {
    throw new UnsupportedError('renderReport: needs a document, which a worker lacks: send the report to the page');
  }
  const plot = await import('@observablehq/plot').catch((error: unknown) => {
    const name = '@observablehq/plot';
    throw new UnsupportedError(`renderReport: needs ${name}, which is not available here`, { cause: error });
  });
  return { plot, document: document.implementation.createHTMLDocument('') };
}
