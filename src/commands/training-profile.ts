/** What the steps of a run took, op by op, as a table. */
import { type OpProfile, profileOps } from '../core/profile.ts';
import { supportsColour } from '../terminal/colour.ts';
import { formatBytes, formatCount, formatMilliseconds, formatPercent, formatWhole } from '../terminal/format.ts';
import { formatTable, type TableOptions } from '../terminal/table.ts';
import { wrapLines } from '../terminal/width.ts';
import type { Run } from '../training/run.ts';
import { type Running, widthOf } from './command.ts';

/** Ops that take less than this share of a step are one line together. */
const LEAST_SHARE = 0.005;

/** Takes the steps of a run and shows what their ops took. An error ends it without a table. */
export async function profiled(run: Run, takeSteps: () => Promise<void>, { stdout }: Running): Promise<void> {
  const before = run.step;
  const { ops } = await profileOps(takeSteps);
  const steps = run.step - before;
  if (steps === 0) return;
  const width = widthOf(stdout);
  stdout.write(`\n${formatProfile(ops, steps, { colour: supportsColour(stdout), width })}\n`);
  stdout.write(`${wrapLines(EXPLANATION, width)}\n`);
}

const EXPLANATION =
  'Where a step’s time goes: means over all steps, the first ones, which engines compile, among them. (b) are gradients. ' +
  'JavaScript is what an op takes outside its kernels; operations are those that kernels declare, a multiply-add as two.';

/** The table: an op a line, the longest first, for one step. */
export function formatProfile(ops: readonly OpProfile[], steps: number, options: TableOptions): string {
  const total = sumOf(ops).milliseconds;
  const [shown, small] = [true, false].map((wanted) =>
    ops.filter(({ milliseconds }) => milliseconds >= LEAST_SHARE * total === wanted),
  );
  const cells = (name: string, op: Omit<OpProfile, 'name' | 'backward'>) => [
    name,
    formatMilliseconds(op.milliseconds / steps),
    formatPercent(op.milliseconds / total),
    formatMilliseconds(Math.max(0, op.milliseconds - op.kernelMilliseconds) / steps),
    formatWhole(op.calls / steps),
    formatCount(Math.round(op.flops / steps)),
    formatWhole(op.allocations / steps),
    formatBytes(Math.round(op.allocatedBytes / steps)),
  ];
  const lines = shown.map((op) => cells(op.backward ? `${op.name} (b)` : op.name, op));
  if (small.length > 0) lines.push(cells(`${small.length} others`, sumOf(small)));
  const columns = [
    { title: 'op', align: 'left' as const },
    { title: 'time', align: 'right' as const },
    { title: 'share', align: 'right' as const },
    { title: 'JavaScript', align: 'right' as const },
    { title: 'calls', align: 'right' as const },
    { title: 'operations', align: 'right' as const },
    { title: 'arrays', align: 'right' as const, droppable: true },
    { title: 'bytes', align: 'right' as const, droppable: true },
  ];
  return formatTable(columns, [...lines, null, cells('a step', sumOf(ops))], options);
}

function sumOf(ops: readonly OpProfile[]): Omit<OpProfile, 'name' | 'backward'> {
  const sum = { calls: 0, milliseconds: 0, kernelMilliseconds: 0, flops: 0, allocations: 0, allocatedBytes: 0 };
  for (const op of ops) {
    for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += op[key];
  }
  return sum;
}
