/**
 * Whether results are what today's code computes: of an experiment one unit of each kind is run anew, and its numbers are
 * compared with those in the log, digit for digit. A unit depends on the settings and on its name alone, so that one is enough to
 * find a change. Nothing is written where results are kept, and no log of an earlier training is read.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from '../compare/result.ts';
import { EfficientTransformersError, FileFormatError } from '../core/errors.ts';
import { writing } from '../core/files/system-error.ts';
import { type Difference, differenceBetween } from './difference.ts';
import type { Experiment, Scale, Unit } from './experiment.ts';
import { readLog } from './log.ts';
import type { Numbers } from './results.ts';

/** Seconds, as the log has them, that a unit beyond the first of an experiment may take: 48 units where all kinds would be 125. */
const CHEAP = 20;

/** A unit with the numbers that it came to when the results were made. */
export interface Sample {
  experiment: Experiment;
  unit: Unit;
  numbers: Numbers;
  /** What it took then. */
  seconds: number;
  /** The machine that it ran on then. */
  environment: Environment;
  /** Whether it is the cheapest of its experiment. */
  isFirst: boolean;
}

export type Finding =
  | { kind: 'same' }
  | { kind: 'other'; difference: Difference }
  /** Results or texts are not on this machine. */
  | { kind: 'missing'; why: string }
  /** The results are damaged or of other settings, or the unit ends with an error. */
  | { kind: 'refused'; why: string }
  /** It was asked to stop. */
  | { kind: 'unfinished' };

/** The samples of an experiment, the cheapest first, or why there are none. */
export function samplesOf(experiment: Experiment, scale: Scale, folder: string): Sample[] | Finding {
  try {
    const { path, units, environments } = readLog(experiment, scale, folder);
    const all = experiment.units(scale).flatMap((unit) => {
      const logged = units.get(unit.name);
      return logged === undefined ? [] : [{ unit, ...logged }];
    });
    if (all.length === 0) return { kind: 'missing', why: `no results in ${path}` };
    return cheapestOfKinds(all).map(({ environment, ...own }, at) => {
      return { experiment, ...own, environment: environments[environment], isFirst: at === 0 };
    });
  } catch (error) {
    // Its own message says how to measure anew, which is not what was asked for.
    return refusalBy(error instanceof FileFormatError && error.cause instanceof FileFormatError ? error.cause : error);
  }
}

function cheapestOfKinds<T extends { unit: Unit; seconds: number }>(all: readonly T[]): T[] {
  const sorted = [...all].sort((one, other) => one.seconds - other.seconds);
  const kinds = new Set<string>();
  return sorted.filter(({ unit, seconds }, at) => {
    const kind = kindOf(unit.name);
    if (kinds.has(kind)) return false;
    kinds.add(kind);
    return at === 0 || seconds <= CHEAP;
  });
}

/** Units whose names differ in numbers only are of one kind: seeds, lengths, draws. */
function kindOf(name: string): string {
  return name.replace(/\d+(\.\d+)?/g, '0');
}

/** The order of samples: each experiment once before a second unit of any, and what costs less first. So little time checks much. */
export function byTurn(one: Sample, other: Sample): number {
  return Number(other.isFirst) - Number(one.isFirst) || one.seconds - other.seconds;
}

/** What is said of results that have only some of the units, whose samples say nothing of the others; null if they have all. */
export function gapOf(experiment: Experiment, scale: Scale, folder: string): Finding | null {
  const { units } = readLog(experiment, scale, folder);
  const all = experiment.units(scale).map(({ name }) => name);
  const [first, ...more] = all.filter((name) => !units.has(name));
  if (first === undefined) return null;
  const others = more.length === 0 ? '' : `, nor are ${more.length} others`;
  return { kind: 'refused', why: `of ${all.length} units “${first}” is not in the results${others}` };
}

/** What an experiment lacks to be run here; null if nothing. */
export function lackOf(experiment: Experiment, scale: Scale): Finding | null {
  try {
    experiment.expectReady(scale);
    return null;
  } catch (error) {
    if (!(error instanceof FileFormatError)) throw error;
    return { kind: 'missing', why: error.message };
  }
}

/** Runs the unit of a sample, by default to its end. What it keeps meanwhile lies in the system's folder for temporary files. */
export async function check({ unit, numbers }: Sample, shouldStop = () => false): Promise<Finding> {
  let own: string | null = null;
  const folder = () => {
    own ??= writing(tmpdir(), () => mkdtempSync(join(tmpdir(), 'efficient-transformers-unit-')));
    return own;
  };
  try {
    const now = await unit.run({ shouldStop, folder });
    if (now === null) return { kind: 'unfinished' };
    const difference = differenceBetween(numbers, now);
    return difference === null ? { kind: 'same' } : { kind: 'other', difference };
  } catch (error) {
    return refusalBy(error);
  } finally {
    if (own !== null) rmSync(own, { recursive: true, force: true });
  }
}

function refusalBy(error: unknown): Finding {
  if (!(error instanceof EfficientTransformersError)) throw error;
  return { kind: 'refused', why: error.message };
}
