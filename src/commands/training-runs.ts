/** The runs of one command, one after another on one task: what is shown meanwhile, and what is left of them. */
import { describeEnvironment } from '../compare/environment.ts';
import { NumericalError } from '../core/errors.ts';
import { writeFileAtomically } from '../core/files/atomic.ts';
import { memoryStatistics, resetPeak } from '../core/memory.ts';
import { Random } from '../core/random.ts';
import { supportsColour } from '../terminal/colour.ts';
import { formatCount, formatError } from '../terminal/format.ts';
import { Progress } from '../terminal/progress.ts';
import { evaluateWithout } from '../training/ablation.ts';
import { saveCheckpoint } from '../training/checkpoint.ts';
import type { Metrics } from '../training/metrics.ts';
import { isReached, type Recipe } from '../training/recipes/recipe.ts';
import { endRun, type Run } from '../training/run.ts';
import { type Baseline, majorityBaseline } from '../training/tasks/baseline.ts';
import { train } from '../training/trainer.ts';
import { type Host, widthOf } from './command.ts';
import { variantName } from './train-options.ts';
import { type Curve, renderCurves } from './training-curves.ts';
import type { RunFiles, TrainingFiles } from './training-folder.ts';
import {
  countParameters,
  describeEvaluation,
  describeRecipe,
  describeRun,
  formatRuns,
  lastEvaluation,
  lastSteps,
  meanRate,
  type RunResult,
} from './training-report.ts';

/** As a process that SIGINT ends. */
const INTERRUPTED = 130;

/** Whether somebody wants an end of it. */
export interface Interrupt {
  asked(): boolean;
  end(): void;
}

export interface TrainingSettings {
  /** Whose goal the runs are held against. */
  recipe: Recipe | undefined;
  /** Each run ends after as many. */
  minutes: number | undefined;
}

export class Training {
  readonly #settings: TrainingSettings;
  readonly #interrupt: Interrupt;
  readonly #host: Host;
  readonly #results: RunResult[] = [];
  readonly #curves: Curve[] = [];
  readonly #checkpoints: string[] = [];
  #baseline: Baseline | null = null;
  #task = '';
  #inBits = false;
  #failed = false;

  constructor(settings: TrainingSettings, interrupt: Interrupt, host: Host) {
    this.#settings = settings;
    this.#interrupt = interrupt;
    this.#host = host;
  }

  /** Takes the run to its end, and gives its memory back. In a sweep a NaN ends the run, not the others. */
  async run(name: string, run: Run, files: RunFiles, metrics: Metrics, inSweep: boolean): Promise<void> {
    const { stdout, stderr } = this.#host;
    if (this.#baseline === null) {
      this.#task = run.task.name;
      this.#baseline = majorityBaseline(run.task, new Random(run.settings.seed));
      const { recipe } = this.#settings;
      const goal = recipe === undefined ? '' : `\n${describeRecipe(recipe)}`;
      stdout.write(`${describeRun(run, this.#baseline)}${goal}\n\n`);
      this.#inBits = run.task.alphabet === 'bytes' && run.task.classes >= 256;
    }
    if (inSweep) stdout.write(`${name}\n`);
    resetPeak();
    try {
      await this.#steps(run, files, metrics);
    } catch (error) {
      if (!inSweep || !(error instanceof NumericalError)) throw error;
      this.#failed = true;
      stderr.write(`${name}: ${error.message}\n`);
    }
    this.#results.push(this.#resultOf(name, run, metrics, this.#baseline));
    this.#checkpoints.push(files.checkpoint);
    this.#curves.push({ label: name, lines: metrics.lines });
    endRun(run);
  }

  async #steps(run: Run, files: RunFiles, metrics: Metrics): Promise<void> {
    const { stdout, stderr } = this.#host;
    const limit = 60_000 * (this.#settings.minutes ?? Number.POSITIVE_INFINITY);
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
        onCheckpoint: () => {
          metrics.endLine();
          saveCheckpoint(files.checkpoint, run);
        },
        shouldStop: () => this.#interrupt.asked() || elapsed() >= limit,
      });
    } finally {
      progress.finish();
    }
  }

  #resultOf(name: string, run: Run, { lines }: Metrics, baseline: Baseline): RunResult {
    const { settings, learner, step } = run;
    const evaluation = lastEvaluation(lines);
    const last = evaluation?.step === step ? evaluation : undefined;
    const { loss = null, accuracy = null } = last ?? {};
    const goal = this.#settings.recipe?.goal;
    const isJudged = goal !== undefined && step === settings.steps && loss !== null && accuracy !== null;
    return {
      name,
      variant: variantName(settings),
      parameters: countParameters(learner.model.parameters()),
      steps: step,
      seconds: lines.at(-1)?.seconds ?? 0,
      tokensPerSecond: meanRate(lines),
      peakBytes: memoryStatistics().peakBytes,
      loss,
      accuracy,
      ...(isJudged ? { lossWithoutLayer: this.#ablate(run) } : {}),
      reached: isJudged ? isReached(goal, name, { loss, accuracy, lines }, baseline) : null,
    };
  }

  /** One line: whether the recipe's goal was reached; nothing without a goal, or a run that came to its end. */
  #verdict(): string {
    const judged = this.#results.filter(({ reached }) => reached !== null);
    if (judged.length === 0) return '';
    const missed = judged.filter(({ reached }) => reached === false).map(({ name }) => name);
    return missed.length === 0 ? 'The goal was reached.\n' : `The goal was not reached by ${missed.join(', ')}.\n`;
  }

  /** Printed beside the loss, because a model may do without the very attention that it is trained for. */
  #ablate({ learner, task, settings }: Run): number[] {
    const { evaluationExamples: examples, batch, parts, seed } = settings;
    const losses = [...evaluateWithout(learner, task, { examples, batch: batch / parts, seed })].map(
      ({ loss }) => loss,
    );
    const each = losses.map((loss, layer) => `layer ${layer} ${formatError(loss)}`).join(', ');
    this.#host.stdout.write(`Loss without the attention of ${each}\n`);
    return losses;
  }

  /** The table, the curves and the numbers; the exit code. */
  async end(files: TrainingFiles): Promise<number> {
    const { stdout } = this.#host;
    const baseline = this.#baseline as Baseline;
    const results = this.#results;
    const colour = supportsColour(stdout);
    stdout.write(`\n${formatRuns(results, baseline, { colour, width: widthOf(stdout), inBits: this.#inBits })}\n\n`);
    const environment = describeEnvironment();
    const numbers = { environment, task: this.#task, recipe: this.#settings.recipe?.name ?? null, baseline, results };
    writeFileAtomically(files.results, `${JSON.stringify(numbers, null, 1)}\n`);
    writeFileAtomically(files.curves, await renderCurves(this.#task, this.#curves, baseline, environment));
    stdout.write(this.#verdict());
    const one = this.#checkpoints.length === 1;
    stdout.write(`${one ? 'Checkpoint' : 'Checkpoints'}: ${this.#checkpoints.join(', ')}\n`);
    stdout.write(`Metrics: ${one ? 'metrics.jsonl' : 'metrics.jsonl of each'} beside ${one ? 'it' : 'them'}\n`);
    stdout.write(`Curves: ${files.curves}\nNumbers: ${files.results}\n`);
    if (this.#interrupt.asked()) return INTERRUPTED;
    return this.#failed ? 1 : 0;
  }
}
