/** `reproduce`: repeats tables and figures of papers, and says which of their claims hold here. */
import { ArgumentError } from '../core/errors.ts';
import { poolReady, setThreads } from '../core/parallel/pool.ts';
import { shareOfOthers } from '../reproduce/busy.ts';
import { type Experiment, SCALES, type Scale } from '../reproduce/experiment.ts';
import { type Outcome, outcomeOf, outcomeOfLog } from '../reproduce/outcome.ts';
import { renderOutcomes } from '../reproduce/page.ts';
import { experiments, findExperiments } from '../reproduce/registry.ts';
import { askAgain, runExperiment } from '../reproduce/run.ts';
import { CLEARED, supportsColour } from '../terminal/colour.ts';
import { formatPercent } from '../terminal/format.ts';
import { choice, flag, integer, number, text } from '../terminal/options.ts';
import { Progress } from '../terminal/progress.ts';
import type { TableOptions } from '../terminal/table.ts';
import { announceStop, defineCommand, exampleFile, PROGRAM, widthOf } from './command.ts';
import { isExpected, reportFailure } from './failure.ts';
import { checkFolder, checkOutputs, streamForPeople, writeOutputs } from './outputs.ts';
import { describeOutcome, describeTime, type Earlier, listExperiments, noteOn, summarise } from './reproduce-text.ts';
import { spotCheck } from './spot-check.ts';

/** Results that come with the repository. */
const SHIPPED = 'bench/results/reproduce';

function describe() {
  return {
    usage: `${PROGRAM} reproduce`,
    positionals: ['PAPER', 'TABLE'],
    details:
      'Results that are there are shown as they are; --again measures anew. One experiment is shown with its claims and numbers, several as a table of their verdicts. survey complexity measures nothing itself: it reads bench/results/scaling.json, which npm run bench -- --suite scaling writes. --spot-check takes about half an hour for all, the cheapest units first; it ends with code 1 if any digit differs.',
    options: {
      list: flag('Run nothing: show the experiments, their cost in minutes and the last verdict'),
      all: flag('Run all experiments, those that measure time too, in the order of their cost'),
      timed: flag('Run only those that measure time, which need a quiet machine'),
      details: flag('Show the claims and numbers of each experiment, also where there are several'),
      minutes: number('N', 'Stop this call after so many minutes; the same command continues, but with --spot-check', {
        above: 0,
        maximum: 100_000,
        defaultText: 'no limit',
      }),
      scale: choice('SCALE', SCALES, 'Choose the sizes', { default: 'small' }),
      spotCheck: flag(
        'Check the results of PAPER, or all, by a sample: run the cheapest unit of each experiment and cheap ones of other kinds anew, and compare all digits; writes nothing',
      ),
      again: flag('Discard earlier results of what is run, and read no logs of training'),
      folder: text('FOLDER', 'Keep results in this folder', {
        default: exampleFile(SHIPPED, 'out/reproduce'),
      }),
      report: text('FILE', 'Write a page with figures'),
      threads: integer('N', 'Number of threads, including this one', {
        minimum: 1,
        maximum: 64,
        defaultText: 'all cores',
      }),
    },
    examples: [
      { command: `${PROGRAM} reproduce --list`, explanation: 'Show what there is, and what came out last' },
      {
        command: `${PROGRAM} reproduce performer figure-4`,
        explanation: 'Repeat one figure; units that are finished are kept',
      },
      {
        command: `${PROGRAM} reproduce --all --minutes 60`,
        explanation: 'Run all for an hour at most; the same command continues with what is not finished',
      },
      {
        command: `${PROGRAM} reproduce --spot-check --minutes 5`,
        explanation: 'Check whether the results that are kept are what this code computes, for five minutes',
      },
      {
        command: `${PROGRAM} reproduce performer --again --report performer.html`,
        explanation: 'Measure all of a paper anew, and write a page with figures',
      },
    ],
  };
}

export const reproduceCommand = defineCommand('reproduce', describe, async ({ values, positionals }, host) => {
  const { list, details, minutes, scale, again, folder, report, threads } = values;
  if (values.spotCheck) expectAlone(values);
  const table: TableOptions = { colour: supportsColour(host.stdout), width: widthOf(host.stdout) };
  const chosen = chosenExperiments(positionals, values);
  // Where nothing is run, nothing is made.
  checkFolder('--folder', folder, false);
  if (list) {
    host.stdout.write(`${listExperiments(chosen, { scale, folder, table, program: PROGRAM })}\n`);
    return 0;
  }
  if (values.spotCheck) {
    if (threads !== undefined) setThreads(threads);
    await poolReady();
    return await spotCheck(chosen, { scale, folder, minutes, table }, host);
  }
  const shown: { outcome: Outcome; noted: string[] }[] = [];
  // As they are listed, in whatever order they run.
  const inOrder = () => sortedBy(shown, ({ outcome }) => chosen.indexOf(outcome.experiment));
  const content = () =>
    renderOutcomes(
      inOrder().map(({ outcome }) => outcome),
      PROGRAM,
    );
  const ifForeign = 'name another with --report FILE';
  const outputs = report === undefined ? [] : [{ flag: '--report', path: report, label: 'Report', ifForeign, content }];
  checkOutputs(outputs);
  checkFolder('--folder', folder);
  const people = streamForPeople(outputs, host);
  if (threads !== undefined) setThreads(threads);
  await poolReady();
  host.stop.listen(announceStop(host, 'after this unit'));
  const end = minutes === undefined ? Number.POSITIVE_INFINITY : performance.now() + 60_000 * minutes;
  const shouldStop = () => host.stop.asked() || performance.now() >= end;
  const inFull = details || chosen.length === 1;
  const total = chosen.reduce((sum, experiment) => sum + experiment.minutes[scale], 0);
  const progress = new Progress({ total, stream: host.stderr });
  // Logs of training come with the repository, not with the package.
  const trainings = exampleFile('bench/results/training', '');
  const tell = (line: string) => host.stderr.write(`${CLEARED}${line}\n`);
  const settings = { scale, folder, again, ...(trainings !== '' && { trainings }), shouldStop, tell };
  if (again) for (const experiment of chosen) orRefused(() => askAgain(experiment, scale, folder));
  for (const line of describeTime(chosen, { scale, folder, again, limit: minutes })) tell(line);
  let before = 0;
  const failures: { name: string; error: unknown }[] = [];
  try {
    for (const experiment of sortedBy(chosen, (each) => each.minutes[scale])) {
      // Nothing is discarded that there is no time to measure again.
      if (again && shouldStop()) break;
      const earlier = orRefused(() => outcomeOf(experiment, scale, folder));
      // Read before the run, which may write into the same folder.
      const compared = comparedWith(earlier, experiment, scale);
      const cost = experiment.minutes[scale];
      const start = before;
      before += cost;
      let ran = 0;
      const onUnit = (finished: number, all: number) => {
        ran++;
        progress.update(start + (cost * finished) / all, `${experiment.name}, ${finished} of ${all}`);
      };
      const isOpen = again || earlier === null || earlier.results === null || earlier.due;
      if (experiment.timed && isOpen && !shouldStop()) await tellIfBusy(experiment, tell);
      let outcome: Outcome;
      try {
        // Without time, what there is is shown, and no folder made for what there is not.
        const isOver = earlier !== null && shouldStop();
        outcome = isOver
          ? earlier
          : outcomeOfLog(experiment, scale, await runExperiment(experiment, { ...settings, onUnit }));
      } catch (error) {
        // One that fails keeps no other from being run.
        if (chosen.length === 1 || !isExpected(error)) throw error;
        progress.finish();
        reportFailure(error, null, host);
        failures.push({ name: experiment.name, error });
        continue;
      }
      progress.finish();
      const noted = noteOn(outcome, compared, ran);
      if (inFull) people.write(`${[describeOutcome(outcome, table), ...noted].join('\n')}\n\n`);
      else if (ran > 0)
        tell(`${experiment.name}: ${outcome.verdict ?? `${outcome.finished} of ${outcome.units} units`}`);
      shown.push({ outcome, noted: ran > 0 ? noted : [] });
      if (host.stop.asked()) break;
    }
  } finally {
    progress.finish();
  }
  if (!inFull && shown.length > 0) people.write(`${summarise(inOrder(), { table, program: PROGRAM })}\n`);
  const finished = shown.filter(({ outcome: { results, due } }) => results !== null && !due).length;
  if (finished < chosen.length) {
    const how = again ? 'The same command without --again continues' : 'The same command continues';
    const continues = finished + failures.length < chosen.length ? ` ${how}.` : '';
    people.write(`${finished} of ${chosen.length} experiments are finished.${continues}\n`);
  }
  // The first ones were said long ago.
  for (const { name, error } of failures) {
    tell(`Failed: ${name}`);
    reportFailure(error, null, host);
  }
  const isWritten = await writeOutputs(outputs, host);
  if (host.stop.asked()) return host.stop.exitCode();
  return isWritten && failures.length === 0 ? 0 : 1;
});

/** Throws ArgumentError for options that say what --spot-check does not do. */
function expectAlone({
  list,
  timed,
  details,
  again,
  report,
}: Record<'list' | 'timed' | 'details' | 'again', boolean> & { report: string | undefined }): void {
  const given = Object.entries({ list, timed, details, again, report: report !== undefined });
  const [stray] = given.find(([, isGiven]) => isGiven) ?? [];
  if (stray !== undefined) throw new ArgumentError(`--${stray}: expected without --spot-check, which does not use it`);
}

function sortedBy<T>(items: readonly T[], key: (item: T) => number): T[] {
  return [...items].sort((one, other) => key(one) - key(other));
}

/** What was in the folder before; where that has no results, those that come with the repository. */
function comparedWith(earlier: Outcome | null, experiment: Experiment, scale: Scale): Earlier {
  const folder = exampleFile(SHIPPED, '');
  if (folder === '' || (earlier !== null && earlier.results !== null)) return { outcome: earlier };
  return { outcome: orRefused(() => outcomeOf(experiment, scale, folder)), folder };
}

/** Null for a log that is refused, or in use: the experiment says so when it is run. */
function orRefused<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (isExpected(error)) return null;
    throw error;
  }
}

/** Of the processors' time; what a quiet machine does beside us is far less. */
const BUSY = 0.2;

async function tellIfBusy({ name }: Experiment, tell: (line: string) => void): Promise<void> {
  const busy = await shareOfOthers();
  if (busy < BUSY) return;
  tell(
    `${name} measures time, but other programs keep the processors ${formatPercent(busy)} busy: its numbers may differ`,
  );
}

/** Throws ArgumentError unless exactly one of a paper, --all and --timed says what to run; --list needs none of them. */
function chosenExperiments(
  [paper, name]: readonly string[],
  { list, all, timed, spotCheck: isCheck }: { list: boolean; all: boolean; timed: boolean; spotCheck: boolean },
): readonly Experiment[] {
  const said = [paper !== undefined, all, timed].filter(Boolean).length;
  if (list && all) throw new ArgumentError('--list: shows all experiments without --all');
  if (said > 1) throw new ArgumentError('PAPER: expected one of PAPER, --all and --timed, got several');
  if (paper !== undefined) return findExperiments(paper, name);
  if (said === 0 && !list && !isCheck) {
    throw new ArgumentError('PAPER: missing; expected the name of a paper, --all, --timed, --list or --spot-check');
  }
  return timed ? experiments.filter((experiment) => experiment.timed) : experiments;
}
