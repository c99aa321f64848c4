/** How time and peak memory grow with the length, for every variant at one fixed budget and for full attention. */

import { formatOptions } from '../../src/compare/option-text.ts';
import { fittedSlope } from '../../src/compare/series.ts';
import { poolReady } from '../../src/core/parallel/pool.ts';
import { formatBytes, formatMilliseconds, formatRatio, formatWhole } from '../../src/terminal/format.ts';
import { formatTable } from '../../src/terminal/table.ts';
import { type AnyVariant, allVariants } from '../../src/variants/registry.ts';
import { type CellRow, cellOf, FOLLOWING, group, isWorthwhile, measureCells } from './cells.ts';
import { drawInputs, type Suite, type SuiteSettings } from './suite.ts';

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
  axial: (length) => ({ columns: Math.ceil(Math.sqrt(length)) }),
  'sparse-transformer': (length) => ({ stride: Math.ceil(Math.sqrt(length)) }),
  ...FOLLOWING,
};
export const scaling: Suite = {
  name: 'scaling',
  summary: 'time and peak memory against length, forward and backward, with fitted slopes',
  async run(settings) {
    const lengths = settings.quick ? [1024, 2048, 4096] : [4096, 8192, 16384, 32768, 65536];
    await poolReady();
    const rows: CellRow[] = [];
    for (const length of lengths) rows.push(...measureLength(length, rows, lengths[0], settings));
    return { rows: [...rows, ...slopesOf(rows)], table: tableOf(rows, settings.width) };
  },
};

function measureLength(
  length: number,
  before: readonly CellRow[],
  shortest: number,
  settings: SuiteSettings,
): CellRow[] {
  const inputs = drawInputs(HEADS, length, HEAD_DIM);
  const cells = allVariants().flatMap((variant) => {
    const options = optionsOf(variant, length, shortest);
    return [false, true]
      .filter((training) => isWorthwhile(before, variant, training, length))
      .map((training) => cellOf(variant, inputs, options, training));
  });
  return measureCells(cells, length, settings);
}

function optionsOf(variant: AnyVariant, length: number, shortest: number): Record<string, unknown> {
  return { ...variant.defaults(shortest), ...FIXED[variant.name], ...GROWING[variant.name]?.(length) };
}

function slopesOf(rows: readonly CellRow[]): Record<string, unknown>[] {
  return [false, true].flatMap((training) =>
    [...new Set(rows.map(({ variant }) => variant))].map((variant) => {
      const own = group(rows, variant, training);
      const [from, to] = [own[0], own[own.length - 1]].map(({ length }) => length);
      const [timeSlope, memorySlope] = [slopeOf(own, 'milliseconds'), slopeOf(own, 'peakBytes')];
      return { variant, training, from, to, timeSlope, memorySlope };
    }),
  );
}

/** Over all lengths measured, unlike the report's, which leaves out short ones. */
function slopeOf(rows: readonly CellRow[], of: 'milliseconds' | 'peakBytes'): number | null {
  const slope = fittedSlope(
    rows.map((row) => ({ length: row.length, y: row[of] })),
    0,
  );
  return Number.isNaN(slope) ? null : slope;
}

function tableOf(rows: readonly CellRow[], width: number | undefined): string {
  const lengths = [...new Set(rows.map(({ length }) => length))];
  const columns = [
    'variant',
    'options',
    'pass',
    ...lengths.map(formatWhole),
    'slope',
    'memory',
    'slope',
    'of full',
  ].map((title, index) => ({ title, align: index < 3 ? ('left' as const) : ('right' as const) }));
  const lines = [false, true].flatMap((training) =>
    [...new Set(rows.map(({ variant }) => variant))].map((variant) => {
      const own = group(rows, variant, training);
      const at = (length: number) => own.find((row) => row.length === length);
      const longest = own[own.length - 1];
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
        speedUp(own, group(rows, 'full', training)),
      ];
    }),
  );
  const note = '`of full`: how many times faster than full attention, at the greatest length measured for both.';
  return `${formatTable(columns, lines, { width })}\n\n${note}`;
}

function speedUp(own: readonly CellRow[], full: readonly CellRow[]): string {
  const last = full[full.length - 1];
  const beside = own.find(({ length }) => length === last.length);
  return beside === undefined ? '' : formatRatio(last.milliseconds / beside.milliseconds);
}
