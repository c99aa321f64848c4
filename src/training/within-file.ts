/** Models made from the settings of a file, which are not trusted: never larger than the file's own tensors. */
import type { Complain } from '../core/files/input-file.ts';
import { countElements } from '../core/files/numbers.ts';
import { attempting } from '../core/memory.ts';

/**
 * For each number of the file: one of the model, an intermediate one (weights are drawn, then scaled), and two of an
 * optimiser that the file may lack, of 8 bytes each.
 */
const BYTES_PER_NUMBER = 32;
/** Memory for random draws, and for small blocks that are rounded up to a cache line, in the smallest models. */
const ROOM = 2 ** 19;

/**
 * The result of `make`, for these tensors. Throws the error of `complain` if it needs much more memory than they fill. If it
 * throws, it holds no memory.
 */
export function withinFile<T>(
  tensors: Iterable<{ readonly shape: readonly number[] }>,
  complain: Complain,
  make: () => T,
): T {
  const numbers = [...tensors].reduce((total, { shape }) => total + countElements(shape), 0);
  const exceeded = () =>
    complain(`settings: expected those of the ${numbers} numbers that are stored, got those of a larger model`);
  return attempting(make, { bytes: BYTES_PER_NUMBER * numbers + ROOM, exceeded });
}
