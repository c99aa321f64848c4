/** Results of a comparison that was never run, for specs of what is made of them. */
import fc from 'fast-check';
import type { BaselineResult, ComparisonReport, ComparisonResult } from '../../src/compare/result.ts';

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

/** Both baselines on each length and layer of these results. */
export function baselinesOf(results: readonly ComparisonResult[], meanError = 0.8): BaselineResult[] {
  const places = new Map(results.map((result) => [JSON.stringify([result.length, result.layer]), result]));
  return [...places.values()].flatMap((result) => {
    const { variant: _, options: __, budget: ___, exactness: ____, untrained: _____, ...rest } = result;
    const { absentGates: ______, ...figures } = rest;
    return [
      { ...figures, baseline: 'zeros' as const, relativeError: 1 },
      { ...figures, baseline: 'mean of values' as const, relativeError: meanError },
    ];
  });
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
      exactness: fc.constantFrom('approximate', 'exact-on-its-pattern', 'own'),
      untrained: fc.boolean(),
    })
    .map(({ layer, ...part }): ComparisonResult => resultOf({ ...part, ...(layer === undefined ? {} : { layer }) })),
  { minLength: 1, maxLength: 16 },
);

/** Results and, now and then, baselines beside them, whatever their errors. */
export const measurements: fc.Arbitrary<Pick<ComparisonReport, 'results' | 'baselines'>> = fc
  .tuple(results, fc.double({ min: 0, max: 2, noNaN: true }), fc.boolean())
  .map(([all, meanError, known]) =>
    known ? { results: all, baselines: baselinesOf(all, meanError) } : { results: all },
  );
