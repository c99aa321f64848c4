/** The main job: each variant and budget against full attention on the same input, in the same run. */
import { nextTurn } from '#platform/turn';
import { MemoryError } from '../core/errors.ts';
import { type Check, expectBoolean, expectFunction, expectOptions, integerOf } from '../core/expect.ts';
import { attempting, releaseScope } from '../core/memory.ts';
import { poolReady } from '../core/parallel/pool.ts';
import type { Dense } from '../core/reference.ts';
import { type MeasuredBaseline, measureBaselines } from './baselines.ts';
import { isReference, loadSubject, PASSES, type Plan, paddable, planCase, turnsOf, workOfPlan } from './case.ts';
import { describeEnvironment } from './environment.ts';
import { absentGatesOf } from './gates.ts';
import { type ComparisonInput, expectComparisonInput } from './inputs.ts';
import { type Measured, measureCell, measureReference, type Output, type Reference, type Subject } from './measure.ts';
import { drawPicture, pictureOfRows } from './pictures.ts';
import { type Cell, nameOfCell, type PlanSettings, planChecks, type Skip } from './plan.ts';
import { onceEach, Progress, type Tell, workOf } from './progress.ts';
import type { BaselineResult, ComparisonReport, ComparisonResult, InputDescription, PatternPicture } from './result.ts';
import { ifItFits } from './room.ts';
import { type StopwatchSettings, stopwatchChecks, timeInTurns } from './stopwatch.ts';

/** Settings of `compare`: variants and options, timing, and callbacks for progress. */
export interface CompareSettings extends PlanSettings {
  /** Seed of parameters and of the sampled rows. The same seed gives the same figures, except for times. */
  seed?: number;
  /** Whether to check the inputs for NaN and infinities first (default true). */
  checkFinite?: boolean;
  /** Whether to draw which tokens attend to which, for the first layer or length (default false). */
  pictures?: boolean;
  timing?: StopwatchSettings;
  /** `done` never decreases, and equals `total` at the end. */
  onProgress?: Tell;
  /** Called for a variant that runs out of memory, or that was not named and cannot run as requested or at this budget. */
  onSkip?: (skip: Skip) => void;
  /** Called after each layer or length with the results so far, which remain if an error ends the next one. */
  onResults?: (report: ComparisonReport) => void;
  /** Called with the figures of each cell as soon as they are known; its time comes when all of a layer or length are timed. */
  onMeasured?: (
    figures: Omit<MeasuredOutput, 'shape' | 'data'> &
      Pick<ComparisonResult, 'relativeError' | 'totalVariation' | 'topKRecall'>,
  ) => void;
  /** Called with the output of each cell, and of full attention even if it is not among them. */
  onOutput?: (output: MeasuredOutput) => void;
  /** Asked between two cells; if true, the report has only the layers or lengths that are complete. */
  shouldStop?: () => boolean;
}

/** The output of a cell on a layer or a length. */
export interface MeasuredOutput extends Pick<ComparisonResult, 'variant' | 'options' | 'budget' | 'layer' | 'length'> {
  /** [batch, heads, length, valueDim] */
  shape: readonly number[];
  /** Row-major; zeros in rows of masked tokens. */
  data: Float32Array | Float64Array;
}

const settingChecks: { readonly [Setting in keyof CompareSettings]-?: Check } = {
  ...planChecks,
  seed: integerOf(Number.MIN_SAFE_INTEGER),
  checkFinite: expectBoolean,
  pictures: expectBoolean,
  timing: (name, value) => void expectOptions(name, value as StopwatchSettings, stopwatchChecks),
  onProgress: expectFunction,
  onSkip: expectFunction,
  onResults: expectFunction,
  onMeasured: expectFunction,
  onOutput: expectFunction,
  shouldStop: expectFunction,
};

/**
 * Compares variants with full attention on every layer or length of an input: error, time, memory and FLOPs. An error of the
 * request is thrown before the first measurement (ArgumentError, ShapeError, UnsupportedError, MemoryError), one of an input
 * when its turn comes. A variant that runs out of memory is left out; MemoryError is thrown if full attention does, or if
 * nothing else is left.
 *
 * @example
 * ```ts
 * const report = await compare(fileInput(['q.npy', 'k.npy', 'v.npy']), { variants: ['longformer', 'performer'] });
 * for (const { variant, relativeError } of report.results) console.log(variant, relativeError);
 * ```
 */
export async function compare(input: ComparisonInput, settings: CompareSettings = {}): Promise<ComparisonReport> {
  expectComparisonInput('input', input);
  expectOptions('settings', settings, settingChecks);
  const reportSkip = onceEach(settings.onSkip ?? (() => {}));
  const plans = input.cases.map((each, index) => planCase(each, input, settings, index === 0, reportSkip));
  const progress = new Progress(plans.map(workOfPlan), settings.onProgress ?? (() => {}));
  await poolReady();
  const results: ComparisonResult[] = [];
  const baselines: BaselineResult[] = [];
  const pictures: PatternPicture[] = [];
  let tooLarge: MemoryError | null = null;
  const known = (incomplete: boolean): ComparisonReport => {
    const report = { environment: describeEnvironment(), input: describeInput(input, settings), results, baselines };
    return {
      ...(settings.pictures ? { ...report, pictures } : report),
      ...(incomplete ? { incomplete } : {}),
    };
  };
  const leaveOut = ({ variant }: Cell, what: string, error: MemoryError): void => {
    tooLarge = error;
    reportSkip({ variant: variant.name, reason: `${what}: ${error.message}` });
  };
  for (const plan of plans) {
    const subject = attempting(() => loadSubject(plan, settings));
    const cells = paddable(plan.cells, subject.inputs, settings, reportSkip);
    let figures: Figures | null;
    try {
      figures = await measureFigures({ ...plan, cells }, subject, progress, leaveOut, settings);
      if (figures === null) return known(true);
      const timed = timedResults(plan, subject, figures, settings, progress);
      results.push(...timed.results);
      baselines.push(...timed.baselines);
    } finally {
      releaseScope(subject.parameterBlocks);
    }
    for (const cell of plan.pictured) {
      const { measured, drawn } = figures;
      if (!isReference(cell) && !measured.some((each) => each.cell === cell)) continue;
      const picture = drawn.get(cell) ?? ifItFits(() => drawPicture(cell, subject.inputs, subject.seed));
      if (picture instanceof MemoryError) leaveOut(cell, `picture of ${nameOfCell(cell)}`, picture);
      else pictures.push(picture);
      const work = isReference(cell) ? 0 : PASSES.picture * workOf(cell, plan.shape);
      await step(progress, work, `picture of ${nameOfCell(cell)}`);
    }
    progress.endPart(plan.label);
    if (plan !== plans.at(-1)) settings.onResults?.(known(true));
  }
  if (results.length === 0 && tooLarge !== null) throw tooLarge;
  return known(false);
}

interface Figures {
  full: Reference;
  baselines: MeasuredBaseline[];
  measured: Measured[];
  /** Pictures of cells of which all rows were measured. */
  drawn: Map<Cell, PatternPicture>;
}

/** Everything that is measured once; null if it was stopped. Throws MemoryError if there is no room for full attention. */
async function measureFigures(
  { input, shape, label, reference, cells, pictured }: Plan,
  subject: Subject,
  progress: Progress,
  onTooLarge: (cell: Cell, what: string, error: MemoryError) => void,
  { shouldStop = () => false, onOutput = () => {}, onMeasured = () => {} }: CompareSettings,
): Promise<Figures | null> {
  const placeOf = ({ variant, options, budget }: Cell): Omit<MeasuredOutput, 'shape' | 'data'> => {
    const { length, layer } = input;
    const place = { length, ...(layer === undefined ? {} : { layer }) };
    return { variant: variant.name, options: { ...options }, budget, ...place };
  };
  const outputOf = (cell: Cell, output: Output): void => onOutput({ ...placeOf(cell), ...output });
  const known = (figures: Measured): void => {
    const { relativeError, totalVariation, topKRecall } = figures;
    measured.push(figures);
    onMeasured({ ...placeOf(figures.cell), relativeError, totalVariation, topKRecall });
  };
  const drawn = new Map<Cell, PatternPicture>();
  const draw = (cell: Cell, rows: Dense): void => {
    const isWhole = rows.shape[2] === input.length;
    if (isWhole && pictured.includes(cell)) drawn.set(cell, pictureOfRows(cell, rows));
  };
  const full = measureReference(reference, subject);
  draw(reference, full.rows);
  outputOf(reference, full.output);
  await step(progress, PASSES.reference * workOf(reference, shape), `${label}: ${nameOfCell(reference)}`);
  const baselines = measureBaselines(subject, reference.options.causal, full);
  const measured: Measured[] = [];
  for (const cell of cells) {
    if (shouldStop()) return null;
    if (isReference(cell)) {
      known({ ...full.measured, cell });
      continue;
    }
    const onOutputOf = (output: Output) => outputOf(cell, output);
    const figures = ifItFits(() => measureCell(cell, subject, full, onOutputOf, (rows) => draw(cell, rows)));
    if (figures instanceof MemoryError) onTooLarge(cell, `${label}, ${nameOfCell(cell)}`, figures);
    else known(figures);
    await step(progress, PASSES.cell * workOf(cell, shape), `${label}: ${nameOfCell(cell)}`);
  }
  return { full, baselines, measured, drawn };
}

function timedResults(
  { input, shape, label, reference }: Plan,
  subject: Subject,
  { full, baselines, measured }: Figures,
  settings: CompareSettings,
  progress: Progress,
): { results: ComparisonResult[]; baselines: BaselineResult[] } {
  const timed = [full.measured, ...measured.filter(({ cell }) => !isReference(cell))];
  const times = timeInTurns(
    timed.map(({ forward }) => forward),
    {
      ...settings.timing,
      onRun: (index, turn) => {
        const { cell } = timed[index];
        progress.advance(turn < turnsOf(cell, shape) ? workOf(cell, shape) : 0, `${label}: timing ${nameOfCell(cell)}`);
      },
    },
  );
  // Timed separately: they take almost no time, which would only give the others more turns.
  const baselineTimes = timeInTurns(
    baselines.map(({ forward }) => forward),
    settings.timing,
  );
  const place = { ...(input.layer === undefined ? {} : { layer: input.layer }), length: input.length };
  const beside = {
    fullMilliseconds: times[0],
    fullPeakBytes: full.measured.peakBytes,
    fullFlops: reference.variant.cost(shape, reference.options).flops,
    fullOracleError: full.oracleError,
  };
  return {
    results: measured.map(({ cell, forward, ...figures }) => ({
      variant: cell.variant.name,
      options: { ...cell.options },
      budget: cell.budget,
      exactness: cell.variant.exactness,
      ...absentGatesOf(cell.variant, cell.options, subject.inputs),
      ...place,
      ...figures,
      milliseconds: times[timed.findIndex((each) => each.forward === forward)],
      flops: cell.variant.cost(shape, cell.options).flops,
      ...beside,
    })),
    baselines: baselines.map(({ baseline, figures, flops }, index) => {
      const sampledRows = subject.rows.length;
      return { baseline, ...place, ...figures, sampledRows, milliseconds: baselineTimes[index], flops, ...beside };
    }),
  };
}

/** Reports work done, and gives Ctrl-C and the garbage collector's finalisers a turn. */
async function step(progress: Progress, work: number, label: string): Promise<void> {
  progress.advance(work, label);
  await nextTurn();
}

function describeInput(
  { name, source, detail, batch, heads, headDim, cases, maskedTokens }: ComparisonInput,
  { causal = false, seed = 0 }: CompareSettings,
): InputDescription {
  const lengths = [...new Set(cases.map(({ length }) => length))];
  const masked = maskedTokens === undefined ? {} : { maskedTokens };
  return { name, source, detail, batch, heads, lengths, headDim, causal, seed, ...masked };
}
