/** The cases of one target, one after another: each is a function of the seed, the target's name and its number alone. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeFolder } from '../../src/core/files/folder.ts';
import { collectGarbage } from '../../src/core/garbage.ts';
import { memoryStatistics } from '../../src/core/memory.ts';
import { Random } from '../../src/core/random.ts';
import { commandLine } from './command-line.ts';
import { judge, type Limits, lay } from './judge.ts';
import { checkpoints, imports, pretrained, tokenizers } from './models.ts';
import { metrics, npy, npz, qkv, safetensors, text } from './readers.ts';
import type { Prepared, Target } from './target.ts';

export const TARGETS: readonly Target[] = [
  npy,
  npz,
  safetensors,
  qkv,
  text,
  metrics,
  checkpoints,
  imports,
  pretrained,
  tokenizers,
  commandLine,
];

export interface Campaign {
  target: Target;
  seed: number;
  /** The first of them. */
  from: number;
  cases: number;
  /** Where failing cases are kept; null: nowhere. */
  keep: string | null;
  limits?: Limits;
  /** Before each case. */
  onCase?(number: number): void;
  onFailure?(failure: Failure): void;
}

export interface Failure {
  target: string;
  seed: number;
  number: number;
  problem: string;
  /** How often it was met, first by this case. */
  times: number;
  /** The folder with its files, for `--replay`. */
  kept: string | null;
}

export interface Outcome {
  cases: number;
  accepted: number;
  /** The slowest case. */
  slowest: { number: number; cpuSeconds: number };
  failures: Failure[];
  /** The most that the process held. */
  peakBytes: number;
}

/** After so many cases what a target leaves to the collector has to be gone. */
const WINDOW = 200;
/** Different ones: who finds so many has other work first. */
const MOST_FAILURES = 20;

export async function fuzz({ target, seed, from, cases, keep, limits, onCase, onFailure }: Campaign): Promise<Outcome> {
  const outcome: Outcome = {
    cases: 0,
    accepted: 0,
    slowest: { number: from, cpuSeconds: 0 },
    failures: [],
    peakBytes: 0,
  };
  await withSamples(target, async (prepared, folder) => {
    const fail = (number: number, problem: string) => {
      // The same fault occurs many times: it is reported once.
      const again = outcome.failures.find((each) => signatureOf(each.problem) === signatureOf(problem));
      if (again !== undefined) {
        again.times++;
        return;
      }
      const failure: Failure = { target: target.name, seed, number, problem, times: 1, kept: null };
      if (keep !== null) failure.kept = keepCase(keep, prepared, failure);
      outcome.failures.push(failure);
      onFailure?.(failure);
    };
    const live = await settled();
    for (let number = from; number < from + cases && outcome.failures.length < MOST_FAILURES; number++) {
      onCase?.(number);
      const one = prepared.draw(streamOf(target.name, seed, number));
      const { problem, accepted, cpuSeconds } = await judge(prepared, one, join(folder, 'case'), target, limits);
      outcome.cases++;
      if (accepted) outcome.accepted++;
      if (cpuSeconds > outcome.slowest.cpuSeconds) outcome.slowest = { number, cpuSeconds };
      if (problem !== null) fail(number, problem);
      const isLast = number === from + cases - 1;
      if (!isLast && outcome.cases % WINDOW !== 0) continue;
      const kept = (await settled()) - live;
      if (kept > 0) fail(number, `after ${WINDOW} cases up to this one, ${kept} bytes of tensors are kept`);
    }
  });
  outcome.peakBytes = 1024 * process.resourceUsage().maxRSS;
  return outcome;
}

/** Bytes of tensors that are live when all garbage is gone. */
async function settled(): Promise<number> {
  let live = memoryStatistics().liveBytes;
  for (let turn = 0; turn < 10; turn++) {
    collectGarbage();
    await new Promise((resolve) => setImmediate(resolve));
    const now = memoryStatistics().liveBytes;
    if (now === live && turn > 2) break;
    live = now;
  }
  return live;
}

/** What the same fault has in common: where it was thrown, or its words without numbers and quoted texts. */
function signatureOf(problem: string): string {
  const frames = problem.split('\n').filter((line) => line.startsWith('    at '));
  if (frames.length > 0) return [problem.split(':')[0], ...frames.slice(0, 2)].join('\n');
  return problem.replace(/'[^']*'|"[^"]*"/g, "''").replace(/\d+/g, '0');
}

export function streamOf(target: string, seed: number, number: number): Random {
  return new Random(seed).split(target).split(String(number));
}

/** The same of a case whose process is gone. */
export async function keptCase(keep: string, target: Target, failure: Failure): Promise<string> {
  return await withSamples(target, (prepared) => keepCase(keep, prepared, failure));
}

/** Its files, its other input, and what happened. */
function keepCase(keep: string, prepared: Prepared, { target, seed, number, problem }: Failure): string {
  const at = join(keep, `${target}-seed-${seed}-case-${number}`);
  const one = prepared.draw(streamOf(target, seed, number));
  makeFolder(keep);
  lay(at, { ...one, files: new Map() });
  lay(join(at, 'files'), one);
  writeFileSync(
    join(at, 'case.json'),
    `${JSON.stringify({ target, seed, number, words: one.words, problem }, null, 2)}\n`,
  );
  return at;
}

/** A case that was kept, once more. Throws what it throws. */
export async function replay(kept: string, target: Target, words: readonly string[]): Promise<void> {
  await withSamples(target, async (prepared, folder) => {
    cpSync(join(kept, 'files'), join(folder, 'case'), { recursive: true });
    await prepared.read(join(folder, 'case'), words);
  });
}

async function withSamples<T>(
  target: Target,
  body: (prepared: Prepared, folder: string) => T | Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'efficient-transformers-fuzz-'));
  try {
    const samples = join(folder, 'samples');
    mkdirSync(samples);
    return await body(await target.prepare(samples), folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
