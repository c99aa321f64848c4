/** The progress and results of runs, for people: lines while they train, a table at the end. */
import { formatBytes, formatCount, formatError, formatMilliseconds, formatPercent } from '../terminal/format.ts';
import { formatTable, type TableCell, type TableColumn, type TableOptions } from '../terminal/table.ts';
import { wrapLines } from '../terminal/width.ts';
import type { EvaluationLine, MetricsLine, StepsLine } from '../training/metrics.ts';
import type { Goal, Recipe } from '../training/recipes/recipe.ts';
import type { Run } from '../training/run.ts';
import type { Baseline } from '../training/tasks/baseline.ts';
import { tasks } from '../training/tasks/registry.ts';
import { taskNamed } from '../training/tasks/task.ts';

/** One run at its end, as in results.json. */
export interface RunResult {
  /** Among the runs of one command. */
  name: string;
  variant: string;
  parameters: number;
  steps: number;
  /** Spent on steps. */
  seconds: number;
  tokensPerSecond: number;
  /** The most memory that tensors held at once. */
  peakBytes: number;
  /** Of the states of all layers after one sequence of the task's length; null for a model that keeps none. */
  stateBytes: number | null;
  /** Held-out loss in nats per counted target; null if the run ended in NaN. */
  loss: number | null;
  accuracy: number | null;
  /** For runs of recipes, the loss without the attention of each layer, which shows what it contributes. */
  lossWithoutLayer?: number[];
  /** Whether it reached the goal of its recipe; null without a goal. */
  reached: boolean | null;
}

export function describeRun({ task, learner, settings }: Run, baseline: Baseline): string {
  const { summary, source } = taskNamed(task.name, tasks);
  const { layers, modelDim, heads } = learner.model.config;
  const size = formatCount(countParameters(learner.model.parameters()));
  const majority = formatPercent(baseline.accuracy);
  return [
    `${task.name}: ${summary} (${source})`,
    `${plural(layers, 'layer')} of width ${modelDim} with ${plural(heads, 'head')}, ${size} parameters; ` +
      `${settings.batch} examples of at most ${task.length} tokens a step`,
    `To beat: accuracy ${majority} by the most frequent answer, loss ${formatError(baseline.loss)} by frequencies alone`,
  ].join('\n');
}

/** `Goal: accuracy of at least 99.0% for full, 95.0% for reformer; about 3 min 00 s on two cores` */
export function describeRecipe({ name, summary, goal, runs, minutes }: Recipe): string {
  const time = formatMilliseconds(60_000 * minutes);
  return [
    `Recipe ${name}: ${summary}; ${plural(Object.keys(runs).length, 'run')} in about ${time} on two cores`,
    `Goal: ${describeGoal(goal)}`,
  ].join('\n');
}

/** The goal of the named run, or of all. */
export function describeGoal(goal: Goal, name?: string): string {
  if ('loss' in goal) return `loss of at most ${formatError(goal.loss)}`;
  if ('aboveMajority' in goal) {
    const points = (100 * goal.aboveMajority).toFixed(0);
    return `accuracy at least ${points} percentage points above that of the most frequent answer`;
  }
  if ('bitsBelowUnigram' in goal) {
    return `loss ${goal.bitsBelowUnigram} bits below the entropy of the frequencies alone, and a smoothed loss that only falls`;
  }
  const { accuracy } = goal;
  if (typeof accuracy === 'number') return `accuracy of at least ${formatPercent(accuracy)}`;
  if (name !== undefined) return name in accuracy ? `accuracy of at least ${formatPercent(accuracy[name])}` : 'none';
  const each = Object.entries(accuracy).map(([run, share]) => `${formatPercent(share)} for ${run}`);
  return `accuracy of at least ${each.join(', ')}`;
}

function plural(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

export function countParameters(parameters: ReadonlyMap<string, { size: number }>): number {
  return [...parameters.values()].reduce((sum, { size }) => sum + size, 0);
}

/**
 * `step 100  loss 2.31  held out: loss 2.30, accuracy 10.4%  12.3k tokens/s  1 min 05 s`; where that is wider than `width`,
 * without the tokens a second, which the table at the end has too.
 */
export function describeEvaluation(
  evaluation: EvaluationLine,
  steps: StepsLine | undefined,
  width = Number.POSITIVE_INFINITY,
): string {
  const { step, loss, accuracy, seconds } = evaluation;
  const line = (rate: readonly string[]) =>
    [
      `step ${String(step).padEnd(6)}`,
      ...(steps === undefined ? [] : [`loss ${formatError(steps.loss).padEnd(7)}`]),
      `held out: loss ${formatError(loss ?? Number.NaN)}, accuracy ${formatPercent(accuracy)}`,
      ...(steps?.auxiliary === undefined ? [] : [`own losses ${formatError(steps.auxiliary)}`]),
      ...(steps?.dropped ? [`${formatPercent(steps.dropped)} of choices dropped`] : []),
      ...rate,
      formatMilliseconds(1000 * seconds),
    ].join('  ');
  const whole = line(steps === undefined ? [] : [`${formatCount(steps.tokensPerSecond)} tokens/s`]);
  if (whole.length <= width) return whole;
  // A line breaks between values, not within one such as `accuracy 100%` or `1 min 05 s`.
  const values = line([]).replaceAll(/(?<=[^\s,]) (?=\S)/g, '\u00a0');
  return wrapLines(values, width).replaceAll('\u00a0', ' ');
}

/**
 * `inBits`: also show the loss in bits per byte, for targets that are bytes. `recall`: keep the column of the state's size in a
 * narrow terminal too, because the task is about it.
 */
export function formatRuns(
  results: readonly RunResult[],
  baseline: Baseline,
  { inBits, recall, ...table }: TableOptions & { inBits: boolean; recall: boolean },
): string {
  const hasStates = results.some(({ stateBytes }) => stateBytes !== null);
  const columns: TableColumn[] = [
    { title: 'attention' },
    { title: 'steps', align: 'right' },
    { title: 'time', align: 'right' },
    { title: 'tokens/s', align: 'right' },
    { title: 'memory', align: 'right', droppable: true },
    ...(hasStates ? [{ title: 'state', align: 'right' as const, droppable: !recall }] : []),
    { title: 'parameters', align: 'right', droppable: true },
    { title: 'loss', align: 'right' },
    ...(inBits ? [{ title: 'bits per byte', align: 'right' as const }] : []),
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
    const { name, steps, seconds, tokensPerSecond, peakBytes, stateBytes, parameters } = result;
    const { loss, accuracy, reached } = result;
    return [
      name,
      String(steps),
      formatMilliseconds(1000 * seconds),
      formatCount(tokensPerSecond),
      formatBytes(peakBytes),
      ...(hasStates ? [stateBytes === null ? '–' : formatBytes(stateBytes)] : []),
      formatCount(parameters),
      marked(formatError(loss ?? Number.NaN), loss !== null && loss === lowest),
      ...(inBits ? [formatBits(loss ?? Number.NaN)] : []),
      marked(formatPercent(accuracy ?? Number.NaN), accuracy !== null && accuracy === highest),
      reached === null ? '' : reached ? 'reached' : { text: 'not reached', style: 'bad' },
    ];
  });
  const bits = inBits ? [formatBits(baseline.loss)] : [];
  const known = [formatError(baseline.loss), ...bits, formatPercent(baseline.accuracy)];
  const blind = ['most frequent', '', '', '', '', ...(hasStates ? [''] : []), '', ...known, ''];
  const shown = results.some(({ reached }) => reached !== null) ? columns.length : columns.length - 1;
  const cut = (cells: TableCell[]) => cells.slice(0, shown);
  return formatTable(columns.slice(0, shown), [...rows.map(cut), null, cut(blind)], table);
}

/** Of a loss in nats. */
export function formatBits(nats: number): string {
  return Number.isNaN(nats) ? '–' : (nats / Math.LN2).toFixed(2);
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
