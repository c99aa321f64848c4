/** Recall against the size of the state, drawn in the terminal at the end of a sweep. */
import type { TerminalStream } from '../terminal/colour.ts';
import { formatBytes, formatPercent } from '../terminal/format.ts';
import { formatScatter } from '../terminal/scatter.ts';
import { USUAL_WIDTH } from '../terminal/width.ts';
import type { Task } from '../training/tasks/task.ts';
import { widthOf } from './command.ts';
import type { RunResult } from './training-report.ts';

/** Where a run is on the plot of recall against the state. */
export interface RecallPoint {
  variant: string;
  stateBytes: number;
  accuracy: number;
}

/** The point of a run; null unless the task's accuracy is recall, and both numbers are known. */
export function recallOf(task: Pick<Task, 'recall'>, result: RunResult): RecallPoint | null {
  const { variant, stateBytes, accuracy } = result;
  if (task.recall !== true || stateBytes === null || accuracy === null) return null;
  return { variant, stateBytes, accuracy };
}

/** The plot with a title, as wide as the terminal; empty with fewer than two points. */
export function recallPlot(task: Task, results: readonly RunResult[], stdout: TerminalStream): string {
  const points = results.flatMap((result) => {
    const point = recallOf(task, result);
    return point === null ? [] : [{ x: point.stateBytes, y: point.accuracy, name: result.name }];
  });
  if (points.length < 2) return '';
  const plot = formatScatter(points, {
    width: widthOf(stdout) ?? USUAL_WIDTH,
    y: { low: 0, high: 1 },
    formatX: formatBytes,
    formatY: (share) => (share === 0 ? '0' : formatPercent(share)),
  });
  return plot === '' ? '' : `\nRecall against the state of all layers after ${task.length} tokens\n${plot}`;
}
