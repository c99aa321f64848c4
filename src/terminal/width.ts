/** How wide a text is on a terminal, how wide the terminal is, and prose that fits. */

import process from '#platform/process';
import type { TerminalStream } from './colour.ts';

/** Of a terminal that does not say, or says 0, and of prose in a pipe or a file. */
export const USUAL_WIDTH = 80;
/** Beyond this, lines of prose are hard to read. */
const WIDEST_PROSE = 100;

const COMBINING = /\p{M}|\p{Cf}/u;
const WIDE = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{Emoji_Presentation}\u3000-\u303e\uff01-\uff60]/u;

/**
 * Columns that `text` (without styles) takes: East Asian and emoji characters take two, combining marks and
 * invisible characters none.
 */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) width += COMBINING.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return width;
}

/**
 * Columns that lines and tables may take: what the variable COLUMNS says, else those of the terminal. Undefined, for as many
 * as they need, in a pipe or a file: a program reads it, or an editor that scrolls.
 */
export function widthOf(
  { isTTY, columns }: Pick<TerminalStream, 'isTTY' | 'columns'>,
  environment: { COLUMNS?: string | undefined } = process.env,
): number | undefined {
  const asked = Number(environment.COLUMNS);
  if (Number.isInteger(asked) && asked > 0) return asked;
  return isTTY === true ? columns || USUAL_WIDTH : undefined;
}

/** Columns that paragraphs take where `widthOf` says `width`; also in a pipe they are broken. */
export function proseWidth(width: number | undefined): number {
  return Math.min(width ?? USUAL_WIDTH, WIDEST_PROSE);
}

/** Lines of at most `width` columns, broken at spaces, or at those that `breaks` matches; a longer word stays whole. */
export function wrap(text: string, width = Number.POSITIVE_INFINITY, breaks = / /): string[] {
  if (displayWidth(text) <= width) return [text];
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(breaks)) {
    if (line !== '' && displayWidth(`${line} ${word}`) > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

/** Lines as `wrap` makes them, each broken by itself and joined by `\n`; what follows of a line is as far in as it is. */
export function wrapLines(text: string, width = Number.POSITIVE_INFINITY): string {
  const lines = text.split('\n').map((line) => {
    const indent = /^ */.exec(line)?.[0] ?? '';
    return wrap(line.slice(indent.length), width - indent.length).map((part) => indent + part);
  });
  return lines.flat().join('\n');
}

/** Two columns, such as names and what they are, the second wrapped; `width` is that of both. */
export function formatPairs(
  pairs: readonly (readonly [left: string, right: string])[],
  width = Number.POSITIVE_INFINITY,
): string {
  const left = Math.max(...pairs.map(([name]) => displayWidth(name)));
  const hanging = `\n${' '.repeat(left + 2)}`;
  const lines = pairs.map(([name, text]) => {
    const gap = ' '.repeat(left - displayWidth(name) + 2);
    return `${name}${gap}${wrap(text, width - left - 2).join(hanging)}`.trimEnd();
  });
  return lines.join('\n');
}
