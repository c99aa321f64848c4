/**
 * Where a training writes its files. Each run has its own folder, `out/TASK/VARIANT` or `out/recipe-NAME/RUN`, with the
 * same files in it wherever it came from; several runs together leave a page and a table in the folder around theirs.
 */
import { basename, dirname, join, resolve } from 'node:path';
import { ArgumentError, EfficientTransformersError, FileFormatError } from '../core/errors.ts';
import { makeFolder } from '../core/files/folder.ts';
import { FolderLock } from '../core/files/lock.ts';
import { entryAt, isFolder, namesIn } from '../core/files/system-error.ts';
import { loadModel, stepsOf, type TrainedModel } from '../training/checkpoint.ts';
import { readMetrics } from '../training/metrics.ts';
import { type Host, PROGRAM } from './command.ts';
import { isConfig } from './config-file.ts';
import { importWords } from './imported.ts';
import { shellWord } from './shell-word.ts';

/** The files of several runs together: their curves on one page, and their numbers. */
export interface TogetherFiles {
  curves: string;
  results: string;
}

export interface RunFiles extends TogetherFiles {
  checkpoint: string;
  /** A line for every few steps, as JSON, during the run. */
  metrics: string;
  /** The same as a table, at its end. */
  csv: string;
  /** The file for `train --config` that repeats this run. */
  config: string;
}

const CHECKPOINT = 'checkpoint.safetensors';

export function runFiles(folder: string): RunFiles {
  return filesBeside(join(folder, CHECKPOINT));
}

/** The same files next to a checkpoint that the user named. */
export function filesBeside(checkpoint: string): RunFiles {
  const folder = dirname(checkpoint);
  const [metrics, csv, config] = ['metrics.jsonl', 'metrics.csv', 'config.json'].map((name) => join(folder, name));
  return { checkpoint, metrics, csv, config, ...togetherFiles(folder) };
}

/** The shortest name that `--resume` finds a run by. */
export function asNamed({ checkpoint }: Pick<RunFiles, 'checkpoint'>): string {
  return basename(checkpoint) === CHECKPOINT ? dirname(checkpoint) : checkpoint;
}

export function togetherFiles(folder: string): TogetherFiles {
  return { curves: join(folder, 'curves.html'), results: join(folder, 'results.json') };
}

/**
 * The checkpoint at a path: the file, the folder of its run, or the parent folder. Throws ArgumentError for the parent folder
 * of several runs, one of which has to be named.
 */
export function checkpointAt(path: string): string {
  if (!isFolder(path)) return path;
  const own = join(path, CHECKPOINT);
  const runs = namesIn(path).filter((name) => entryAt(join(path, name, CHECKPOINT)) !== null);
  if (entryAt(own) !== null || runs.length === 0) return own;
  if (runs.length === 1) return join(path, runs[0], CHECKPOINT);
  const folders = runs.map((name) => join(path, name)).join(', ');
  throw new ArgumentError(`checkpoint: expected the folder of one run, got that of several; name one of ${folders}`);
}

/** The model of a checkpoint at its path or in its folder. Throws what `checkpointAt` and `loadModel` throw. */
export function openModel(path: string, host: Pick<Host, 'stderr'>): TrainedModel & { checkpoint: string } {
  const checkpoint = checkpointAt(path);
  const { isVerified, ...trained } = loadModel(checkpoint);
  warnUnverified(checkpoint, isVerified, host);
  return { ...trained, checkpoint };
}

/** Warns about a checkpoint without a digest. */
export function warnUnverified(path: string, isVerified: boolean, { stderr }: Pick<Host, 'stderr'>): void {
  if (isVerified) return;
  stderr.write(`${path}: written by an older version without a digest, so damage to its numbers would go unnoticed\n`);
}

/**
 * The files that would be lost if a run replaced them. Metrics of a process that was killed before its first checkpoint, and
 * the config of a run that was not started, do not count; a file of such a name that is not ours does.
 */
export function lostBy({ checkpoint, results, curves, csv, config, metrics }: RunFiles): string[] {
  const isOurs = (path: string, reads: (path: string) => boolean) => {
    try {
      return reads(path);
    } catch (error) {
      if (error instanceof FileFormatError) return false;
      throw error;
    }
  };
  return [
    ...[checkpoint, results, curves, csv].filter((path) => entryAt(path) !== null),
    ...(entryAt(config) === null || isOurs(config, isConfig) ? [] : [config]),
    ...(isOurs(metrics, (path) => readMetrics(path).length >= 0) ? [] : [metrics]),
  ];
}

/** The files that several runs together would replace. */
export function lostTogether({ results, curves }: TogetherFiles): string[] {
  return [results, curves].filter((path) => entryAt(path) !== null);
}

/** Throws ArgumentError, which says what to do, if any of these files exists: it would be lost. */
export function expectNothingLost(lost: readonly string[]): void {
  if (lost.length === 0) return;
  const [found] = lost;
  const folder = dirname(found);
  const run = basename(found) === CHECKPOINT ? runIn(folder) : null;
  throw new ArgumentError(
    `--out: ${folder} already has ${run === null ? basename(found) : run.what} in it: ` +
      `${run === null ? '' : `${run.goOn}, `}replace it with --overwrite, or name another folder with --out`,
  );
}

/** How a message names the run of a folder, and how it goes on: a finished one only with more steps. */
function runIn(folder: string): { what: string; goOn: string } {
  const command = `${PROGRAM} train --resume ${shellWord(folder)}`;
  const resume = { what: 'a run', goOn: `resume it with ${command}${importWords()}` };
  try {
    const { step, steps } = stepsOf(runFiles(folder).checkpoint);
    if (step < steps) return resume;
    return { what: 'a finished run', goOn: `train it longer with ${command} --steps ${2 * steps}${importWords()}` };
  } catch (error) {
    // A damaged one resumes from the checkpoint before it, or says why it cannot.
    if (error instanceof EfficientTransformersError) return resume;
    throw error;
  }
}

/** Folders that no other process writes to until they are released. */
export class HeldFolders {
  readonly #what: string;
  readonly #tell: (line: string) => void;
  readonly #locks = new Map<string, FolderLock>();

  /**
   * Makes missing folders. `what` tells other processes that want them what is done there. Throws FolderInUseError, and
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
   * To be called before each write: makes a folder again that was removed meanwhile. Throws FolderInUseError if another
   * process has made it.
   */
  confirm(folder: string): void {
    if (this.#locks.get(resolve(folder))?.isHeld()) return;
    if (!isFolder(folder)) this.#tell(`${folder}: was removed; created again`);
    this.#take(folder);
  }

  release(): void {
    for (const lock of this.#locks.values()) lock.release();
    this.#locks.clear();
  }

  #take(folder: string): void {
    makeFolder(folder);
    this.#locks.set(resolve(folder), FolderLock.take(folder, this.#what, this.#tell));
  }
}
