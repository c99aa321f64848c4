/** Variants at one length, forward and with gradients, timed in turns so that they can be compared. */
import { timeInTurns } from '../../src/compare/stopwatch.ts';
import { checkOptions, drawParameters } from '../../src/variants/attend.ts';
import type { AnyVariant } from '../../src/variants/registry.ts';
import type { AttentionInputs, AttentionShape, CommonOptions } from '../../src/variants/variant.ts';
import { pass, peakOf, type SuiteSettings } from './suite.ts';

/** Options that have to follow the length where other defaults stay those of a shorter one. */
export const FOLLOWING: Record<string, (length: number) => Record<string, unknown>> = {
  hyena: (length) => ({ filterLength: length }),
  sinkhorn: (length) => ({ maxLength: length }),
  synthesizer: (length) => ({ maxLength: length }),
};

/** One variant and kind of pass at one length, ready to run. */
export interface Cell {
  variant: AnyVariant;
  options: CommonOptions;
  training: boolean;
  flops: number;
  body: () => void;
}

export interface CellRow extends Record<string, unknown> {
  variant: string;
  options: CommonOptions;
  length: number;
  training: boolean;
  milliseconds: number;
  /** The most tensor memory that a pass held beyond its inputs. */
  peakBytes: number;
  flops: number;
}

/** Of one cell, in all its rounds. */
const PATIENCE_MILLISECONDS = 20_000;

export function cellOf(
  variant: AnyVariant,
  inputs: AttentionInputs,
  given: Partial<CommonOptions>,
  training: boolean,
): Cell {
  const [batch, heads, length, headDim] = inputs.queries.shape;
  const shape: AttentionShape = { batch, heads, queryLength: length, keyLength: length, headDim, dtype: 'float32' };
  const options = checkOptions(variant, given, shape);
  const parameters = drawParameters(variant, options, shape, 1);
  const body = () => pass(variant, inputs, options, parameters, training);
  return { variant, options, training, body, flops: variant.cost(shape, options).flops };
}

/** Median times over the rounds, and peaks; `length` is that of all cells. */
export function measureCells(cells: readonly Cell[], length: number, { rounds, tell }: SuiteSettings): CellRow[] {
  const nameOf = ({ variant, training }: Cell) => `${variant.name}${training ? ', forward and backward' : ''}`;
  const peaks = cells.map((cell) => {
    tell(`${length}: ${nameOf(cell)}`);
    // The first run also compiles and draws what is cached.
    return peakOf(cell.body);
  });
  const times = timeInTurns(
    cells.map(({ body }) => body),
    {
      minTurns: rounds,
      maxTurns: rounds,
      patience: PATIENCE_MILLISECONDS,
      onRun: (index, turn) => tell(`${length}: round ${turn + 1}, ${nameOf(cells[index])}`),
    },
  );
  return cells.map(({ variant, options, training, flops }, index) => ({
    variant: variant.name,
    options,
    length,
    training,
    milliseconds: times[index],
    peakBytes: peaks[index],
    flops,
  }));
}

/** A pass that would take longer is left out: its rounds, and the run that compiles, would take half a minute. */
const LONGEST_MILLISECONDS = 5_000;

/** Whether a pass is expected to be short enough: it grows as it did between the last two lengths, or with L² at the most. */
export function isWorthwhile(
  rows: readonly CellRow[],
  variant: AnyVariant,
  training: boolean,
  length: number,
): boolean {
  const [last, before] = group(rows, variant.name, training).reverse();
  if (last === undefined) return true;
  const slope =
    before === undefined
      ? 2
      : Math.log(last.milliseconds / before.milliseconds) / Math.log(last.length / before.length);
  return last.milliseconds * (length / last.length) ** Math.min(2, slope) <= LONGEST_MILLISECONDS;
}

/** The rows of one variant and kind of pass, in the order of their lengths. */
export function group<Row extends { variant: string; training: boolean }>(
  rows: readonly Row[],
  variant: string,
  training: boolean,
): Row[] {
  return rows.filter((row) => row.variant === variant && row.training === training);
}
