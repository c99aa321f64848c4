/** Which runs a folder has, how far each came, and the command that continues it: for a training that was interrupted. */
import { basename, join } from 'node:path';
import { EfficientTransformersError } from '../core/errors.ts';
import { entryAt, isFolder, namesIn } from '../core/files/system-error.ts';
import { stepsOf } from '../training/checkpoint.ts';
import { isConfig } from './config-file.ts';
import { GuidedError } from './failure.ts';
import { describeEnding, describeLonger, describeNotStarted } from './training-ending.ts';
import { checkpointAt, runFiles } from './training-folder.ts';

/** A run by its name and its folder. */
interface Placed {
  name: string;
  folder: string;
}

const hasCheckpoint = ({ folder }: Placed) => entryAt(runFiles(folder).checkpoint) !== null;

/** Whether a run was planned there: its config.json is ours. */
function hasConfig({ folder }: Placed): boolean {
  const { config } = runFiles(folder);
  try {
    return entryAt(config) !== null && isConfig(config);
  } catch (error) {
    if (error instanceof EfficientTransformersError) return false;
    throw error;
  }
}

/** The runs below a folder, begun or planned, by name. */
function runsBelow(folder: string): Placed[] {
  const all = namesIn(folder).map((name) => ({ name, folder: join(folder, name) }));
  return all.filter((run) => isFolder(run.folder) && (hasCheckpoint(run) || hasConfig(run)));
}

/** A line for each run, with the command that continues or starts it below. */
function describeRuns(runs: readonly Placed[]): string {
  return runs.map(describeOne).join('').trimEnd();
}

function describeOne(run: Placed): string {
  const { name, folder } = run;
  const { checkpoint, config } = runFiles(folder);
  if (!hasCheckpoint(run)) return hasConfig(run) ? describeNotStarted({ name, config, folder }, 'No checkpoint') : '';
  try {
    const { step, steps } = stepsOf(checkpoint);
    const ending = { checkpoint: folder, step, settings: { steps } };
    if (step >= steps) return `Finished: ${name}. ${describeLonger(ending)}`;
    return `${name}: ${describeEnding([ending], [], { isStopped: true, minutes: undefined, isAlone: false })}`;
  } catch (error) {
    if (!(error instanceof EfficientTransformersError)) throw error;
    return `${name}: ${error.message}\n`;
  }
}

/** Throws ArgumentError, which says how each of several runs continues, if one of them has a checkpoint already. */
export function expectNoneBegun(together: string, runs: readonly Placed[]): void {
  if (!runs.some(hasCheckpoint)) return;
  throw new GuidedError(
    `--out: ${together} already has runs in it: continue them as below, replace all with --overwrite, or name another ` +
      `folder with --out`,
    describeRuns(runs),
  );
}

/**
 * The checkpoint that `train --resume` continues: see `checkpointAt`. Throws ArgumentError, which says how each run continues,
 * for the folder of several, and for that of a run that has no checkpoint yet.
 */
export function checkpointToResume(path: string): string {
  if (!isFolder(path)) return path;
  const own = { name: basename(path), folder: path };
  if (hasCheckpoint(own)) return checkpointAt(path);
  const runs = hasConfig(own) ? [own] : runsBelow(path);
  const begun = runs.filter(hasCheckpoint);
  if (runs.length === begun.length && runs.length < 2) return checkpointAt(path);
  const wrong =
    runs.length === 1
      ? `expected the folder of a run with a checkpoint, got ${runs[0].folder}, which has none yet`
      : `expected the folder of one run, got that of several${begun.length === 0 ? '' : `; name one of ${begun.map(({ folder }) => folder).join(', ')}`}`;
  throw new GuidedError(`checkpoint: ${wrong}`, describeRuns(runs));
}
