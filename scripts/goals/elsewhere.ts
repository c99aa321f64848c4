/** Goals of what people wait for beside training: a token, a stream, the explorer, the start, a page. */
import { readExplorer, readGeneration, readPageStep, readStart, readSuite } from '../../bench/report/results.ts';
import { SIZES } from '../../bench/suites/generation.ts';
import { shareOf } from '../../bench/suites/profiles.ts';
import { slopeOf } from '../../bench/suites/stream.ts';
import { formatPercent } from '../../src/terminal/format.ts';
import type { Goal } from '../goals-table.ts';

export function tokenGoal(): Goal {
  const rows = readGeneration()?.rows.filter(({ threads, contestant }) => threads === 1 && contestant === 'PyTorch');
  return {
    what: 'a decoded token after 8,192, width 64 / 256, one thread: PyTorch with a cache',
    figures: SIZES.map(({ name }) => {
      return { value: rows?.find(({ size }) => size === name)?.ratio ?? null, goal: 1, unit: 'ratio' };
    }),
    command: 'npm run bench -- --suite generation --venv FOLDER',
    why: () => {
      const profiles = readSuite('profiles')?.rows.filter(({ kind }) => kind === 'token') ?? [];
      const shares = profiles.map(({ what, ops }) => {
        return `${formatPercent(shareOf(ops, () => true, 'kernelMilliseconds'))} (${what})`;
      });
      return shares.length === 0
        ? ''
        : `Of a token, ${shares.join(' and ')} are in kernels, the rest is JavaScript around small ops.`;
    },
  };
}

export function streamGoal(): Goal {
  const rows = readSuite('stream')?.rows ?? [];
  const each = [...new Set(rows.map(({ variant }) => variant))].map((name) =>
    rows.filter(({ variant }) => variant === name),
  );
  const largest = (of: (own: typeof rows) => number) => (each.length === 0 ? null : Math.max(...each.map(of)));
  return {
    what: 'a stream of 10⁶ tokens, each variant with a constant state: largest slope of time / of memory, last part to first',
    figures: [
      { value: largest(slopeOf), goal: 1.1, isBound: true, unit: 'slope' },
      {
        value: largest((own) => own[own.length - 1].liveBytes / own[0].liveBytes),
        goal: 1.25,
        isBound: true,
        unit: 'ratio',
      },
    ],
    command: 'npm run bench -- --suite stream',
    why: () => '',
  };
}

export function explorerGoal(): Goal {
  const rows = readExplorer()?.rows ?? [];
  const slowest = rows.toSorted((a, b) => b.milliseconds - a.milliseconds)[0];
  return {
    what: 'the explorer, 512 tokens of MiniLM, from the slider to the figures: the slowest variant',
    figures: [{ value: slowest?.milliseconds ?? null, goal: 300, isBound: true, unit: 'milliseconds' }],
    command: 'npm run explorer-speed',
    why: () => `The slowest is ${slowest.variant}.`,
  };
}

export function startGoal(): Goal {
  const measured = readStart();
  return {
    what: '`npm start`, installed: to the end / to the first rows',
    figures: [
      { value: measured?.milliseconds ?? null, goal: 8000, isBound: true, unit: 'milliseconds' },
      { value: measured?.firstMilliseconds ?? null, goal: 2000, isBound: true, unit: 'milliseconds' },
    ],
    command: 'npm run start-speed',
    why: () => '',
  };
}

export function pageGoal(): Goal {
  const measured = readPageStep();
  return {
    what: 'a training step in an isolated page of Chromium, two threads, width 64 / 256: Node',
    figures: ['2 layers, d = 64', '4 layers, d = 256'].map((name) => {
      return { value: measured?.rows.find(({ size }) => size === name)?.ratio ?? null, goal: 0.9, unit: 'ratio' };
    }),
    command: 'npm run page-speed',
    why: () =>
      `Both run the same kernels. What differs is the engine: V8 of Chromium ${measured?.chromium} and of Node ${measured?.environment.node}.`,
  };
}
