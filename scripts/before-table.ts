/** The table of what is faster or slower than in an earlier commit, for docs/speed.md. */
import { readSuite } from '../bench/report/results.ts';
import type { BeforeRow } from '../bench/suites/before.ts';
import type { ComparisonReport } from '../src/compare/result.ts';
import { formatRatio, formatWhole } from '../src/terminal/format.ts';
import { markdown } from './training-summary.ts';

const STEP = 'step at ';

/** Empty where it was not measured. `machine` writes where and by which command the numbers were measured. */
export function beforeTable(
  machine: (environment: ComparisonReport['environment'], command: string) => string,
): string {
  const measured = readSuite('before');
  if (measured === null) return '';
  const { rows, environment, commit = 'unknown', note = '' } = measured;
  const passes = ['forward', 'with backward'].flatMap((what) => [
    { title: what, of: (row: BeforeRow) => row.what === what && !row.causal },
    { title: `${what}, causal`, of: (row: BeforeRow) => row.what === what && row.causal },
  ]);
  const steps = [...new Set(rows.map(({ what }) => what))].filter((what) => what.startsWith(STEP));
  const columns = [
    ...passes,
    ...steps.map((title) => ({
      title: `token ${formatWhole(Number(title.slice(STEP.length)))}`,
      of: ({ what }: BeforeRow) => what === title,
    })),
  ];
  const lines = [...new Set(rows.map(({ variant }) => variant))].map((name) => {
    const own = rows.filter(({ variant }) => variant === name);
    const speeds = columns.map(({ of }) => {
      const row = own.find(of);
      return row === undefined ? '' : formatRatio(row.speed);
    });
    const memory = own.filter(({ beforeBytes }) => beforeBytes !== null);
    const heaviest = Math.max(...memory.map(({ beforeBytes, nowBytes }) => (nowBytes ?? 0) / (beforeBytes ?? 1)));
    return [name, ...speeds, formatRatio(heaviest)];
  });
  return `${markdown(['time before / now', ...columns.map(({ title }) => title), 'memory now / before, at most'], lines)}

${machine(environment, 'npm run bench -- --suite before --before FOLDER')} Before is commit ${commit}. Two heads of width 64, 4,096
tokens; for a token of a generation, after how many. ${note}`.trimEnd();
}
