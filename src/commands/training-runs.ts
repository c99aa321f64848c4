/** The runs of one command, one after another on one task: what they show meanwhile, and the files that they write. */
import { type FileWriteError, MemoryError, NumericalError } from '../core/errors.ts';
import { resetPeak } from '../core/memory.ts';
import { supportsColour, type TerminalStream } from '../terminal/colour.ts';
import { formatCurve, showsBraille } from '../terminal/curve.ts';
import { formatError } from '../terminal/format.ts';
import { USUAL_WIDTH, wrapLines } from '../terminal/width.ts';
import type { MetricsLine } from '../training/metrics.ts';
import type { Recipe } from '../training/recipes/recipe.ts';
import { endRun } from '../training/run.ts';
import { type Baseline, taskBaseline } from '../training/tasks/baseline.ts';
import type { Task } from '../training/tasks/task.ts';
import { announceStop, type Running, widthOf } from './command.ts';
import { FAILED, reportFailure } from './failure.ts';
import type { KeptRun } from './kept-run.ts';
import { recallOf, recallPlot } from './recall-plot.ts';
import { RunKeeper } from './run-keeper.ts';
import type { Curve } from './training-curves.ts';
import { describeEnding, type Ending, type NotStarted } from './training-ending.ts';
import { asNamed, type HeldFolders, type RunFiles, type TogetherFiles } from './training-folder.ts';
import { describeFiles, leaveFiles } from './training-outputs.ts';
import { profiled } from './training-profile.ts';
import { describeRecipe, describeRun, formatRuns, type RunResult } from './training-report.ts';
import { resultOf } from './training-result.ts';
import { takeSteps } from './training-steps.ts';

export interface TrainingSettings {
  /** The recipe whose goal the runs are judged by. */
  recipe: Recipe | undefined;
  /** Each run ends after this time. */
  minutes: number | undefined;
  /** Whether to show what the ops of the steps took. */
  profile: boolean;
  /** Where the runs write their files. */
  folders: HeldFolders;
  /** How many there are in all. */
  runs: number;
}

export class Training {
  readonly #settings: TrainingSettings;
  readonly #host: Running;
  readonly #results: RunResult[] = [];
  readonly #curves: Curve[] = [];
  readonly #endings: Ending[] = [];
  /** Paths, of each run. */
  readonly #left: string[][] = [];
  /** Messages about files that could not be written. */
  readonly #failures: FileWriteError[] = [];
  #baseline: Baseline | null = null;
  #task: Task | null = null;
  #failed = false;
  #begun = 0;

  constructor(settings: TrainingSettings, host: Running) {
    this.#settings = settings;
    this.#host = host;
  }

  /**
   * The exit code of `runs`, which calls `run`. The results are shown and written, also if an error ends one of them; those
   * of several runs together go to `together`. `notStarted` are the runs that would not be reached.
   */
  async all(
    together: TogetherFiles | null,
    runs: () => Promise<void>,
    notStarted: () => NotStarted[],
  ): Promise<number> {
    try {
      await runs();
    } catch (error) {
      if (this.#results.length > 0) await this.#end(together, notStarted());
      throw error;
    }
    return await this.#end(together, notStarted());
  }

  /** Trains a run to its end, and releases its memory. In a sweep, NaN or lack of memory ends that run, not the others. */
  async run(kept: KeptRun): Promise<void> {
    const { name, run, files, metrics, events } = kept;
    const { recipe, folders, minutes, profile, runs } = this.#settings;
    const { stdout, stderr, stop } = this.#host;
    const inSweep = runs > 1;
    // From now on a signal could lose work.
    stop.listen(announceStop(this.#host, 'after this step'));
    if (this.#baseline === null) {
      this.#task = run.task;
      this.#baseline = taskBaseline(run.task);
      const goal = recipe === undefined ? '' : `\n${describeRecipe(recipe)}`;
      stdout.write(`${wrapLines(`${describeRun(run, this.#baseline)}${goal}`, widthOf(stdout))}\n\n`);
    }
    this.#begun++;
    if (inSweep) stdout.write(`${name}\n`);
    resetPeak();
    const keeper = new RunKeeper(kept, folders, stderr);
    const looksAfter = recipe === undefined ? 0 : run.learner.model.config.layers;
    const label = inSweep ? `${name} (${this.#begun} of ${runs}), ` : '';
    if (events !== null) metrics.follow((line) => events.add(line));
    try {
      const steps = () => takeSteps(run, metrics, keeper, { label, minutes, looksAfter }, this.#host);
      if (profile) await profiled(run, steps, this.#host);
      else await steps();
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
      const step = keeper.savedStep;
      if (step !== null) this.#endings.push({ checkpoint: asNamed(files), step, settings: run.settings });
    }
    const result = resultOf(kept, recipe?.goal, this.#baseline, this.#host);
    const curve = { label: name, lines: metrics.lines, recall: recallOf(run.task, result) };
    this.#results.push(result);
    this.#curves.push(curve);
    stdout.write(lossCurve(metrics.lines, stdout));
    this.#left.push(await this.#leave(files, [result], [curve]));
    endRun(run);
  }

  /** One line: whether the goal of the recipe was reached, or when it will be judged; empty without a goal. */
  #verdict(): string {
    const judged = this.#results.filter(({ reached }) => reached !== null);
    if (judged.length === 0) {
      const cut = this.#endings.find(({ step, settings }) => step < settings.steps);
      if (this.#settings.recipe === undefined || cut === undefined) return '';
      return `The goal is checked at the end, at step ${cut.settings.steps}.\n`;
    }
    const missed = judged.filter(({ reached }) => reached === false).map(({ name }) => name);
    return missed.length === 0 ? 'The goal was reached.\n' : `The goal was not reached by ${missed.join(', ')}.\n`;
  }

  /** Shows the table, the files and the commands that continue; returns the exit code. */
  async #end(together: TogetherFiles | null, notStarted: readonly NotStarted[]): Promise<number> {
    const { stdout, stop } = this.#host;
    // Stopped before the first run.
    if (this.#baseline === null || this.#task === null) return stop.exitCode();
    const inBits = this.#task.alphabet === 'bytes' && this.#task.classes >= 256;
    const recall = this.#task.recall === true;
    const table = { colour: supportsColour(stdout), width: widthOf(stdout), inBits, recall };
    stdout.write(`\n${formatRuns(this.#results, this.#baseline, table)}\n`);
    stdout.write(`${recallPlot(this.#task, this.#results, stdout)}\n${this.#verdict()}`);
    for (const files of this.#left) stdout.write(wrapLines(describeFiles(files), widthOf(stdout)));
    if (together !== null) {
      stdout.write(wrapLines(describeFiles(await this.#leave(together, this.#results, this.#curves)), widthOf(stdout)));
    }
    const { minutes, runs } = this.#settings;
    const isStopped = stop.asked();
    stdout.write(describeEnding(this.#endings, notStarted, { isStopped, minutes, isAlone: runs === 1 }));
    for (const failure of this.#failures) reportFailure(failure, null, this.#host);
    if (this.#failed || this.#failures.length > 0) return FAILED;
    return isStopped ? stop.exitCode() : 0;
  }

  /** Writes the files of the end of a training, and returns the paths of those that exist now. */
  async #leave(
    files: RunFiles | TogetherFiles,
    results: readonly RunResult[],
    curves: readonly Curve[],
  ): Promise<string[]> {
    const baseline = this.#baseline as Baseline;
    const training = { task: this.#task?.name ?? '', recipe: this.#settings.recipe?.name ?? null, baseline, results };
    const { left, isWhole } = await leaveFiles(files, training, curves, this.#host);
    this.#failed ||= !isWhole;
    return left;
  }
}

/** Training loss as a line and held-out loss as marks, over steps; as wide as the terminal. May be empty. */
function lossCurve(lines: readonly MetricsLine[], stdout: TerminalStream): string {
  const losses = (kind: 'steps' | 'evaluation') =>
    lines.filter((line) => line.kind === kind).map(({ step, loss }) => ({ x: step, y: loss ?? Number.NaN }));
  const curve = formatCurve(losses('steps'), losses('evaluation'), {
    width: widthOf(stdout) ?? USUAL_WIDTH,
    plain: !showsBraille(stdout),
    colour: supportsColour(stdout),
    formatX: (step) => `step ${step}`,
    formatY: formatError,
    names: { line: 'loss', marks: 'held out' },
  });
  return curve === '' ? '' : `\n${curve}`;
}
