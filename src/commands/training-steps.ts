/** The steps of one run as people see them: a progress bar, a line for each evaluation, and the files on disk. */
import { formatCount, formatError } from '../terminal/format.ts';
import { Progress } from '../terminal/progress.ts';
import { evaluate } from '../training/evaluate.ts';
import type { Metrics } from '../training/metrics.ts';
import type { Run } from '../training/run.ts';
import { type EvaluationReport, train } from '../training/trainer.ts';
import { type Running, widthOf } from './command.ts';
import type { RunKeeper } from './run-keeper.ts';
import { Pace } from './training-pace.ts';
import { describeEvaluation, lastEvaluation, lastSteps } from './training-report.ts';

export interface StepsSettings {
  /** Before each line of progress, such as which run of several it is. */
  label: string;
  /** The run ends after this time. */
  minutes: number | undefined;
  /** Evaluations that follow the last step. */
  looksAfter: number;
}

/** Trains the run to its end, or until it is told to stop or its time is up. */
export async function takeSteps(
  run: Run,
  metrics: Metrics,
  keeper: RunKeeper,
  { label, minutes, looksAfter }: StepsSettings,
  { stdout, stderr, stop }: Running,
): Promise<void> {
  const { settings } = run;
  const { steps, batch, parts, evaluationExamples: examples, evaluateEvery, checkpointEvery, seed } = settings;
  const limit = 60_000 * (minutes ?? Number.POSITIVE_INFINITY);
  const stepsPerLook = examples / batch;
  const pace = new Pace({ step: run.step, steps, evaluateEvery, checkpointEvery, stepsPerLook, looksAfter, limit });
  const progress = new Progress({ total: 1, stream: stderr });
  // With a limit of time nobody knows which step is the last.
  const total = minutes === undefined ? ` of ${steps}` : '';
  let since = performance.now();
  /** Milliseconds since the last call. */
  const lap = () => {
    const before = since;
    since = performance.now();
    return since - before;
  };
  const onEvaluation = (report: EvaluationReport) => {
    pace.looked(report.step, lap());
    metrics.addEvaluation(report);
    const line = lastEvaluation(metrics.lines);
    progress.finish();
    if (line !== undefined) stdout.write(`${describeEvaluation(line, lastSteps(metrics.lines), widthOf(stdout))}\n`);
    keeper.tellTrouble(progress);
  };
  try {
    // A process may have died between its last checkpoint and the evaluation after it.
    if (run.step >= steps && lastEvaluation(metrics.lines)?.step !== run.step) {
      const { learner, task } = run;
      onEvaluation({ step: run.step, ...evaluate(learner, task, { examples, batch: batch / parts, seed }) });
    }
    await train(run, {
      onStep: (report) => {
        metrics.addStep(report);
        const { step, loss, tokens, milliseconds } = report;
        pace.stepped(step, lap());
        const speed = `${formatCount((1000 * tokens) / milliseconds)} tokens/s`;
        progress.update(pace.share(), `${label}step ${step}${total}, loss ${formatError(loss)}, ${speed}`);
        keeper.tellTrouble(progress);
      },
      onEvaluation,
      onCheckpoint: () => {
        lap();
        keeper.save(progress);
        pace.saved(run.step, lap());
        // The run is saved: from here on a signal, also one that came meanwhile, ends the process at once.
        if (stop.asked()) stop.endSoon();
      },
      shouldStop: () => stop.asked() || pace.elapsed() >= limit,
    });
  } finally {
    progress.finish();
  }
}
