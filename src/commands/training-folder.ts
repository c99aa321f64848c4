/** Where a training leaves its files: a checkpoint and the metrics of each run, curves and results of all together. */
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ArgumentError } from '../core/errors.ts';
import { writing } from '../core/files/system-error.ts';
import { PROGRAM } from './command.ts';

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

/** A checkpoint as it is named: the file, or the folder that a training left it in. */
export function checkpointAt(path: string): string {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ? join(path, CHECKPOINT) : path;
}

/** Beside a checkpoint of the user's own name as well. */
export function filesBeside(checkpoint: string): RunFiles & TrainingFiles {
  const folder = dirname(checkpoint);
  return { checkpoint, metrics: join(folder, 'metrics.jsonl'), ...trainingFiles(folder) };
}

export function trainingFiles(folder: string): TrainingFiles {
  return { curves: join(folder, 'curves.html'), results: join(folder, 'results.json') };
}

/** Makes the folders. Throws ArgumentError where a checkpoint would be lost, FileWriteError if the system refuses. */
export function prepareFolders(runs: readonly RunFiles[], overwrite: boolean): void {
  for (const { checkpoint } of runs) {
    if (overwrite || !existsSync(checkpoint)) continue;
    throw new ArgumentError(
      `--out: ${checkpoint} is there already: go on from it with ${PROGRAM} train --resume ${checkpoint}, ` +
        'or start anew with --overwrite',
    );
  }
  for (const { checkpoint } of runs) {
    const folder = dirname(checkpoint);
    writing(folder, () => mkdirSync(folder, { recursive: true }));
  }
}
