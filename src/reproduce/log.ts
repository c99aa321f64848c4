/**
 * The log of an experiment at one scale, `FOLDER/NAME/SCALE.json`: the numbers of each finished unit, with the seconds and the
 * machine that made them. It has the fingerprint of the settings, and is refused for others; but an experiment that got more
 * rows takes over the log of fewer, if today's code gives these the same fingerprint.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { describeEnvironment } from '../compare/environment.ts';
import type { Environment } from '../compare/result.ts';
import { FileFormatError } from '../core/errors.ts';
import { writeFileAtomically } from '../core/files/atomic.ts';
import { makeFolder } from '../core/files/folder.ts';
import { isObject, readJsonObject } from '../core/files/json.ts';
import { entryAt } from '../core/files/system-error.ts';
import type { Experiment, Recorded, Scale, Settings } from './experiment.ts';
import { isNumbers, type Numbers, Results } from './results.ts';

export interface LoggedUnit {
  numbers: Numbers;
  seconds: number;
  /** The place of its machine among the environments of the log. */
  environment: number;
}

export interface Log {
  path: string;
  /** Begun to be measured anew: no logs of earlier trainings are read for it. */
  anew: boolean;
  /** To be begun anew when it is next run; until then the results count. */
  due: boolean;
  environments: Environment[];
  units: Map<string, LoggedUnit>;
}

/** Far more than an experiment writes. */
const LIMITS = { size: 2 ** 24, depth: 8, values: 2 ** 20 };
const DIGITS = 16;

export function folderOf({ name }: Experiment, folder: string): string {
  return join(folder, name);
}

function pathOf(experiment: Experiment, scale: Scale, folder: string): string {
  return join(folderOf(experiment, folder), `${scale}.json`);
}

export function emptyLog(experiment: Experiment, scale: Scale, folder: string): Log {
  const path = pathOf(experiment, scale, folder);
  return { path, anew: false, due: false, environments: [], units: new Map() };
}

/** What makes results comparable: settings, units, their trainings and the revision of the code. */
export function fingerprintOf(experiment: Experiment, scale: Scale, given = experiment.settings[scale]): string {
  const { name, revision } = experiment;
  const all = experiment.unitsOf(given);
  const units = all.map((unit) => unit.name);
  const trainings = all.flatMap(({ training }) => training ?? []);
  const own = { name, scale, revision, settings: Object.entries(given).sort(), units };
  const text = JSON.stringify({ ...own, ...(trainings.length > 0 && { trainings }) });
  return createHash('sha256').update(text).digest('hex').slice(0, DIGITS);
}

/**
 * The log in `folder`, empty if there is none yet. Throws FileFormatError for a damaged one, and for one of other settings; the
 * message says which differ and how to begin again.
 */
export function readLog(experiment: Experiment, scale: Scale, folder: string): Log {
  const empty = emptyLog(experiment, scale, folder);
  if (entryAt(empty.path) === null) return empty;
  try {
    return parseLog(empty, readJsonObject(empty.path, LIMITS), experiment, scale);
  } catch (error) {
    if (!(error instanceof FileFormatError)) throw error;
    throw new FileFormatError(`${error.message}. To begin again, add --again`, { cause: error });
  }
}

function parseLog(empty: Log, found: Record<string, unknown>, experiment: Experiment, scale: Scale): Log {
  const { path } = empty;
  const given = fewerRows(found.settings, experiment, scale) ?? experiment.settings[scale];
  const difference = differenceOf(found, experiment, scale, given);
  if (difference !== null || found.fingerprint !== fingerprintOf(experiment, scale, given)) {
    throw new FileFormatError(`${path}: made ${difference ?? 'with other settings'}`);
  }
  const { environments, units } = found;
  if (!Array.isArray(environments) || !environments.every(isEnvironment)) {
    throw new FileFormatError(`${path}: environments: expected a list of machines`);
  }
  if (!isObject(units)) throw new FileFormatError(`${path}: units: expected an object`);
  const known = new Set(experiment.unitsOf(given).map(({ name }) => name));
  const entries = Object.entries(units).map(([name, unit]): [string, LoggedUnit] => {
    if (!known.has(name)) throw new FileFormatError(`${path}: units: the experiment has no '${name}'`);
    if (!isUnit(unit, environments.length)) {
      throw new FileFormatError(`${path}: units: '${name}': expected finite numbers, seconds and an environment`);
    }
    return [name, unit];
  });
  return { ...empty, anew: found.anew === true, due: found.due === true, environments, units: new Map(entries) };
}

/** Writes the log whole or not at all. Throws FileWriteError. */
export function writeLog(log: Log, experiment: Experiment, scale: Scale): void {
  const { revision, settings, name } = experiment;
  const content = {
    experiment: name,
    scale,
    fingerprint: fingerprintOf(experiment, scale),
    revision,
    settings: settings[scale],
    ...(log.anew && { anew: true }),
    ...(log.due && { due: true }),
    environments: log.environments,
    units: Object.fromEntries(log.units),
  };
  writeFileAtomically(log.path, `${JSON.stringify(content, null, 1)}\n`);
}

/** The folder of an experiment, made if it is not there. Throws FileWriteError. */
export function makeOwnFolder(experiment: Experiment, folder: string): string {
  const own = folderOf(experiment, folder);
  makeFolder(own);
  return own;
}

/** Adds a finished unit, with the machine that measured it, by default this one. */
export function addUnit(
  log: Log,
  name: string,
  { numbers, seconds, environment: here = describeEnvironment() }: Omit<Recorded, 'environment'> & Partial<Recorded>,
): void {
  // The date of the first unit on a machine stands for all of them.
  const same = log.environments.findIndex(
    (each) => JSON.stringify({ ...each, date: '' }) === JSON.stringify({ ...here, date: '' }),
  );
  if (same === -1) log.environments.push(here);
  log.units.set(name, { numbers, seconds, environment: same === -1 ? log.environments.length - 1 : same });
}

/** Null if units are missing. */
export function resultsOf(log: Log, experiment: Experiment, scale: Scale): Results | null {
  const isComplete = experiment.units(scale).every(({ name }) => log.units.has(name));
  return isComplete ? new Results(new Map([...log.units].map(([name, { numbers }]) => [name, numbers]))) : null;
}

/** Today's settings with the rows of an earlier log, which are some of today's in the same order; null for any other log. */
function fewerRows(before: unknown, { rows, settings }: Experiment, scale: Scale): Settings | null {
  if (!isObject(before)) return null;
  const earlier = rows.map((name): [string, readonly (number | string)[]] | null => {
    const [own, now] = [before[name], settings[scale][name]];
    if (!Array.isArray(own) || !Array.isArray(now)) return null;
    const kept = now.filter((each) => own.includes(each));
    return JSON.stringify(kept) === JSON.stringify(own) ? [name, kept] : null;
  });
  if (!earlier.every((each) => each !== null)) return null;
  return { ...settings[scale], ...Object.fromEntries(earlier) };
}

/** `with lengths 512,1024, now 512,2048`; null for a log that says of itself what it should. */
function differenceOf(
  found: Record<string, unknown>,
  { revision, name }: Experiment,
  scale: Scale,
  now: Settings,
): string | null {
  if (found.experiment !== name) return `by ${String(found.experiment)}, not by ${name}`;
  if (found.scale !== scale) return `at scale ${String(found.scale)}, not at ${scale}`;
  const before = isObject(found.settings) ? found.settings : {};
  const changed = [...new Set([...Object.keys(before), ...Object.keys(now)])].filter(
    (key) => JSON.stringify(before[key]) !== JSON.stringify(now[key]),
  );
  if (changed.length > 0) {
    const text = (value: unknown) => (value === undefined ? 'none' : String(value));
    return `with ${changed.map((key) => `${key} ${text(before[key])}, now ${text(now[key])}`).join('; ')}`;
  }
  if (found.revision !== revision) return `by revision ${String(found.revision)} of the experiment, now ${revision}`;
  return null;
}

function isUnit(value: unknown, environments: number): value is LoggedUnit {
  if (!isObject(value)) return false;
  const { numbers, seconds, environment } = value;
  const isPlace = Number.isInteger(environment) && Number(environment) >= 0 && Number(environment) < environments;
  return isNumbers(numbers) && typeof seconds === 'number' && seconds >= 0 && isPlace;
}

export function isEnvironment(value: unknown): value is Environment {
  if (!isObject(value)) return false;
  const texts = ['version', 'node', 'platform', 'cpu', 'kernels', 'date'].every(
    (key) => typeof value[key] === 'string',
  );
  return texts && typeof value.threads === 'number';
}
