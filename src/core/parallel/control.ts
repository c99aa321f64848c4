/**
 * The control block that the calling thread and its workers share: a few atomic counters, and the job in plain
 * numbers. A job names its kernel, its arrays by offset in the heap, and its numbers.
 *
 * Joining: a worker adds itself to ACTIVE and only then looks whether the region is OPEN; the caller closes the
 * region and only then waits for ACTIVE to fall to 0. So no thread waits for a worker that slept through a region.
 */

import type { KernelRun } from '../kernels/kernel.ts';
import { type DType, dtypeOf, type NumericArray, viewOf } from '../memory.ts';
import { SharedBuffer } from '../shared-buffer.ts';

/** Slots of the Int32Array. */
export const GENERATION = 0;
export const OPEN = 1;
export const ACTIVE = 2;
export const NEXT = 3;
export const FAILED = 4;
export const ONLINE = 5;
export const SPINS = 6;

const MAX_ARRAYS = 48;
const MAX_NUMBERS = 48;
const NAME_BYTES = 40;
const MESSAGE_BYTES = 512;
const COUNTER_BYTES = 64;
const JOB_SLOTS = 4 + 3 * MAX_ARRAYS + MAX_NUMBERS;
const dtypes: readonly DType[] = ['float32', 'float64', 'int32', 'uint8'];

export class Control {
  readonly buffer: SharedArrayBuffer;
  readonly counters: Int32Array;
  readonly #job: Float64Array;
  readonly #name: Uint8Array;
  readonly #message: Uint8Array;

  constructor(buffer?: SharedArrayBuffer) {
    const nameAt = COUNTER_BYTES + 8 * JOB_SLOTS;
    this.buffer = buffer ?? new SharedBuffer(nameAt + NAME_BYTES + MESSAGE_BYTES);
    this.counters = new Int32Array(this.buffer, 0, COUNTER_BYTES / 4);
    this.#job = new Float64Array(this.buffer, COUNTER_BYTES, JOB_SLOTS);
    this.#name = new Uint8Array(this.buffer, nameAt, NAME_BYTES);
    this.#message = new Uint8Array(this.buffer, nameAt + NAME_BYTES, MESSAGE_BYTES);
  }

  writeJob(
    name: string,
    count: number,
    grain: number,
    arrays: readonly (NumericArray | undefined)[],
    numbers: readonly number[],
  ): void {
    if (arrays.length > MAX_ARRAYS || numbers.length > MAX_NUMBERS) {
      throw new Error(`kernel '${name}': at most ${MAX_ARRAYS} arrays and ${MAX_NUMBERS} numbers`);
    }
    if (arrays.some((array) => array !== undefined && !(array.buffer instanceof SharedBuffer))) {
      throw new Error(`kernel '${name}': an array outside the heap, which workers cannot see`);
    }
    writeText(this.#name, name);
    const job = this.#job;
    job[0] = count;
    job[1] = grain;
    job[2] = arrays.length;
    job[3] = numbers.length;
    let slot = 4;
    for (const array of arrays) {
      // An array that was left out has no type.
      job[slot++] = array === undefined ? -1 : dtypes.indexOf(dtypeOf(array));
      job[slot++] = array?.byteOffset ?? 0;
      job[slot++] = array?.length ?? 0;
    }
    for (const number of numbers) job[slot++] = number;
  }

  readJob(): { name: string; count: number; grain: number; arrays: NumericArray[]; numbers: number[] } {
    const job = this.#job;
    const arrays: NumericArray[] = [];
    let slot = 4;
    for (let i = 0; i < job[2]; i++, slot += 3) {
      const isThere = job[slot] >= 0;
      arrays.push((isThere ? viewOf(dtypes[job[slot]], job[slot + 1], job[slot + 2]) : undefined) as NumericArray);
    }
    const numbers = Array.from(job.subarray(slot, slot + job[3]));
    return { name: readText(this.#name), count: job[0], grain: job[1], arrays, numbers };
  }

  /** Takes chunks of `grain` items until none is left. */
  takeShare(
    run: KernelRun,
    count: number,
    grain: number,
    arrays: readonly NumericArray[],
    numbers: readonly number[],
  ): void {
    for (;;) {
      const begin = Atomics.add(this.counters, NEXT, 1) * grain;
      if (begin >= count) return;
      run(begin, Math.min(begin + grain, count), arrays, numbers);
    }
  }

  /** Remembers the first failure of a region; later ones are dropped. */
  fail(message: string): void {
    if (Atomics.compareExchange(this.counters, FAILED, 0, 1) !== 0) return;
    writeText(this.#message, message);
    Atomics.store(this.counters, FAILED, 2);
  }

  failure(): string | null {
    return Atomics.load(this.counters, FAILED) === 0 ? null : readText(this.#message);
  }
}

function writeText(bytes: Uint8Array, text: string): void {
  const length = Math.min(text.length, bytes.length);
  for (let i = 0; i < length; i++) bytes[i] = text.charCodeAt(i);
  if (length < bytes.length) bytes[length] = 0;
}

function readText(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length && bytes[i] !== 0; i++) text += String.fromCharCode(bytes[i]);
  return text;
}
