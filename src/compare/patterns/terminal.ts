/** Pattern panels as text: two cells in each character, in colour or in shades of block characters. */

import { marked, paint } from '../../terminal/colour.ts';
import { formatError } from '../../terminal/format.ts';
import { displayWidth, proseWidth, wrap } from '../../terminal/width.ts';
import { DECADES, largestWeight, type PatternPanel, SHADES, type Shading, shadingsOf } from './shade.ts';

export interface TerminalSettings {
  /** Width to fit into, in characters. */
  columns: number;
  colour: boolean;
}

const GAP = '   ';
/** A picture wider than this no longer fits the height of a screen. */
const MOST_CELLS = 72;
const LEAST_CELLS = 16;

/** Places of the 256-colour palette: nothing is dark grey, then blue over cyan to near white; negative is orange. */
const NOTHING = 235;
const POSITIVE = [17, 18, 19, 20, 26, 32, 38, 44, 80, 116, 152, 188, 194, 230, 231, 231];
const NEGATIVE = [52, 88, 124, 130, 136, 166, 172, 178, 208, 214, 215, 216, 221, 222, 223, 224];
const BLOCKS = ['·', '░', '▒', '▓', '█'];

/** How many cells per side a panel has when two fit side by side. */
export function cellsForTerminal(columns: number): number {
  const cells = Math.floor((columns - GAP.length) / 2);
  // An even number: a character holds two cells, one above the other.
  return Math.max(LEAST_CELLS, Math.min(MOST_CELLS, cells)) & ~1;
}

/** The panels side by side, as many as fit, with a legend under them. Ends without a newline. */
export function drawInTerminal(panels: readonly PatternPanel[], { columns, colour }: TerminalSettings): string {
  const shadings = shadingsOf(panels);
  const blocks = panels.map((panel) => drawPanel(panel, shadings[panel.kind], colour));
  const lines: string[] = [];
  for (let first = 0; first < blocks.length; ) {
    let end = first + 1;
    let width = blocks[first].width;
    while (end < blocks.length && width + GAP.length + blocks[end].width <= columns) {
      width += GAP.length + blocks[end++].width;
    }
    lines.push(...besideEachOther(blocks.slice(first, end)), '');
    first = end;
  }
  return [...lines, ...legend(panels, { columns, colour })].join('\n');
}

interface Block {
  width: number;
  /** Lines in colour, padded to the width. */
  heading: string[];
  picture: string[];
}

function drawPanel({ title, caption, size, cells }: PatternPanel, shading: Shading, colour: boolean): Block {
  const width = Math.max(size, displayWidth(title), LEAST_CELLS);
  const captions = wrapCaption(caption, width);
  const style = (name: 'bold' | 'dim', text: string) => (colour ? paint(name, text) : text);
  const padded = (text: string, painted = text) => painted + ' '.repeat(Math.max(0, width - displayWidth(text)));
  const heading = [padded(title, style('bold', title)), ...captions.map((line) => padded(line, style('dim', line)))];
  const picture: string[] = [];
  for (let row = 0; row < size; row += 2) {
    let line = '';
    let state = '';
    for (let column = 0; column < size; column++) {
      const upper = cells[row * size + column];
      // A last odd row has no row below it.
      const lower = row + 1 < size ? cells[(row + 1) * size + column] : null;
      if (!colour) line += blockOf(upper, lower, shading);
      else {
        const below = lower === null ? NOTHING : colourOf(shading(lower));
        const next = marked(`38;5;${colourOf(shading(upper))};48;5;${below}`);
        line += `${next === state ? '' : next}▀`;
        state = next;
      }
    }
    picture.push(`${line}${colour ? marked(0) : ''}${' '.repeat(width - size)}`);
  }
  return { width, heading, picture };
}

function besideEachOther(blocks: readonly Block[]): string[] {
  const height = Math.max(...blocks.map(({ heading }) => heading.length));
  const columns = blocks.map(({ width, heading, picture }) => {
    // The pictures start at the same line, even under captions of different heights.
    const blank = ' '.repeat(width);
    return { blank, lines: [...heading, ...new Array<string>(height - heading.length).fill(blank), ...picture] };
  });
  const longest = Math.max(...columns.map(({ lines }) => lines.length));
  return Array.from({ length: longest }, (_, row) =>
    columns
      .map(({ blank, lines }) => lines[row] ?? blank)
      .join(GAP)
      .trimEnd(),
  );
}

/** One cell, `width` characters wide, of a shade as `weightShading` gives it. */
export function drawCell(shade: number, colour: boolean, width = 2): string {
  if (!colour) return BLOCKS[Math.ceil((Math.abs(shade) / SHADES) * (BLOCKS.length - 1))].repeat(width);
  return `${marked(`48;5;${colourOf(shade)}`)}${' '.repeat(width)}${marked(0)}`;
}

/** Without colour the two cells of a character are shown together, as the stronger of the two. */
function blockOf(upper: number, lower: number | null, shading: Shading): string {
  const shade = Math.max(Math.abs(shading(upper)), lower === null ? 0 : Math.abs(shading(lower)));
  return BLOCKS[Math.ceil((shade / SHADES) * (BLOCKS.length - 1))];
}

function colourOf(shade: number): number {
  if (shade === 0) return NOTHING;
  return shade > 0 ? POSITIVE[shade - 1] : NEGATIVE[-shade - 1];
}

const rampOf = (places: readonly number[]) =>
  `${places.map((place) => `${marked(`48;5;${place}`)} `).join('')}${marked(0)}`;

function legend(panels: readonly PatternPanel[], { columns, colour }: TerminalSettings): string[] {
  const ramp = colour ? rampOf(POSITIVE) : BLOCKS.slice(1).join('');
  const nothing = colour ? `${marked(`48;5;${NOTHING}`)}  ${marked(0)}` : BLOCKS[0];
  const width = proseWidth(columns);
  const lines = wrap('A row is a query, from the first token at the top; a column is a key.', width);
  // Side by side where there is room; a swatch cannot be broken into lines.
  const say = (what: string, no: string, some: string): void => {
    const shades = colour ? POSITIVE.length : BLOCKS.length - 1;
    const isWide = displayWidth(`${what}:    ${no}    ${some}`) + shades + 2 > width;
    if (!isWide) lines.push(`${what}: ${nothing} ${no}   ${ramp} ${some}`);
    else
      lines.push(
        `${what}: ${nothing} ${no}`,
        ...wrap(some, width - shades - 3).map((line, n) => `  ${n === 0 ? ramp : ' '.repeat(shades)} ${line}`),
      );
  };
  if (panels.some(({ kind }) => kind === 'pattern')) say('Pattern', 'no pair allowed', 'some to all pairs of the cell');
  if (panels.some(({ kind }) => kind === 'buckets')) say('Buckets', 'no key seen', 'from the farthest to the nearest');
  if (panels.some(({ kind }) => kind === 'weights')) {
    const largest = largestWeight(panels);
    const range = `${formatError(largest / 10 ** DECADES)} or less to ${formatError(largest)}`;
    say('Weights', 'exactly zero', `mean weight of a pair, ${range}, logarithmic`);
    const negative = panels.filter(({ kind, cells }) => kind === 'weights' && cells.some((weight) => weight < 0));
    const names = negative.map(({ title }) => title).join(', ');
    if (names !== '' && colour) lines.push(`Negative weights: ${rampOf(NEGATIVE)}`);
    else if (names !== '')
      lines.push(...wrap(`Drawn by their size, negative weights look like others: ${names}`, width));
  }
  return lines;
}

/** A word longer than a line is broken where the line ends, so that the picture below keeps its place. */
function wrapCaption(text: string, width: number): string[] {
  return wrap(text.replace(new RegExp(`\\S{${width}}(?=\\S)`, 'gu'), '$& '), width);
}
