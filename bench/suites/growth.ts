/**
 * How the time and the memory of a training step grow with the length, the width, the depth and the batch, for each variant:
 * the step of `train`, of a small language model of bytes, each size doubled twice while the others stay.
 */

import { fittedSlope } from '../../src/compare/series.ts';
import { median } from '../../src/compare/stopwatch.ts';
import { memoryStatistics, resetPeak } from '../../src/core/memory.ts';
import { setThreads, threadCount } from '../../src/core/parallel/pool.ts';
import { formatMilliseconds, formatWhole } from '../../src/terminal/format.ts';
import { formatTable } from '../../src/terminal/table.ts';
import { endRun, type Run, runDefaults, startRun } from '../../src/training/run.ts';
import { train } from '../../src/training/trainer.ts';
import type { AnyVariant } from '../../src/variants/registry.ts';
import { FOLLOWING } from './cells.ts';
import { processorMilliseconds, type Suite, variantsFor } from './suite.ts';

export const AXES = ['length', 'width', 'depth', 'batch'] as const;
export type Axis = (typeof AXES)[number];
type Sizes = Record<Axis, number>;

const HEADS = 2;
const BASE: Sizes = { length: 512, width: 32, depth: 1, batch: 2 };
const FACTORS = [1, 2, 4];
const QUICK_BASE: Sizes = { length: 32, width: 8, depth: 1, batch: 1 };
const QUICK_FACTORS = [1, 2];

/** A step of one size. */
export interface GrowthRow extends Record<string, unknown>, Sizes {
  variant: string;
  /** Of the processor; the median over the rounds. */
  milliseconds: number;
  /** The most tensor memory that a step held beyond what lived before it: the model and the optimiser. */
  peakBytes: number;
}

export const growth: Suite = {
  name: 'growth',
  summary: 'time and memory of a training step against length, width, depth and batch, with fitted slopes',
  async run({ rounds, quick, tell, width }) {
    const [base, factors] = quick ? [QUICK_BASE, QUICK_FACTORS] : [BASE, FACTORS];
    const threads = threadCount();
    setThreads(1);
    const rows: GrowthRow[] = [];
    try {
      for (const variant of variantsFor({ quick })) {
        tell(variant.name);
        rows.push(...(await measure(variant, sizesFrom(base, factors), base.length, rounds)));
      }
    } finally {
      setThreads(threads);
    }
    return { rows, table: tableOf(rows, width), details: { base, factors, heads: HEADS } };
  },
};

/** The base, and for each axis the base with that size made larger. */
export function sizesFrom(base: Sizes, factors: readonly number[]): Sizes[] {
  const larger = factors.filter((factor) => factor !== 1);
  return [base, ...AXES.flatMap((axis) => larger.map((factor) => ({ ...base, [axis]: factor * base[axis] })))];
}

/** Steps of all sizes, which take turns; `shortest` is the length that options are the defaults of. */
async function measure(
  variant: AnyVariant,
  sizes: readonly Sizes[],
  shortest: number,
  rounds: number,
): Promise<GrowthRow[]> {
  const runs = sizes.map((each) => startOf(variant, each, shortest));
  try {
    // The first step compiles, and makes the moments of the optimiser.
    for (const run of runs) await step(run);
    const times: number[][] = runs.map(() => []);
    const peaks = runs.map(() => 0);
    for (let round = 0; round < rounds; round++) {
      for (const [index, run] of runs.entries()) {
        const { milliseconds, peakBytes } = await step(run);
        times[index].push(milliseconds);
        peaks[index] = Math.max(peaks[index], peakBytes);
      }
    }
    return sizes.map((each, index) => ({
      variant: variant.name,
      ...each,
      milliseconds: median(times[index]),
      peakBytes: peaks[index],
    }));
  } finally {
    for (const run of runs) endRun(run);
  }
}

function startOf(variant: AnyVariant, { length, width, depth, batch }: Sizes, shortest: number): Run {
  const { causal: _, ...defaults } = variant.defaults(shortest) as { causal?: boolean };
  return startRun({
    ...runDefaults,
    task: { name: variant.supports.causal ? 'byte-lm' : 'byte-mlm', length },
    model: {
      layers: depth,
      modelDim: width,
      heads: HEADS,
      dropout: 0,
      attention: { variant: variant.name, options: { ...defaults, ...FOLLOWING[variant.name]?.(length) } },
    },
    batch,
    schedule: { kind: 'constant', rate: 1e-3 },
  });
}

async function step(run: Run): Promise<{ milliseconds: number; peakBytes: number }> {
  const before = memoryStatistics().liveBytes;
  resetPeak();
  const begin = processorMilliseconds();
  await train(run, { shouldStop: () => true });
  return { milliseconds: processorMilliseconds() - begin, peakBytes: memoryStatistics().peakBytes - before };
}

/** The exponents of a variant along an axis: 1 is linear. NaN where only one size was measured. */
export function slopesAlong(rows: readonly GrowthRow[], axis: Axis): { time: number; memory: number } {
  const smallest = (other: Axis) => Math.min(...rows.map((row) => row[other]));
  const own = rows.filter((row) => AXES.every((other) => other === axis || row[other] === smallest(other)));
  const fit = (of: 'milliseconds' | 'peakBytes') =>
    fittedSlope(
      own.map((row) => ({ length: row[axis], y: row[of] })),
      0,
    );
  return { time: fit('milliseconds'), memory: fit('peakBytes') };
}

/** A line for each variant, for tables: its base, the slopes of time, those of memory. */
export function growthLines(rows: readonly GrowthRow[]): string[][] {
  return [...new Set(rows.map(({ variant }) => variant))].map((name) => {
    const own = rows.filter(({ variant }) => variant === name);
    const slopes = AXES.map((axis) => slopesAlong(own, axis));
    return [
      name,
      formatMilliseconds(own[0].milliseconds),
      ...slopes.map(({ time }) => time.toFixed(2)),
      ...slopes.map(({ memory }) => memory.toFixed(2)),
    ];
  });
}

export const GROWTH_TITLES = [
  'variant',
  'a step',
  ...AXES.map((axis) => `time, ${axis}`),
  ...AXES.map((axis) => `memory, ${axis}`),
];

function tableOf(rows: readonly GrowthRow[], width: number | undefined): string {
  const columns = GROWTH_TITLES.map((title, index) => ({
    title,
    align: index === 0 ? ('left' as const) : ('right' as const),
  }));
  const { length, width: d, depth, batch } = rows[0];
  const note = `A step of ${formatWhole(length)} tokens, d = ${d}, ${depth} layer, batch ${batch}, on one thread; then the exponents along each size.`;
  return `${formatTable(columns, growthLines(rows), { width })}\n\n${note}`;
}
