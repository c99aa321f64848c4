/**
 * Whole groups of scans without a delta rule and with at most one decay for each token, in one call of the vector kernels, where the
 * arrays allow it: wasm/assembly/scan-groups.ts. Calls for each chunk would take as long as some of its products.
 */
import type { NumericArray } from '../memory.ts';
import { CHUNK, PAIRS } from './scan-chunk.ts';
import type { ScanNumbers } from './scan-steps.ts';
import { Scratch, scratchInt32 } from './scratch.ts';
import { isInHeap, isOnHeap, vectorKernels } from './simd.ts';

const scratch = new Scratch();
/** Says to a scratch what type of numbers is wanted. */
const DOUBLE = new Float64Array(0);
const ENTRIES = 17;
let table: Int32Array | null = null;

/** Fills the table. Returns its address, or null where an array lies outside the heap or has another type. */
function tableOf(arrays: readonly NumericArray[], places: readonly NumericArray[], numbers: readonly number[]) {
  table ??= scratchInt32(ENTRIES);
  if (!isInHeap(table) || !arrays.every(isOnHeap) || !places.every(isInHeap)) return null;
  let entry = 0;
  for (const array of arrays) table[entry++] = array.byteOffset;
  for (const place of places) table[entry++] = place.byteOffset;
  for (const number of numbers) table[entry++] = number;
  return table.byteOffset;
}

/** What scanSumsKernel does for its items. Returns false, and does nothing, where the plain loops have to run. */
export function sumGroups(
  begin: number,
  end: number,
  { keys, values, g, states, totals }: Record<'keys' | 'values' | 'g' | 'states' | 'totals', NumericArray>,
  { sequences, length, m, n, size, first, decays, reverse }: ScanNumbers,
): boolean {
  const fast = decays > 1 ? null : vectorKernels();
  if (fast === null) return false;
  // Those of group i are one slot further.
  const further = [states.subarray(sequences * m * n), totals.subarray(sequences * decays)];
  const places = [scratch.get('sums', DOUBLE, CHUNK), scratch.get('scaled', keys, CHUNK * m)];
  const address = tableOf([keys, values, g, ...further], places, [
    ...[sequences, length, m, n],
    ...[size, first, decays, reverse],
  ]);
  if (address === null) return false;
  fast.scanSumGroups(address, begin, end);
  return true;
}

/** Likewise what scanKernel does. */
export function readGroups(
  begin: number,
  end: number,
  arrays: Record<'queries' | 'keys' | 'values' | 'g' | 'states' | 'output', NumericArray>,
  { sequences, length, m, n, size, first, decays }: ScanNumbers,
): boolean {
  const fast = decays > 1 ? null : vectorKernels();
  if (fast === null) return false;
  const { queries, keys, values, g, states, output } = arrays;
  const places = [
    scratch.get('sums', DOUBLE, CHUNK),
    scratch.get('scaled', keys, CHUNK * m),
    scratch.get('panels', keys, CHUNK * m),
    scratch.get('pairs', keys, PAIRS),
  ];
  const given = [queries, keys, values, g, states, output];
  const address = tableOf(given, places, [sequences, length, m, n, size, first, decays]);
  if (address === null) return false;
  fast.scanGroups(address, begin, end);
  return true;
}
