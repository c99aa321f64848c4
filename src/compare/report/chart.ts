/** One plot as static SVG: lines with markers, names at their ends. Drawn by Observable Plot. */

import { loadDrawing } from '#platform/drawing';
import { type Box, placeLabels, widthOfLabel } from './labels.ts';
import { lookOf } from './looks.ts';
import { seriesInk } from './style.ts';

export { loadDrawing };

/** The drawing libraries. */
export type Drawing = Awaited<ReturnType<typeof loadDrawing>>;

export interface ChartPoint {
  x: number;
  y: number;
  /** Shown when the pointer rests on the point. */
  tooltip: string;
  /** Range of y drawn behind the point; absent when there is none. */
  range?: [low: number, high: number];
}

export interface ChartLine {
  label: string;
  /** Decides colour, marker and dashes (looks.ts); null for full attention, drawn dashed in grey. */
  index: number | null;
  tone?: number;
  /** Drawn behind the others, thin and grey, without a name. */
  faint?: true;
  points: ChartPoint[];
}

export interface Axis {
  label: string;
  scale: 'log' | 'linear';
  domain: [low: number, high: number];
  ticks: number[];
  format: (value: number) => string;
}

export interface Chart {
  id: string;
  title: string;
  /** A description for people who cannot see it. */
  description: string;
  x: Axis;
  y: Axis;
  lines: ChartLine[];
  /** A thin line across the plot, e.g. where a variant is as fast as full attention. */
  mark?: { axis: 'x' | 'y'; at: number; label: string };
  /** Every line has its name beside it, however many there are: where lines are single points, for which there is room. */
  namesAll?: boolean;
}

/** A plot with few lines is next to another one; many lines need the whole width. */
const BESIDE = { width: 460, height: 330 };
const ALONE = { width: 960, height: 480 };
const MOST_BESIDE = 6;
const MARGIN = { top: 26, bottom: 44, left: 52 };
/** Room for names at the ends of lines: enough for the longest, within limits. */
const RIGHT_MARGIN = { least: 60, most: 150, mostAlone: 180 };
const INSET = 8;
const FONT_SIZE = 12;
const HOVER_RADIUS = 11;
const MARK_FONT_SIZE = 11;
/** Pixels from a line across the plot up to the middle of its name. */
const ABOVE_MARK = 8;
/** With more lines than this, names at their ends would hide each other: only grey lines keep theirs. */
const MOST_NAMED = 16;

/** A name that is moved away from its point by more pixels than this is joined to it, where all names are written. */
const FAR = 9;

const GREY = { stroke: 'var(--muted)', dash: '4 4', symbol: 'circle' } as const;

/** Whether the plot is too full for half of a page's width. */
export function isCrowded({ lines }: Chart): boolean {
  return lines.filter(({ faint }) => faint !== true).length > MOST_BESIDE;
}

/** Whether there are too many lines to name: then each family also gets a plot (families.ts). */
export function isFull({ lines }: Pick<Chart, 'lines'>): boolean {
  return lines.length > MOST_NAMED;
}

export function drawChart({ plot, document }: Drawing, chart: Chart): string {
  const { x, y, mark } = chart;
  const { width, height } = isCrowded(chart) ? ALONE : BESIDE;
  // A variant with NaN is in the table, but cannot be drawn here.
  const lines = chart.lines.map((line) => drawable(line, x, y)).filter(({ points }) => points.length > 0);
  const full = chart.namesAll !== true && isFull({ lines: lines.filter(({ faint }) => faint !== true) });
  const named = lines.filter(({ index, faint }) => faint !== true && (index === null || !full));
  const names = Math.max(0, ...named.map(({ label }) => widthOfLabel(label)));
  const most = isCrowded(chart) ? RIGHT_MARGIN.mostAlone : RIGHT_MARGIN.most;
  const right = Math.min(most, Math.max(RIGHT_MARGIN.least, names));
  const axis = { tickSize: 0, labelArrow: 'none', labelAnchor: 'right' } as const;
  const grid = { stroke: 'var(--line)', strokeOpacity: 1 } as const;
  const marks = [
    plot.gridX(x.ticks, grid),
    plot.gridY(y.ticks, grid),
    // As `text`: a logarithmic axis leaves out `tickFormat` at most ticks.
    plot.axisX(x.ticks, { ...axis, text: x.format, label: x.label, fill: 'var(--muted)', labelOffset: 38 }),
    plot.axisY(y.ticks, {
      ...axis,
      text: y.format,
      label: y.label,
      fill: 'var(--muted)',
      labelAnchor: 'top',
      labelOffset: MARGIN.left,
    }),
    ...(mark === undefined ? [] : markOf(plot, mark, chart)),
    ...lines.flatMap((line) => marksOf(plot, line)),
  ];
  const drawn = plot.plot({
    document,
    width,
    height,
    marginTop: MARGIN.top,
    marginRight: right,
    marginBottom: MARGIN.bottom,
    marginLeft: MARGIN.left,
    inset: INSET,
    style: { fontSize: `${FONT_SIZE}px`, fontFamily: 'inherit', background: 'none' },
    x: { type: x.scale, domain: x.domain, label: null },
    y: { type: y.scale, domain: y.domain, label: null },
    marks,
  });
  const position = { x: drawn.scale('x'), y: drawn.scale('y') };
  const toPixels = (point: Pick<ChartPoint, 'x' | 'y'>) => ({
    x: position.x?.apply(point.x),
    y: position.y?.apply(point.y),
  });

  // The page's style sheet has the rules that Plot would put into every picture.
  drawn.querySelector('style')?.remove();
  for (const name of ['class', 'width', 'height', 'font-family']) drawn.removeAttribute(name);
  // Its groups have no names for screen readers either: the whole is one picture with a description.
  for (const group of drawn.querySelectorAll('[aria-label]')) group.removeAttribute('aria-label');
  drawn.setAttribute('role', 'img');
  drawn.setAttribute('aria-labelledby', `${chart.id}-title ${chart.id}-description`);

  const element = (name: string, attributes: Record<string, string | number>, content: string) => {
    const made = document.createElementNS('http://www.w3.org/2000/svg', name);
    for (const [key, value] of Object.entries(attributes))
      made.setAttribute(key, String(typeof value === 'number' ? round(value) : value));
    made.textContent = content;
    return made;
  };
  const ends = named.map((line) => ({ text: line.label, points: line.points.map(toPixels) }));
  const area = { width, top: 14, bottom: height - MARGIN.bottom };
  const texts = mark?.axis === 'y' ? [boxOfMark(mark.label, toPixels({ x: x.domain[1], y: mark.at }))] : [];
  for (const [index, place] of placeLabels(ends, area, texts).entries()) {
    const line = named[index];
    const end = ends[index].points.at(-1);
    if (chart.namesAll === true && end !== undefined && Math.abs(place.y - end.y) > FAR) {
      const stroke = { stroke: 'var(--muted)', 'stroke-opacity': 0.6 };
      drawn.append(element('line', { x1: end.x, y1: end.y, x2: place.x, y2: place.y, ...stroke }, ''));
    }
    const fill = line.index === null ? 'var(--muted)' : seriesInk(line.tone ?? line.index);
    // The halo keeps a name readable where it crosses a line.
    const halo = { stroke: 'var(--surface)', 'stroke-width': 4, 'stroke-linejoin': 'round', 'paint-order': 'stroke' };
    const anchor = {
      x: round(place.x),
      y: round(place.y),
      'text-anchor': place.anchor,
      'dominant-baseline': 'central',
    };
    drawn.append(element('text', { ...anchor, ...halo, fill, 'font-weight': 600 }, line.label));
  }
  drawn.prepend(
    element('title', { id: `${chart.id}-title` }, chart.title),
    element('desc', { id: `${chart.id}-description` }, chart.description),
  );
  return drawn.outerHTML;
}

/** Only the points and ranges that are within the axes. */
function drawable(line: ChartLine, x: Axis, y: Axis): ChartLine {
  const hasPlace = (value: number, { scale }: Axis): boolean =>
    Number.isFinite(value) && (scale === 'linear' || value > 0);
  const points = line.points
    .filter((point) => hasPlace(point.x, x) && hasPlace(point.y, y))
    .map(({ range, ...point }) => (range?.every((end) => hasPlace(end, y)) ? { ...point, range } : point));
  return { ...line, points };
}

function marksOf(plot: Drawing['plot'], line: ChartLine) {
  const { index, tone, points } = line;
  if (line.faint === true) {
    return [plot.lineY(points, { x: 'x', y: 'y', stroke: 'var(--strong-line)', strokeWidth: 1, clip: true })];
  }
  const { stroke, dash, symbol } = index === null ? GREY : lookOf({ index, ...(tone === undefined ? {} : { tone }) });
  const place = { x: 'x', y: 'y' } as const;
  const ranges = points.filter(({ range }) => range !== undefined && range[0] !== range[1]);
  return [
    plot.lineY(points, { ...place, stroke, strokeWidth: 2, strokeDasharray: dash, clip: true }),
    plot.ruleX(ranges, { x: 'x', y1: rangeEnd(0), y2: rangeEnd(1), stroke, strokeWidth: 5, strokeOpacity: 0.3 }),
    plot.dot(points, { ...place, symbol, r: index === null ? 2.5 : 4, fill: stroke, stroke: 'var(--surface)' }),
    // An invisible disc around each point is a larger target for the pointer.
    plot.dot(points, { ...place, r: HOVER_RADIUS, fill: stroke, fillOpacity: 0, title: 'tooltip' }),
  ];
}

function rangeEnd(end: 0 | 1) {
  return ({ range, y }: ChartPoint): number => range?.[end] ?? y;
}

function markOf(plot: Drawing['plot'], mark: NonNullable<Chart['mark']>, { x, y }: Chart) {
  const rule = { stroke: 'var(--muted)', strokeDasharray: '2 3' } as const;
  const text = { text: () => mark.label, fill: 'var(--muted)', fontSize: MARK_FONT_SIZE } as const;
  return mark.axis === 'x'
    ? [
        plot.ruleX([mark.at], rule),
        plot.text([mark.at], { ...text, x: (at: number) => at, y: () => y.domain[1], dx: 5, textAnchor: 'start' }),
      ]
    : [
        plot.ruleY([mark.at], rule),
        plot.text([mark.at], {
          ...text,
          y: (at: number) => at,
          x: () => x.domain[1],
          dy: -ABOVE_MARK,
          textAnchor: 'end',
        }),
      ];
}

/** The place of the name of a line across the plot: it ends at the right end of the line. */
function boxOfMark(label: string, { x, y }: { x: number; y: number }): Box {
  const middle = y - ABOVE_MARK;
  return {
    left: x - label.length * MARK_FONT_SIZE * 0.6,
    right: x,
    top: middle - MARK_FONT_SIZE / 2,
    bottom: middle + MARK_FONT_SIZE / 2,
  };
}

function round(pixels: number): number {
  return Math.round(pixels * 10) / 10;
}
