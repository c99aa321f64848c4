/** From which length each variant, at its default options, is faster than our own full attention. */
import { poolReady } from '../../src/core/parallel/pool.ts';
import { formatMilliseconds, formatRatio, formatWhole } from '../../src/terminal/format.ts';
import { formatTable } from '../../src/terminal/table.ts';
import { allVariants } from '../../src/variants/registry.ts';
import { fasterFrom } from '../report/results.ts';
import { type CellRow, cellOf, group, measureCells } from './cells.ts';
import { drawInputs, type Suite } from './suite.ts';

const HEADS = 2;
const HEAD_DIM = 64;

interface Row extends CellRow {
  /** Time of full attention over this one: above 1 the variant is faster. */
  speedUp: number;
}

export const crossover: Suite = {
  name: 'crossover',
  summary: 'each variant at its default options compared with full attention on the same kernels',
  async run(settings) {
    const lengths = settings.quick ? [256, 512, 1024] : [512, 1024, 2048, 4096, 8192];
    await poolReady();
    const rows: Row[] = [];
    for (const length of lengths) {
      const inputs = drawInputs(HEADS, length, HEAD_DIM);
      const cells = allVariants().flatMap((variant) =>
        [false, true].map((training) => cellOf(variant, inputs, variant.defaults(length), training)),
      );
      rows.push(...withSpeedUps(measureCells(cells, length, settings)));
    }
    return { rows, table: tableOf(rows, lengths, settings.width) };
  },
};

function withSpeedUps(rows: readonly CellRow[]): Row[] {
  return rows.map((row) => {
    const [full] = group(rows, 'full', row.training);
    return { ...row, speedUp: full.milliseconds / row.milliseconds };
  });
}

function tableOf(rows: readonly Row[], lengths: readonly number[], width: number | undefined): string {
  const titles = ['variant', 'pass', ...lengths.map(formatWhole), 'faster from'];
  const columns = titles.map((title, index) => ({ title, align: index < 2 ? ('left' as const) : ('right' as const) }));
  const lines = [false, true].flatMap((training) =>
    [...new Set(rows.map(({ variant }) => variant))].map((variant) => {
      const own = group(rows, variant, training);
      const cells = own.map(({ speedUp, milliseconds }) =>
        variant === 'full' ? formatMilliseconds(milliseconds) : formatRatio(speedUp),
      );
      const begin = variant === 'full' ? null : fasterFrom(own);
      return [
        variant,
        training ? 'both' : 'forward',
        ...cells,
        variant === 'full' ? '' : begin === null ? 'never' : formatWhole(begin),
      ];
    }),
  );
  return `${formatTable(columns, lines, { width })}\n\nThe time of full attention, and how many times faster the others are.`;
}
