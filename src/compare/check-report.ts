/** Checks a report, which may come from a file: the renderer reads every field of it. */

import { ArgumentError, describe } from '../core/errors.ts';
import {
  type Check,
  expectBoolean,
  expectList,
  expectOptions,
  expectPlain,
  expectRecord,
  expectText,
  integerOf,
  optional,
} from '../core/expect.ts';
import type {
  BaselineResult,
  ComparisonReport,
  ComparisonResult,
  Environment,
  InputDescription,
  PatternPicture,
} from './result.ts';

/** A figure may be NaN or infinite, which a file stores as null. */
const figure: Check = (name, value) => {
  if (typeof value === 'number' || value === null) return;
  throw new ArgumentError(`${name}: expected a number, got ${describe(value)}`);
};
const count = integerOf(0);

const environmentChecks: Record<keyof Environment, Check> = {
  version: expectText,
  node: expectText,
  platform: expectText,
  cpu: expectText,
  threads: count,
  kernels: expectText,
  date: expectText,
};

const inputChecks: Record<keyof InputDescription, Check> = {
  name: expectText,
  source: expectText,
  detail: expectText,
  batch: count,
  heads: count,
  lengths: (name, value) => expectList(name, value, count),
  headDim: count,
  causal: expectBoolean,
  seed: integerOf(Number.MIN_SAFE_INTEGER),
  maskedTokens: optional(count),
};

const budgetChecks = { symbol: expectText, option: expectText, value: figure };

/** Optional fields: those of sampled rows are absent if all rows were measured, the others in files of older versions. */
const optionalChecks = {
  layer: expectText,
  totalVariationError: figure,
  topKRecallError: figure,
  exactness: expectText,
  untrained: expectBoolean,
  absentGates: (name, value) => {
    expectRecord(name, value);
    for (const [gate, each] of Object.entries(value)) figure(`${name}.${gate}`, each);
  },
  stateBytes: count,
} satisfies { [Name in keyof ComparisonResult]?: Check };

/** Fields of every row, a variant's or a baseline's. */
const rowChecks = {
  length: count,
  relativeError: figure,
  maxAbsError: figure,
  totalVariation: figure,
  topKRecall: figure,
  sampledRows: count,
  milliseconds: figure,
  fullMilliseconds: figure,
  peakBytes: figure,
  fullPeakBytes: figure,
  flops: figure,
  fullFlops: figure,
  fullOracleError: figure,
} satisfies { [Name in keyof BaselineResult]?: Check };

const resultChecks: Record<Exclude<keyof ComparisonResult, keyof typeof optionalChecks>, Check> = {
  variant: expectText,
  options: expectPlain,
  budget: (name, value) => {
    if (value !== null) expectRecord(name, value, budgetChecks);
  },
  ...rowChecks,
};

const baselineChecks: Record<Exclude<keyof BaselineResult, keyof typeof optionalChecks>, Check> = {
  baseline: expectText,
  ...rowChecks,
};

const pictureChecks: Record<keyof PatternPicture, Check> = {
  variant: expectText,
  title: expectText,
  size: integerOf(1),
  cells: (name, value) => expectList(name, value, figure),
};

/** The report, with NaN for each null among its figures. Throws ArgumentError, which names the field, for any other value. */
export function checkReport(report: ComparisonReport): ComparisonReport {
  expectOptions('report', report, {
    environment: expectRecord,
    input: expectRecord,
    results: (name, value) => expectList(name, value, (each, result) => expectRecord(each, result, resultChecks)),
    baselines: (name, value) => expectList(name, value, (each, row) => expectRecord(each, row, baselineChecks)),
    pictures: (name, value) => expectList(name, value, (each, picture) => expectRecord(each, picture, pictureChecks)),
    incomplete: expectBoolean,
  });
  expectRecord('report', report, {
    environment: (name, value) => expectRecord(name, value, environmentChecks),
    input: (name, value) => expectRecord(name, value, inputChecks),
    results: expectList,
  });
  const { results, baselines } = report;
  for (const row of [...results, ...(baselines ?? [])] as object[]) {
    for (const [name, check] of Object.entries(optionalChecks)) {
      const value = (row as Record<string, unknown>)[name];
      if (value !== undefined) check(name, value);
    }
  }
  return {
    ...report,
    results: results.map(withoutNulls),
    ...(baselines === undefined ? {} : { baselines: baselines.map(withoutNulls) }),
  };
}

function withoutNulls<Row extends object>(row: Row): Row {
  const checks: Record<string, Check> = { ...rowChecks, ...optionalChecks };
  const figures = Object.entries(row).map(([name, value]) => {
    return [name, checks[name] === figure && value === null ? Number.NaN : value];
  });
  return Object.fromEntries(figures) as Row;
}
