/** A page has no default text to model. */
import { ArgumentError } from '../../core/errors.ts';

/** Throws ArgumentError, which says how a text is handed in. */
export function defaultText(): string {
  throw new ArgumentError('text: expected the name of a text that pageFiles.put(name, bytes) has handed to this page');
}
