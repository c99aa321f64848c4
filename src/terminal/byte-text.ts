/** Bytes of UTF-8 that come one at a time, as text that a terminal can be given. */

/**
 * A character of several bytes appears when its last one does, and one that the end cuts off does not appear: it would be
 * unknown which character it is. Bytes that are no character are shown as `\ufffd`, and so are control characters: all but
 * tabs and the ends of lines, `\n` and `\r\n`. A `\r` alone would write over the line.
 */
export class ByteText {
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  /** A `\r` that may begin the end of a line. */
  #held = '';

  /** What this byte adds to the text. */
  add(byte: number): string {
    const text = this.#held + this.#decoder.decode(Uint8Array.of(byte), { stream: true });
    this.#held = text.endsWith('\r') ? '\r' : '';
    return text.slice(0, text.length - this.#held.length).replace(/\r(?!\n)|[^\P{Cc}\r\n\t]/gu, '\ufffd');
  }
}
