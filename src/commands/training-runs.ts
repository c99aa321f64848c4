/** The runs of one command, one after another on one task: what is shown meanwhile, and what is left of them. */
import { describeEnvironment } from '../compare/environment.ts';
import { type FileWriteError, MemoryError, NumericalError } from '../core/errors.ts';
import { memoryStatistics, resetPeak } from '../core/memory.ts';
import { supportsColour } from '../terminal/colour.ts';
import { formatCount, formatError } from '../terminal/format.ts';
import { Progress } from '../terminal/progress.ts';
import { evaluateWithout } from '../training/ablation.ts';
import type { Metrics } from '../training/metrics.ts';
import { isReached, type Recipe } from '../training/recipes/recipe.ts';
import { endRun, type Run } from '../training/run.ts';
import { type Baseline, taskBaseline } from '../training/tasks/baseline.ts';
import { train } from '../training/trainer.ts';
import { type Running, tellStop, widthOf } from './command.ts';
import { FAILED, tellFailure } from './failure.ts';
import { writeOutputs } from './outputs.ts';
import { RunKeeper } from './run-keeper.ts';
import { variantName } from './train-options.ts';
import { type Curve, renderCurves } from './training-curves.ts';
import type { HeldFolders, RunFiles, TrainingFiles } from './training-folder.ts';
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

export interface TrainingSettings {
  /** Whose goal the runs are held against. */
  recipe: Recipe | undefined;
  /** Each run ends after as many. */
  minutes: number | undefined;
  /** Where the runs leave their files. */
  folders: HeldFolders;
}

export class Training {
  readonly #settings: TrainingSettings;
  readonly #host: Running;
  readonly #results: RunResult[] = [];
  readonly #curves: Curve[] = [];
  readonly #checkpoints: string[] = [];
  /** Of what was to be left behind and could not. */
  readonly #failures: FileWriteError[] = [];
  #baseline: Baseline | null = null;
  #task = '';
  #inBits = false;
  #failed = false;

  constructor(settings: TrainingSettings, host: Running) {
    this.#settings = settings;
    this.#host = host;
  }

  /** The exit code of `runs`, which calls `run`. What came of them is told and written, also where one ends by an error. */
  async all(files: TrainingFiles, runs: () => Promise<void>): Promise<number> {
    try {
      await runs();
    } catch (error) {
      if (this.#results.length > 0) await this.#end(files);
      throw error;
    }
    return await this.#end(files);
  }

  /** Takes the run to its end, and gives its memory back. In a sweep NaN or want of memory ends the run, not the others. */
  async run(name: string, run: Run, files: RunFiles, metrics: Metrics, inSweep: boolean): Promise<void> {
    const { stdout, stderr, stop } = this.#host;
    // From now on there is something to lose.
    stop.listen(tellStop(this.#host, 'after this step'));
    if (this.#baseline === null) {
      this.#task = run.task.name;
      this.#baseline = taskBaseline(run.task);
      const { recipe } = this.#settings;
      const goal = recipe === undefined ? '' : `\n${describeRecipe(recipe)}`;
      stdout.write(`${describeRun(run, this.#baseline)}${goal}\n\n`);
      this.#inBits = run.task.alphabet === 'bytes' && run.task.classes >= 256;
    }
    if (inSweep) stdout.write(`${name}\n`);
    resetPeak();
    const keeper = new RunKeeper(run, files, metrics, this.#settings.folders, stderr);
    try {
      await this.#steps(run, metrics, keeper);
    } catch (error) {
      const isOfRun = error instanceof NumericalError || error instanceof MemoryError;
      if (!inSweep || !isOfRun) {
        keeper.tellLast();
        throw error;
      }
      this.#failed = true;
      stderr.write(`${name}: ${error.message}\n`);
    } finally {
      this.#failures.push(...keeper.failures());
      if (keeper.isSaved()) this.#checkpoints.push(files.checkpoint);
    }
    this.#results.push(this.#resultOf(name, run, metrics, this.#baseline));
    this.#curves.push({ label: name, lines: metrics.lines });
    endRun(run);
  }

  async #steps(run: Run, metrics: Metrics, keeper: RunKeeper): Promise<void> {
    const { stdout, stderr, stop } = this.#host;
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
          keeper.tellTrouble(progress);
        },
        onEvaluation: (report) => {
          metrics.addEvaluation(report);
          const line = lastEvaluation(metrics.lines);
          progress.finish();
          if (line !== undefined) stdout.write(`${describeEvaluation(line, lastSteps(metrics.lines))}\n`);
          keeper.tellTrouble(progress);
        },
        onCheckpoint: () => {
          keeper.save(progress);
          // It is safe: whoever wants an end of what follows wants it at once, and may have said so meanwhile.
          if (stop.asked()) stop.endSoon();
        },
        shouldStop: () => stop.asked() || elapsed() >= limit,
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
  async #end(files: TrainingFiles): Promise<number> {
    const { stdout, stop } = this.#host;
    const results = this.#results;
    // Stopped before the first run.
    if (this.#baseline === null) return stop.exitCode();
    const baseline = this.#baseline;
    const colour = supportsColour(stdout);
    stdout.write(`\n${formatRuns(results, baseline, { colour, width: widthOf(stdout), inBits: this.#inBits })}\n\n`);
    const environment = describeEnvironment();
    const numbers = { environment, task: this.#task, recipe: this.#settings.recipe?.name ?? null, baseline, results };
    stdout.write(this.#verdict());
    if (this.#checkpoints.length > 0) {
      const one = this.#checkpoints.length === 1;
      stdout.write(`${one ? 'Checkpoint' : 'Checkpoints'}: ${this.#checkpoints.join(', ')}\n`);
      stdout.write(`Metrics: ${one ? 'metrics.jsonl' : 'metrics.jsonl of each'} beside ${one ? 'it' : 'them'}\n`);
    }
    const flag = '--out';
    const curves = () => renderCurves(this.#task, this.#curves, baseline, environment);
    const isWritten = await writeOutputs(
      [
        { flag, path: files.curves, label: 'Curves', content: curves },
        { flag, path: files.results, label: 'Numbers', content: () => `${JSON.stringify(numbers, null, 1)}\n` },
      ],
      this.#host,
    );
    for (const failure of this.#failures) tellFailure(failure, null, this.#host);
    if (this.#failed || this.#failures.length > 0 || !isWritten) return FAILED;
    return stop.asked() ? stop.exitCode() : 0;
  }
}
