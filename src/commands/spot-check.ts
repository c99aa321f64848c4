/** `reproduce --spot-check`: runs one unit of each kind anew, and says whether its numbers are those of the results. */
import { describeEnvironment } from '../compare/environment.ts';
import { ArgumentError } from '../core/errors.ts';
import { KERNEL_BUILDS } from '../core/kernels/simd.ts';
import type { Experiment, Scale } from '../reproduce/experiment.ts';
import { describeMachine } from '../reproduce/outcome.ts';
import { byTurn, check, type Finding, gapOf, lackOf, type Sample, samplesOf } from '../reproduce/spot-check.ts';
import { CLEARED } from '../terminal/colour.ts';
import { counted, formatError, formatMilliseconds } from '../terminal/format.ts';
import { Progress } from '../terminal/progress.ts';
import { formatTable, type TableCell, type TableOptions } from '../terminal/table.ts';
import { wrapLines } from '../terminal/width.ts';
import { announceStop, type Running } from './command.ts';

/** An experiment, with one of its units where it has any to run, and what came of it. */
interface Row {
  experiment: Experiment;
  sample: Sample | null;
  /** What it took here; null if it was not run. */
  seconds: number | null;
  finding: Finding;
}

export interface SpotCheckSettings {
  scale: Scale;
  folder: string;
  /** After so many, units that run long are asked to stop. Undefined is no limit. */
  minutes: number | undefined;
  table: TableOptions;
}

/**
 * The exit code: 0 if all that was compared has the same digits, 1 if anything has others or is refused, or if nothing was
 * compared. Throws ArgumentError if all these experiments measure time.
 */
export async function spotCheck(
  chosen: readonly Experiment[],
  { scale, folder, minutes, table }: SpotCheckSettings,
  host: Running,
): Promise<number> {
  const [timed, checked] = [true, false].map((isTimed) => chosen.filter((each) => each.timed === isTimed));
  if (checked.length === 0) {
    throw new ArgumentError(
      `--spot-check: ${timed.map(({ name }) => name).join(', ')}: measures time, which differs from run to run; compare verdicts with --again`,
    );
  }
  host.stop.listen(announceStop(host, 'soon'));
  const end = minutes === undefined ? Number.POSITIVE_INFINITY : performance.now() + 60_000 * minutes;
  const shouldStop = () => host.stop.asked() || performance.now() >= end;
  const rows = checked.flatMap((experiment) => planned(experiment, scale, folder));
  await runRows(rows, shouldStop, host);
  const ended = rows.filter(({ finding: { kind } }) => kind === 'same' || kind === 'other');
  const parts = [
    ...(ended.length === 0 ? [] : [formatRows(ended, table)]),
    wrapLines(wordsOn(rows, timed), table.width),
  ];
  host.stdout.write(`${parts.join('\n\n')}\n`);
  if (host.stop.asked()) return host.stop.exitCode();
  const has = (kind: Finding['kind']) => rows.some(({ finding }) => finding.kind === kind);
  if (has('same') && !has('other') && !has('refused')) return 0;
  const why = has('other')
    ? 'other digits than the results have'
    : has('refused')
      ? 'not all could be compared'
      : 'nothing was compared';
  host.stderr.write(`--spot-check: ${why}\n`);
  return 1;
}

/** What is to be run is unfinished until then. */
function planned(experiment: Experiment, scale: Scale, folder: string): Row[] {
  const samples = samplesOf(experiment, scale, folder);
  const none = (finding: Finding): Row[] => [{ experiment, sample: null, seconds: null, finding }];
  if (!Array.isArray(samples)) return none(samples);
  const lack = lackOf(experiment, scale);
  if (lack !== null) return none(lack);
  const gap = gapOf(experiment, scale, folder);
  return [
    ...samples.map((sample): Row => ({ experiment, sample, seconds: null, finding: { kind: 'unfinished' } })),
    ...(gap === null ? [] : none(gap)),
  ];
}

/** What was not run when it should stop is unfinished. */
async function runRows(rows: readonly Row[], shouldStop: () => boolean, host: Running): Promise<void> {
  const open = rows.filter((row): row is Row & { sample: Sample } => {
    return row.sample !== null && row.finding.kind === 'unfinished';
  });
  if (open.length === 0) return;
  // A log may say that a unit took no time.
  const costOf = ({ seconds }: Sample) => Math.max(seconds, 1e-3);
  const total = open.reduce((sum, { sample }) => sum + costOf(sample), 0);
  const taken = formatMilliseconds(1000 * total);
  host.stderr.write(`${counted(open.length, 'unit')}, which took ${taken} when the results were made\n`);
  const progress = new Progress({ total, stream: host.stderr });
  try {
    for (const row of open.sort((one, other) => byTurn(one.sample, other.sample))) {
      // A signal is heard in a turn of the event loop only.
      await new Promise(setImmediate);
      if (shouldStop()) break;
      const { sample } = row;
      const name = nameOf(row);
      const begin = performance.now();
      row.finding = await check(sample, shouldStop);
      row.seconds = (performance.now() - begin) / 1000;
      progress.advance(costOf(sample), name);
      if (row.finding.kind === 'same') continue;
      progress.finish();
      host.stderr.write(`${CLEARED}${name}: ${textOf(row.finding)}\n`);
    }
  } finally {
    progress.finish();
  }
}

function textOf(finding: Finding): string {
  if (finding.kind === 'same') return 'the same digits';
  if (finding.kind === 'unfinished') return 'not run to its end';
  if (finding.kind !== 'other') return `${finding.kind === 'missing' ? 'not here' : 'refused'}: ${finding.why}`;
  const { relative, name, count, all } = finding.difference;
  const some = `other digits in ${count} of ${counted(all, 'number')}`;
  if (relative === Number.POSITIVE_INFINITY) return `${some}: ${name} is not there, not finite or not as long`;
  return `${some}: largest relative difference ${formatError(relative)} in ${name}`;
}

/** `performer figure-2, draws` */
const nameOf = ({ experiment: { paper, table }, sample }: Row) =>
  `${paper.name} ${table}${sample === null ? '' : `, ${sample.unit.name}`}`;

/** A line of each that ran to its end. */
function formatRows(rows: readonly Row[], table: TableOptions): string {
  const columns = [
    { title: 'paper', align: 'left' as const },
    { title: 'table', align: 'left' as const },
    { title: 'unit', align: 'left' as const },
    { title: 'seconds', align: 'right' as const },
    { title: 'outcome', align: 'left' as const },
  ];
  const cells = rows.map(({ experiment: { paper, table: name }, sample, seconds, finding }): TableCell[] => [
    paper.name,
    name,
    sample?.unit.name ?? '',
    seconds?.toFixed(1) ?? '',
    { text: textOf(finding), style: finding.kind === 'same' ? ('good' as const) : ('bad' as const) },
  ]);
  return formatTable(columns, cells, table);
}

/** What is not here or refused, and why, the counts, and what they mean. */
function wordsOn(rows: readonly Row[], timed: readonly Experiment[]): string {
  const of = (...kinds: Finding['kind'][]) => rows.filter(({ finding }) => kinds.includes(finding.kind));
  const [same, other] = [of('same'), of('other')];
  const rest = [
    { count: of('missing').length, text: 'not here' },
    { count: of('refused').length, text: 'refused' },
    { count: of('unfinished').length, text: 'not run to the end' },
  ].flatMap(({ count, text }) => (count === 0 ? [] : [`${count} ${text}`]));
  const units = `Of ${counted(same.length + other.length, 'unit')} that ran, ${same.length} gave the same digits, ${other.length} gave others`;
  const machines = [
    ...new Set(other.flatMap(({ sample }) => (sample === null ? [] : [describeMachine(sample.environment)]))),
  ];
  return [
    ...of('missing', 'refused').map((row) => `${nameOf(row)}: ${textOf(row.finding)}`),
    `${[units, ...rest].join('; ')}.`,
    ...(same.length === 0
      ? []
      : [
          'The same digits: today’s code comes to the numbers that are kept of these units. The other units were not run.',
        ]),
    ...(other.length === 0
      ? []
      : [
          'Other digits: kernels round otherwise since then, or here, and a training makes much of a last bit; or the results are not what this code computes.',
          `Made on ${machines.join('; ')}. Here: ${describeMachine(describeEnvironment())}; EFFICIENT_TRANSFORMERS_KERNELS names other kernels, of ${KERNEL_BUILDS.join(', ')}.`,
        ]),
    ...(timed.length === 0
      ? []
      : [`Left out, because they measure time: ${timed.map(({ name }) => name).join(', ')}.`]),
  ].join('\n');
}
