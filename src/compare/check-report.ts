/** Whether a report, which may come from a file, is one: the renderer reads every field of it. */

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
} from '../core/expect.ts';
import type { ComparisonReport, ComparisonResult, Environment, InputDescription, PatternPicture } from './result.ts';

/** A figure may be NaN or infinite, which a file has as null. */
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
};

const budgetChecks = { symbol: expectText, option: expectText, value: figure };

/** Given only where rows were sampled. */
const SAMPLING = ['totalVariationError', 'topKRecallError'] as const;

const resultChecks: Record<Exclude<keyof ComparisonResult, 'layer' | (typeof SAMPLING)[number]>, Check> = {
  variant: expectText,
  options: expectPlain,
  budget: (name, value) => {
    if (value !== null) expectRecord(name, value, budgetChecks);
  },
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
};

const pictureChecks: Record<keyof PatternPicture, Check> = {
  variant: expectText,
  title: expectText,
  size: integerOf(1),
  cells: (name, value) => expectList(name, value, figure),
};

/** The report, with NaN for each null among its figures. Throws ArgumentError, which names the field, for another thing. */
export function checkReport(report: ComparisonReport): ComparisonReport {
  expectOptions('report', report, {
    environment: expectRecord,
    input: expectRecord,
    results: (name, value) => expectList(name, value, (each, result) => expectRecord(each, result, resultChecks)),
    pictures: (name, value) => expectList(name, value, (each, picture) => expectRecord(each, picture, pictureChecks)),
    incomplete: expectBoolean,
  });
  expectRecord('report', report, {
    environment: (name, value) => expectRecord(name, value, environmentChecks),
    input: (name, value) => expectRecord(name, value, inputChecks),
    results: expectList,
  });
  for (const { layer, ...result } of report.results) {
    if (layer !== undefined) expectText('layer', layer);
    for (const name of SAMPLING) if (result[name] !== undefined) figure(name, result[name]);
  }
  return { ...report, results: report.results.map(withoutNulls) };
}

function withoutNulls(result: ComparisonResult): ComparisonResult {
  const figures = Object.entries(result).map(([name, value]) => {
    const isFigure =
      resultChecks[name as keyof typeof resultChecks] === figure || (SAMPLING as readonly string[]).includes(name);
    return [name, isFigure && value === null ? Number.NaN : value];
  });
  return Object.fromEntries(figures) as ComparisonResult;
}
