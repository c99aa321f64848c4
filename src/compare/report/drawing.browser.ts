/** What draws the plots of a report on a page: Observable Plot, on a document of the browser's own that nobody sees. */
import { UnsupportedError } from '../../core/errors.ts';

/** Throws UnsupportedError in a worker, and where Observable Plot cannot be had, as from a script tag. */
export async function loadDrawing() {
  if (typeof document === 'undefined') {
    throw new UnsupportedError('renderReport: draws on a document, which a worker lacks: send the report to the page');
  }
  const plot = await import('@observablehq/plot').catch((error: unknown) => {
    const name = '@observablehq/plot';
    throw new UnsupportedError(`renderReport: draws with ${name}, which cannot be had here`, { cause: error });
  });
  return { plot, document: document.implementation.createHTMLDocument('') };
}
