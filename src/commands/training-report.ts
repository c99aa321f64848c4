/** What came of runs of training, for people: lines while they run, a table at the end. */
import { formatBytes, formatCount, formatError, formatMilliseconds, formatPercent } from '../terminal/format.ts';
import { formatTable, type TableCell, type TableColumn, type TableOptions } from '../terminal/table.ts';
import type { EvaluationLine, MetricsLine, StepsLine } from '../training/metrics.ts';
import type { Recipe } from '../training/recipes/recipe.ts';
import type { Run } from '../training/run.ts';
import type { Baseline } from '../training/tasks/baseline.ts';
import { tasks } from '../training/tasks/registry.ts';
import { taskNamed } from '../training/tasks/task.ts';

/** One run at its end, as in results.json. */
export interface RunResult {
  variant: string;
  parameters: number;
  steps: number;
  /** Spent on steps. */
  seconds: number;
  tokensPerSecond: number;
  /** Of tensors, the most that were held at once. */
  peakBytes: number;
  /** On held-out examples, nats for each target that counts; null if it ran into NaN. */
  loss: number | null;
  accuracy: number | null;
  /** The loss without the attention of each layer, of runs of recipes: what the model owes to it. */
  lossWithoutLayer?: number[];
  /** Whether it came to what its recipe says; null where that says nothing. */
  reached: boolean | null;
}

export function describeRun({ task, learner, settings }: Run, baseline: Baseline): string {
  const { summary, source } = taskNamed(task.name, tasks);
  const { layers, modelDim, heads } = learner.model.config;
  const size = formatCount(countParameters(learner.model.parameters()));
  const majority = formatPercent(baseline.accuracy);
  return [
    `${task.name}: ${summary} (${source})`,
    `${layers} ${layers === 1 ? 'layer' : 'layers'} of width ${modelDim} with ${heads} heads, ${size} parameters; ` +
      `${settings.batch} examples of at most ${task.length} tokens a step`,
    `To beat: accuracy ${majority} by the most frequent answer, loss ${formatError(baseline.loss)} by frequencies alone`,
  ].join('\n');
}

/** `Goal: accuracy of at least 99.0%, full; about 15 min 00 s on two cores` */
export function describeRecipe({ goal, minutes }: Recipe): string {
  const what =
    'loss' in goal
      ? `loss of at most ${formatError(goal.loss)}`
      : 'accuracy' in goal
        ? `accuracy of at least ${formatPercent(goal.accuracy)}`
        : `accuracy of ${formatPercent(goal.aboveMajority)} more than the most frequent answer has`;
  const whose = goal.variants === undefined ? 'all variants' : goal.variants.join(' and ');
  return `Goal: ${what}, ${whose}; takes about ${formatMilliseconds(60_000 * minutes)} on two cores`;
}

export function countParameters(parameters: ReadonlyMap<string, { size: number }>): number {
  return [...parameters.values()].reduce((sum, { size }) => sum + size, 0);
}

/** `step 100  loss 2.31  held out: loss 2.30, accuracy 10.4%  12.3k tokens/s  1 min 05 s` */
export function describeEvaluation(evaluation: EvaluationLine, steps: StepsLine | undefined): string {
  const { step, loss, accuracy, seconds } = evaluation;
  return [
    `step ${String(step).padEnd(6)}`,
    ...(steps === undefined ? [] : [`loss ${formatError(steps.loss).padEnd(7)}`]),
    `held out: loss ${formatError(loss ?? Number.NaN)}, accuracy ${formatPercent(accuracy)}`,
    ...(steps === undefined ? [] : [`${formatCount(steps.tokensPerSecond)} tokens/s`]),
    formatMilliseconds(1000 * seconds),
  ].join('  ');
}

export function formatRuns(results: readonly RunResult[], baseline: Baseline, table: TableOptions): string {
  const columns: TableColumn[] = [
    { title: 'variant' },
    { title: 'steps', align: 'right' },
    { title: 'time', align: 'right' },
    { title: 'tokens/s', align: 'right' },
    { title: 'memory', align: 'right', droppable: true },
    { title: 'parameters', align: 'right', droppable: true },
    { title: 'loss', align: 'right' },
    { title: 'accuracy', align: 'right' },
    { title: 'goal' },
  ];
  const best = (of: (result: RunResult) => number | null, better: (...values: number[]) => number) => {
    const values = results.flatMap((result) => of(result) ?? []);
    return results.length < 2 || values.length === 0 ? null : better(...values);
  };
  const lowest = best(({ loss }) => loss, Math.min);
  const highest = best(({ accuracy }) => accuracy, Math.max);
  const marked = (text: string, isBest: boolean): TableCell => (isBest ? { text, style: 'good' } : text);
  const rows = results.map((result): TableCell[] => {
    const { variant, steps, seconds, tokensPerSecond, peakBytes, parameters, loss, accuracy, reached } = result;
    return [
      variant,
      String(steps),
      formatMilliseconds(1000 * seconds),
      formatCount(tokensPerSecond),
      formatBytes(peakBytes),
      formatCount(parameters),
      marked(formatError(loss ?? Number.NaN), loss !== null && loss === lowest),
      marked(formatPercent(accuracy ?? Number.NaN), accuracy !== null && accuracy === highest),
      reached === null ? '' : reached ? 'reached' : { text: 'not reached', style: 'bad' },
    ];
  });
  const blind = ['most frequent', '', '', '', '', '', formatError(baseline.loss), formatPercent(baseline.accuracy), ''];
  const shown = results.some(({ reached }) => reached !== null) ? columns.length : columns.length - 1;
  const cut = (cells: TableCell[]) => cells.slice(0, shown);
  return formatTable(columns.slice(0, shown), [...rows.map(cut), null, cut(blind)], table);
}

export function lastSteps(lines: readonly MetricsLine[]): StepsLine | undefined {
  return lines.findLast((line): line is StepsLine => line.kind === 'steps');
}

/** Over all steps. */
export function meanRate(lines: readonly MetricsLine[]): number {
  let [tokens, before] = [0, 0];
  for (const line of lines) {
    if (line.kind !== 'steps') continue;
    tokens += line.tokensPerSecond * (line.seconds - before);
    before = line.seconds;
  }
  return tokens / before;
}

export function lastEvaluation(lines: readonly MetricsLine[]): EvaluationLine | undefined {
  return lines.findLast((line): line is EvaluationLine => line.kind === 'evaluation');
}
