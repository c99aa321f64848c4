/** What the specs of training share: runs of a second or less. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { saveCheckpoint } from '../../src/training/checkpoint.ts';
import { endRun, type Run, type RunSettings, runDefaults, startRun } from '../../src/training/run.ts';
import { type Observer, train } from '../../src/training/trainer.ts';
import { temporaryFolder } from '../core/temporary-folder.ts';

const folder = temporaryFolder();
let files = 0;

export function freshPath(): string {
  return join(folder, `${files++}.safetensors`);
}

/** A tiny model with dropout, so that everything random is in play. */
export function tinySettings(settings: Partial<RunSettings> = {}): RunSettings {
  const { model, ...others } = settings;
  return {
    ...runDefaults,
    task: { name: 'copy', length: 16 },
    steps: 6,
    batch: 4,
    schedule: { kind: 'cosine', peak: 1e-2, warmup: 2, total: 6 },
    evaluateEvery: 1000,
    evaluationExamples: 8,
    checkpointEvery: 1000,
    ...others,
    model: { layers: 1, modelDim: 16, heads: 2, dropout: 0.1, ...model },
  };
}

/** The checkpoint's bytes after the steps that are left, or as many as `observer` lets it take. */
export async function bytesAfter(run: Run, observer: Observer = {}): Promise<Buffer> {
  const path = freshPath();
  await train(run, observer);
  saveCheckpoint(path, run);
  endRun(run);
  return readFileSync(path);
}

export function tinyRun(settings: Partial<RunSettings> = {}): Run {
  return startRun(tinySettings(settings));
}
