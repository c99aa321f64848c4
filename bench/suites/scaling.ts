/** How time and peak memory grow with the length, for every variant at one fixed budget, beside full attention. */

import { formatOptions } from '../../src/compare/option-text.ts';
import { fittedSlope } from '../../src/compare/series.ts';
import { timeInTurns } from '../../src/compare/stopwatch.ts';
import { poolReady } from '../../src/core/parallel/pool.ts';
import { formatBytes, formatMilliseconds, formatRatio } from '../../src/terminal/format.ts';
import { formatTable } from '../../src/terminal/table.ts';
import { checkOptions, drawParameters } from '../../src/variants/attend.ts';
import { type AnyVariant, allVariants } from '../../src/variants/registry.ts';
import type { AttentionInputs, AttentionShape, CommonOptions } from '../../src/variants/variant.ts';
import { drawInputs, pass, peakOf, type Suite, type SuiteSettings } from './suite.ts';

const HEADS = 2;
const HEAD_DIM = 64;
/** What is fixed while the length grows; other options and variants are at their defaults for the shortest length. */
const FIXED: Record<string, Record<string, unknown>> = {
  longformer: { attentionWindow: 512 },
  linformer: { projectedLength: 256 },
  performer: { numRandomFeatures: 256 },
};
/** Where the paper's cost is for an option that grows with the length. */
const GROWING: Record<string, (length: number) => Record<string, unknown>> = {
  'sparse-transformer': (length) => ({ stride: Math.ceil(Math.sqrt(length)) }),
};
/** Of one cell and kind of pass, in all its rounds. */
const PATIENCE_MILLISECONDS = 20_000;

interface Row extends Record<string, unknown> {
  variant: string;
  options: CommonOptions;
  length: number;
  training: boolean;
  milliseconds: number;
  peakBytes: number;
  flops: number;
}

export const scaling: Suite = {
  name: 'scaling',
  summary: 'time and peak memory against length, forward and backward, with fitted slopes',
  async run(settings) {
    const lengths = settings.quick ? [1024, 2048, 4096] : [4096, 8192, 16384, 32768];
    await poolReady();
    const rows: Row[] = [];
    for (const length of lengths) rows.push(...measureLength(length, lengths[0], settings));
    return { rows: [...rows, ...slopesOf(rows)], table: tableOf(rows) };
  },
};

function measureLength(length: number, shortest: number, { rounds, tell }: SuiteSettings): Row[] {
  const inputs = drawInputs(HEADS, length, HEAD_DIM);
  const cells = allVariants().flatMap((variant) => {
    // Full attention would take minutes at the greatest lengths, and every backward pass before that.
    const longest = { forward: variant.family === 'full' ? 16384 : Number.POSITIVE_INFINITY, training: 8192 };
    const kinds = [false, true].filter((training) => length <= (training ? longest.training : longest.forward));
    return kinds.map((training) => cellOf(variant, inputs, length, shortest, training));
  });
  const peaks = cells.map(({ body, name }) => {
    tell(`${length}: ${name}`);
    // The first run also compiles and draws what is cached.
    return peakOf(body);
  });
  const times = timeInTurns(
    cells.map(({ body }) => body),
    {
      minTurns: rounds,
      maxTurns: rounds,
      patience: PATIENCE_MILLISECONDS,
      onRun: (index, turn) => tell(`${length}: round ${turn + 1}, ${cells[index].name}`),
    },
  );
  return cells.map(({ variant, options, training, flops }, index) => ({
    variant: variant.name,
    options,
    length,
    training,
    milliseconds: times[index],
    peakBytes: peaks[index],
    flops,
  }));
}

function cellOf(variant: AnyVariant, inputs: AttentionInputs, length: number, shortest: number, training: boolean) {
  const shape: AttentionShape = {
    batch: 1,
    heads: HEADS,
    queryLength: length,
    keyLength: length,
    headDim: HEAD_DIM,
    dtype: 'float32',
  };
  const set = { ...FIXED[variant.name], ...GROWING[variant.name]?.(length) };
  const options = checkOptions(variant, { ...variant.defaults(shortest), ...set }, shape);
  const parameters = drawParameters(variant, options, shape, 1);
  const body = () => pass(variant, inputs, options, parameters, training);
  const name = `${variant.name}${training ? ', forward and backward' : ''}`;
  return { variant, options, training, body, name, flops: variant.cost(shape, options).flops };
}

function group(rows: readonly Row[], variant: string, training: boolean): Row[] {
  return rows.filter((row) => row.variant === variant && row.training === training);
}

function slopesOf(rows: readonly Row[]): Record<string, unknown>[] {
  return [false, true].flatMap((training) =>
    [...new Set(rows.map(({ variant }) => variant))].map((variant) => ({
      variant,
      training,
      timeSlope: slopeOf(group(rows, variant, training), 'milliseconds'),
      memorySlope: slopeOf(group(rows, variant, training), 'peakBytes'),
    })),
  );
}

/** Over all lengths measured, unlike the report's, which leaves out short ones. */
function slopeOf(rows: readonly Row[], of: 'milliseconds' | 'peakBytes'): number | null {
  const slope = fittedSlope(
    rows.map((row) => ({ length: row.length, y: row[of] })),
    0,
  );
  return Number.isNaN(slope) ? null : slope;
}

function tableOf(rows: readonly Row[]): string {
  const lengths = [...new Set(rows.map(({ length }) => length))];
  const columns = ['variant', 'options', 'pass', ...lengths.map(String), 'slope', 'memory', 'slope', 'of full'].map(
    (title, index) => ({ title, align: index < 3 ? ('left' as const) : ('right' as const) }),
  );
  const lines = [false, true].flatMap((training) =>
    [...new Set(rows.map(({ variant }) => variant))].map((variant) => {
      const own = group(rows, variant, training);
      const at = (length: number) => own.find((row) => row.length === length);
      const longest = own[own.length - 1];
      const full = group(rows, 'full', training).find(({ length }) => length === longest.length);
      const { causal: _, ...options } = longest.options;
      const slope = (of: 'milliseconds' | 'peakBytes') => slopeOf(own, of)?.toFixed(2) ?? '';
      return [
        variant,
        formatOptions(options),
        training ? 'both' : 'forward',
        ...lengths.map((length) => (at(length) ? formatMilliseconds(at(length)?.milliseconds ?? Number.NaN) : '')),
        slope('milliseconds'),
        formatBytes(longest.peakBytes),
        slope('peakBytes'),
        full === undefined ? '' : formatRatio(full.milliseconds / longest.milliseconds),
      ];
    }),
  );
  return formatTable(columns, lines);
}
