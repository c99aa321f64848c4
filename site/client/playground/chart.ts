/** The plots, loss, accuracy and losses of layers, by Observable Plot: drawn anew each time, with colours of the style sheet. */
import * as Plot from '@observablehq/plot';
import { decades, even } from '../../../src/compare/report/axes.ts';
import type { Axis } from '../../../src/compare/report/chart.ts';
import { lookOf } from '../../../src/compare/report/looks.ts';
import { seriesColour, seriesInk } from '../../../src/compare/report/style.ts';
import { formatError, formatPercent } from '../../../src/terminal/format.ts';
import { type Curve, type EvaluationPoint, type StepPoint, thinned } from './curve.ts';

export interface View {
  curves: readonly Curve[];
  over: 'step' | 'seconds';
  logarithmic: boolean;
  /** Steps of the whole run: the plot does not move while it fills. */
  steps: number;
  baseline: number;
  goal: number | null;
  nameOf(curve: Curve): string;
}

const HEIGHT = 300;
const MOST_POINTS = 400;
/** Below these no scale begins: there is nothing to see in rounding. */
const LEAST_LOSS = 1e-4;
const LEAST_SECONDS = 5;

type Over = View['over'];

export function drawLoss(place: HTMLElement, view: View): void {
  const { curves, over, logarithmic } = view;
  const smoothed = curves.map(({ points }) => thinnedSmoothly(points));
  const marks = curves.flatMap((curve, n) => [
    ...batches(curve, curve.points, smoothed[n], over),
    ...looks(curve, over, 'loss'),
  ]);
  const heights = [
    ...smoothed.flatMap((points) => points.map(({ smoothed }) => smoothed)),
    ...curves.flatMap(({ evaluations }) => evaluations.map(({ loss }) => loss)),
  ].filter(Number.isFinite);
  const highest = Math.max(view.baseline, ...heights) * 1.06;
  const lowest = Math.max(LEAST_LOSS, Math.min(view.baseline / 10, view.goal ?? 1, ...heights) / 1.25);
  const settings = { label: 'Loss, nats', format: twoDigits };
  const axis = logarithmic ? decades([lowest, highest], settings) : even([0, highest], settings);
  draw(place, view, marks, axis, describe(view, settings.label), 'frequencies alone');
}

/** What layers add to the loss, their own losses, of curves that have some. */
export function drawOwnLosses(place: HTMLElement, view: Omit<View, 'baseline' | 'goal'>): void {
  const own = view.curves.filter((curve) => curve.own.length > 0);
  const smoothed = own.map((curve) => thinnedSmoothly(curve.own));
  const marks = own.flatMap((curve, n) => batches(curve, curve.own, smoothed[n], view.over));
  const heights = smoothed.flatMap((points) => points.map((point) => point.smoothed)).filter(Number.isFinite);
  const highest = Math.max(LEAST_LOSS, ...heights) * 1.06;
  const lowest = Math.max(LEAST_LOSS, Math.min(highest / 10, ...heights) / 1.25);
  const settings = { label: 'Losses of layers', format: twoDigits };
  const axis = view.logarithmic ? decades([lowest, highest], settings) : even([0, highest], settings);
  const last = own.map((curve) => {
    const { step, smoothed: loss } = curve.own[curve.own.length - 1];
    return `${view.nameOf(curve)} at step ${step}: ${formatError(loss)}`;
  });
  const along = view.over === 'step' ? 'steps' : 'seconds';
  const words = `${settings.label} over ${along}. ${last.join('; ')}.`;
  draw(place, { ...view, curves: own, baseline: null, goal: null }, marks, axis, words);
}

const twoDigits = (loss: number) => String(Number(loss.toPrecision(2)));

/** What each batch gave, faint, and their moving mean. */
function batches(
  { index }: Curve,
  points: readonly StepPoint[],
  smoothed: readonly StepPoint[],
  over: Over,
): Plot.Markish[] {
  const stroke = seriesColour(index);
  return [
    Plot.line(thinned(points, MOST_POINTS), {
      x: over,
      y: 'loss',
      stroke,
      strokeWidth: 1,
      strokeOpacity: 0.3,
      clip: true,
    }),
    Plot.line(smoothed, { x: over, y: 'smoothed', stroke, strokeWidth: 2, clip: true }),
  ];
}

export function drawAccuracy(place: HTMLElement, view: View): void {
  const marks = view.curves.flatMap((curve) => looks(curve, view.over, 'accuracy'));
  const percent = (share: number) => `${Math.round(100 * share)}%`;
  const axis = even([0, 1], { label: 'Accuracy, held out', format: percent });
  draw(place, view, marks, axis, describe(view, axis.label), 'most frequent answer');
}

type Drawn = Pick<View, 'curves' | 'over' | 'steps' | 'goal'> & { baseline: number | null };

/** `words`: for those who do not see it. `known`: what those go by who know nothing of the input, the line to beat. */
function draw(place: HTMLElement, view: Drawn, marks: Plot.Markish[], height: Axis, words: string, known = ''): void {
  const { curves, over, steps, baseline, goal } = view;
  const width = Math.max(280, place.clientWidth);
  const longest = Math.max(LEAST_SECONDS, ...curves.map(({ seconds }) => seconds));
  const muted = { fill: 'var(--muted)', tickSize: 0 };
  const drawn = Plot.plot({
    width,
    height: HEIGHT,
    marginTop: 28,
    marginRight: 12,
    marginBottom: 40,
    marginLeft: 46,
    style: { background: 'none', fontFamily: 'inherit', fontSize: '12px', overflow: 'hidden' },
    x: { type: 'linear', domain: [0, over === 'step' ? steps : longest], label: null },
    y: { type: height.scale, domain: height.domain, label: null },
    marks: [
      Plot.gridY(height.ticks, { stroke: 'var(--line)', strokeOpacity: 1 }),
      Plot.axisX({ ...muted, ticks: 5, label: over === 'step' ? 'steps' : 'seconds of training', labelArrow: 'none' }),
      Plot.axisY(height.ticks, { ...muted, text: height.format, label: height.label, labelArrow: 'none' }),
      ...(baseline === null ? [] : rule(baseline, known, '5 4', 'var(--muted)')),
      ...(goal === null ? [] : rule(goal, 'goal', null, 'var(--accent)')),
      ...marks,
    ],
  });
  place.replaceChildren(drawn);
  // Plot's own style for it would make the ground of tips white, also in the dark.
  drawn.removeAttribute('class');
  drawn.setAttribute('aria-hidden', 'true');
  place.setAttribute('aria-label', words);
}

function rule(at: number, label: string, dashes: string | null, colour: string): Plot.Markish[] {
  return [
    Plot.ruleY([at], { stroke: colour, strokeWidth: 1.25, ...(dashes === null ? {} : { strokeDasharray: dashes }) }),
    Plot.text([at], {
      y: (height: number) => height,
      text: () => label,
      frameAnchor: 'right',
      textAnchor: 'end',
      dy: -7,
      fill: colour,
      stroke: 'var(--surface)',
      strokeWidth: 4,
    }),
  ];
}

/** Looks at held-out examples: few, so each has a marker. */
function looks(curve: Curve, over: Over, measure: 'loss' | 'accuracy'): Plot.Markish[] {
  const colour = seriesColour(curve.index);
  const points = curve.evaluations.filter((each) => Number.isFinite(each[measure]));
  const format = measure === 'loss' ? formatError : formatPercent;
  return [
    Plot.line(points, { x: over, y: measure, stroke: colour, strokeWidth: 1.25, strokeDasharray: '2 3' }),
    Plot.dot(points, {
      x: over,
      y: measure,
      symbol: lookOf(curve).symbol,
      r: 4.5,
      fill: colour,
      stroke: 'var(--surface)',
      title: (each: EvaluationPoint) => `Step ${each.step}, held out: ${format(each[measure])}`,
      tip: { fill: 'var(--surface)', stroke: seriesInk(curve.index) },
    }),
  ];
}

function thinnedSmoothly<Point>(points: readonly Point[]): Point[] {
  const every = Math.max(1, Math.ceil(points.length / MOST_POINTS));
  return points.filter((_, n) => (points.length - 1 - n) % every === 0);
}

function describe({ curves, over, nameOf }: View, label: string): string {
  const along = over === 'step' ? 'steps' : 'seconds';
  if (curves.length === 0) return `${label} over ${along}: nothing trained yet.`;
  const each = curves.map((curve) => {
    const last = curve.evaluations.at(-1);
    const training = formatError(curve.points.at(-1)?.smoothed ?? Number.NaN);
    const heldOut =
      last === undefined
        ? ''
        : `, held out at step ${last.step}: ${formatError(last.loss)}, ${formatPercent(last.accuracy)} right`;
    return `${nameOf(curve)} at step ${curve.step}: training loss ${training}${heldOut}`;
  });
  return `${label} over ${along}. ${each.join('; ')}.`;
}
