/** One case, and whether it went as it should: success or an error of ours, in bounded time and memory, and nothing kept. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { EfficientTransformersError } from '../../src/core/errors.ts';
import { memoryStatistics, resetPeak } from '../../src/core/memory.ts';
import type { FuzzCase, Prepared, Target } from './target.ts';

export interface Limits {
  /** Of all threads. */
  cpuSeconds: number;
  /** That a case may add to what the process has held at most. */
  residentBytes: number;
}

export const LIMITS: Limits = { cpuSeconds: 10, residentBytes: 2 ** 29 };

export interface Verdict {
  /** Null: as it should be. */
  problem: string | null;
  accepted: boolean;
  cpuSeconds: number;
}

/** Writes the case's files into the folder, and nothing else is there. */
export function lay(folder: string, { files }: FuzzCase): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  for (const [name, bytes] of files) {
    const path = join(folder, name);
    if (name.includes('/')) mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
  }
}

export async function judge(
  { read }: Prepared,
  one: FuzzCase,
  folder: string,
  { releases, tensorBytes }: Pick<Target, 'releases' | 'tensorBytes'>,
  limits: Limits = LIMITS,
): Promise<Verdict> {
  lay(folder, one);
  const live = memoryStatistics().liveBytes;
  const resident = process.resourceUsage().maxRSS;
  const before = process.cpuUsage();
  resetPeak();
  let problem: string | null = null;
  let accepted = false;
  try {
    accepted = (await read(folder, one.words)) !== false;
  } catch (error) {
    problem = problemOf(error);
  }
  const { user, system } = process.cpuUsage(before);
  const cpuSeconds = (user + system) / 1e6;
  const kept = memoryStatistics().liveBytes - live;
  const peak = memoryStatistics().peakBytes - live;
  const added = 1024 * (process.resourceUsage().maxRSS - resident);
  if (releases && kept !== 0) problem ??= `keeps ${kept} bytes of tensors`;
  if (peak > tensorBytes) problem ??= `tensors of ${peak} bytes at once`;
  if (added > limits.residentBytes) problem ??= `the process grew by ${added} bytes`;
  if (cpuSeconds > limits.cpuSeconds) problem ??= `took ${cpuSeconds.toFixed(1)} s`;
  return { problem, accepted, cpuSeconds };
}

/** Null for what is thrown on purpose, in a message that can be shown. */
function problemOf(error: unknown): string | null {
  if (!(error instanceof EfficientTransformersError)) {
    return error instanceof Error ? (error.stack ?? error.message) : `thrown: ${String(error)}`;
  }
  const { message } = error;
  if (/\p{Cc}/u.test(message)) return `a message with control characters: ${JSON.stringify(message)}`;
  return message === '' ? `an empty ${error.name}` : null;
}
