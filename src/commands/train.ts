/** `train`: a model with any attention on a task, a recipe, or on from a checkpoint. */
import { describeEnvironment } from '../compare/environment.ts';
import { NumericalError } from '../core/errors.ts';
import { writeFileAtomically } from '../core/files/atomic.ts';
import { memoryStatistics, resetPeak } from '../core/memory.ts';
import { poolReady } from '../core/parallel/pool.ts';
import { Random } from '../core/random.ts';
import { supportsColour } from '../terminal/colour.ts';
import { formatCount, formatError } from '../terminal/format.ts';
import { Progress } from '../terminal/progress.ts';
import { previousOf, resumeRun, saveCheckpoint } from '../training/checkpoint.ts';
import { Metrics } from '../training/metrics.ts';
import { isReached, type Recipe } from '../training/recipes/recipe.ts';
import { recipes } from '../training/recipes/registry.ts';
import { endRun, type Run, startRun } from '../training/run.ts';
import { type Baseline, majorityBaseline } from '../training/tasks/baseline.ts';
import { tasks } from '../training/tasks/registry.ts';
import { train } from '../training/trainer.ts';
import { defineCommand, type Host, PROGRAM, widthOf } from './command.ts';
import { applyMachine } from './shared-options.ts';
import { expectTogether, planOf, type TrainValues, trainOptions, variantName } from './train-options.ts';
import { type Curve, renderCurves } from './training-curves.ts';
import {
  checkpointAt,
  filesBeside,
  prepareFolders,
  type RunFiles,
  runFiles,
  type TrainingFiles,
  trainingFiles,
} from './training-folder.ts';
import {
  countParameters,
  describeEvaluation,
  describeRun,
  formatRuns,
  lastEvaluation,
  lastSteps,
  meanRate,
  type RunResult,
} from './training-report.ts';

/** As a process that SIGINT ends. */
const INTERRUPTED = 130;

function describe() {
  const list = (named: readonly { name: string; summary: string }[]) =>
    named.map(({ name, summary }) => `${name} (${summary})`).join('; ');
  return {
    usage: `${PROGRAM} train`,
    summary: 'Trains a model with any attention on a task whose examples are generated from a seed.',
    details:
      `Tasks: ${list(tasks)}. Recipes: ${list(recipes)}. ` +
      'Ctrl-C stops after the step, and writes the checkpoint to go on from.',
    positionals: ['TASK'],
    options: trainOptions(),
    examples: [
      { command: `${PROGRAM} train duplication --length 32 --steps 500`, explanation: 'Full attention, half a minute' },
      {
        command: `${PROGRAM} train copy --sweep full,linear-transformer,performer --steps 500`,
        explanation: 'Three variants at equal steps, and a table; with --minutes 5 at equal time',
      },
      { command: `${PROGRAM} train --recipe duplication`, explanation: 'A training that is known to work' },
      {
        command: `${PROGRAM} train --resume out/byte-lm-full`,
        explanation: 'On to the end, to the same bits as without the break',
      },
    ],
  };
}

export const trainCommand = defineCommand('train', describe, async ({ values, positionals, given }, host) => {
  expectTogether(positionals, given);
  applyMachine(values);
  await poolReady();
  const interrupt = listenForInterrupt();
  try {
    return values.resume === undefined
      ? await begin(positionals[0], values, interrupt, host)
      : await goOn(checkpointAt(values.resume), values, interrupt, host);
  } finally {
    interrupt.end();
  }
});

async function begin(word: string | undefined, values: TrainValues, interrupt: Interrupt, host: Host): Promise<number> {
  const { runs: all, recipe, folder } = planOf(word, values);
  const files = all.map((settings) => runFiles(folder, variantName(settings), all.length));
  // What cannot be right is said before the first step of the first run.
  for (const settings of all) endRun(startRun(settings));
  prepareFolders(files, values.overwrite);

  const training = new Training(recipe, values, interrupt, host);
  for (const [n, settings] of all.entries()) {
    if (interrupt.asked()) break;
    await training.run(startRun(settings), files[n], new Metrics(files[n].metrics), all.length > 1);
  }
  return training.end(trainingFiles(folder));
}

async function goOn(path: string, values: TrainValues, interrupt: Interrupt, host: Host): Promise<number> {
  const run = resumeRun(path);
  const files = filesBeside(path.replace(previousOf('.safetensors'), '.safetensors'));
  const training = new Training(undefined, values, interrupt, host);
  host.stdout.write(`From step ${run.step} of ${run.settings.steps}\n`);
  await training.run(run, files, new Metrics(files.metrics, run.step), false);
  return training.end(files);
}

/** Runs one after another, on one task. */
class Training {
  readonly #recipe: Recipe | undefined;
  readonly #minutes: number | undefined;
  readonly #interrupt: Interrupt;
  readonly #host: Host;
  readonly #results: RunResult[] = [];
  readonly #curves: Curve[] = [];
  #baseline: Baseline | null = null;
  #task = '';
  #failed = false;

  constructor(recipe: Recipe | undefined, { minutes }: TrainValues, interrupt: Interrupt, host: Host) {
    this.#recipe = recipe;
    this.#minutes = minutes;
    this.#interrupt = interrupt;
    this.#host = host;
  }

  /** Takes the run to its end, and gives its memory back. In a sweep a NaN ends the run, not the others. */
  async run(run: Run, files: RunFiles, metrics: Metrics, inSweep: boolean): Promise<void> {
    const { stdout, stderr } = this.#host;
    if (this.#baseline === null) {
      this.#task = run.task.name;
      this.#baseline = majorityBaseline(run.task, new Random(run.settings.seed));
      stdout.write(`${describeRun(run, this.#baseline)}\n\n`);
    }
    const variant = variantName(run.settings);
    if (inSweep) stdout.write(`${variant}\n`);
    resetPeak();
    try {
      await this.#steps(run, files, metrics);
    } catch (error) {
      if (!inSweep || !(error instanceof NumericalError)) throw error;
      this.#failed = true;
      stderr.write(`${variant}: ${error.message}\n`);
    }
    this.#results.push(this.#resultOf(run, metrics, this.#baseline));
    this.#curves.push({ label: variant, lines: metrics.lines });
    endRun(run);
  }

  async #steps(run: Run, files: RunFiles, metrics: Metrics): Promise<void> {
    const { stdout, stderr } = this.#host;
    const limit = this.#minutes === undefined ? Number.POSITIVE_INFINITY : 60_000 * this.#minutes;
    const begun = performance.now();
    const elapsed = () => performance.now() - begun;
    const first = run.step;
    const total = run.settings.steps - first;
    const progress = new Progress({ total: 1, stream: stderr });
    try {
      await train(run, {
        onStep: (report) => {
          metrics.addStep(report);
          const { step, loss, tokens, milliseconds } = report;
          const label = `step ${step}, loss ${formatError(loss)}, ${formatCount((1000 * tokens) / milliseconds)} tokens/s`;
          progress.update(Math.max((step - first) / total, Math.min(1, elapsed() / limit)), label);
        },
        onEvaluation: (report) => {
          metrics.addEvaluation(report);
          const line = lastEvaluation(metrics.lines);
          progress.finish();
          if (line !== undefined) stdout.write(`${describeEvaluation(line, lastSteps(metrics.lines))}\n`);
        },
        onCheckpoint: () => saveCheckpoint(files.checkpoint, run),
        shouldStop: () => this.#interrupt.asked() || elapsed() >= limit,
      });
    } finally {
      progress.finish();
    }
  }

  #resultOf({ settings, learner, step }: Run, { lines }: Metrics, baseline: Baseline): RunResult {
    const variant = variantName(settings);
    const evaluation = lastEvaluation(lines);
    const last = evaluation?.step === step ? evaluation : undefined;
    const { loss = null, accuracy = null } = last ?? {};
    const goal = this.#recipe?.goal;
    const isJudged = goal !== undefined && step === settings.steps && loss !== null && accuracy !== null;
    return {
      variant,
      parameters: countParameters(learner.model.parameters()),
      steps: step,
      seconds: lines.at(-1)?.seconds ?? 0,
      tokensPerSecond: meanRate(lines),
      peakBytes: memoryStatistics().peakBytes,
      loss,
      accuracy,
      reached: isJudged ? isReached(goal, variant, { loss, accuracy }, baseline) : null,
    };
  }

  /** The table, the curves and the numbers; the exit code. */
  async end(files: TrainingFiles): Promise<number> {
    const { stdout } = this.#host;
    const baseline = this.#baseline as Baseline;
    const results = this.#results;
    const colour = supportsColour(stdout);
    stdout.write(`\n${formatRuns(results, baseline, { colour, width: widthOf(stdout) })}\n\n`);
    const environment = describeEnvironment();
    const numbers = { environment, task: this.#task, recipe: this.#recipe?.name ?? null, baseline, results };
    writeFileAtomically(files.results, `${JSON.stringify(numbers, null, 1)}\n`);
    writeFileAtomically(files.curves, await renderCurves(this.#task, this.#curves, baseline, environment));
    stdout.write(`Curves: ${files.curves}\nNumbers: ${files.results}\n`);
    if (this.#interrupt.asked()) return INTERRUPTED;
    return this.#failed ? 1 : 0;
  }
}

interface Interrupt {
  asked(): boolean;
  end(): void;
}

/** The first Ctrl-C is an instruction to stop when it suits; the second does what it always does. */
function listenForInterrupt(): Interrupt {
  let asked = false;
  const listener = () => {
    asked = true;
  };
  process.once('SIGINT', listener);
  return { asked: () => asked, end: () => process.off('SIGINT', listener) };
}
