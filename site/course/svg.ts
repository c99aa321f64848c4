/** Panels as SVG, for the build and for the page alike: in the page's colours, which a saved file gets written in. */
import { SHADES, weightShading } from '../../src/compare/patterns/shade.ts';
import { type Html, html, raw } from '../../src/compare/report/html.ts';
import { chartSvg } from './chart.ts';
import type { BarsPanel, Drawn, MatrixPanel, Panel } from './drawn.ts';

/** Units of a panel: about the pixels that it has on a phone. */
export const WIDTH = 340;
const TITLE = 26;
const LETTER = 7.2;
const TITLE_LETTER = 8.3;
const MOST_HEIGHT = 330;
const LARGEST_CELL = 46;

/** All panels of a picture, side by side where there is room. */
export function pictureOf({ panels }: Drawn): Html {
  const largest = largestWeight(panels);
  return html`<div class="panels">${panels.map((panel) => panelOf(panel, largest))}</div>`;
}

function panelOf(panel: Panel, largest: number): Html {
  if (panel.kind === 'matrix') return matrixSvg(panel, largest);
  return panel.kind === 'chart' ? chartSvg(panel) : barsSvg(panel);
}

/** The drawing of one panel in its frame, with its title. Its units are pixels where there is room for so many. */
export function frame(title: string, width: number, height: number, content: Html, more: Html | null = null): Html {
  const all = Math.ceil(Math.max(width, title.length * TITLE_LETTER));
  const size = html`viewBox="0 0 ${all} ${Math.ceil(height)}" width="${all}" height="${Math.ceil(height)}"`;
  return html`<svg class="panel shades" ${size} role="img" aria-label="${title}"${more}>
<text class="title" x="0" y="15">${title}</text>
${content}</svg>
`;
}

function largestWeight(panels: readonly Panel[]): number {
  const sizes = panels.flatMap((panel) =>
    panel.kind === 'matrix' && panel.shading === 'log' ? panel.values.map((value) => Math.abs(value ?? 0)) : [],
  );
  return sizes.reduce((most, size) => Math.max(most, size), 0);
}

function matrixSvg(panel: MatrixPanel, largest: number): Html {
  const { title, rows, columns, values, rowNames, columnNames, axes, digits } = panel;
  const left = rowNames === undefined ? (axes === undefined ? 1 : 16) : widest(rowNames) + 8;
  const slanted = columnNames !== undefined && widest(columnNames) > (WIDTH - left) / columns - 4;
  const above = columnNames === undefined ? 0 : slanted ? widest(columnNames) * 0.72 + 16 : 18;
  const cell = Math.min((WIDTH - left - (slanted ? 24 : 2)) / columns, MOST_HEIGHT / rows, LARGEST_CELL);
  const top = TITLE + above;
  const [width, height] = [columns * cell, rows * cell];
  const shadeOf = panel.shading === 'log' ? weightShading(largest) : evenShading(values);
  const names = [
    ...(rowNames ?? []).map((name, row) =>
      text(name, left - 6, top + (row + 0.5) * cell + 4, 'end', row % every(cell) === 0),
    ),
    ...(columnNames ?? []).map((name, column) => {
      const [x, y] = [left + (column + 0.5) * cell, top - 6];
      if (column % every(cell) !== 0) return null;
      return slanted
        ? html`<text class="small" transform="translate(${round(x + 3)} ${y}) rotate(-45)">${name}</text>`
        : text(name, x, y, 'middle');
    }),
  ];
  const about =
    axes === undefined
      ? null
      : html`<text class="small" transform="translate(11 ${round(top + Math.min(height, 120))}) rotate(-90)">${axes[0]} ←</text>
<text class="small" x="${left}" y="${round(top + height + 14)}">${axes[1]} →</text>`;
  // Cells without a number are read one by one: see client/lesson/reading.ts.
  const readable =
    digits === undefined
      ? html` tabindex="0" data-left="${round(left)}" data-top="${round(top)}" data-cell="${round(cell)}"`
      : null;
  return frame(
    title,
    left + width + (slanted ? 24 : 2),
    top + height + (axes === undefined ? 2 : 20),
    html`<g transform="translate(${round(left)} ${round(top)})"><rect class="ground" width="${round(width)}" height="${round(height)}"/>
<g transform="scale(${round(cell)})" shape-rendering="crispEdges">${cells(panel, shadeOf)}</g>
<rect class="edge" width="${round(width)}" height="${round(height)}"/>
${digits === undefined ? null : numbers(panel, cell, digits, shadeOf)}</g>
${names}${about}
`,
    readable,
  );
}

/** Names of small cells would lie over each other. */
const every = (cell: number): number => Math.max(1, Math.ceil(12 / cell));

/** One path for each shade; cells of a shade that follow each other are one rectangle. */
function cells({ rows, columns, values }: MatrixPanel, shadeOf: (value: number) => number): Html[] {
  const paths = new Map<number, string>();
  for (let row = 0; row < rows; row++) {
    for (let from = 0; from < columns; ) {
      const shade = shadeOf(values[row * columns + from] ?? 0);
      let to = from + 1;
      while (to < columns && shadeOf(values[row * columns + to] ?? 0) === shade) to++;
      if (shade !== 0) paths.set(shade, `${paths.get(shade) ?? ''}M${from} ${row}h${to - from}v1h${from - to}z`);
      from = to;
    }
  }
  return [...paths].map(([shade, path]) => html`<path class="${shadeClass(shade)}" d="${raw(path)}"/>`);
}

const shadeClass = (shade: number): string => (shade > 0 ? `s${shade}` : `n${-shade}`);

function evenShading(values: readonly (number | null)[]): (value: number) => number {
  const most = values.reduce((sofar: number, value) => Math.max(sofar, Math.abs(value ?? 0)), 0);
  return (value) => (value === 0 ? 0 : Math.sign(value) * Math.max(1, Math.round((Math.abs(value) / most) * SHADES)));
}

function numbers({ rows, columns, values }: MatrixPanel, cell: number, digits: number, shadeOf: (v: number) => number) {
  return Array.from({ length: rows * columns }, (_, n) => {
    const value = values[n];
    if (value === null) return null;
    const strength = Math.abs(shadeOf(value));
    const [x, y] = [((n % columns) + 0.5) * cell, (Math.floor(n / columns) + 0.5) * cell + 4];
    const written = value.toFixed(digits).replace('-', '−');
    return html`<text class="in-cell${strength > 9 ? ' on-strong' : ''}" x="${round(x)}" y="${round(y)}" text-anchor="middle">${written}</text>`;
  });
}

function barsSvg({ title, bars, most }: BarsPanel): Html {
  const left = widest(bars.map(({ name }) => name)) + 8;
  const room = WIDTH - left - widest(bars.map((bar) => bar.text)) - 8;
  const top = most ?? Math.max(...bars.map(({ value }) => value), Number.MIN_VALUE);
  const rows = bars.map((bar, n) => {
    const y = TITLE + n * 24;
    const length = Math.max(1, (Math.min(bar.value, top) / top) * room);
    return html`<text class="small" x="${round(left - 6)}" y="${y + 14}" text-anchor="end">${bar.name}</text>
<rect class="bar" x="${round(left)}" y="${y + 2}" width="${round(length)}" height="16"/>
<text class="small" x="${round(left + length + 6)}" y="${y + 14}">${bar.text}</text>
`;
  });
  return frame(title, WIDTH, TITLE + bars.length * 24 + 4, html`${rows}`);
}

function text(content: string, x: number, y: number, anchor: 'end' | 'middle', isShown = true): Html | null {
  if (!isShown) return null;
  return html`<text class="small" x="${round(x)}" y="${round(y)}" text-anchor="${anchor}">${content}</text>`;
}

const widest = (names: readonly string[]): number => Math.max(0, ...names.map(({ length }) => length)) * LETTER;

export const round = (value: number): number => Math.round(value * 100) / 100;
