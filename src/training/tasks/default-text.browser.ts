/** A page has no default text for the language model. */
import { ArgumentError } from '../../core/errors.ts';

/** Throws an ArgumentError that says how to pass a text. */
export function defaultText(): string {
  throw new ArgumentError('text: expected the name of a text that pageFiles.put(name, bytes) has handed to this page');
}
