/** The table of our recurrences beside functions in PyTorch, for docs/speed.md. */
import { type PeerRow, type Raw, readSuite } from '../bench/report/results.ts';
import type { ComparisonReport } from '../src/compare/result.ts';
import { counted, formatMilliseconds, formatRatio, formatWhole } from '../src/terminal/format.ts';
import { markdown } from './training-summary.ts';

type Machine = (environment: ComparisonReport['environment'], command: string) => string;

/** Empty where it was not measured. `machine` writes where and by which command the numbers were measured. */
export function recurrencesTable(machine: Machine): string {
  const measured = readSuite('recurrences');
  return measured === null ? '' : tableOf(measured, machine);
}

/** Each contestant at the greatest length, forward and with backward, on each number of threads. */
export function tableOf({ rows, environment, limitSeconds }: Raw<PeerRow>, machine: Machine): string {
  const length = Math.max(...rows.map(lengthOf));
  const longest = rows.filter((row) => lengthOf(row) === length);
  const columns = [...new Set(rows.map(({ threads }) => threads))].flatMap((threads) =>
    [false, true].map((training) => ({ threads, training })),
  );
  const keyOf = ({ peer, contestant }: PeerRow) => `${peer} ${contestant}`;
  const lines = [...new Map(longest.map((row) => [keyOf(row), row])).values()].map((each) => [
    each.computes,
    implementationOf(each),
    ...columns.map(({ threads, training }) => {
      const row = longest.find((other) => {
        return keyOf(other) === keyOf(each) && other.threads === threads && isTraining(other) === training;
      });
      return row === undefined ? '' : cellOf(row, limitSeconds);
    }),
  ]);
  const titles = columns.map(({ threads, training }) => {
    return `${training ? 'with backward' : 'forward'}, ${counted(threads, 'thread')}`;
  });
  const command = `npm run bench -- --suite recurrences --venv FOLDER${limitSeconds === undefined ? '' : ` --limit ${limitSeconds}`}`;
  return `${markdown(['recurrence', 'implementation', ...titles], lines)}

${machine(environment, command)} Two heads of width 64, ${formatWhole(length)}
tokens, float32; above 1× this library is faster. Theirs are the plain PyTorch functions of flash-linear-attention
(fla-core) and Hugging Face's transformers; their kernels for GPUs do not run here. Each reproduced our outputs and
gradients before. What was expected to go over the limit was not run. Shorter lengths are in \`bench/results/recurrences.json\`.`;
}

function cellOf({ milliseconds, ratio, outcome }: PeerRow, limitSeconds: number | undefined): string {
  if (milliseconds === undefined) {
    const limit = limitSeconds === undefined ? 'the limit' : formatMilliseconds(1000 * limitSeconds);
    return outcome === 'cut' ? `over ${limit}` : outcome;
  }
  const time = formatMilliseconds(milliseconds);
  return ratio === undefined ? time : `${time}, ${formatRatio(ratio)}`;
}

/** `fla: naive_recurrent_kda`: the contestant is named after what it computes too. */
function implementationOf({ peer, contestant, computes }: PeerRow): string {
  return peer === 'us' ? 'this library' : `${peer}: \`${contestant.replace(`${computes}: `, '')}\``;
}

function lengthOf({ task }: PeerRow): number {
  return task.kind === 'recurrence' ? task.length : 0;
}

function isTraining({ task }: PeerRow): boolean {
  return task.kind === 'recurrence' && task.training;
}
