/** The report's looks: colours as custom properties, so that light and dark differ in one place, and the style sheet. */

/**
 * Line colours that people with any common kind of colour vision can distinguish, in light and in dark, and that stand out
 * from the page; found by a search that kept their hues (spec/compare/report/looks.spec.ts holds them to it). `ink` is a
 * darker or lighter tone for text.
 */
const SERIES: readonly { light: string; lightInk: string; dark: string; darkInk: string }[] = [
  { light: '#1f00e8', lightInk: '#1f00e8', dark: '#5b87ff', darkInk: '#86a6ff' },
  { light: '#970000', lightInk: '#970000', dark: '#ee2511', darkInk: '#ff7b6e' },
  { light: '#035240', lightInk: '#035240', dark: '#4e835d', darkInk: '#7fb990' },
  { light: '#85198c', lightInk: '#85198c', dark: '#ffbcc6', darkInk: '#ffd0d7' },
  { light: '#b2881f', lightInk: '#7d5c08', dark: '#dd9854', darkInk: '#e9b17a' },
  { light: '#349aba', lightInk: '#1d6e89', dark: '#19b9ff', darkInk: '#6bd0ff' },
  { light: '#8e6b1a', lightInk: '#6f5210', dark: '#b1de12', darkInk: '#c5ea4c' },
  { light: '#9263fa', lightInk: '#6f3de0', dark: '#9c62ad', darkInk: '#c493d2' },
];

export const SERIES_COLOURS = SERIES.length;

export function seriesColour(index: number): string {
  return `var(--series-${index % SERIES_COLOURS})`;
}

export function seriesInk(index: number): string {
  return `var(--ink-${index % SERIES_COLOURS})`;
}

function seriesProperties(mode: 'light' | 'dark'): string {
  return SERIES.map((tone, index) => {
    const ink = mode === 'light' ? tone.lightInk : tone.darkInk;
    return `--series-${index}:${tone[mode]};--ink-${index}:${ink};`;
  }).join('');
}

/** Also the ends of the colours of the pattern pictures. */
export const SURFACE = { light: '#ffffff', dark: '#16181c' };

const TONES = {
  light:
    `--page:#f7f7f5;--surface:${SURFACE.light};--text:#1b1d21;--muted:#61656d;--line:#e2e2de;--strong-line:#c9c9c4;--edge:rgb(0 0 0 / 16%);` +
    seriesProperties('light'),
  dark:
    `--page:#0f1114;--surface:${SURFACE.dark};--text:#e7e9ec;--muted:#9aa0a8;--line:#2a2d33;--strong-line:#43474f;--edge:rgb(0 0 0 / 70%);` +
    seriesProperties('dark'),
};

/** The custom properties of one mode, for a page that lets its reader choose. */
export function coloursOf(mode: 'light' | 'dark'): string {
  return TONES[mode];
}

/** For a page, or a picture by itself: light or dark like the reader's system. */
export const colourProperties = `
:root { color-scheme: light dark; ${TONES.light} }
@media (prefers-color-scheme: dark) {
  :root { ${TONES.dark} }
}`;

/**
 * The background of scrolling elements: a shadow at each edge with hidden content. A layer that scrolls along covers the
 * shadow where nothing is hidden.
 */
export const edgeShading =
  (['right', 'bottom', 'left', 'top'] as const)
    .map(
      (edge) =>
        `linear-gradient(to ${edge}, transparent, var(--surface) 60%) ${edge} / ${sizeAt(edge, 48)} no-repeat local`,
    )
    .join(', ') +
  ', ' +
  (['right', 'bottom', 'left', 'top'] as const)
    .map(
      (edge) => `linear-gradient(to ${edge}, transparent, var(--edge)) ${edge} / ${sizeAt(edge, 16)} no-repeat scroll`,
    )
    .join(', ') +
  ', var(--surface)';

function sizeAt(edge: 'left' | 'right' | 'top' | 'bottom', pixels: number): string {
  return edge === 'left' || edge === 'right' ? `${pixels}px 100%` : `100% ${pixels}px`;
}

export const styleSheet = `${colourProperties}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--page); color: var(--text);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  font-variant-numeric: tabular-nums;
}
main { max-width: 1120px; margin: 0 auto; padding: 48px 24px 64px; }
h1 { font-size: 1.9rem; line-height: 1.2; letter-spacing: -0.015em; font-weight: 650; margin: 0 0 8px; text-wrap: balance; }
h2 { font-size: 1.2rem; letter-spacing: -0.005em; font-weight: 650; margin: 56px 0 4px; }
h3 { font-size: 0.95rem; font-weight: 600; margin: 0 0 2px; }
p { margin: 0 0 12px; max-width: 72ch; }
.lead { font-size: 1.1rem; color: var(--muted); margin-bottom: 24px; overflow-wrap: anywhere; }
.note { color: var(--muted); font-size: 0.9rem; }
.facts {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(170px, 1fr)); gap: 14px 24px;
  margin: 0; padding: 18px 0; border-block: 1px solid var(--line);
}
.facts dt { color: var(--muted); font-size: 0.8rem; }
.facts dd { margin: 0; overflow-wrap: anywhere; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 220px), 1fr)); gap: 16px; margin: 24px 0 0; }
.card, figure, .scroll, details {
  background: var(--surface); border: 1px solid var(--line); border-radius: 10px;
}
.card { padding: 14px 18px 16px; }
.card h3 { color: var(--muted); font-weight: 500; font-size: 0.85rem; }
.card .figure { font-size: 1.7rem; line-height: 1.2; font-weight: 600; letter-spacing: -0.02em; }
.card p { margin: 2px 0 0; font-size: 0.9rem; overflow-wrap: anywhere; }
.grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 16px; margin-top: 16px; }
figure { margin: 0; padding: 16px 18px 12px; min-width: 0; }
figcaption p { color: var(--muted); font-size: 0.85rem; margin: 0 0 8px; }
figure > svg { display: block; width: 100%; max-width: 560px; height: auto; margin: 0 auto; overflow: visible; }
figure.crowded { grid-column: 1 / -1; overflow-x: auto; }
figure.crowded > svg { max-width: 1040px; min-width: 720px; }
figure svg text { white-space: pre; }
.scroll { overflow: auto; max-height: 80vh; margin-top: 16px; background: ${edgeShading}; }
table { border-collapse: separate; border-spacing: 0; width: 100%; font-size: 0.88rem; white-space: nowrap; }
th, td { padding: 6px 12px; text-align: left; border-bottom: 1px solid var(--line); }
.number { text-align: right; }
thead th {
  position: sticky; top: 0; z-index: 1; background: var(--surface); color: var(--muted);
  font-weight: 500; border-bottom-color: var(--strong-line);
}
thead th:first-child { left: 0; z-index: 2; }
thead abbr { text-decoration: none; }
thead button {
  position: relative; width: calc(100% + 24px); margin: -6px -12px; padding: 6px 12px; border: 0; background: none;
  font: inherit; color: inherit; text-align: inherit; cursor: pointer;
}
thead button:hover, thead [aria-sort] { color: var(--text); }
[aria-sort] button::after { content: "↑"; position: absolute; right: 1px; }
[aria-sort="descending"] button::after { content: "↓"; }
th small { color: var(--muted); font-size: 0.82rem; font-weight: 400; }
th .standing { display: none; margin-left: 8px; }
[data-sorted] .standing { display: inline; }
th .which { display: none; }
[hidden] { display: none; }
tbody th { font-weight: 500; position: sticky; left: 0; background: var(--surface); max-width: 50vw; overflow: hidden; text-overflow: ellipsis; }
tbody tr:last-child > * { border-bottom: 0; }
table:not([data-sorted]) tr.first > * { border-top: 1px solid var(--strong-line); }
tbody tr:hover > * { background: var(--page); }
tbody tr.heading > th { color: var(--muted); font-weight: 400; font-size: 0.82rem; padding-top: 12px; }
td.best { font-weight: 700; }
.swatch { display: inline-block; width: 1em; margin-right: 5px; font-size: 0.85rem; text-align: center; }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 230px), 1fr)); gap: 16px; margin-top: 16px; }
.pictures figure { padding: 14px; }
.pictures h3, .pictures p { overflow-wrap: anywhere; }
.pictures img {
  display: block; width: 100%; height: auto; aspect-ratio: 1; border: 1px solid var(--line);
  image-rendering: pixelated; image-rendering: crisp-edges; image-rendering: pixelated;
}
.axes { display: grid; grid-template-columns: auto 1fr; gap: 2px 6px; color: var(--muted); font-size: 0.75rem; line-height: 1.2; }
.axes .down { grid-area: 2 / 1; writing-mode: vertical-rl; }
.axes .right { grid-area: 1 / 2; }
.axes picture { grid-area: 2 / 2; }
.scale { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 10px; margin-top: 12px; color: var(--muted); font-size: 0.85rem; }
.scale img { width: 220px; height: 12px; border: 1px solid var(--line); }
.scale .never { display: inline-block; width: 14px; height: 14px; background: var(--surface); border: 1px solid var(--strong-line); }
details { margin-top: 56px; padding: 14px 18px; }
summary { cursor: pointer; font-weight: 600; }
pre { margin: 12px 0 0; overflow: auto; max-height: 70vh; font: 0.8rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
footer { margin-top: 32px; color: var(--muted); font-size: 0.85rem; }
@media (max-width: 600px) {
  main { padding: 28px 14px 48px; }
  h1 { font-size: 1.5rem; }
  figure { padding: 14px 10px 8px; }
  figcaption { padding: 0 4px; }
  .facts { grid-template-columns: repeat(auto-fill, minmax(130px, 1fr)); }
  .wide { display: none; }
  th .which { display: block; padding-left: 17px; }
  th .standing { margin: 0; padding-left: 17px; white-space: normal; }
  [data-sorted] .standing { display: block; }
  .pictures { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 10px; }
  .pictures figure { padding: 10px; }
}
@media print { body { background: none; } .scroll, pre { max-height: none; overflow: visible; } figure { break-inside: avoid; } }
`;
