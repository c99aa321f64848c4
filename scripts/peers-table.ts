/** The table of other libraries compared with this one, for docs/speed.md. */
import { contestantName, needSuite } from '../bench/report/results.ts';
import type { ComparisonReport } from '../src/compare/result.ts';
import { formatMilliseconds, formatRatio } from '../src/terminal/format.ts';
import { markdown } from './training-summary.ts';

/** One head at 4096 tokens on one thread, forward and with backward, ours and theirs; `machine` as for the others. */
export function peersTable(machine: (environment: ComparisonReport['environment'], command: string) => string): string {
  const peers = needSuite('peers');
  const measured = peers.rows.filter(({ task, threads, milliseconds }) => {
    return task.kind === 'attention' && task.heads === 1 && task.length === 4096 && threads === 1 && milliseconds;
  });
  const find = (peer: string, contestant: string, training: boolean) =>
    measured.find(
      (row) =>
        row.peer === peer &&
        row.contestant === contestant &&
        row.task.kind === 'attention' &&
        row.task.training === training,
    );
  const cell = (peer: string, contestant: string, training: boolean) => {
    const row = find(peer, contestant, training);
    if (row?.milliseconds === undefined) return '';
    const time = formatMilliseconds(row.milliseconds);
    return row.ratio === undefined ? time : `${time}, ${formatRatio(row.ratio)}`;
  };
  const contestants = [...new Map(measured.map((row) => [`${row.peer} ${row.contestant}`, row])).values()];
  const rows = contestants
    .sort((a, b) => a.computes.localeCompare(b.computes))
    .map((row) => [
      row.computes,
      contestantName(row),
      cell(row.peer, row.contestant, false),
      cell(row.peer, row.contestant, true),
    ]);
  return `![Time of full attention against length, for each library](peers.svg)

${markdown(['attention', 'library', 'forward, × ours', 'with backward, × ours'], rows)}

${machine(peers.environment, 'npm run bench -- --suite peers')} One head of width 64, 4,096 tokens, one thread; above 1× this
library is faster. PyTorch and onnxruntime use the processor's widest vectors and fused multiply-adds; WebAssembly has
four lanes and, until 30 November 2026, no fused ones here on Node 20. Every length, eight heads, two threads and what each
was checked for are in \`bench/results/peers.json\`.`;
}
