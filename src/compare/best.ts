/**
 * Chooses the best of a comparison, only among approximations that beat the baselines: another function, or random
 * parameters, could cost anything. A variant that saves nothing is neither fast nor small.
 */
import { formatError } from '../terminal/format.ts';
import type { Bar, Standing } from './judge.ts';

/** A row, or the mean of several. */
export interface Candidate {
  standing: Standing;
  error: number;
  milliseconds: number;
  fullMilliseconds: number;
  peakBytes: number;
  fullPeakBytes: number;
  /** FLOPs as a share of full attention's. */
  share: number;
}

export interface Best<Row> {
  /** Null if no approximation beats the baselines. */
  nearest: Row | null;
  /** Null if none saves time, or memory. */
  fastest: Row | null;
  smallest: Row | null;
  /** Sentences about the missing ones. */
  notes: string[];
}

/**
 * The nearest, fastest and smallest of the rows, all of one length; `bar` is the baseline they had to beat. A row whose
 * budget covers all tokens does the work of full attention, and is not called fast because of a lucky timing.
 */
export function bestOf<Row extends Candidate>(rows: readonly Row[], bar: Bar): Best<Row> {
  const able = rows.filter(({ standing }) => standing === 'approximation');
  if (able.length === 0) return { nearest: null, fastest: null, smallest: null, notes: [whyNone(rows, bar)] };
  const faster = able.filter((row) => slowness(row) < 1);
  const smaller = able.filter((row) => memoryShare(row) < 1);
  return {
    nearest: least(able, ({ error }) => error),
    fastest: least(faster.filter(savesWork), slowness),
    smallest: least(smaller, memoryShare),
    notes: [
      ...(faster.length > 0 ? [] : ['No approximation that beats the baselines is faster than full attention here.']),
      ...(smaller.length > 0
        ? []
        : ['No approximation that beats the baselines needs less memory than full attention here.']),
    ],
  };
}

/** Time as a multiple of full attention's. */
export function slowness({
  milliseconds,
  fullMilliseconds,
}: Pick<Candidate, 'milliseconds' | 'fullMilliseconds'>): number {
  return milliseconds / fullMilliseconds;
}

/** Memory as a multiple of full attention's. */
export function memoryShare({ peakBytes, fullPeakBytes }: Pick<Candidate, 'peakBytes' | 'fullPeakBytes'>): number {
  return peakBytes / fullPeakBytes;
}

/** Whether it computes less than full attention. */
export function savesWork({ share }: Pick<Candidate, 'share'>): boolean {
  return share < 1;
}

/**
 * `No approximation here is nearer to full attention than zeros are (error 1.00).`, or a sentence that there is none at all.
 * A mean over layers may be nearer and a layer not: then the sentence is about every layer.
 */
export function whyNone(rows: readonly Pick<Candidate, 'standing' | 'error'>[], { baseline, error }: Bar): string {
  if (!rows.some(({ standing }) => standing === 'no-nearer')) {
    return 'Nothing here is an approximation to choose from: each is another function, or untrained.';
  }
  if (rows.some((row) => row.standing === 'no-nearer' && row.error < error)) {
    return 'No approximation here is nearer to full attention than the baselines in every layer.';
  }
  const name = baseline === 'zeros' ? 'zeros are' : `the ${baseline} is`;
  return `No approximation here is nearer to full attention than ${name} (error ${formatError(error)}).`;
}

function least<Row>(rows: readonly Row[], value: (row: Row) => number): Row | null {
  return rows.reduce<Row | null>((best, row) => (best !== null && value(best) <= value(row) ? best : row), null);
}
