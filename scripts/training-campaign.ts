/**
 * Runs of recipes in their own processes, and their results in a folder. A run is made in the folder `.unfinished` and moved
 * to its place at its end, so a stop never leaves a part of a run in place of a whole one.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RunResult } from '../src/commands/training-report.ts';
import type { ComparisonReport } from '../src/compare/result.ts';
import { rename, writeFileAtomically } from '../src/core/files/atomic.ts';
import { makeFolder } from '../src/core/files/folder.ts';
import { readJsonObject } from '../src/core/files/json.ts';
import { FolderLock, LOCK_FILE } from '../src/core/files/lock.ts';
import { namesIn } from '../src/core/files/system-error.ts';
import type { Stop } from '../src/terminal/stop.ts';
import { type MetricsLine, readMetrics } from '../src/training/metrics.ts';
import { type Recipe, runsOf } from '../src/training/recipes/recipe.ts';
import type { RunSettings } from '../src/training/run.ts';

const root = fileURLToPath(new URL('../', import.meta.url));
/** Of the published results, from the root of the repository. */
export const FOLDER = 'bench/results/training';
const UNFINISHED = '.unfinished';

/** One run of a recipe from one seed. */
export interface Job {
  recipe: Recipe;
  /** Of the run in the recipe. */
  name: string;
  seed: number;
  settings: RunSettings;
  /** Where its folder is, from the root of the repository. */
  folder: string;
}

/** How a run was made, kept next to it. */
interface Record {
  command: string;
  settings: RunSettings;
  /** Of the whole process, or of all that it took; null until it ends well. */
  seconds: number | null;
  /** Of processes that were stopped on the way. */
  spent?: number;
}

/** A run that came to its end. */
export interface Finished {
  environment: ComparisonReport['environment'];
  result: RunResult;
  lines: MetricsLine[];
  command: string;
  seconds: number;
}

/** All runs of a recipe, from each seed. */
export function jobsOf(recipe: Recipe, seeds: readonly number[], folder = FOLDER): Job[] {
  return runsOf(recipe).flatMap(({ name, settings }) => {
    return seeds.map((seed) => ({ recipe, name, seed, settings: { ...settings, seed }, folder }));
  });
}

export function nameOf({ recipe, name, seed }: Job): string {
  return `${recipe.name}/${name}/seed-${seed}`;
}

/** From the root of the repository. */
export function fileOf(job: Job, name: string): string {
  return `${job.folder}/${nameOf(job)}/${name}`;
}

const at = (job: Job, name: string) => join(root, fileOf(job, name));

/** The same run while it is not finished. */
export const unfinished = (job: Job): Job => ({ ...job, folder: `${job.folder}/${UNFINISHED}` });

/** What is there of the run; null where it has not come to its end, or the recipe has changed since. */
export function finished(job: Job): Finished | null {
  const [record, results] = ['run.json', 'results.json'].map((name) => at(job, name));
  if (!existsSync(record) || !existsSync(results)) return null;
  const { command, settings, seconds } = readJsonObject(record) as unknown as Record;
  if (seconds === null || JSON.stringify(settings) !== JSON.stringify(job.settings)) return null;
  const { environment, results: all } = readJsonObject(results) as unknown as Pick<Finished, 'environment'> & {
    results: RunResult[];
  };
  return { environment, result: all[0], lines: readMetrics(at(job, 'metrics.jsonl')), command, seconds };
}

/** Whether the model is there too: checkpoints are not committed. */
export function hasCheckpoint(job: Job): boolean {
  return existsSync(at(job, 'checkpoint.safetensors'));
}

/** The same run from the same command gives the same bits on any number of threads; one each leaves a core to another. */
export function commandOf(job: Job): string[] {
  const { recipe, name, seed, folder } = job;
  const out = `${folder}/${nameOf(job)}`;
  return ['train', '--recipe', recipe.name, '--sweep', name, '--seed', `${seed}`, '--threads', '1', '--out', out];
}

/**
 * Completes a run: resumes it from its last checkpoint, to the same bits, or else starts it again. At its end it replaces an
 * earlier one. Null if `stop` ended it. Throws if the process fails, and FolderInUseError if another process writes there.
 */
export async function runJob(whole: Job, stop: Stop): Promise<Finished | null> {
  const job = unfinished(whole);
  const folder = at(job, '');
  makeFolder(folder);
  // Nobody else may be at it; then the training itself takes the folder.
  const lock = FolderLock.take(folder, 'npm run recipes');
  const begun = begunOf(job);
  if (begun === null)
    for (const name of namesIn(folder)) if (name !== LOCK_FILE) rmSync(join(folder, name), { recursive: true });
  const command = `npm start -- ${commandOf(whole).join(' ')}`;
  const record: Record = { command, settings: job.settings, seconds: null, spent: begun?.spent ?? 0 };
  const keep = (output: string) => {
    writeFileAtomically(at(job, 'output.txt'), output);
    writeFileAtomically(at(job, 'run.json'), `${JSON.stringify(record, null, 1)}\n`);
  };
  keep(begun?.output ?? '');
  lock.release();

  const since = performance.now();
  const args = begun === null ? commandOf(job) : ['train', '--resume', fileOf(job, ''), '--threads', '1'];
  const { code, output } = await outputOf([...['--import', 'tsx', 'src/cli.ts'], ...args], stop);
  const seconds = Math.round((record.spent ?? 0) * 10 + (performance.now() - since) / 100) / 10;
  const text = (begun?.output ?? '') + output;
  if (code !== 0 && !stop.asked()) throw new Error(`${nameOf(job)}: exit code ${code}\n${output}`);
  if (code === 0) Object.assign(record, { seconds, spent: undefined });
  else record.spent = seconds;
  keep(text);
  if (code !== 0) return null;
  // Page and table are made from the metrics, the settings are in the record, and the checkpoint before is of no use any more.
  const made = ['curves.html', 'metrics.csv', 'config.json', 'checkpoint.previous.safetensors'];
  for (const name of made) rmSync(at(job, name), { force: true });
  moveToPlace(whole);
  return finished(whole);
}

/** Puts the unfinished run of this name, which has come to its end, in place of an earlier one. */
export function moveToPlace(job: Job): void {
  const place = at(job, '');
  rmSync(place, { recursive: true, force: true });
  makeFolder(dirname(place));
  rename(at(unfinished(job), ''), place);
}

/** What a run that was stopped has left; null where there is none, or of other settings. */
function begunOf(job: Job): { spent: number; output: string } | null {
  const path = at(job, 'run.json');
  if (!existsSync(path) || !hasCheckpoint(job)) return null;
  const { settings, seconds, spent } = readJsonObject(path) as unknown as Record;
  if (seconds !== null || spent === undefined || JSON.stringify(settings) !== JSON.stringify(job.settings)) return null;
  return { spent, output: readFileSync(at(job, 'output.txt'), 'utf8') };
}

function outputOf(args: readonly string[], stop: Stop): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const looking = setInterval(() => {
    if (!stop.asked()) return;
    clearInterval(looking);
    child.kill(stop.signalled() ?? 'SIGTERM');
  }, LOOK_MILLISECONDS);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      clearInterval(looking);
      resolve({ code, output });
    });
  });
}

/** How soon the process is told to stop where this one is. */
const LOOK_MILLISECONDS = 100;
