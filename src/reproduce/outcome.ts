/** What an experiment came to at one scale, from its log: results, the verdict on each claim, time and machines. */
import type { Environment } from '../compare/result.ts';
import { FileFormatError } from '../core/errors.ts';
import { type Judged, judge, type Verdict, worstOf } from './claims.ts';
import type { Experiment, Scale } from './experiment.ts';
import { type Log, readLog, resultsOf } from './log.ts';
import type { Results } from './results.ts';

export interface Outcome {
  experiment: Experiment;
  scale: Scale;
  path: string;
  /** How many units are finished, of how many. */
  finished: number;
  units: number;
  /** The rest is empty or null while units are missing. */
  results: Results | null;
  judged: Judged[];
  /** The worst verdict on a claim. */
  verdict: Verdict | null;
  /** Of all finished units together. */
  seconds: number;
  environments: readonly Environment[];
  /** Whether it is to be measured anew, so that these are earlier results. */
  due: boolean;
}

/** Throws FileFormatError for a log that is damaged or was made with other settings. */
export function outcomeOf(experiment: Experiment, scale: Scale, folder: string): Outcome {
  return outcomeOfLog(experiment, scale, readLog(experiment, scale, folder));
}

export function outcomeOfLog(experiment: Experiment, scale: Scale, log: Log): Outcome {
  const results = resultsOf(log, experiment, scale);
  const judged = results === null ? [] : judgedOf(experiment, scale, results, log.path);
  return {
    experiment,
    scale,
    path: log.path,
    finished: log.units.size,
    units: experiment.units(scale).length,
    results,
    judged,
    verdict: results === null ? null : worstOf(judged.map(({ verdict }) => verdict)),
    seconds: [...log.units.values()].reduce((sum, unit) => sum + unit.seconds, 0),
    environments: log.environments,
    due: log.due,
  };
}

/** Throws FileFormatError, which names the log, for results that lack what the claims, the table or the figures read. */
function judgedOf(experiment: Experiment, scale: Scale, results: Results, path: string): Judged[] {
  try {
    experiment.show(results, scale);
    experiment.draw(results, scale);
    return experiment.claims(scale).map((claim) => judge(claim, results, scale));
  } catch (error) {
    if (!(error instanceof FileFormatError)) throw error;
    throw new FileFormatError(`${path}: ${error.message}. To begin again, add --again`, { cause: error });
  }
}

/** The words of the command that runs an experiment. */
export function wordsOf({ paper, table }: Experiment, scale: Scale): string {
  return `reproduce ${paper.name} ${table}${scale === 'small' ? '' : ` --scale ${scale}`}`;
}

/** `AMD EPYC, 2 threads, Node 20.20.2, kernels relaxed, 2026-11-30` */
export function describeMachine({ cpu, threads, node, kernels, date }: Environment): string {
  return `${cpu}, ${threads} ${threads === 1 ? 'thread' : 'threads'}, Node ${node.replace(/^v/, '')}, kernels ${kernels}, ${date.slice(0, 10)}`;
}

/** `length 4096, headDim 16, features 16 32 64` */
export function describeSettings({ settings }: Experiment, scale: Scale): string {
  const text = (value: unknown) => (Array.isArray(value) ? value.join(' ') : String(value));
  return Object.entries(settings[scale])
    .map(([name, value]) => `${name} ${text(value)}`)
    .join(', ');
}
