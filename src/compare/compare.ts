/** The main job: each variant and budget against full attention on the same input, in the same run. */
import { noGrad } from '../core/autograd.ts';
import { measureMemory } from '../core/memory.ts';
import { poolReady } from '../core/parallel/pool.ts';
import { Random } from '../core/random.ts';
import { type Dense, maxAbsoluteError, relativeFrobeniusError } from '../core/reference.ts';
import { scope, type Tensor } from '../core/tensor.ts';
import { attend, checkInputs, drawParameters } from '../variants/attend.ts';
import type { AttentionInputs, AttentionShape } from '../variants/variant.ts';
import { attentionRows } from './attention-rows.ts';
import { describeEnvironment } from './environment.ts';
import type { ComparisonCase, ComparisonInput } from './inputs.ts';
import { meanTopKRecall, meanTotalVariation } from './metrics.ts';
import { drawPictures } from './pictures.ts';
import { type Cell, nameOfCell, type PlanSettings, planCells, referenceCell, type Skip } from './plan.ts';
import type { ComparisonReport, ComparisonResult, InputDescription } from './result.ts';
import { REFERENCE_VARIANT } from './series.ts';
import { type StopwatchSettings, timeInTurns } from './stopwatch.ts';

export interface CompareSettings extends PlanSettings {
  /** Of parameters and of the sampled rows. The same seed gives the same figures, but for times. */
  seed?: number;
  /** Look for NaN and infinities in the inputs first (default true). */
  checkFinite?: boolean;
  /** Also draw who attends to whom, for the first layer or length (default false). */
  pictures?: boolean;
  timing?: StopwatchSettings;
  /** `done` of `total`, in units that grow about evenly with time. */
  onProgress?: (done: number, total: number, label: string) => void;
  /** A variant that cannot run as asked, or not at this budget, and was not named. */
  onSkip?: (skip: Skip) => void;
}

/** Rows of the attention matrix that are looked at: all of a short sequence, a seeded sample of a long one. */
const ALL_ROWS_UP_TO = 256;
const SAMPLED_ROWS = 64;

/** Of one cell: its analysis takes about as long as five forward passes, its timing as three. */
const ANALYSIS_PASSES = 5;
const TIMED_PASSES = 3;
/** Operations that take as long as what a pass costs beyond its operations. */
const OVERHEAD_FLOPS = 2e7;

/** One layer or length and what runs on it. */
interface Plan {
  input: ComparisonCase;
  shape: AttentionShape;
  /** The layer or the length, whichever there are several of. */
  label: string;
  reference: Cell;
  cells: Cell[];
}

/**
 * Measures every cell on every layer or length of the input. What is wrong with the request is thrown before the
 * first measurement (ArgumentError, ShapeError, UnsupportedError), NaN in an input when its turn comes.
 */
export async function compare(input: ComparisonInput, settings: CompareSettings = {}): Promise<ComparisonReport> {
  const plans = planAll(input, settings);
  const reporter = new Reporter(plans, settings.onProgress ?? (() => {}));
  await poolReady();
  const results: ComparisonResult[] = [];
  let pictures: ComparisonReport['pictures'];
  for (const plan of plans) {
    const inputs = plan.input.load();
    checkInputs(inputs, settings.checkFinite ?? true);
    results.push(...(await measure(plan, inputs, settings, reporter)));
    if (settings.pictures && plan === plans[0]) {
      pictures = drawPictures([plan.reference, ...plan.cells], inputs, settings.seed ?? 0);
    }
  }
  return {
    environment: describeEnvironment(),
    input: describeInput(input, settings),
    results,
    ...(pictures === undefined ? {} : { pictures }),
  };
}

function planAll(input: ComparisonInput, settings: CompareSettings): Plan[] {
  const told = new Set<string>();
  const onSkip = (skip: Skip): void => {
    if (!told.has(skip.reason)) settings.onSkip?.(skip);
    told.add(skip.reason);
  };
  const { batch, heads, headDim } = input;
  return input.cases.map((each) => {
    const { length, layer } = each;
    const shape = { batch, heads, queryLength: length, keyLength: length, headDim, dtype: 'float32' as const };
    return {
      input: each,
      shape,
      label: layer ?? `${length} tokens`,
      reference: referenceCell(shape, settings.causal ?? false),
      cells: planCells(shape, settings, onSkip),
    };
  });
}

async function measure(
  { input, shape, label, reference, cells }: Plan,
  inputs: AttentionInputs,
  settings: CompareSettings,
  reporter: Reporter,
): Promise<ComparisonResult[]> {
  const seed = settings.seed ?? 0;
  const queries = sampledQueries(input.length, new Random(seed).split('rows').split(label));
  const analysed = async (cell: Cell): Promise<Analysis> => {
    const analysis = analyse(cell, inputs, shape, queries, seed);
    reporter.advance(ANALYSIS_PASSES * workOf(cell, shape), `${label}: ${nameOfCell(cell)}`);
    // A moment for Ctrl-C, and for the garbage collector's finalisers.
    await new Promise((resolve) => setImmediate(resolve));
    return analysis;
  };
  const full = await analysed(reference);
  const analyses: Analysis[] = [];
  for (const cell of cells) {
    analyses.push(cell.variant.name === REFERENCE_VARIANT ? full : await analysed(cell));
  }

  const bodies = [...new Set([full, ...analyses])];
  const times = timeInTurns(
    bodies.map(({ forward }) => forward),
    {
      ...settings.timing,
      onRun: (index, turn) => {
        const work = turn < TIMED_PASSES ? workOf(bodies[index].cell, shape) : 0;
        reporter.advance(work, `${label}: timing ${nameOfCell(bodies[index].cell)}`);
      },
    },
  );
  return cells.map((cell, n): ComparisonResult => {
    const analysis = analyses[n];
    return {
      variant: cell.variant.name,
      ...(input.layer === undefined ? {} : { layer: input.layer }),
      options: { ...cell.options },
      budget: cell.budget,
      length: input.length,
      relativeError: relativeFrobeniusError(analysis.output, full.output),
      maxAbsError: maxAbsoluteError(analysis.output, full.output),
      totalVariation: meanTotalVariation(analysis.rows, full.rows),
      topKRecall: meanTopKRecall(analysis.rows, full.rows),
      milliseconds: times[bodies.indexOf(analysis)],
      fullMilliseconds: times[0],
      peakBytes: analysis.peakBytes,
      fullPeakBytes: full.peakBytes,
      flops: cell.variant.cost(shape, cell.options).flops,
      fullFlops: reference.variant.cost(shape, reference.options).flops,
    };
  });
}

/** What one cell gave. */
interface Analysis {
  cell: Cell;
  output: Dense;
  rows: Dense;
  peakBytes: number;
  /** One forward pass, for the stopwatch. */
  forward: () => void;
}

function analyse(
  cell: Cell,
  inputs: AttentionInputs,
  shape: AttentionShape,
  queries: Int32Array,
  seed: number,
): Analysis {
  const { variant, options } = cell;
  const parameters = drawParameters(variant, options, shape, seed);
  const settings = { parameters, checkFinite: false };
  const forward = (): Tensor => noGrad(() => attend(variant, inputs, options, settings));
  const { result: output, peakBytes } = measureMemory(() =>
    scope(() => {
      const tensor = forward();
      return { shape: tensor.shape, data: tensor.toArray() };
    }),
  );
  const rows = attentionRows(variant, inputs, options, queries, settings);
  return { cell, output, rows, peakBytes, forward: () => scope(() => void forward()) };
}

function sampledQueries(length: number, random: Random): Int32Array {
  if (length <= ALL_ROWS_UP_TO) return Int32Array.from({ length }, (_, query) => query);
  return random.choose(length, SAMPLED_ROWS);
}

function describeInput(
  { name, source, detail, batch, heads, headDim, cases }: ComparisonInput,
  { causal = false, seed = 0 }: CompareSettings,
): InputDescription {
  const lengths = [...new Set(cases.map(({ length }) => length))];
  return { name, source, detail, batch, heads, lengths, headDim, causal, seed };
}

/** A cell's part of all work. */
function workOf({ variant, options }: Cell, shape: AttentionShape): number {
  return OVERHEAD_FLOPS + variant.cost(shape, options).flops;
}

class Reporter {
  readonly #total: number;
  readonly #tell: NonNullable<CompareSettings['onProgress']>;
  #done = 0;

  constructor(plans: readonly Plan[], tell: NonNullable<CompareSettings['onProgress']>) {
    this.#tell = tell;
    this.#total = 0;
    for (const { reference, cells, shape } of plans) {
      const others = cells.filter(({ variant }) => variant.name !== REFERENCE_VARIANT);
      for (const cell of [reference, ...others]) this.#total += (ANALYSIS_PASSES + TIMED_PASSES) * workOf(cell, shape);
    }
  }

  advance(work: number, label: string): void {
    this.#done = Math.min(this.#total, this.#done + work);
    this.#tell(this.#done, this.#total, label);
  }
}
