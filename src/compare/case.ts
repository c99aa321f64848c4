/** One layer or length: the cells that run on it, their input, and the work that they take. */

import { expectShape, FileFormatError, UnsupportedError } from '../core/errors.ts';
import { firstNotFinite } from '../core/finite.ts';
import { BlockList } from '../core/memory.ts';
import { Random } from '../core/random.ts';
import { elements } from '../core/tensor.ts';
import { counted } from '../terminal/format.ts';
import { checkInputs } from '../variants/attend.ts';
import type { AttentionInputs, AttentionShape } from '../variants/variant.ts';
import { realPositions, realTokens } from './counted.ts';
import type { ComparisonCase, ComparisonInput } from './inputs.ts';
import type { Subject } from './measure.ts';
import { picturedCells } from './pictures.ts';
import { type Cell, type PlanSettings, planCells, referenceCell, type Skip } from './plan.ts';
import { workOf } from './progress.ts';
import { expectRoom, sampledRows } from './room.ts';
import { REFERENCE_VARIANT } from './series.ts';

/** One layer or length and what runs on it. */
export interface Plan {
  input: ComparisonCase;
  shape: AttentionShape;
  /** The layer or the length: whichever has several values. */
  label: string;
  reference: Cell;
  cells: Cell[];
  pictured: Cell[];
}

/** The measured rows of the attention matrix: all of a short sequence, a seeded sample of a long one. */
const ALL_ROWS_UP_TO = 512;
const SAMPLED_ROWS = 64;

export function planCase(
  input: ComparisonCase,
  { batch, heads, headDim, cases, source }: ComparisonInput,
  settings: PlanSettings & { pictures?: boolean },
  first: boolean,
  onSkip: (skip: Skip) => void,
): Plan {
  const { length, layer } = input;
  const shortest = Math.min(...cases.map((each) => each.length));
  const shape = { batch, heads, queryLength: length, keyLength: length, headDim, dtype: 'float32' as const };
  expectRoom(shape, source);
  const reference = referenceCell(shape, settings.causal ?? false);
  const cells = planCells(shape, settings, onSkip, shortest);
  const pictured = settings.pictures && first ? picturedCells(reference, cells) : [];
  return { input, shape, label: layer ?? counted(length, 'token'), reference, cells, pictured };
}

export function loadSubject(
  { input, shape, label }: Plan,
  { seed = 0, checkFinite = true }: { seed?: number; checkFinite?: boolean },
): Subject {
  const inputs = input.load();
  if (checkFinite) expectFiniteFile(input, inputs);
  const { dtype } = checkInputs(inputs, checkFinite);
  const { length } = input;
  expectShape('queries', inputs.queries.shape, [shape.batch, shape.heads, length, shape.headDim], 'as the input says');
  expectShape('keys', inputs.keys.shape, inputs.queries.shape, 'to match queries');
  const random = new Random(seed).split('rows').split(label);
  const real = realTokens(inputs.keyMask);
  const positions = realPositions({ shape, real });
  const count = sampledRows(shape, positions.length <= ALL_ROWS_UP_TO ? positions.length : SAMPLED_ROWS);
  const rows =
    count === positions.length ? positions : random.choose(positions.length, count).map((row) => positions[row]);
  const fewRows =
    rows.length <= SAMPLED_ROWS
      ? Int32Array.from(rows.keys())
      : Int32Array.from(random.split('one by one').choose(rows.length, SAMPLED_ROWS)).sort();
  const recall = input.recall ?? ((_kind, _key, compute) => compute());
  return { inputs, shape: { ...shape, dtype }, real, rows, fewRows, seed, recall, parameterBlocks: new BlockList() };
}

/** Throws FileFormatError, which names the place in the file, if the tensors of a file hold NaN or an infinity. */
function expectFiniteFile({ placeOf }: ComparisonCase, inputs: AttentionInputs): void {
  if (placeOf === undefined) return;
  for (const part of ['queries', 'keys', 'values'] as const) {
    const at = firstNotFinite(inputs[part]);
    if (at < 0) continue;
    const got = elements(inputs[part])[at];
    throw new FileFormatError(
      `${placeOf(part, at)}: expected a finite number, got ${got}; --no-check-finite leaves out this check`,
    );
  }
}

/** The cells that support padding, if there is padding. */
export function paddable(
  cells: Cell[],
  { keyMask }: AttentionInputs,
  { variants }: PlanSettings,
  onSkip: (skip: Skip) => void,
): Cell[] {
  if (keyMask === undefined) return cells;
  return cells.filter(({ variant }) => {
    if (variant.supports.padding) return true;
    const reason = `keyMask: ${variant.name} has no defined answer for padded keys`;
    if (variants !== undefined) throw new UnsupportedError(reason);
    onSkip({ variant: variant.name, reason });
    return false;
  });
}

/** The cost of each part of the work, in forward passes of the cell. The oracle draws the picture of full attention cheaply. */
export const PASSES = { reference: 2, cell: 5, timing: 3, picture: 8 } as const;
/** A pass of this many operations is likely to be timed only once. */
const LONG_PASS = 1e10;

export function isReference({ variant }: Cell): boolean {
  return variant.name === REFERENCE_VARIANT;
}

/** The expected number of the stopwatch's turns. */
export function turnsOf(cell: Cell, shape: AttentionShape): number {
  return workOf(cell, shape) > LONG_PASS ? 1 : PASSES.timing;
}

export function workOfPlan({ reference, cells, pictured, shape }: Plan): number {
  const total = (of: readonly Cell[], passes: (cell: Cell) => number): number =>
    of.reduce((sum, cell) => sum + passes(cell) * workOf(cell, shape), 0);
  const others = (of: readonly Cell[]): Cell[] => of.filter((cell) => !isReference(cell));
  return (
    total([reference], (cell) => PASSES.reference + turnsOf(cell, shape)) +
    total(others(cells), (cell) => PASSES.cell + turnsOf(cell, shape)) +
    total(others(pictured), () => PASSES.picture)
  );
}
