/** The runs of one command, one after another on one task: what is shown meanwhile, and what is left of them. */
import { type FileWriteError, MemoryError, NumericalError } from '../core/errors.ts';
import { resetPeak } from '../core/memory.ts';
import { supportsColour } from '../terminal/colour.ts';
import { wrapLines } from '../terminal/width.ts';
import type { Recipe } from '../training/recipes/recipe.ts';
import { endRun } from '../training/run.ts';
import { type Baseline, taskBaseline } from '../training/tasks/baseline.ts';
import { type Running, tellStop, widthOf } from './command.ts';
import { FAILED, tellFailure } from './failure.ts';
import type { KeptRun } from './kept-run.ts';
import { lossCurve } from './loss-curve.ts';
import { RunKeeper } from './run-keeper.ts';
import type { Curve } from './training-curves.ts';
import { describeEnding, type Ending, type Unbegun } from './training-ending.ts';
import { asNamed, type HeldFolders, type RunFiles, type TogetherFiles } from './training-folder.ts';
import { describeFiles, leaveFiles } from './training-outputs.ts';
import { describeRecipe, describeRun, formatRuns, type RunResult } from './training-report.ts';
import { resultOf } from './training-result.ts';
import { takeSteps } from './training-steps.ts';

export interface TrainingSettings {
  /** Whose goal the runs are held against. */
  recipe: Recipe | undefined;
  /** Each run ends after as many. */
  minutes: number | undefined;
  /** Where the runs leave their files. */
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
  /** Of what was to be left behind and could not. */
  readonly #failures: FileWriteError[] = [];
  #baseline: Baseline | null = null;
  #task = '';
  #inBits = false;
  #failed = false;
  #begun = 0;

  constructor(settings: TrainingSettings, host: Running) {
    this.#settings = settings;
    this.#host = host;
  }

  /**
   * The exit code of `runs`, which calls `run`. What came of them is told and written, also where one ends by an error:
   * to `together`, where there is more than the files of one run. `unbegun` are those of `runs` it would not come to.
   */
  async all(together: TogetherFiles | null, runs: () => Promise<void>, unbegun: () => Unbegun[]): Promise<number> {
    try {
      await runs();
    } catch (error) {
      if (this.#results.length > 0) await this.#end(together, unbegun());
      throw error;
    }
    return await this.#end(together, unbegun());
  }

  /** Takes the run to its end, and gives its memory back. In a sweep NaN or want of memory ends the run, not the others. */
  async run(kept: KeptRun): Promise<void> {
    const { name, run, files, metrics, events } = kept;
    const { recipe, folders, minutes, runs } = this.#settings;
    const { stdout, stderr, stop } = this.#host;
    const inSweep = runs > 1;
    // From now on there is something to lose.
    stop.listen(tellStop(this.#host, 'after this step'));
    if (this.#baseline === null) {
      this.#task = run.task.name;
      this.#baseline = taskBaseline(run.task);
      const goal = recipe === undefined ? '' : `\n${describeRecipe(recipe)}`;
      stdout.write(`${wrapLines(`${describeRun(run, this.#baseline)}${goal}`, widthOf(stdout))}\n\n`);
      this.#inBits = run.task.alphabet === 'bytes' && run.task.classes >= 256;
    }
    this.#begun++;
    if (inSweep) stdout.write(`${name}\n`);
    resetPeak();
    const keeper = new RunKeeper(kept, folders, stderr);
    const looksAfter = recipe === undefined ? 0 : run.learner.model.config.layers;
    const label = inSweep ? `${name} (${this.#begun} of ${runs}), ` : '';
    if (events !== null) metrics.follow((line) => events.add(line));
    try {
      await takeSteps(run, metrics, keeper, { label, minutes, looksAfter }, this.#host);
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
    const curve = { label: name, lines: metrics.lines };
    this.#results.push(result);
    this.#curves.push(curve);
    stdout.write(lossCurve(metrics.lines, stdout));
    this.#left.push(await this.#leave(files, [result], [curve]));
    endRun(run);
  }

  /** One line: whether the recipe's goal was reached, or when that will be known; nothing without a goal. */
  #verdict(): string {
    const judged = this.#results.filter(({ reached }) => reached !== null);
    if (judged.length === 0) {
      const cut = this.#endings.find(({ step, settings }) => step < settings.steps);
      if (this.#settings.recipe === undefined || cut === undefined) return '';
      return `The goal is for the end, at step ${cut.settings.steps}.\n`;
    }
    const missed = judged.filter(({ reached }) => reached === false).map(({ name }) => name);
    return missed.length === 0 ? 'The goal was reached.\n' : `The goal was not reached by ${missed.join(', ')}.\n`;
  }

  /** The table, what is left and where, and how to go on; the exit code. */
  async #end(together: TogetherFiles | null, unbegun: readonly Unbegun[]): Promise<number> {
    const { stdout, stop } = this.#host;
    // Stopped before the first run.
    if (this.#baseline === null) return stop.exitCode();
    const table = { colour: supportsColour(stdout), width: widthOf(stdout), inBits: this.#inBits };
    stdout.write(`\n${formatRuns(this.#results, this.#baseline, table)}\n\n${this.#verdict()}`);
    for (const files of this.#left) stdout.write(wrapLines(describeFiles(files), widthOf(stdout)));
    if (together !== null) {
      stdout.write(wrapLines(describeFiles(await this.#leave(together, this.#results, this.#curves)), widthOf(stdout)));
    }
    const { minutes, runs } = this.#settings;
    const isStopped = stop.asked();
    stdout.write(describeEnding(this.#endings, unbegun, { isStopped, minutes, isAlone: runs === 1 }));
    for (const failure of this.#failures) tellFailure(failure, null, this.#host);
    if (this.#failed || this.#failures.length > 0) return FAILED;
    return isStopped ? stop.exitCode() : 0;
  }

  /** Writes what a training leaves at its end, and returns the paths of what is there now. */
  async #leave(
    files: RunFiles | TogetherFiles,
    results: readonly RunResult[],
    curves: readonly Curve[],
  ): Promise<string[]> {
    const baseline = this.#baseline as Baseline;
    const training = { task: this.#task, recipe: this.#settings.recipe?.name ?? null, baseline, results };
    const { left, isWhole } = await leaveFiles(files, training, curves, this.#host);
    this.#failed ||= !isWhole;
    return left;
  }
}
