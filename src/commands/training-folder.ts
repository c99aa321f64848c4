/** Where a training leaves its files: a checkpoint and the metrics of each run, curves and results of all together. */
import { mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { ArgumentError } from '../core/errors.ts';
import { FolderLock } from '../core/files/lock.ts';
import { entryAt, isFolder, isMissing, namesIn, writing } from '../core/files/system-error.ts';
import { loadModel, type TrainedModel } from '../training/checkpoint.ts';
import { type Host, PROGRAM } from './command.ts';

export interface RunFiles {
  checkpoint: string;
  metrics: string;
}

export interface TrainingFiles {
  curves: string;
  results: string;
}

const CHECKPOINT = 'checkpoint.safetensors';

/** The only run of a folder lies in the folder itself, those of a sweep in folders of their variants. */
export function runFiles(folder: string, variant: string, runs: number): RunFiles {
  const own = runs === 1 ? folder : join(folder, variant);
  return { checkpoint: join(own, CHECKPOINT), metrics: join(own, 'metrics.jsonl') };
}

/**
 * A checkpoint as it is named: the file, or the folder that a training left it in. Throws ArgumentError for the folder of
 * several runs, of which one has to be named.
 */
export function checkpointAt(path: string): string {
  if (!isFolder(path)) return path;
  const own = join(path, CHECKPOINT);
  const runs = namesIn(path).filter((name) => entryAt(join(path, name, CHECKPOINT)) !== null);
  if (entryAt(own) !== null || runs.length === 0) return own;
  const folders = runs.map((name) => join(path, name)).join(', ');
  throw new ArgumentError(`checkpoint: expected one run, got the folder of several; name one of ${folders}`);
}

/** The model of a checkpoint at its path or in its folder. Throws what `checkpointAt` and `loadModel` throw. */
export function openModel(path: string, host: Pick<Host, 'stderr'>): TrainedModel & { checkpoint: string } {
  const checkpoint = checkpointAt(path);
  const { isVerified, ...trained } = loadModel(checkpoint);
  tellUnverified(checkpoint, isVerified, host);
  return { ...trained, checkpoint };
}

/** Says of a checkpoint without a digest what that means. */
export function tellUnverified(path: string, isVerified: boolean, { stderr }: Pick<Host, 'stderr'>): void {
  if (isVerified) return;
  stderr.write(
    `${path}: from an older version, without a digest, so that damage to its numbers would not be noticed\n`,
  );
}

/** Beside a checkpoint of the user's own name as well. */
export function filesBeside(checkpoint: string): RunFiles & TrainingFiles {
  const folder = dirname(checkpoint);
  return { checkpoint, metrics: join(folder, 'metrics.jsonl'), ...trainingFiles(folder) };
}

export function trainingFiles(folder: string): TrainingFiles {
  return { curves: join(folder, 'curves.html'), results: join(folder, 'results.json') };
}

/** Throws ArgumentError where a checkpoint would be lost. */
export function expectNoCheckpoint(runs: readonly RunFiles[]): void {
  for (const { checkpoint } of runs) {
    if (entryAt(checkpoint) === null) continue;
    throw new ArgumentError(
      `--out: ${checkpoint} is there already: go on from it with ${PROGRAM} train --resume ${checkpoint}, ` +
        'or start anew with --overwrite',
    );
  }
}

/** Folders that nobody else writes to until they are let go. */
export class HeldFolders {
  readonly #what: string;
  readonly #tell: (line: string) => void;
  readonly #locks = new Map<string, FolderLock>();

  /**
   * Makes those that are not there. `what` is done there is told to others who want them. Throws FolderInUseError, and
   * FileWriteError if the system refuses.
   */
  constructor(folders: readonly string[], what: string, { stderr }: Pick<Host, 'stderr'>) {
    this.#what = what;
    this.#tell = (line) => stderr.write(`${line}\n`);
    try {
      for (const folder of folders) if (!this.#locks.has(resolve(folder))) this.#take(folder);
    } catch (error) {
      this.release();
      throw error;
    }
  }

  /**
   * Before something is written: a folder that was removed meanwhile is made again. Throws FolderInUseError if somebody else
   * has made it.
   */
  confirm(folder: string): void {
    if (this.#locks.get(resolve(folder))?.isHeld()) return;
    if (!isFolder(folder)) this.#tell(`${folder}: was removed; made again`);
    this.#take(folder);
  }

  release(): void {
    for (const lock of this.#locks.values()) lock.release();
    this.#locks.clear();
  }

  #take(folder: string): void {
    writing(folder, () => makeFolder(folder));
    this.#locks.set(resolve(folder), FolderLock.take(folder, this.#what, this.#tell));
  }
}

/**
 * With those around it; none of them where the path cannot be. Node's own recursion never ends where a file system has no
 * such folders, as below /proc.
 */
function makeFolder(path: string): void {
  if (isFolder(path)) return;
  if (!isMissing(path)) {
    // Says why, before a part of the way is made.
    mkdirSync(path);
  }
  const around = dirname(path);
  if (around !== path && entryAt(around) === null) makeFolder(around);
  mkdirSync(path);
}
