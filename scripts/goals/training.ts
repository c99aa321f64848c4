/** Goals of a training step, beside PyTorch's. */
import { readSteps } from '../../bench/report/results.ts';
import { shareOf } from '../../bench/suites/profiles.ts';
import { LARGE, productShare, SMALL } from '../../bench/suites/training.ts';
import type { Contestant } from '../../bench/suites/widths.ts';
import type { OpProfile } from '../../src/core/profile.ts';
import { formatPercent, formatRatio } from '../../src/terminal/format.ts';
import type { Figure, Goal } from '../goals-table.ts';

const COMMAND = 'npm run bench -- --suite training --venv FOLDER';
const [OURS, FULL, NARROW] = ['this library', 'PyTorch', 'PyTorch, 128 bits'] as const;

function row(size: string, threads: number, contestant: Contestant) {
  return readSteps()?.rows.find((each) => {
    return each.size === size && each.threads === threads && each.contestant === contestant;
  });
}

/** Beside PyTorch at full width, and held to vectors as wide as WebAssembly's. */
function ratios(size: string, threads: number, goals: readonly [number, number]): Figure[] {
  return ([FULL, NARROW] as const).map((contestant, n) => {
    return { value: row(size, threads, contestant)?.ratio ?? null, goal: goals[n], unit: 'ratio' };
  });
}

export function smallStepGoal(): Goal {
  return {
    what: 'a training step, 2 layers of width 64, one thread: PyTorch / PyTorch held to 128 bits',
    figures: ratios(SMALL.name, 1, [0.8, 2.5]),
    command: COMMAND,
    why: () => `${whereItGoes(readSteps()?.profile.ops)} ${widthOf(SMALL.name)}`,
  };
}

export function secondThreadGoal(): Goal {
  const [alone, both] = [1, 2].map((threads) => row(SMALL.name, threads, OURS)?.milliseconds);
  const gain = alone === undefined || both === undefined ? null : alone / both;
  return {
    what: 'the same on two threads; gain of the second',
    figures: [...ratios(SMALL.name, 2, [0.7, 2.5]), { value: gain, goal: 1.7, unit: 'ratio' }],
    command: COMMAND,
    why: () => {
      const ops = readSteps()?.profile.ops;
      if (ops === undefined) return '';
      const serial = 1 - inKernels(ops);
      return `JavaScript between kernels, ${formatPercent(serial)} of a step, runs on one thread: kernels that were all halved would
  gain ${formatRatio(1 / (serial + (1 - serial) / 2))}. Small kernels are not split (\`npm run bench -- --suite kernels\`).`;
    },
  };
}

export function largeStepGoal(): Goal {
  return {
    what: 'a training step, 4 layers of width 256, one thread: PyTorch / PyTorch held to 128 bits',
    figures: ratios(LARGE.name, 1, [0.4, 1.5]),
    command: COMMAND,
    why: () => `${whereItGoes(readSteps()?.largeProfile?.ops)} ${widthOf(LARGE.name)}`.trim(),
  };
}

export function productShareGoal(): Goal {
  const ops = readSteps()?.profile.ops;
  return {
    what: 'share of a step of the small model in the kernels of products and of attention, one thread',
    figures: [{ value: ops === undefined ? null : productShare(ops), goal: 0.75, unit: 'share' }],
    command: COMMAND,
    why: () => whereItGoes(ops),
  };
}

const inKernels = (ops: readonly OpProfile[]) => shareOf(ops, () => true, 'kernelMilliseconds');

function whereItGoes(ops: readonly OpProfile[] | undefined): string {
  if (ops === undefined) return '';
  return `${formatPercent(productShare(ops))} of a step is in the kernels of products and of attention,
  ${formatPercent(inKernels(ops) - productShare(ops))} in other kernels, and ${formatPercent(1 - inKernels(ops))} is JavaScript between them.`;
}

/** How much of the ratio to PyTorch is the processor's. */
function widthOf(size: string): string {
  const [full, narrow] = [FULL, NARROW].map((contestant) => row(size, 1, contestant)?.milliseconds);
  if (full === undefined || narrow === undefined) return '';
  return `Held to 128 bits, PyTorch takes ${formatRatio(narrow / full)} its time at full width.`;
}
