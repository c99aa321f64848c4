/**
 * Positions tell a model the order of its tokens. Attention by itself sees only a set.
 *
 * - sinusoidal: added to the embeddings, nothing learned (Vaswani et al. 2017, §3.5);
 * - learned: a vector for each position, added (Gehring et al. 2017);
 * - axial: the same, but from two parts, shared by rows and columns of positions (see axial-positions.ts);
 * - rotary: nothing is added; queries and keys are rotated by angles that grow with the position, so that their products depend on the distance (Su et al. 2021);
 * - none: for variants with their own positions, relative ones or those of a convolution, and for causal models that learn
 *   the order by themselves.
 *
 * Added vectors have the size of the embeddings, with entries of size 1 (mean square ½ for the sinusoids).
 */
import { ArgumentError, expectInteger } from '../core/errors.ts';
import { release } from '../core/memory.ts';
import { slice } from '../core/ops/index.ts';
import { rotate } from '../core/ops/rotate.ts';
import type { Random } from '../core/random.ts';
import { keep } from '../core/scope.ts';
import { elements, empty, randomNormal, type Tensor } from '../core/tensor.ts';
import { rotaryRates } from '../variants/rotation.ts';
import { type AxialPositions, axialPositionParameters, axialPositions } from './axial-positions.ts';
import type { FloatType } from './linear.ts';
import type { Parts } from './module.ts';

export const POSITIONS = ['sinusoidal', 'learned', 'axial', 'rotary', 'none'] as const;
export type PositionKind = (typeof POSITIONS)[number];

export interface AddedPositions {
  /** The learned tensors. */
  readonly parts: Parts;
  /** The vectors of positions begin … end − 1, [end − begin, width]. */
  rows(begin: number, end: number): Tensor;
  /** Releases cached values, which can be made again. */
  forget?(): void;
}

export interface PositionSettings {
  kind: PositionKind;
  /** The maximum number of positions. */
  length: number;
  width: number;
  /** l₁ and l₂ for axial positions; half of the width belongs to each. */
  axialLengths?: readonly [number, number];
}

/**
 * The vectors that are added to embeddings, or null for kinds that add none. Throws ArgumentError for axial lengths that do
 * not cover the length.
 */
export function addedPositions(settings: PositionSettings, random: Random, dtype: FloatType): AddedPositions | null {
  const { kind, length, width, axialLengths = squarest(length) } = settings;
  if (kind === 'sinusoidal') {
    const table = new Table(length, width, dtype, sinusoid(width));
    return { parts: {}, rows: (begin, end) => table.rows(begin, end), forget: () => table.forget() };
  }
  if (kind === 'learned') {
    const weight = randomNormal([length, width], random, dtype).withGrad();
    return { parts: { weight }, rows: (begin, end) => slice(weight, 0, begin, end) };
  }
  if (kind === 'axial') {
    const [rows, columns] = axialLengths;
    if (!(rows * columns >= length)) {
      throw new ArgumentError(`axialLengths: expected a product of at least ${length}, got ${rows} · ${columns}`);
    }
    expectInteger('width', width, 2);
    const widths = [Math.floor(width / 2), Math.ceil(width / 2)] as const;
    const parameters: AxialPositions = axialPositionParameters(axialLengths, widths, random, dtype);
    return { parts: parameters, rows: (begin, end) => slice(axialPositions(parameters, end), 0, begin, end) };
  }
  return null;
}

/**
 * Rows without learned numbers, made on first use and doubled each time, so that a length that a file only claims costs
 * nothing.
 */
class Table {
  readonly #length: number;
  readonly #width: number;
  readonly #dtype: FloatType;
  readonly #entry: (row: number, column: number) => number;
  #made: Tensor | null = null;

  constructor(length: number, width: number, dtype: FloatType, entry: (row: number, column: number) => number) {
    this.#length = length;
    this.#width = width;
    this.#dtype = dtype;
    this.#entry = entry;
  }

  /** Rows begin … end − 1, [end − begin, width]. */
  rows(begin: number, end: number): Tensor {
    return slice(this.upTo(end), 0, begin, end);
  }

  /** At least the first `end` rows, if there are as many. */
  upTo(end: number): Tensor {
    const rows = this.#made?.shape[0] ?? 0;
    if (this.#made === null || (end > rows && rows < this.#length)) {
      this.#made = keep(this.#make(Math.min(this.#length, Math.max(end, 2 * rows, FEWEST_ROWS))));
    }
    return this.#made;
  }

  forget(): void {
    if (this.#made !== null) release(this.#made.array.data);
    this.#made = null;
  }

  #make(rows: number): Tensor {
    const width = this.#width;
    const table = empty([rows, width], this.#dtype);
    const into = elements(table);
    for (let n = 0; n < into.length; n++) into[n] = this.#entry(Math.floor(n / width), n % width);
    return table;
  }
}

const FEWEST_ROWS = 256;

/** PE(p, 2i) = sin(p / 10000^(2i/width)), PE(p, 2i + 1) = cos of the same (§3.5): [length, width]. */
export function sinusoids(length: number, width: number, dtype: FloatType): Tensor {
  return new Table(length, width, dtype, sinusoid(width)).rows(0, length);
}

function sinusoid(width: number): (position: number, column: number) => number {
  return (position, column) => {
    const angle = position / 10000 ** ((column - (column % 2)) / width);
    return column % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
  };
}

/**
 * Rotary positions for heads of an even width d. Columns i and i + d/2 of the vector at position p are a point in the plane,
 * and are rotated by the angle p θ_i with θ_i = 10000^(−2i/d) (Su et al. 2021, eqs. 14 and 15; there neighbours are a pair,
 * which is the same up to the order of columns, and columns of a projection have none).
 */
export class Rotary {
  readonly #cosines: Table;
  readonly #sines: Table;

  constructor(length: number, width: number, dtype: FloatType) {
    if (width % 2 !== 0) throw new ArgumentError(`headDim: expected an even number for rotary positions, got ${width}`);
    const half = width / 2;
    const rates = rotaryRates(width);
    const angle = (position: number, i: number) => position * rates[i];
    this.#cosines = new Table(length, half, dtype, (position, i) => Math.cos(angle(position, i)));
    this.#sines = new Table(length, half, dtype, (position, i) => Math.sin(angle(position, i)));
  }

  forget(): void {
    this.#cosines.forget();
    this.#sines.forget();
  }

  /** Rotates x [batch, heads, length, width], whose first token is at position `begin`. */
  turn(x: Tensor, begin: number): Tensor {
    const end = begin + x.shape[2];
    return rotate(x, this.#cosines.upTo(end), this.#sines.upTo(end), begin);
  }
}

/** l₁ and l₂ as near to each other as possible, which needs the fewest learned numbers. */
function squarest(length: number): [number, number] {
  const columns = Math.ceil(Math.sqrt(length));
  return [Math.ceil(length / columns), columns];
}
