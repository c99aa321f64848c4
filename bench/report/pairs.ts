/** Two dots a row on a logarithmic axis of time: this library's and another one's, joined, with the ratio at the end. */
import { decades } from '../../src/compare/report/axes.ts';
import type { Drawing } from '../../src/compare/report/chart.ts';
import { seriesColour, seriesInk } from '../../src/compare/report/style.ts';
import { formatMillisecondsShort } from '../../src/compare/report/ticks.ts';
import { formatMilliseconds, formatRatio } from '../../src/terminal/format.ts';
import { threadsText } from './peer-figures.ts';
import type { PeerRow } from './results.ts';

export interface Pair {
  label: string;
  ours: number;
  theirs: number;
}

export interface PairChart {
  title: string;
  pairs: Pair[];
}

const WIDTH = 460;
const ROW_HEIGHT = 26;
const MARGIN = { top: 8, right: 52, bottom: 44, left: 124 };
const OURS = 0;
const THEIRS = 1;

/** Each variant compared with the module of the same name in Hugging Face's transformers: a plot for each setting. */
export function moduleCharts(rows: readonly PeerRow[], length: number): PairChart[] {
  const measured = rows.filter(
    ({ task, milliseconds }) => task.kind === 'attention' && task.length === length && milliseconds !== undefined,
  );
  const theirs = measured.filter(({ peer }) => peer === 'transformers');
  return [...new Set(theirs.map(titleOf))].map((title) => ({
    title,
    pairs: theirs
      .filter((row) => titleOf(row) === title)
      .flatMap((row) => {
        const ours = measured.find(
          (own) => own.peer === 'us' && own.computes === row.computes && titleOf(own) === title,
        );
        if (ours?.milliseconds === undefined || row.milliseconds === undefined) return [];
        return { label: row.computes, ours: ours.milliseconds, theirs: row.milliseconds };
      }),
  }));
}

function titleOf({ task, threads }: PeerRow): string {
  if (task.kind !== 'attention') return '';
  const heads = task.heads === 1 ? '1 head' : `${task.heads} heads`;
  return `${task.training ? 'Forward and backward' : 'Forward'}, ${heads}, ${threadsText(threads)}`;
}

export function drawPairs({ plot, document }: Drawing, { title, pairs }: PairChart): string {
  const axis = decades(
    pairs.flatMap(({ ours, theirs }) => [ours, theirs]),
    { label: 'time', format: formatMillisecondsShort },
  );
  const text = { fill: 'var(--muted)', tickSize: 0 } as const;
  const dot = (value: 'ours' | 'theirs', series: number, name: string) =>
    plot.dot(pairs, {
      x: value,
      y: 'label',
      r: 5,
      fill: seriesColour(series),
      stroke: 'var(--surface)',
      title: (pair: Pair) => `${pair.label}, ${name}: ${formatMilliseconds(pair[value])}`,
    });
  const drawn = plot.plot({
    document,
    width: WIDTH,
    height: MARGIN.top + MARGIN.bottom + ROW_HEIGHT * pairs.length,
    marginTop: MARGIN.top,
    marginRight: MARGIN.right,
    marginBottom: MARGIN.bottom,
    marginLeft: MARGIN.left,
    style: { fontSize: '12px', fontFamily: 'inherit', background: 'none' },
    x: { type: 'log', domain: axis.domain, label: null, inset: 10 },
    y: { type: 'point', domain: pairs.map(({ label }) => label), label: null },
    marks: [
      plot.gridX(axis.ticks, { stroke: 'var(--line)', strokeOpacity: 1 }),
      plot.axisX(axis.ticks, { ...text, text: axis.format, label: axis.label, labelOffset: 38, labelArrow: 'none' }),
      plot.axisY({ ...text, fill: 'var(--text)' }),
      plot.link(pairs, { x1: 'ours', x2: 'theirs', y: 'label', stroke: 'var(--strong-line)', strokeWidth: 3 }),
      dot('ours', OURS, 'this library'),
      dot('theirs', THEIRS, 'transformers'),
      plot.text(pairs, {
        y: 'label',
        text: ({ ours, theirs }: Pair) => formatRatio(theirs / ours),
        fill: 'var(--text)',
        fontWeight: 600,
        textAnchor: 'end',
        frameAnchor: 'right',
        dx: MARGIN.right - 4,
      }),
    ],
  });
  drawn.querySelector('style')?.remove();
  for (const name of ['class', 'width', 'height', 'font-family']) drawn.removeAttribute(name);
  drawn.setAttribute('role', 'img');
  drawn.setAttribute('aria-label', `${title}: time of each variant in this library and in transformers`);
  return drawn.outerHTML;
}

/** Which dot is whose. */
export const PAIR_LEGEND: readonly { name: string; colour: string; ink: string }[] = [
  { name: 'this library', colour: seriesColour(OURS), ink: seriesInk(OURS) },
  { name: 'transformers', colour: seriesColour(THEIRS), ink: seriesInk(THEIRS) },
];
