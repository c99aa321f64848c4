/**
 * One more token of a language model of bytes, after thousands of others, beside PyTorch with a cache of keys and values.
 *
 * Both hold the keys and values of all tokens so far, and read them for each new one. All contestants compute the same logits,
 * which are compared before anything is timed, and take turns in one run.
 */
import { formatMilliseconds, formatRatio } from '../../src/terminal/format.ts';
import { formatTable } from '../../src/terminal/table.ts';
import type { Suite } from './suite.ts';
import { measureInTurns, type Size, type StepRow } from './widths.ts';

const DECODING = {
  contestant: 'decoded token',
  kind: 'decoded-token',
  results: 'logits',
  distance: (ours: number, theirs: number) => Math.abs(ours - theirs),
  // Of a logit, beside deviations of about 1: float32 sums in other orders, over two layers.
  tolerance: 1e-3,
  // Tokens that a figure is the mean of.
  repeats: () => 32,
} as const;

export const SIZES: readonly Size[] = [
  { name: '2 layers, d = 64', length: 8192, width: 64, model: { layers: 2, heads: 4, batch: 1 } },
  { name: '4 layers, d = 256', length: 8192, width: 256, model: { layers: 4, heads: 8, batch: 1 } },
];
export const TINY: Size = { name: '1 layer, d = 32', length: 64, width: 32, model: { layers: 1, heads: 2, batch: 1 } };

export const generation: Suite = {
  name: 'generation',
  summary:
    'one more token of a language model of bytes after 8,192 others, compared with PyTorch with a cache (--venv)',
  reads: 'venv',
  async run(options) {
    const { quick, width } = options;
    const problems: string[] = [];
    const sizes = quick ? [TINY] : SIZES;
    const { rows, versions } = await measureInTurns(DECODING, sizes, quick ? [1] : [1, 2], options, problems);
    const details = { versions, tokensBefore: sizes[0].length };
    return { rows, table: tableOf(rows, width), details, problems: [...new Set(problems)] };
  },
};

function tableOf(rows: readonly StepRow[], width: number | undefined): string {
  const columns = GENERATION_TITLES.map((title, n) => ({
    title,
    align: n === 0 || n === 2 ? ('left' as const) : ('right' as const),
  }));
  return formatTable(columns, generationLines(rows), { width });
}

export const GENERATION_TITLES = ['model', 'threads', 'contestant', 'a token', 'its time / ours'];

/** A line for each row, for tables. */
export function generationLines(rows: readonly StepRow[]): string[][] {
  return rows.map(({ size, threads, contestant, milliseconds, ratio }) => [
    size,
    String(threads),
    contestant,
    formatMilliseconds(milliseconds),
    contestant === 'this library' ? '' : formatRatio(ratio),
  ]);
}
