/** A figure compared with others: the share of the peak, and the ratio to ours. */
import type { Task } from '../../peers/protocol.ts';
import type { Row } from './measure.ts';

/** Of the peak of the same instructions, where that was measured: of native ones it was not. */
export function addShares(rows: readonly Row[]): void {
  const peaks = new Map(rows.filter(({ task }) => task.kind === 'peak').map((row) => [row.instructions, row.rate]));
  for (const row of rows) {
    const peak = peaks.get(row.instructions) ?? null;
    if (row.rate !== null && peak !== null) row.share = row.rate / peak;
  }
}

/** To our vector kernels' time for the same computation; none for ourselves. */
export function addRatios(rows: readonly Row[]): void {
  for (const row of rows) {
    if (row.peer === 'us' || row.milliseconds === null || row.task.kind === 'peak') continue;
    const ours = rows.find(
      ({ peer, computes, task }) => peer === 'us' && computes === row.computes && isSame(task, row.task),
    );
    if (ours?.milliseconds != null) row.ratio = row.milliseconds / ours.milliseconds;
  }
}

export function isSame(a: Task, b: Task): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
