/**
 * Whether a stream shows colour, and the few styles that we use.
 *
 * An escape sequence is written as its codes between two of the characters that Unicode keeps for use within a program;
 * `screen` (screen.ts) makes the sequence of them. So it can tell ours from those of a file, which it could not if they were
 * sequences from the start, as `util.styleText` makes them.
 */
import process from '#platform/process';

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

/** `text` in a style, for `screen`. */
export function paint(style: Style, text: string): string {
  const [open, close] = CODES[style];
  return `${marked(open)}${text}${marked(close)}`;
}

/** Codes of colour and style (ECMA-48, select graphic rendition), such as `38;5;231`, for `screen`. */
export function marked(codes: number | string): string {
  return `\ufdd0${codes}\ufdd1`;
}

/** What `marked` gives: the codes are the first group. */
export const MARKED = /\ufdd0([\d;]{1,32})\ufdd1/gu;
/** Takes the line of the cursor off the screen. */
export const CLEARED = '\ufdd2';
/** Moves the cursor to the line above. */
export const RAISED = '\ufdd3';
