/** The features that kernels/feature-attention.ts can make of the rows that it is given, and the loops over such rows. */
import type { NumericArray } from '../memory.ts';
import { ELU_PLUS_ONE } from './feature-elu.ts';
import { EXPONENTIALS } from './feature-exponents.ts';
import type { Block } from './tile.ts';

/** Shifts and results for each row are arrays of the same type as x; y is a row with a number for each channel. */
export interface FeatureMap {
  /** log φ(x). */
  logOf(x: number): number;
  /** to[r] = about the largest log φ(x_r) + y. */
  largestOfSums(x: Block, y: NumericArray, to: NumericArray, rows: number, count: number): void;
  /** y = about the largest of y and all log φ(x_r) + shift_r. */
  raiseToSums(x: Block, shifts: NumericArray, y: NumericArray, rows: number, count: number): void;
  /**
   * to_r = φ(x_r) e^(shift_r + sign · y), rows one after another; zeros for a shift of −∞. Stops before a row r > 0 with a power above
   * e^reach, and returns how many rows there are.
   */
  powersOfSums(
    x: Block,
    y: NumericArray,
    sign: 1 | -1,
    shifts: NumericArray,
    to: NumericArray,
    rows: number,
    count: number,
    reach?: number,
  ): number;
  /**
   * From slopes by φ(x_r), slopes by x_r: target_r ∘ by_r φ′(x_r)/φ(x_r), where rows of `by` are one after another; zeros for a shift
   * of −∞, whatever target_r holds.
   */
  multiplySlopes(target: Block, by: NumericArray, x: Block, shifts: NumericArray, rows: number, count: number): void;
}

/** What feature attention makes features of: `exp` of their logarithms, or `elu-plus-one`. */
export type FeatureMapName = 'exp' | 'elu-plus-one';

/** φ of a kernel's rows, as kernels are told: e^x, or elu(x) + 1. */
export const FEATURE_MAPS: Readonly<Record<FeatureMapName, number>> = { exp: 0, 'elu-plus-one': 1 };

const MAPS = [EXPONENTIALS, ELU_PLUS_ONE];

export const mapOf = (number: number): FeatureMap => MAPS[number];
