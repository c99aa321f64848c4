/** Whether a stream shows colour, the few styles that we use, and how wide a text is on a terminal. */

/** The part of a stream such as `process.stdout` that matters here. */
export interface TerminalStream {
  isTTY?: boolean;
  /** Width in characters; absent when the stream is not a terminal. */
  columns?: number;
  write(text: string): unknown;
}

export type Style = 'bold' | 'dim' | 'good' | 'bad' | 'warn';

// Green, red and yellow of the terminal's own palette: they follow the user's theme, light or dark.
const CODES: Record<Style, [open: number, close: number]> = {
  bold: [1, 22],
  dim: [2, 22],
  good: [32, 39],
  bad: [31, 39],
  warn: [33, 39],
};

/** Only on a terminal that can, and never where NO_COLOR is set (https://no-color.org: present and not empty). */
export function supportsColour(stream: Pick<TerminalStream, 'isTTY'>, environment = process.env): boolean {
  return stream.isTTY === true && !environment.NO_COLOR && environment.TERM !== 'dumb';
}

/** `text` between the escape codes of `style`. */
export function paint(style: Style, text: string): string {
  const [open, close] = CODES[style];
  return `\x1b[${open}m${text}\x1b[${close}m`;
}

const COMBINING = /\p{M}|\p{Cf}/u;
const WIDE = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{Emoji_Presentation}\u3000-\u303e\uff01-\uff60]/u;

/**
 * Columns that `text` (without escape codes) takes: East Asian and emoji characters take two, combining marks and
 * invisible characters none.
 */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) width += COMBINING.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return width;
}
