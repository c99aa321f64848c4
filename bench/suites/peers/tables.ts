/** The figures as tables: a row a contestant, a column a size, and below them what is not in there, with the reason. */
import {
  formatError,
  formatMilliseconds,
  formatPercent,
  formatRatio,
  formatWhole,
} from '../../../src/terminal/format.ts';
import { formatTable } from '../../../src/terminal/table.ts';
import type { Task } from '../../peers/protocol.ts';
import type { Agreement } from './agreement.ts';
import type { PeersReport } from './contest.ts';
import type { Row } from './measure.ts';

export function tablesOf({ rows, agreements, absences, versions }: PeersReport, width?: number): string {
  const counts = [...new Set(rows.map(({ threads }) => threads))];
  const sections = counts.flatMap((threads) =>
    sectionsOf(
      rows.filter((row) => row.threads === threads),
      width,
    ),
  );
  const missing = absences.map(({ who, threads, reason }) => `  ${who} (${threadsText(threads)}): ${reason}`);
  return [
    ...sections,
    `Checked before they were measured\n\n${agreementTable(agreements, width)}`,
    ...(missing.length === 0 ? [] : [`Not measured\n${missing.join('\n')}`]),
    `Versions\n${versionLines(versions).join('\n')}`,
    legendOf(rows),
  ].join('\n\n');
}

const RATIO_LEGEND = '×: the time over ours for the same computation.';
const RATE_LEGEND = `GFLOP/s: at the greatest size measured. peak: the share of what
multiply-adds of the same instructions give on as many threads; of native instructions that is not known here.`;

function legendOf(rows: readonly Row[]): string {
  return rows.some(hasRate) ? `${RATIO_LEGEND} ${RATE_LEGEND}` : RATIO_LEGEND;
}

/** What is compared within one table. */
function sectionsOf(rows: readonly Row[], width: number | undefined): string[] {
  const titles = [...new Set(rows.filter(({ task }) => task.kind !== 'peak').map(titleOf))];
  const peaks = rows
    .filter(({ task, rate }) => task.kind === 'peak' && rate !== null)
    .map(({ instructions, rate }) => `${instructions} ${gigaFlops(rate as number)}`);
  const threads = threadsText(rows[0].threads);
  return [
    ...(peaks.length === 0 ? [] : [`Peak of multiply-adds, ${threads}, GFLOP/s: ${peaks.join(', ')}`]),
    ...titles.map((title) => section(title, rows, width)),
  ];
}

function titleOf({ task, threads }: Row): string {
  const where = threadsText(threads);
  if (task.kind === 'product') return `Products of n × n matrices, ${where}`;
  if (task.kind === 'training-step') return `Training steps of a small model, ${where}`;
  if (task.kind === 'peak') return `Peak, ${where}`;
  if (task.kind === 'decoded-token') return `Tokens of a small model, ${where}`;
  const heads = task.heads === 1 ? '1 head' : `${task.heads} heads`;
  const passes = task.training ? 'forward and backward' : 'forward';
  return `${task.kind === 'recurrence' ? 'Recurrences' : 'Attention'} ${passes}, ${heads} of ${task.headDim}, ${where}`;
}

function section(title: string, rows: readonly Row[], width: number | undefined): string {
  const own = rows.filter((row) => titleOf(row) === title);
  const sizes = [...new Set(own.map(({ task }) => sizeOf(task)))];
  const contestants = [...new Set(own.map(nameOf))];
  const isRated = own.some(hasRate);
  const lines = contestants.map((name) => {
    const line = own.filter((row) => nameOf(row) === name);
    const greatest = line.findLast(hasRate);
    const rates = [
      greatest?.rate == null ? '' : gigaFlops(greatest.rate),
      greatest?.share == null ? '' : formatPercent(greatest.share),
    ];
    return [
      name,
      ...sizes.map((size) => cell(line.find(({ task }) => sizeOf(task) === size))),
      ...(isRated ? rates : []),
    ];
  });
  const columns = ['', ...sizes.map(formatWhole), ...(isRated ? ['GFLOP/s', 'peak'] : [])].map((text, index) => ({
    title: text,
    align: index === 0 ? ('left' as const) : ('right' as const),
  }));
  return [title, '', formatTable(columns, lines, { width }), ...notesOf(own)].join('\n');
}

function cell(row: Row | undefined): string {
  if (row === undefined) return '';
  if (row.milliseconds === null) return row.outcome;
  const ratio = row.ratio === null ? '' : ` ${formatRatio(row.ratio)}`;
  return formatMilliseconds(row.milliseconds) + ratio;
}

/** The reason of every cell without a figure; of several in a row that were cut off, the first. */
function notesOf(rows: readonly Row[]): string[] {
  const told = new Set<string>();
  return rows.flatMap((row) => {
    if (row.reason === null) return [];
    const key = `${nameOf(row)} ${row.outcome}`;
    if (row.outcome !== 'failed' && told.has(key)) return [];
    told.add(key);
    const from = row.outcome === 'failed' || row.outcome === 'unable' ? 'at' : 'from';
    return [`  ${nameOf(row)}: ${row.outcome} ${from} ${formatWhole(sizeOf(row.task))}: ${row.reason}`];
  });
}

function nameOf({ peer, contestant }: Row): string {
  return `${peer} ${contestant}`;
}

function sizeOf(task: Task): number {
  if (task.kind === 'product') return task.size;
  return task.kind === 'peak' ? 0 : task.length;
}

const hasRate = ({ rate }: Row): boolean => rate != null;

const gigaFlops = (rate: number): string => (rate / 1e9).toFixed(1);

const threadsText = (threads: number): string => (threads === 1 ? '1 thread' : `${threads} threads`);

function agreementTable(agreements: readonly Agreement[], width: number | undefined): string {
  const lines = agreements.map(({ peer, contestant, threads, against, difference, agrees, reason }) => [
    `${peer} ${contestant}`,
    formatWhole(threads),
    against,
    difference === null ? (reason ?? '') : formatError(difference),
    agrees ? 'agrees' : difference === null ? 'not compared' : 'DISAGREES',
  ]);
  const titles = ['', 'threads', 'held against', 'largest difference', ''];
  return formatTable(
    titles.map((title, index) => ({
      title,
      align: index === 1 || index === 3 ? ('right' as const) : ('left' as const),
    })),
    lines,
    { width },
  );
}

function versionLines(versions: Record<string, Record<string, string>>): string[] {
  return Object.entries(versions).map(([peer, own]) => {
    const text = Object.entries(own).map(([name, version]) => `${name} ${version}`);
    return `  ${peer}: ${text.join(', ')}`;
  });
}
