/**
 * Decides which rows may be called the best: whether a row is nearer to full attention than the baselines, and whether it
 * approximates full attention at all. The table ranks rows by this.
 */
import { findVariant } from '../variants/registry.ts';
import type { BaselineResult, ComparisonResult } from './result.ts';
import { mean, REFERENCE_VARIANT, sortResults, withReference } from './series.ts';

/** The part of a comparison that is shown: the rows, and the baselines that they have to beat. */
export interface Measurements {
  readonly results: readonly ComparisonResult[];
  readonly baselines?: readonly BaselineResult[] | undefined;
}

/** Only an `approximation`, which beats the baselines, may be called the best at anything. */
export type Standing = 'approximation' | 'no-nearer' | 'untrained' | 'own' | 'own-untrained';

/** In the order of the table: the line above the rows, and the note next to a name elsewhere. */
const STANDINGS: Readonly<Record<Standing, { title: string; note: string }>> = {
  approximation: { title: '', note: '' },
  'no-nearer': { title: 'No nearer to full attention than a baseline', note: 'no nearer than a baseline' },
  untrained: { title: 'Untrained: with random parameters', note: 'untrained' },
  own: { title: 'A different function from full attention', note: 'another function' },
  'own-untrained': { title: 'A different function, and untrained', note: 'another function, untrained' },
};

const BASELINES_TITLE = 'Baselines, which read no queries and no keys';

/** The note next to the name of a row or a point: '' for an approximation that beats the baselines. */
export function noteOf(standing: Standing): string {
  return STANDINGS[standing].note;
}

/** A row, or the mean of several. */
export type Judged = Pick<ComparisonResult, 'variant' | 'exactness' | 'untrained'> & { error: number };

/** The baseline to beat. */
export interface Bar {
  baseline: BaselineResult['baseline'];
  error: number;
}

/**
 * The nearest baseline at a length, for one layer or (without a layer) on average over all. If none was measured it is zeros,
 * whose relative error is 1 by definition.
 */
export function barAt(
  baselines: readonly BaselineResult[] | undefined,
  place: { length: number; layer?: string | undefined },
): Bar {
  const here = (baselines ?? []).filter(({ length, layer }) => {
    return length === place.length && (!('layer' in place) || layer === place.layer);
  });
  const bars = [...new Set(here.map(({ baseline }) => baseline))].map((baseline): Bar => {
    const errors = here.filter((row) => row.baseline === baseline).map(({ relativeError }) => relativeError);
    return { baseline, error: mean(errors) };
  });
  const known = bars.filter(({ error }) => Number.isFinite(error));
  return known.reduce((least, bar) => (bar.error < least.error ? bar : least), known[0] ?? ZEROS);
}

const ZEROS: Bar = { baseline: 'zeros', error: 1 };

/** Whether its error is below that of the baselines; not if it is NaN. */
function beats({ error }: Pick<Judged, 'error'>, bar: Bar): boolean {
  return error < bar.error;
}

/** A row of an older file may lack facts; the registered variant of that name, if any, supplies them. */
export function standingOf(row: Judged, bar: Bar): Standing {
  const { exactness = findVariant(row.variant)?.exactness, untrained = false } = row;
  if (exactness === 'own') return untrained ? 'own-untrained' : 'own';
  if (untrained) return 'untrained';
  return beats(row, bar) ? 'approximation' : 'no-nearer';
}

/** Rows of one kind, in order; `title` stands above them, and may be empty. */
export interface Section<Row> {
  kind: Standing | 'reference' | 'baseline';
  title: string;
  rows: Row[];
}

/** Rows by standing, in the order of STANDINGS; within a section they keep their order. Empty sections are left out. */
export function sectionsOf<Row>(rows: readonly Row[], standing: (row: Row) => Standing): Section<Row>[] {
  return (Object.keys(STANDINGS) as Standing[])
    .map((kind) => ({ kind, title: STANDINGS[kind].title, rows: rows.filter((row) => standing(row) === kind) }))
    .filter((section) => section.rows.length > 0);
}

/** The section of the baselines, which comes last; absent without baselines. */
export function baselineSection<Row>(rows: readonly Row[]): Section<Row>[] {
  return rows.length === 0 ? [] : [{ kind: 'baseline', title: BASELINES_TITLE, rows: [...rows] }];
}

/** A baseline as a row of the table: a "variant" that has no options and no budget. */
export function rowOfBaseline({ baseline, ...figures }: BaselineResult): ComparisonResult {
  return { variant: baseline, options: {}, budget: null, ...figures };
}

/** The rows of one length and layer: full attention, the approximations by error, others, baselines. */
export interface RankedGroup {
  bar: Bar;
  sections: Section<ComparisonResult>[];
}

/** All rows of the table, with full attention in each group, by length and layer. */
export function rankedGroups({ results, baselines = [] }: Measurements): RankedGroup[] {
  const groups = new Map<string, ComparisonResult[]>();
  for (const result of sortResults(withReference(results))) {
    const place = JSON.stringify([result.length, result.layer]);
    groups.set(place, [...(groups.get(place) ?? []), result]);
  }
  return [...groups.values()].map((rows) => {
    const { length, layer } = rows[0];
    const bar = barAt(baselines, { length, layer });
    const isReference = ({ variant }: ComparisonResult): boolean => variant === REFERENCE_VARIANT;
    const here = baselines.filter((row) => row.length === length && row.layer === layer);
    const byError = rows.filter((row) => !isReference(row)).sort(nearer);
    return {
      bar,
      sections: [
        { kind: 'reference', title: '', rows: rows.filter(isReference) },
        ...sectionsOf(byError, (row) => standingOf({ ...row, error: row.relativeError }, bar)),
        ...baselineSection(here.map(rowOfBaseline).sort(nearer)),
      ],
    };
  });
}

/** NaN comes last. */
function nearer({ relativeError: a }: ComparisonResult, { relativeError: b }: ComparisonResult): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return a - b;
}
