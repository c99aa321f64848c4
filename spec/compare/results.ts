/** Results of a comparison that was never run, for specs of what is made of them. */
import fc from 'fast-check';
import type { ComparisonReport, ComparisonResult } from '../../src/compare/result.ts';

export function resultOf(part: Partial<ComparisonResult> = {}): ComparisonResult {
  return {
    variant: 'windowed',
    options: {},
    budget: null,
    length: 128,
    relativeError: 0.25,
    maxAbsError: 1,
    totalVariation: 0.5,
    topKRecall: 0.75,
    sampledRows: 64,
    milliseconds: 2,
    fullMilliseconds: 8,
    peakBytes: 1024,
    fullPeakBytes: 4096,
    flops: 1e6,
    fullFlops: 4e6,
    fullOracleError: 1e-7,
    ...part,
  };
}

export function budgetOf(value: number): ComparisonResult['budget'] {
  return { symbol: 'w', option: 'window', value };
}

export function reportOf(results: ComparisonResult[], part: Partial<ComparisonReport> = {}): ComparisonReport {
  const lengths = [...new Set(results.map(({ length }) => length))];
  return {
    environment: {
      version: '1.2.3',
      node: 'v20.0.0',
      platform: 'linux',
      cpu: 'a processor',
      threads: 2,
      kernels: 'plain',
      date: '2026-05-04T13:05:06.000Z',
    },
    input: {
      name: 'numbers',
      source: 'synthetic',
      detail: 'gaussian',
      batch: 1,
      heads: 2,
      lengths,
      headDim: 64,
      causal: false,
      seed: 0,
    },
    results,
    ...part,
  };
}

/** Lists of results that differ in everything that names, orders or groups them. */
export const results: fc.Arbitrary<ComparisonResult[]> = fc.array(
  fc
    .record({
      variant: fc.constantFrom('full', 'windowed', 'low-rank'),
      layer: fc.constantFrom(undefined, 'first', 'second'),
      options: fc.record(
        { window: fc.constantFrom(2, 4), ends: fc.constantFrom('open', 'closed') },
        { noNullPrototype: true },
      ),
      budget: fc.option(fc.constantFrom(2, 4, 8).map(budgetOf)),
      length: fc.constantFrom(64, 128, 1024),
      relativeError: fc.double({ min: 0, max: 2, noNaN: true }),
      milliseconds: fc.double({ min: 0.1, max: 100, noNaN: true }),
    })
    .map(({ layer, ...part }) => resultOf({ ...part, ...(layer === undefined ? {} : { layer }) })),
  { minLength: 1, maxLength: 16 },
);
