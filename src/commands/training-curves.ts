/** Learning curves as an HTML page, drawn like the plots of the comparison's report. */
import { even, powersOfTwo } from '../compare/report/axes.ts';
import {
  type Axis,
  type Chart,
  type ChartLine,
  type Drawing,
  drawChart,
  isCrowded,
  loadDrawing,
} from '../compare/report/chart.ts';
import { type Html, html, raw } from '../compare/report/html.ts';
import { pageOf } from '../compare/report/page.ts';
import type { Environment } from '../compare/result.ts';
import { formatBytes, formatCount, formatError, formatMilliseconds, formatPercent } from '../terminal/format.ts';
import type { EvaluationLine, MetricsLine, StepsLine } from '../training/metrics.ts';
import type { Baseline } from '../training/tasks/baseline.ts';
import type { RecallPoint } from './recall-plot.ts';

/** What one run measured. */
export interface Curve {
  label: string;
  lines: readonly MetricsLine[];
  /** Its recall at the end, and what it took; null where the task does not ask for it. */
  recall: RecallPoint | null;
}

/** A plot is no clearer for more points. */
const MOST_POINTS = 60;

/** The whole HTML document: loss and accuracy on held-out examples over steps and over time; for one run also its training loss. */
export async function renderCurves(
  task: string,
  curves: readonly Curve[],
  baseline: Baseline,
  { version, cpu, threads }: Environment,
): Promise<string> {
  const drawing = await loadDrawing();
  const title = `Training on ${task}: ${curves.map(({ label }) => label).join(', ')}`;
  return pageOf(
    title,
    html`<header>
<h1>${title}</h1>
<p class="lead">Loss in nats for each target that counts, and accuracy, on examples that were held out.</p>
</header>
<div class="grid">${[...charts(curves, baseline), ...recallCharts(curves)].map((chart) => figure(drawing, chart))}</div>
<footer>Made by efficient-transformers ${version} on ${cpu}, ${threads} threads.</footer>`,
  );
}

function figure(drawing: Drawing, chart: Chart): Html {
  const crowded = isCrowded(chart) ? raw(' class="crowded"') : null;
  return html`<figure${crowded}><figcaption><h3>${chart.title}</h3></figcaption>${raw(drawChart(drawing, chart))}</figure>`;
}

function charts(curves: readonly Curve[], baseline: Baseline): Chart[] {
  const byStep = { of: ({ step }: MetricsLine) => step, label: 'steps', format: formatCount };
  const byTime = {
    of: ({ seconds }: MetricsLine) => seconds,
    label: 'time',
    format: (seconds: number) => (seconds === 0 ? '0' : formatMilliseconds(1000 * seconds)),
  };
  // With a single run the title names it.
  const nameOf = (label: string) => (curves.length > 1 ? label : 'held out');
  return [byStep, byTime].flatMap(({ of, label, format }) => {
    const x = axis(curves, of, { label, format });
    const losses = curves.flatMap(({ label: name, lines }, index) => [
      line(nameOf(name), index, lines.filter(isEvaluation), of, ({ loss }) => loss ?? Number.NaN, formatError),
      ...(curves.length > 1
        ? []
        : [line('training', null, lines.filter(isSteps), of, ({ loss }) => loss, formatError)]),
    ]);
    const accuracies = curves.map(({ label: name, lines }, index) =>
      line(nameOf(name), index, lines.filter(isEvaluation), of, ({ accuracy }) => accuracy, formatPercent),
    );
    const own = curves.flatMap(({ label: name, lines }, index) => {
      const withOwn = lines.filter(isSteps).filter(({ auxiliary }) => auxiliary !== undefined);
      if (withOwn.length === 0) return [];
      const shown = curves.length > 1 ? name : 'training';
      return [line(shown, index, withOwn, of, ({ auxiliary = Number.NaN }) => auxiliary, formatError)];
    });
    const heights = losses.flatMap(({ points }) => points.map(({ y }) => y)).filter(Number.isFinite);
    return [
      {
        id: `loss-${label}`,
        title: `Loss over ${label}`,
        description: `The loss of each run over ${label}; lower is better.`,
        x,
        y: even([0, ...heights, baseline.loss], { label: 'loss, nats', format: shortNumber }),
        lines: losses,
        mark: { axis: 'y' as const, at: baseline.loss, label: 'by frequencies alone' },
      },
      ...ownLosses(own, x, label),
      {
        id: `accuracy-${label}`,
        title: `Accuracy over ${label}`,
        description: `The accuracy of each run over ${label}; higher is better.`,
        x,
        y: accuracyAxis,
        lines: accuracies,
        mark: { axis: 'y' as const, at: baseline.accuracy, label: 'most frequent answer' },
      },
    ];
  });
}

/** What layers learn from besides the task, such as the loss of a router or of an indexer; nothing where they have no such loss. */
function ownLosses(lines: readonly ChartLine[], x: Axis, label: string): Chart[] {
  if (lines.length === 0) return [];
  const heights = lines.flatMap(({ points }) => points.map(({ y }) => y)).filter(Number.isFinite);
  return [
    {
      id: `own-losses-${label}`,
      title: `Own losses of layers over ${label}`,
      description: `The sum of the losses that layers have of their own, with their weights, over ${label}.`,
      x,
      y: even([0, ...heights], { label: 'own losses', format: shortNumber }),
      lines: [...lines],
    },
  ];
}

/** For two runs or more of a task of recall: a line for each variant, through its runs with states of different sizes. */
function recallCharts(curves: readonly Curve[]): Chart[] {
  const points = curves.flatMap(({ label, recall }) => (recall === null ? [] : [{ label, ...recall }]));
  if (points.length < 2) return [];
  const variants = [...new Set(points.map(({ variant }) => variant))];
  return [
    {
      id: 'recall-state',
      title: 'Recall against the size of the state',
      description:
        'The accuracy of each run at its end over the bytes that its layers keep of a sequence; higher is better.',
      x: powersOfTwo(
        points.map(({ stateBytes }) => stateBytes),
        { label: 'state after a sequence', format: formatBytes },
      ),
      y: accuracyAxis,
      lines: variants.map((variant, index) => {
        const own = points.filter((point) => point.variant === variant);
        return {
          // A run of its own kind is known by its name.
          label: own.length === 1 ? own[0].label : variant,
          index,
          points: own
            .sort((a, b) => a.stateBytes - b.stateBytes)
            .map(({ label, stateBytes, accuracy }) => ({
              x: stateBytes,
              y: accuracy,
              tooltip: `${label}, ${formatBytes(stateBytes)}: ${formatPercent(accuracy)}`,
            })),
        };
      }),
    },
  ];
}

const accuracyAxis = even([0, 1], { label: 'accuracy', format: (share) => `${Math.round(100 * share)}%` });

function axis(
  curves: readonly Curve[],
  of: (line: MetricsLine) => number,
  settings: { label: string; format: (value: number) => string },
): Axis {
  return even([0, ...curves.flatMap(({ lines }) => lines.map(of))], settings);
}

function line<Line extends MetricsLine>(
  label: string,
  index: number | null,
  lines: readonly Line[],
  x: (line: Line) => number,
  y: (line: Line) => number,
  format: (value: number) => string,
): ChartLine {
  const step = Math.max(1, Math.ceil(lines.length / MOST_POINTS));
  // Counted from the end, so that the last point stays.
  const shown = lines.filter((_, n) => (lines.length - 1 - n) % step === 0);
  const points = shown.map((each) => ({
    x: x(each),
    y: y(each),
    tooltip: `${label}, step ${each.step}: ${format(y(each))}`,
  }));
  return { label, index, points };
}

function isEvaluation(line: MetricsLine): line is EvaluationLine {
  return line.kind === 'evaluation';
}

function isSteps(line: MetricsLine): line is StepsLine {
  return line.kind === 'steps';
}

function shortNumber(value: number): string {
  return String(Number(value.toPrecision(2)));
}
