/** Our own measurements for lessons: read from bench/results when the site is built, and never typed by hand. */
import { existsSync, readFileSync } from 'node:fs';
import { middlePoints, needComparison, needSuite, needTraining } from '../../bench/report/results.ts';
import { REFERENCE_VARIANT } from '../../src/compare/series.ts';
import { allVariants } from '../../src/variants/registry.ts';
import type { ChartLine } from './drawn.ts';
import type { Candidate } from './pictures/choose.ts';

/** Time of a forward pass against length, in milliseconds. */
export function timesOf(variants: readonly string[], from = 0, to = Number.POSITIVE_INFINITY): ChartLine[] {
  const { rows } = needSuite('scaling');
  return variants.map((name) => ({
    name,
    points: rows
      .filter((row) => row.variant === name && !row.training && row.length !== undefined)
      .map(({ length = 0, milliseconds }) => [length, milliseconds] as const)
      .filter(([length]) => length >= from && length <= to)
      .sort(([a], [b]) => a - b),
  }));
}

/** One more token: its time, or the bytes of the state, against the tokens before it. */
export function decodingOf(variants: readonly string[], figure: 'millisecondsPerToken' | 'stateBytes'): ChartLine[] {
  const { rows } = needSuite('decoding');
  return variants.map((name) => ({
    name,
    points: rows
      .filter(({ variant }) => variant === name)
      .map((row) => [row.position, row[figure]] as const)
      .sort(([a], [b]) => a - b),
  }));
}

export interface Recall {
  name: string;
  /** Mean held-out accuracy over its seeds. */
  accuracy: number;
  seeds: number;
  /** Of all layers after one sequence; null where a model keeps none. */
  stateBytes: number | null;
}

/** What the runs of a recipe recalled, and how much they keep of what they read; the best first. */
export function recallOf(recipe: string): Recall[] {
  const rows = needTraining().rows.filter((row) => row.recipe === recipe && row.accuracy !== null);
  return [...new Set(rows.map(({ name }) => name))]
    .map((name): Recall => {
      const own = rows.filter((row) => row.name === name);
      const accuracy = own.reduce((sum, row) => sum + (row.accuracy ?? 0), 0) / own.length;
      return { name, accuracy, seeds: own.length, stateBytes: stateBytesOf(recipe, name, own[0].seed) };
    })
    .sort((a, b) => b.accuracy - a.accuracy);
}

/** What one model of a recipe recalled, over its seeds; throws if it was not trained. */
export function recallBy(recipe: string, name: string): Recall {
  const found = recallOf(recipe).find((each) => each.name === name);
  if (found === undefined) throw new Error(`${recipe} was not trained with ${name}: npm run recipes`);
  return found;
}

/** A variant as measured; throws if it was not. */
export function candidate(name: string): Candidate {
  const found = candidates().find((each) => each.name === name);
  if (found === undefined) throw new Error(`${name} was not measured: npm run bench`);
  return found;
}

function stateBytesOf(recipe: string, name: string, seed: number): number | null {
  const file = new URL(`../../bench/results/training/${recipe}/${name}/seed-${seed}/results.json`, import.meta.url);
  if (!existsSync(file)) return null;
  const { results } = JSON.parse(readFileSync(file, 'utf8')) as { results: { stateBytes?: number | null }[] };
  return results[0]?.stateBytes ?? null;
}

/** Every variant as measured, but full attention. */
export function candidates(): Candidate[] {
  const points = middlePoints(needComparison());
  const rows = needSuite('crossover').rows.filter(({ training }) => !training);
  return allVariants()
    .filter(({ name }) => name !== REFERENCE_VARIANT)
    .map(({ name, supports, exactness }): Candidate => {
      const speedUps = Object.fromEntries(
        rows.filter(({ variant }) => variant === name).map(({ length, speedUp }) => [length, speedUp]),
      );
      return { name, causal: supports.causal, exactness, error: points.get(name)?.error ?? null, speedUps };
    })
    .filter(({ speedUps }) => Object.keys(speedUps).length > 0);
}

/** Of those timed at a length, how many were faster than full attention. */
export function fasterAt(length: number): { faster: number; all: number } {
  const timed = candidates().flatMap(({ speedUps }) => speedUps[String(length)] ?? []);
  return { faster: timed.filter((speedUp) => speedUp > 1).length, all: timed.length };
}

/** Threads that a suite of the bench ran on. */
export const threadsOf = (suite: 'scaling' | 'crossover'): number => needSuite(suite).environment.threads;

/** The lengths that they were timed at. */
export function timedLengths(): number[] {
  return [...new Set(needSuite('crossover').rows.map(({ length }) => length))].sort((a, b) => a - b);
}
