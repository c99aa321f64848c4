/** From which length each variant, at its default options, is faster than our own full attention. */
import { poolReady } from '../../src/core/parallel/pool.ts';
import { formatMilliseconds, formatRatio, formatWhole } from '../../src/terminal/format.ts';
import { formatTable } from '../../src/terminal/table.ts';
import { full } from '../../src/variants/full.ts';
import { type AnyVariant, allVariants } from '../../src/variants/registry.ts';
import type { CommonOptions } from '../../src/variants/variant.ts';
import { fasterFrom } from '../report/results.ts';
import { type CellRow, cellOf, group, isWorthwhile, measureCells } from './cells.ts';
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
      const cells = [...allVariants(), ONE_WAY].flatMap((variant) =>
        [false, true]
          .filter((training) => isWorthwhile(rows, variant, training, length))
          .map((training) => cellOf(variant, inputs, defaultsOf(variant, length), training)),
      );
      rows.push(...withSpeedUps(measureCells(cells, length, settings)));
    }
    return { rows, table: tableOf(rows, lengths, settings.width) };
  },
};

/** Full attention once more: what reads in one direction only is compared with it reading so too. */
const ONE_WAY: AnyVariant = { ...full, name: 'full, causal' };

function defaultsOf(variant: AnyVariant, length: number): CommonOptions {
  return { ...variant.defaults(length), ...(variant === ONE_WAY && { causal: true }) };
}

function withSpeedUps(rows: readonly CellRow[]): Row[] {
  const variants = rows.filter(({ variant }) => variant !== ONE_WAY.name);
  return variants.map((row) => {
    const beside = row.options.causal ? ONE_WAY.name : full.name;
    const [{ milliseconds }] = group(rows, beside, row.training);
    return { ...row, speedUp: milliseconds / row.milliseconds };
  });
}

function tableOf(rows: readonly Row[], lengths: readonly number[], width: number | undefined): string {
  const titles = ['variant', 'pass', ...lengths.map(formatWhole), 'faster from'];
  const columns = titles.map((title, index) => ({ title, align: index < 2 ? ('left' as const) : ('right' as const) }));
  const lines = [false, true].flatMap((training) =>
    [...new Set(rows.map(({ variant }) => variant))].map((variant) => {
      const own = group(rows, variant, training);
      const cells = lengths.map((length) => {
        const row = own.find((each) => each.length === length);
        if (row === undefined) return '';
        return variant === 'full' ? formatMilliseconds(row.milliseconds) : formatRatio(row.speedUp);
      });
      const begin = variant === 'full' ? null : fasterFrom(own);
      return [
        variant,
        training ? 'both' : 'forward',
        ...cells,
        variant === 'full' ? '' : begin === null ? 'never' : formatWhole(begin),
      ];
    }),
  );
  return `${formatTable(columns, lines, { width })}\n\nThe time of full attention, and how many times faster the others are; what is causal, than causal full attention.`;
}
