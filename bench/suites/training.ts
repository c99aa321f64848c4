/**
 * A step of training a small language model, beside PyTorch's, and where its time goes.
 *
 * PyTorch runs at full width and held to narrower vectors: WebAssembly has 128 bits, so the ratio to full width says as much
 * about the processor as about the code. All contestants compute the same numbers and take turns in one run; before anything
 * is timed, the losses of their first steps are compared with ours.
 */
import { formatProfile } from '../../src/commands/training-profile.ts';
import { setThreads } from '../../src/core/parallel/pool.ts';
import { type OpProfile, profileOps } from '../../src/core/profile.ts';
import { formatMilliseconds, formatPercent, formatRatio } from '../../src/terminal/format.ts';
import { formatTable } from '../../src/terminal/table.ts';
import { prepareModelStep } from '../peers/us-model-step.ts';
import type { Suite } from './suite.ts';
import { measureInTurns, type Size, type StepRow } from './widths.ts';

export const SMALL: Size = {
  name: '2 layers, d = 64',
  length: 128,
  width: 64,
  model: { layers: 2, heads: 4, batch: 16 },
};
export const LARGE: Size = {
  name: '4 layers, d = 256',
  length: 256,
  width: 256,
  model: { layers: 4, heads: 8, batch: 8 },
};
const TINY: Size = { name: '1 layer, d = 32', length: 32, width: 32, model: { layers: 1, heads: 2, batch: 2 } };

const STEP = {
  contestant: 'training step',
  kind: 'training-step',
  results: 'losses',
  distance: (ours: number, theirs: number) => Math.abs(theirs - ours) / ours,
  // Float32 sums in other orders, and what four steps of Adam make of them.
  tolerance: 1e-4,
  repeats: ({ width }: Size) => (width > SMALL.width ? 2 : 10),
} as const;

export const training: Suite = {
  name: 'training',
  file: 'training-step',
  summary: 'a step of training a language model of bytes, compared with PyTorch at several vector widths (--venv)',
  reads: 'venv',
  async run(options) {
    const { quick, tell, width } = options;
    const problems: string[] = [];
    const sizes = quick ? [TINY] : [SMALL, LARGE];
    const { rows, versions } = await measureInTurns(STEP, sizes, [1, 2], options, problems);
    tell('where a step’s time goes');
    const steps = quick ? 5 : 50;
    const ops = await profileOf(quick ? TINY : SMALL, steps);
    const few = quick ? 1 : 5;
    const largeOps = await profileOf(quick ? TINY : LARGE, few);
    const profile = formatProfile(ops, steps, width === undefined ? {} : { width });
    const table = `${tableOf(rows, width)}\n\nWhere a step’s time goes, on one thread: ${shareOfProducts(ops)} in the kernels of products and attention; (b) are gradients\n\n${profile}`;
    return {
      rows,
      table,
      details: {
        versions,
        profile: { steps, shareOfProducts: productShare(ops), ops },
        largeProfile: { steps: few, ops: largeOps },
      },
      problems: [...new Set(problems)],
    };
  },
};

/** Of ours, on one thread, in this process. */
async function profileOf({ name: _, model, ...sizes }: Size, steps: number): Promise<OpProfile[]> {
  setThreads(1);
  const prepared = prepareModelStep({ ...sizes, ...model });
  for (let n = 0; n < steps / 2; n++) await prepared.run();
  const { ops } = await profileOps(async () => {
    for (let n = 0; n < steps; n++) await prepared.run();
  });
  prepared.release();
  return ops;
}

function tableOf(rows: readonly StepRow[], width: number | undefined): string {
  const columns = STEP_TITLES.map((title, n) => ({
    title,
    align: n === 0 || n === 2 ? ('left' as const) : ('right' as const),
  }));
  return formatTable(columns, stepLines(rows), { width });
}

export const STEP_TITLES = ['model', 'threads', 'contestant', 'a step', 'its time / ours', 'gain of the second thread'];

/** A line for each row, for tables. */
export function stepLines(rows: readonly StepRow[]): string[][] {
  return rows.map((row) => {
    const alone = rows.find(
      ({ size, threads, contestant }) => size === row.size && threads === 1 && contestant === row.contestant,
    );
    return [
      row.size,
      String(row.threads),
      row.contestant,
      formatMilliseconds(row.milliseconds),
      row.contestant === 'this library' ? '' : formatRatio(row.ratio),
      row.threads === 1 || alone === undefined ? '' : formatRatio(alone.milliseconds / row.milliseconds),
    ];
  });
}

const PRODUCTS = ['matmul', 'affine', 'attention'];

/** Of a step's time, the share of products: of matrices, and of attention, which are products between exponentials. */
export const shareOfProducts = (ops: readonly OpProfile[]): string => formatPercent(productShare(ops));

export function productShare(ops: readonly OpProfile[]): number {
  const total = ops.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const inProducts = ops.filter(({ name }) => PRODUCTS.includes(name));
  return inProducts.reduce((sum, { kernelMilliseconds }) => sum + kernelMilliseconds, 0) / total;
}
