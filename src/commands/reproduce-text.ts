/** Outcomes of experiments as text: the list of all, and one with its claims and numbers. */
import { EfficientTransformersError } from '../core/errors.ts';
import { countsOf, VERDICTS, type Verdict } from '../reproduce/claims.ts';
import type { Experiment, Scale } from '../reproduce/experiment.ts';
import { describeMachine, type Outcome, outcomeOf } from '../reproduce/outcome.ts';
import { paint, type Style } from '../terminal/colour.ts';
import { counted, formatAbout, formatMilliseconds } from '../terminal/format.ts';
import { formatTable, type TableOptions } from '../terminal/table.ts';
import { wrapLines } from '../terminal/width.ts';

const STYLES: Readonly<Record<Verdict, Style>> = {
  holds: 'good',
  'holds in direction': 'warn',
  'does not hold here': 'bad',
};

/** A line for each experiment: what it shows, its cost in minutes, and the last verdict. */
export function listExperiments(
  experiments: readonly Experiment[],
  { scale, folder, table, program }: { scale: Scale; folder: string; table: TableOptions; program: string },
): string {
  const rows = experiments.map((experiment) => {
    const { paper, table: name, title, minutes, timed } = experiment;
    return [paper.name, name, lastVerdict(experiment, scale, folder), `${minutes[scale]}`, timed ? 'yes' : '', title];
  });
  const columns = [
    { title: 'paper' },
    { title: 'table' },
    { title: 'last verdict', align: 'left' as const },
    { title: 'minutes', align: 'right' as const },
    { title: 'timed', droppable: true },
    { title: 'what it shows', align: 'left' as const, droppable: true },
  ];
  const minutes = experiments.reduce((sum, experiment) => sum + experiment.minutes[scale], 0);
  const words = [
    `${counted(experiments.length, 'experiment')}, about ${formatAbout(minutes)} on two cores, at scale ${scale}.`,
    'A timed experiment measures time: run it on a quiet machine.',
    `Results: ${folder}. Run one with ${program} reproduce PAPER TABLE`,
  ];
  return [formatTable(columns, rows, table), wrapLines(words.join('\n'), table.width)].join('\n\n');
}

const LONG = 60;

/** What is left takes and how it is stopped, in words, if that is more than an hour; else nothing. `limit`: the given minutes. */
export function describeTime(experiments: readonly Experiment[], settings: TimeSettings): string[] {
  const { scale, limit, again } = settings;
  const left = experiments.reduce((sum, experiment) => sum + minutesLeft(experiment, settings), 0);
  if (left <= LONG) return [];
  const end =
    limit === undefined
      ? 'To stop earlier, add --minutes N or press Ctrl-C: what is finished is kept, and the same command continues.'
      : `This call stops after ${formatAbout(limit)}, and the same command${again ? ' without --again' : ''} continues.`;
  return [`About ${formatAbout(left)} on two cores, at scale ${scale}. ${end}`];
}

interface TimeSettings {
  scale: Scale;
  folder: string;
  again: boolean;
  limit: number | undefined;
}

function minutesLeft(experiment: Experiment, { scale, folder, again }: TimeSettings): number {
  const minutes = experiment.minutes[scale];
  if (again) return minutes;
  try {
    const { finished, units, due } = outcomeOf(experiment, scale, folder);
    return due ? minutes : minutes * (1 - finished / units);
  } catch (error) {
    // It says so itself when it is run.
    if (error instanceof EfficientTransformersError) return 0;
    throw error;
  }
}

function lastVerdict(experiment: Experiment, scale: Scale, folder: string): string {
  try {
    const { verdict, finished, units } = outcomeOf(experiment, scale, folder);
    return verdict ?? (finished === 0 ? 'not run' : `${finished} of ${units} units`);
  } catch (error) {
    if (error instanceof EfficientTransformersError) return 'results refused';
    throw error;
  }
}

/**
 * A line for each experiment that was run or shown: how many of its claims came to each verdict, and the minutes that its units
 * took. `noted`: lines for below, such as verdicts that changed.
 */
export function summarise(
  outcomes: readonly { outcome: Outcome; noted: readonly string[] }[],
  { table, program }: { table: TableOptions; program: string },
): string {
  const rows = outcomes.map(({ outcome: { experiment, results, judged, finished, units, seconds, due } }) => {
    const counts = VERDICTS.map((verdict) => {
      const count = judged.filter((each) => each.verdict === verdict).length;
      return count === 0 ? '' : { text: `${count}`, style: STYLES[verdict] };
    });
    const state = due && finished > 0 ? 'earlier results' : results === null ? `${finished} of ${units} units` : '';
    return [experiment.paper.name, experiment.table, ...counts, (seconds / 60).toFixed(1), state];
  });
  const columns = [
    { title: 'paper', align: 'left' as const },
    { title: 'table', align: 'left' as const },
    ...VERDICTS.map((title) => ({ title, align: 'right' as const })),
    { title: 'minutes', align: 'right' as const },
    ...(rows.some((row) => row.at(-1) !== '') ? [{ title: 'state', align: 'left' as const }] : []),
  ];
  const all = outcomes.flatMap(({ outcome }) => outcome.judged.map(({ verdict }) => verdict));
  const total = all.length === 0 ? [] : [countsOf(all)];
  const lines = outcomes.flatMap(({ outcome, noted }) => noted.map((line) => `${outcome.experiment.name}: ${line}`));
  const how = `Claims and numbers of one: ${program} reproduce PAPER TABLE; of all: --details`;
  const shown = formatTable(
    columns,
    rows.map((row) => row.slice(0, columns.length)),
    table,
  );
  return [shown, wrapLines([...total, ...lines, how].join('\n'), table.width)].join('\n\n');
}

/** An experiment with the paper's numbers beside ours; while units are missing, how many there are. */
export function describeOutcome(outcome: Outcome, table: TableOptions): string {
  const { experiment, scale, results, judged, verdict, finished, units, seconds, environments, path } = outcome;
  const { name, paper, title, source } = experiment;
  const { width, colour = false } = table;
  const heading = `${colour ? paint('bold', name) : name}: ${title}`;
  const from = wrapLines(`${paper.authors} ${paper.year}, ${source}. arXiv:${paper.arxiv}`, width);
  // Without a unit there is no file yet.
  const where = finished === 0 ? '' : `: ${path}`;
  if (results === null) return `${heading}\n${from}\n\n${finished} of ${units} units are finished${where}`;
  const { titles, rows } = experiment.show(results, scale);
  const shown = formatTable(
    titles.map((each, at) => ({ title: each, align: at === 0 ? ('left' as const) : ('right' as const) })),
    rows.map((row) => [...row]),
    table,
  );
  const claims = formatTable(
    ['verdict', 'claim', 'paper', 'ours'].map((each) => ({ title: each, align: 'left' as const })),
    judged.map((each) => [
      { text: each.verdict, style: STYLES[each.verdict] },
      each.claim.says,
      each.claim.paper,
      each.ours,
    ]),
    table,
  );
  const reasons = judged.flatMap(({ why, claim }) => (why === '' ? [] : [`${claim.says}: ${why}`]));
  const words = [
    `Verdict: ${verdict ?? ''}.`,
    ...reasons,
    ...experiment.differences(scale),
    `${formatMilliseconds(1000 * seconds)}. ${environments.map(describeMachine).join('; ')}`,
    path,
  ];
  return [`${heading}\n${from}`, shown, claims, wrapLines(words.join('\n'), width)].join('\n\n');
}

/** Results that new ones are compared with, and the folder that they lie in where it is another. */
export interface Earlier {
  outcome: Outcome | null;
  folder?: string;
}

/** Lines on what was run, and whether the verdicts are those from before. `ran`: how many units. */
export function noteOn(
  { finished, results, judged, due }: Outcome,
  { outcome, folder }: Earlier,
  ran: number,
): string[] {
  if (due && finished > 0) return ['These are earlier results; they are to be measured anew.'];
  if (results === null) return [];
  if (ran === 0) return ['Nothing was run: all was finished before. To measure it anew, add --again'];
  if (outcome === null || outcome.results === null) return [];
  const changed = judged.flatMap(({ claim, verdict }, at) => {
    const before = outcome.judged[at].verdict;
    if (before === verdict) return [];
    return [`${folder === undefined ? 'Before' : `In ${folder}`}: ${before}, now: ${verdict}. ${claim.says}`];
  });
  if (changed.length > 0) return changed;
  return [`${counted(judged.length, 'verdict')}, as ${folder === undefined ? 'before' : `in ${folder}`}.`];
}
