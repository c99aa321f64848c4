/** A chart of a lesson: lines over a linear or logarithmic axis, each named at its end or in a key below. */
import { type Html, html } from '../../src/compare/report/html.ts';
import { seriesColour, seriesInk } from '../../src/compare/report/style.ts';
import type { ChartAxis, ChartPanel } from './drawn.ts';
import { frame, round, WIDTH } from './svg.ts';

const PLOT = { left: 56, right: 14, top: 44, height: 200 };
const KEY_LINE = 18;
const DASHES = ['', '7 3', '2 3', '10 3 2 3'];

interface Scale {
  /** Of a value, from 0 to 1. */
  at(value: number): number;
  ticks: number[];
}

export function chartSvg({ title, x, y, lines }: ChartPanel): Html {
  const points = lines.flatMap((line) => line.points);
  const [across, up] = [
    scaleOf(
      x,
      points.map(([value]) => value),
    ),
    scaleOf(
      y,
      points.map(([, value]) => value),
    ),
  ];
  const width = WIDTH - PLOT.left - PLOT.right;
  const placeX = (value: number): number => round(PLOT.left + across.at(value) * width);
  const placeY = (value: number): number => round(PLOT.top + (1 - up.at(value)) * PLOT.height);
  const bottom = PLOT.top + PLOT.height;
  const grid = [
    ...up.ticks.map(
      (
        tick,
      ) => html`<line class="grid" x1="${PLOT.left}" x2="${WIDTH - PLOT.right}" y1="${placeY(tick)}" y2="${placeY(tick)}"/>
<text class="small" x="${PLOT.left - 6}" y="${placeY(tick) + 4}" text-anchor="end">${short(tick)}</text>
`,
    ),
    ...across.ticks.map(
      (
        tick,
      ) => html`<text class="small" x="${placeX(tick)}" y="${bottom + 16}" text-anchor="middle">${short(tick)}</text>
`,
    ),
  ];
  const drawn = lines.map(({ points }, n) => {
    const shown = points.filter(([, value]) => !y.log || value > 0);
    const path = shown.map(([a, b], k) => `${k === 0 ? 'M' : 'L'}${placeX(a)} ${placeY(b)}`).join('');
    return html`<path class="line" style="stroke:${seriesColour(n)}" stroke-dasharray="${DASHES[n % DASHES.length]}" d="${path}"/>
${shown.map(([a, b]) => html`<circle cx="${placeX(a)}" cy="${placeY(b)}" r="3" style="fill:${seriesColour(n)}"/>`)}
`;
  });
  const key = lines.map(({ name }, n) => {
    const at = bottom + 54 + n * KEY_LINE;
    return html`<path class="line" style="stroke:${seriesColour(n)}" stroke-dasharray="${DASHES[n % DASHES.length]}" d="M${PLOT.left} ${at - 4}h28"/>
<text class="small" style="fill:${seriesInk(n)}" x="${PLOT.left + 36}" y="${at}">${name}</text>
`;
  });
  return frame(
    title,
    WIDTH,
    bottom + 44 + lines.length * KEY_LINE,
    html`<text class="small" x="0" y="34">${y.label}</text>
${grid}<line class="axis" x1="${PLOT.left}" x2="${WIDTH - PLOT.right}" y1="${bottom}" y2="${bottom}"/>
<text class="small" x="${PLOT.left + width / 2}" y="${bottom + 32}" text-anchor="middle">${x.label}</text>
${drawn}${key}`,
  );
}

function scaleOf({ log, from, to }: ChartAxis, values: readonly number[]): Scale {
  const own = [...values, ...(from === undefined ? [] : [from]), ...(to === undefined ? [] : [to])].filter(
    (value) => Number.isFinite(value) && (!log || value > 0),
  );
  const [low, high] = own.length === 0 ? [1, 10] : [Math.min(...own), Math.max(...own)];
  return log ? logScale(low, high) : linearScale(Math.min(0, low), high === 0 ? 1 : high);
}

/** Ticks at powers of two where few doublings are shown, as of lengths, and else at powers of ten. */
function logScale(low: number, high: number): Scale {
  const top = high > low ? high : low * 2;
  const base = top / low <= 256 ? 2 : 10;
  const power = (value: number): number => Math.log(value) / Math.log(base);
  const all = Array.from({ length: Math.floor(power(top) + 1e-9) - Math.ceil(power(low) - 1e-9) + 1 }, (_, n) => {
    return base ** (Math.ceil(power(low) - 1e-9) + n);
  });
  const step = Math.ceil(all.length / 6);
  return {
    at: (value) => (power(value) - power(low)) / (power(top) - power(low)),
    ticks: all.filter((_, n) => n % step === 0),
  };
}

function linearScale(low: number, high: number): Scale {
  const rough = (high - low) / 4;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((each) => each * unit >= rough)! * unit;
  const top = Math.ceil(high / step - 1e-9) * step;
  const bottom = Math.floor(low / step + 1e-9) * step;
  const count = Math.round((top - bottom) / step) + 1;
  return {
    at: (value) => (value - bottom) / (top - bottom),
    ticks: Array.from({ length: count }, (_, n) => Number((bottom + n * step).toPrecision(12))),
  };
}

/** `1,024` is too long below an axis: `1 k`. */
function short(value: number): string {
  const size = Math.abs(value);
  for (const [unit, letter] of [
    [2 ** 30, 'G'],
    [2 ** 20, 'M'],
    [2 ** 10, 'k'],
  ] as const) {
    if (size >= unit && Number.isInteger(Math.log2(size))) return `${value / unit} ${letter}`;
  }
  if (size >= 1e9) return `${Number((value / 1e9).toPrecision(3))} G`;
  if (size >= 1e6) return `${Number((value / 1e6).toPrecision(3))} M`;
  if (size >= 1e4) return `${Number((value / 1e3).toPrecision(3))} k`;
  return size !== 0 && size < 0.001 ? value.toExponential(0).replace('-', '−') : String(Number(value.toPrecision(3)));
}
