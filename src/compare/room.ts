/** Memory in a comparison: it refuses an input that can never fit, and continues without a variant that does not fit. */
import { MemoryError } from '../core/errors.ts';
import { memoryLimit } from '../core/memory.ts';
import { formatBytes } from '../terminal/format.ts';
import type { AttentionShape } from '../variants/variant.ts';
import type { ComparisonInput } from './inputs.ts';

const FLOAT_BYTES = 4;

/**
 * Throws MemoryError if the tensors that every comparison holds are larger than the tensor memory can grow: queries, keys,
 * values and one output. For a file, only queries and keys are counted, because its values may be narrow.
 */
export function expectRoom(shape: AttentionShape, source: ComparisonInput['source']): void {
  const { batch, heads, keyLength, headDim } = shape;
  const [arrays, names] = source === 'file' ? [2, 'queries and keys'] : [4, 'queries, keys, values and an output'];
  const bytes = arrays * FLOAT_BYTES * batch * heads * keyLength * headDim;
  const limit = memoryLimit();
  if (bytes <= limit) return;
  throw new MemoryError(
    `length: ${keyLength} tokens in ${heads * batch} heads of width ${headDim} take ${formatBytes(bytes)} for ${names}, ` +
      `more than the ${formatBytes(limit)} that tensors can have; use fewer tokens, heads or batch entries`,
  );
}

/** The most numbers in the measured rows of the attention matrix; they are float64, and several copies are held. */
const MOST_ROW_NUMBERS = 2 ** 26;
const FEWEST_ROWS = 8;

/** How many rows of the matrix of each head are measured: `wanted`, or fewer if they are very long. */
export function sampledRows({ batch, heads, keyLength }: AttentionShape, wanted: number): number {
  const affordable = Math.floor(MOST_ROW_NUMBERS / (batch * heads * keyLength));
  return Math.min(wanted, Math.max(FEWEST_ROWS, affordable));
}

/** The result of `body`, or the error if it runs out of memory. The memory that it took by then is released. */
export function ifItFits<T>(body: () => T): T | MemoryError {
  try {
    return body();
  } catch (error) {
    if (error instanceof MemoryError) return error;
    if (isRefusedArray(error)) return new MemoryError(`memory: ${REFUSED_ARRAY}`, { cause: error });
    throw error;
  }
}

/** Whether this is an engine's error for an array that the system has no memory for. */
export function isRefusedArray(error: unknown): boolean {
  return error instanceof RangeError && error.message.startsWith('Array buffer allocation failed');
}

export const REFUSED_ARRAY = 'the system gives no more; use fewer tokens, heads or batch entries';
