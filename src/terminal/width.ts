/** How wide a text is on a terminal, how wide the terminal is, and prose that fits. */

import process from '#platform/process';
import type { TerminalStream } from './colour.ts';

/** Of a terminal that does not say, or says 0, and of prose that goes elsewhere. */
export const USUAL_WIDTH = 80;

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
 * Columns that a table may take: what the variable COLUMNS says, else those of the terminal. Undefined, for all that there
 * is, in a pipe or a file: a program reads it, or an editor that scrolls.
 */
export function widthOf(
  { isTTY, columns }: Pick<TerminalStream, 'isTTY' | 'columns'>,
  environment: { COLUMNS?: string | undefined } = process.env,
): number | undefined {
  const asked = Number(environment.COLUMNS);
  if (Number.isInteger(asked) && asked > 0) return asked;
  return isTTY === true ? columns || USUAL_WIDTH : undefined;
}

/** Lines of at most `width` columns, broken at spaces, or at those that `breaks` matches; a longer word stays whole. */
export function wrap(text: string, width: number, breaks = / /): string[] {
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
