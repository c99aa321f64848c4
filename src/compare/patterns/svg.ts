/** Pattern panels as one SVG, self-contained and sharp at any size; light or dark like the reader's system. */

import { formatError } from '../../terminal/format.ts';
import { escapeHtml } from '../report/html.ts';
import { rampOf } from './ramps.ts';
import { DECADES, largestWeight, type PatternPanel, SHADES, type Shading, shadingsOf } from './shade.ts';

const PICTURE = 320;
const GAP = 36;
const MARGIN = { top: 28, right: 28, bottom: 24, left: 44 };
const LINE = 17;
const CAPTION_COLUMNS = 54;
const LEGEND = 96;

/** An SVG document: the panels in rows of at most three, their scales below. */
export function drawSvg(panels: readonly PatternPanel[]): string {
  const shadings = shadingsOf(panels);
  const captions = panels.map(({ caption }) => wrap(caption, CAPTION_COLUMNS));
  const heading = LINE * (1.4 + Math.max(1, ...captions.map((lines) => lines.length)));
  const perRow = panels.length === 4 ? 2 : Math.min(3, Math.max(1, panels.length));
  const cell = { width: MARGIN.left + PICTURE, height: heading + PICTURE + GAP };
  const rows = Math.ceil(panels.length / perRow);
  const width = perRow * cell.width + (perRow - 1) * GAP + MARGIN.right;
  const height = MARGIN.top + rows * cell.height + LEGEND + MARGIN.bottom - GAP;

  const drawn = panels.map((panel, index) => {
    const x = (index % perRow) * (cell.width + GAP) + MARGIN.left;
    const y = MARGIN.top + Math.floor(index / perRow) * cell.height;
    return `<g transform="translate(${x} ${round(y)})">${drawPanel(panel, captions[index], heading, shadings[panel.kind])}</g>`;
  });
  const described = `Which tokens attend to which: ${panels.map(({ title }) => title).join(', ')}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" class="patterns" viewBox="0 0 ${width} ${round(height)}" width="${width}" height="${round(height)}" role="img" aria-label="${escapeHtml(described)}">
<style>${style()}</style>
<rect class="ground" width="100%" height="100%"/>
${drawn.join('\n')}
<g transform="translate(${MARGIN.left} ${round(MARGIN.top + rows * cell.height + 8)})">${drawLegend(panels)}</g>
</svg>
`;
}

function drawPanel(panel: PatternPanel, caption: readonly string[], heading: number, shading: Shading): string {
  const { title, size, cells, length } = panel;
  const captions = caption.map((line, index) => text(0, LINE * (index + 1.9), line, 'muted'));
  const scale = PICTURE / size;
  const last = String(length - 1);
  return [
    text(0, LINE * 0.8, title, 'title'),
    ...captions,
    `<g transform="translate(0 ${round(heading)})">`,
    `<rect class="s0" width="${PICTURE}" height="${PICTURE}"/>`,
    `<g transform="scale(${scale})" shape-rendering="crispEdges">${shadePaths(size, cells, shading)}</g>`,
    `<rect class="frame" width="${PICTURE}" height="${PICTURE}"/>`,
    text(0, PICTURE + 14, '0', 'small'),
    text(PICTURE / 2, PICTURE + 14, 'keys →', 'small middle'),
    text(PICTURE, PICTURE + 14, last, 'small end'),
    text(-6, 9, '0', 'small end'),
    `<text class="small middle" transform="translate(-8 ${PICTURE / 2}) rotate(-90)">← queries</text>`,
    text(-6, PICTURE, last, 'small end'),
    '</g>',
  ].join('');
}

/** One path for each shade, of class `s1` … or, below zero, `n1` …; a rectangle for each run of equal cells of a row. */
export function shadePaths(size: number, cells: readonly number[], shading: Shading): string {
  const paths = new Map<number, string>();
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; ) {
      const shade = shading(cells[row * size + column]);
      const first = column++;
      while (column < size && shading(cells[row * size + column]) === shade) column++;
      if (shade === 0) continue;
      paths.set(shade, `${paths.get(shade) ?? ''}M${first} ${row}h${column - first}v1h${first - column}z`);
    }
  }
  return [...paths].map(([shade, path]) => `<path class="${className(shade)}" d="${path}"/>`).join('');
}

function drawLegend(panels: readonly PatternPanel[]): string {
  const parts = [text(0, 12, 'A row is a query, a column is a key; every cell stands for a block of pairs.', 'muted')];
  const kinds = (['pattern', 'buckets', 'weights'] as const).filter((kind) =>
    panels.some((panel) => panel.kind === kind),
  );
  kinds.forEach((kind, index) => {
    const y = 26 + index * 22;
    const largest = largestWeight(panels);
    const nothing = { pattern: 'no pair allowed', buckets: 'no key seen', weights: 'exactly zero' }[kind];
    const range = {
      pattern: 'some to all pairs allowed',
      buckets: 'buckets, from the farthest to the nearest',
      weights: `mean weight of a pair, ${formatError(largest / 10 ** DECADES)} or less to ${formatError(largest)}, logarithmic`,
    }[kind];
    parts.push(`<rect class="s0 frame" y="${y}" width="14" height="14"/>`, text(20, y + 11, nothing, 'muted'));
    const swatches = Array.from(
      { length: SHADES },
      (_, n) => `<rect class="s${n + 1}" x="${124 + n * 8}" y="${y}" width="8" height="14"/>`,
    );
    parts.push(...swatches, text(124 + SHADES * 8 + 8, y + 11, range, 'muted'));
  });
  return parts.join('');
}

function style(): string {
  const modes = (['light', 'dark'] as const).map((mode) => {
    const [ground, ink, muted, frame] =
      mode === 'light' ? ['#ffffff', '#1b1d21', '#61656d', '#c9c9c4'] : ['#16181c', '#e7e9ec', '#9aa0a8', '#43474f'];
    const shades = shadeColours(mode).map(([name, colour]) => `.patterns .${name}{fill:${colour}}`);
    return (
      `.patterns .ground,.patterns .s0{fill:${ground}}.patterns .frame{stroke:${frame}}` +
      `.patterns text{fill:${muted}}.patterns .title{fill:${ink}}${shades.join('')}`
    );
  });
  return (
    `.patterns text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,Arial,sans-serif}.patterns .title{font-size:15px;font-weight:600}` +
    `.patterns .small{font-size:10.5px}.patterns .middle{text-anchor:middle}.patterns .end{text-anchor:end}` +
    `.patterns .frame:not(.s0){fill:none}${modes[0]}@media (prefers-color-scheme:dark){${modes[1]}}`
  );
}

/** The colour of each class of `shadePaths`. */
export function shadeColours(mode: 'light' | 'dark'): (readonly [name: string, colour: string])[] {
  return (['positive', 'negative'] as const).flatMap((sign) =>
    rampOf(mode, sign).map(
      (colour, n) => [className(sign === 'positive' ? n + 1 : -n - 1), `rgb(${colour.join(',')})`] as const,
    ),
  );
}

function className(shade: number): string {
  return shade < 0 ? `n${-shade}` : `s${shade}`;
}

function text(x: number, y: number, content: string, kind: string): string {
  return `<text class="${kind}" x="${x}" y="${round(y)}">${escapeHtml(content)}</text>`;
}

function wrap(content: string, columns: number): string[] {
  const lines = [''];
  for (const word of content.split(' ')) {
    const line = lines[lines.length - 1];
    if (line === '') lines[lines.length - 1] = word;
    else if (line.length + 1 + word.length <= columns) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}

function round(pixels: number): number {
  return Math.round(pixels * 10) / 10;
}
