/** Runs the units of an experiment that its log lacks, and keeps the numbers of each as soon as it is finished. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { FileFormatError, NumericalError } from '../core/errors.ts';
import { removeLeftovers, writeFileAtomically } from '../core/files/atomic.ts';
import { makeFolder } from '../core/files/folder.ts';
import { readJsonObject } from '../core/files/json.ts';
import { FolderLock } from '../core/files/lock.ts';
import { entryAt } from '../core/files/system-error.ts';
import type { Experiment, Recorded, Scale, Unit, UnitContext } from './experiment.ts';
import { addUnit, emptyLog, folderOf, type Log, makeOwnFolder, readLog, resultsOf, writeLog } from './log.ts';
import { isNumbers } from './results.ts';

export interface RunSettings {
  scale: Scale;
  /** Where results are kept: `FOLDER/NAME/SCALE.json`. */
  folder: string;
  /** Discards what is there, also what was made with other settings, and reads no earlier trainings, nor do runs that continue it. */
  again?: boolean;
  /** Where earlier trainings of recipes lie: a unit with the settings of one takes its numbers from there. */
  trainings?: string;
  /** Asked between units, and by units that run long. */
  shouldStop?: () => boolean;
  /** After each unit: how many are finished, of how many. */
  onUnit?: (finished: number, all: number) => void;
  /** A message about a lock whose process has ended. */
  tell?: (line: string) => void;
}

/** The folder of units that were interrupted, within that of an experiment. */
const UNFINISHED = 'unfinished';

/**
 * The log when all units are finished, or when it should stop. Throws FileFormatError for a log that is damaged or was made
 * with other settings, FolderInUseError if another process runs the experiment, and NumericalError for a unit whose numbers
 * are not finite.
 */
export async function runExperiment(experiment: Experiment, settings: RunSettings): Promise<Log> {
  const { scale, folder, again = false, trainings, shouldStop = () => false, onUnit = () => {}, tell } = settings;
  const before = again ? null : readLog(experiment, scale, folder);
  const isComplete = before !== null && !before.due && resultsOf(before, experiment, scale) !== null;
  // Needs no lock, so that what is there is also shown where nothing may be written, or while another process holds it.
  const isLeft = ({ name }: Unit) => entryAt(unfinishedOf(experiment, scale, folder, name)) !== null;
  if (isComplete && !experiment.units(scale).some(isLeft)) return before;
  if (!isComplete) experiment.expectReady(scale);
  const own = makeOwnFolder(experiment, folder);
  const lock = FolderLock.take(own, 'reproduce', tell);
  try {
    removeLeftovers(own);
    const kept = again ? null : readLog(experiment, scale, folder);
    const log = kept === null || (kept.due && !shouldStop()) ? beginAnew(experiment, scale, folder) : kept;
    const units = experiment.units(scale);
    for (const unit of units) {
      if (log.units.has(unit.name)) {
        // Killed between the log and this.
        rmSync(unfinishedOf(experiment, scale, folder, unit.name), { recursive: true, force: true });
        continue;
      }
      // A signal is heard in a turn of the event loop only.
      await new Promise(setImmediate);
      if (shouldStop()) break;
      const unfinished = unfinishedOf(experiment, scale, folder, unit.name);
      const earlier = log.anew || trainings === undefined ? null : (unit.recorded?.(trainings) ?? null);
      const measured = earlier ?? (await timed(unit, contextOf(unfinished, shouldStop), unfinished));
      if (measured === null) break;
      if (!isNumbers(measured.numbers)) {
        throw new NumericalError(`${experiment.name}, '${unit.name}': expected finite numbers, got others`);
      }
      addUnit(log, unit.name, measured);
      writeLog(log, experiment, scale);
      rmSync(unfinished, { recursive: true, force: true });
      onUnit(log.units.size, units.length);
    }
    return log;
  } finally {
    lock.release();
  }
}

/** Runs a unit. The seconds of earlier parts count, except of those that were killed. Throws FileFormatError for damaged ones. */
async function timed(
  unit: Unit,
  context: UnitContext,
  unfinished: string,
): Promise<Omit<Recorded, 'environment'> | null> {
  const path = join(unfinished, 'seconds.json');
  const before = entryAt(path) === null ? 0 : readJsonObject(path).seconds;
  // Else the log would be refused with all that it has.
  if (typeof before !== 'number' || !(before >= 0)) {
    throw new FileFormatError(`${path}: seconds: expected a number of at least 0. To begin again, add --again`);
  }
  const begin = performance.now();
  const numbers = await unit.run(context);
  const seconds = Number((before + (performance.now() - begin) / 1000).toFixed(3));
  if (numbers !== null) return { numbers, seconds };
  if (entryAt(unfinished) !== null) writeFileAtomically(path, `${JSON.stringify({ seconds })}\n`);
  return null;
}

function contextOf(unfinished: string, shouldStop: () => boolean): UnitContext {
  const folder = () => {
    makeFolder(unfinished);
    return unfinished;
  };
  return { shouldStop, folder };
}

function unfinishedOf(experiment: Experiment, scale: Scale, folder: string, unit: string): string {
  return join(folderOf(experiment, folder), UNFINISHED, scale, unit.replace(/[^\w.-]+/g, '-'));
}

/** Discards what is there. Killed before the new log is whole, the old one is as it was. */
function beginAnew(experiment: Experiment, scale: Scale, folder: string): Log {
  rmSync(join(folderOf(experiment, folder), UNFINISHED, scale), { recursive: true, force: true });
  // What continues it, without --again, measures the rest anew, too.
  const log = { ...emptyLog(experiment, scale, folder), anew: true };
  writeLog(log, experiment, scale);
  return log;
}

/**
 * Has an experiment measured anew when it is next run, with or without `again`, and keeps its results until then: so a run of
 * many that is interrupted continues with those that it had not come to. Throws as `expectReady` and `readLog`,
 * FolderInUseError and FileWriteError.
 */
export function askAgain(experiment: Experiment, scale: Scale, folder: string): void {
  experiment.expectReady(scale);
  const lock = FolderLock.take(makeOwnFolder(experiment, folder), 'reproduce');
  try {
    writeLog({ ...readLog(experiment, scale, folder), due: true }, experiment, scale);
  } finally {
    lock.release();
  }
}
