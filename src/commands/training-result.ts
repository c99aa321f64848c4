/** The result of a finished run. */
import { memoryStatistics } from '../core/memory.ts';
import { formatError } from '../terminal/format.ts';
import { evaluateWithout } from '../training/ablation.ts';
import { type Goal, isReached } from '../training/recipes/recipe.ts';
import type { Run } from '../training/run.ts';
import { bytesOfStates } from '../training/state-size.ts';
import type { Baseline } from '../training/tasks/baseline.ts';
import type { Host } from './command.ts';
import type { KeptRun } from './kept-run.ts';
import { variantName } from './train-plan.ts';
import { countParameters, lastEvaluation, meanRate, type RunResult } from './training-report.ts';

/** Measures the run, and judges it if its recipe has a goal and it reached its last step. */
export function resultOf(
  { name, run, metrics: { lines } }: Pick<KeptRun, 'name' | 'run' | 'metrics'>,
  goal: Goal | undefined,
  baseline: Baseline,
  host: Pick<Host, 'stdout'>,
): RunResult {
  const { settings, learner, step } = run;
  const evaluation = lastEvaluation(lines);
  const last = evaluation?.step === step ? evaluation : undefined;
  const { loss = null, accuracy = null } = last ?? {};
  const isJudged = goal !== undefined && step === settings.steps && loss !== null && accuracy !== null;
  return {
    name,
    variant: variantName(settings),
    parameters: countParameters(learner.model.parameters()),
    steps: step,
    seconds: lines.at(-1)?.seconds ?? 0,
    tokensPerSecond: meanRate(lines),
    peakBytes: memoryStatistics().peakBytes,
    stateBytes: bytesOfStates(learner, run.task),
    loss,
    accuracy,
    ...(isJudged ? { lossWithoutLayer: ablated(run, host) } : {}),
    reached: isJudged ? isReached(goal, name, { loss, accuracy, lines }, baseline) : null,
  };
}

/** Printed next to the loss, because a model may learn to do without the attention that it is trained to test. */
function ablated({ learner, task, settings }: Run, { stdout }: Pick<Host, 'stdout'>): number[] {
  const { evaluationExamples: examples, batch, parts, seed } = settings;
  const losses = [...evaluateWithout(learner, task, { examples, batch: batch / parts, seed })].map(({ loss }) => loss);
  const each = losses.map((loss, layer) => `layer ${layer} ${formatError(loss)}`).join(', ');
  stdout.write(`Loss without the attention of ${each}\n`);
  return losses;
}
