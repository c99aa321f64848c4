/** The allocator against a model of it, its statistics, its ceiling, and the garbage collector as a safety net. */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MemoryError } from '../../src/core/errors.ts';
import {
  allocate,
  bytesPerElement,
  type DType,
  heapMemory,
  measureMemory,
  memoryStatistics,
  type NumericArray,
  release,
  resetPeak,
} from '../../src/core/memory.ts';
import { keep, scope } from '../../src/core/scope.ts';
import { elements, filled, type Tensor, viewAs } from '../../src/core/tensor.ts';
import { effort } from '../laws/effort.ts';

const liveBytes = () => memoryStatistics().liveBytes;
/** Blocks are whole cache lines. */
const rounded = (dtype: DType, length: number) => Math.ceil((length * bytesPerElement[dtype]) / 64) * 64;

/** What the heap should look like: a run of segments from its start on, no two free ones side by side. */
class Model {
  segments: { offset: number; bytes: number; free: boolean }[] = [];
  readonly #start: number;

  constructor(start: number) {
    this.#start = start;
  }

  get end(): number {
    const last = this.segments[this.segments.length - 1];
    return last === undefined ? this.#start : last.offset + last.bytes;
  }

  get liveBytes(): number {
    return this.segments.reduce((sum, { bytes, free }) => sum + (free ? 0 : bytes), 0);
  }

  /** Where a block of this size may go: any of the smallest free segments that hold it, else the end. */
  places(bytes: number): number[] {
    const fitting = this.segments.filter((segment) => segment.free && segment.bytes >= bytes);
    const best = Math.min(...fitting.map((segment) => segment.bytes));
    const last = this.segments[this.segments.length - 1];
    if (fitting.length === 0) return [last?.free ? last.offset : this.end];
    return fitting.filter((segment) => segment.bytes === best).map(({ offset }) => offset);
  }

  take(offset: number, bytes: number): void {
    const index = this.segments.findIndex((segment) => segment.offset === offset);
    const rest = index === -1 ? 0 : this.segments[index].bytes - bytes;
    const taken = [{ offset, bytes, free: false }];
    if (rest > 0) taken.push({ offset: offset + bytes, bytes: rest, free: true });
    this.segments.splice(index === -1 ? this.segments.length : index, 1, ...taken);
  }

  give(offset: number): void {
    const freed = this.segments.find((segment) => segment.offset === offset);
    if (freed !== undefined) freed.free = true;
    this.segments = this.segments.reduce<typeof this.segments>((merged, segment) => {
      const before = merged[merged.length - 1];
      if (before?.free && segment.free) before.bytes += segment.bytes;
      else merged.push(segment);
      return merged;
    }, []);
  }
}

type Step = { dtype: DType; length: number } | { release: number };
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({
      dtype: fc.constantFrom<DType>('float32', 'float64', 'int32', 'uint8'),
      // Small sizes meet again and fit exactly; large ones make the heap grow.
      length: fc.oneof(
        fc.integer({ min: 1, max: 150 }),
        fc.nat(30_000).map((n) => n + 1),
        fc.constant(200_000),
      ),
    }),
    fc.record({ release: fc.nat() }),
  ),
  { maxLength: 120, size: 'max' },
);

function isFullOf(array: NumericArray, mark: number): boolean {
  for (let i = 0; i < array.length; i++) if (array[i] !== mark) return false;
  return true;
}

/** The heap of this process outlives a run, and so does the model of it. It starts where the first block goes. */
const probe = allocate('uint8', 1);
release(probe);
const model = new Model(probe.byteOffset);

test('blocks come from the best fit, free neighbours merge, and no two live blocks overlap', () => {
  const law = (sequence: Step[]) => {
    const live: { array: NumericArray; mark: number }[] = [];
    const giveBack = (which: number) => {
      const [{ array, mark }] = live.splice(which, 1);
      assert.ok(isFullOf(array, mark), 'somebody else wrote into a live block');
      release(array);
      model.give(array.byteOffset);
    };
    resetPeak();
    let [peak, largest] = [0, 0];
    sequence.forEach((step, index) => {
      if ('release' in step) {
        if (live.length > 0) giveBack(step.release % live.length);
      } else {
        const bytes = rounded(step.dtype, step.length);
        const places = model.places(bytes);
        const array = allocate(step.dtype, step.length);
        assert.is(array.length, step.length);
        assert.ok(places.includes(array.byteOffset), `${bytes} bytes went to ${array.byteOffset}, not ${places}`);
        model.take(array.byteOffset, bytes);
        live.push({ array: array.fill(index), mark: index });
        peak = Math.max(peak, model.liveBytes);
        largest = Math.max(largest, bytes);
      }
      const { reservedBytes, ...counts } = memoryStatistics();
      assert.equal(counts, { liveBytes: model.liveBytes, peakBytes: peak, largestBytes: largest });
      assert.ok(reservedBytes >= model.end && reservedBytes === heapMemory().buffer.byteLength);
    });
    while (live.length > 0) giveBack(live.length - 1);
    assert.ok(model.segments.length <= 1);
  };
  fc.assert(fc.property(steps, law), effort(60));
});

test('the model itself: first fits first, best fit, extension at the end', () => {
  const small = new Model(64);
  for (const [offset, bytes] of [
    [64, 128],
    [192, 64],
    [256, 64],
    [320, 64],
    [384, 64],
  ])
    small.take(offset, bytes);
  for (const offset of [64, 256, 384]) small.give(offset);
  assert.equal(small.places(64), [256, 384]);
  assert.equal(small.places(128), [64]);
  assert.equal(small.places(256), [384]);
  small.give(320);
  assert.equal(
    small.segments.map(({ bytes }) => bytes),
    [128, 64, 192],
  );
});

test('releasing twice, or an array from elsewhere, does nothing', () => {
  const [first, second] = [allocate('float32', 10), allocate('float32', 10)];
  const before = liveBytes();
  release(first);
  release(first);
  release(new Float32Array(10));
  assert.is(liveBytes(), before - 64);
  release(second);
});

test('measureMemory: the peak and the largest array of the body alone, nested or not, and after a throw', () => {
  const standing = filled([1000], 0);
  const use = (length: number) => scope(() => void filled([length], 0, 'uint8'));
  const outer = measureMemory(() => {
    use(640);
    const inner = measureMemory(() => {
      use(6400);
      use(64);
      return 'result';
    });
    assert.equal(inner, { result: 'result', peakBytes: 6400, largestBytes: 6400 });
    use(1280);
    return scope(() => {
      for (let i = 0; i < 3; i++) filled([3200], 0, 'uint8');
    });
  });
  assert.equal(outer, { result: undefined, peakBytes: 9600, largestBytes: 6400 });
  assert.throws(
    () =>
      measureMemory(() => {
        use(12_800);
        throw new Error('inside');
      }),
    'inside',
  );
  assert.ok(memoryStatistics().peakBytes >= liveBytes() + 12_800);
  release(standing.array.data);
});

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Collects until a condition holds: finalisers run when the event loop turns, some collections later. */
async function collectUntil(condition: () => boolean, turns = 100): Promise<boolean> {
  for (let turn = 0; turn < turns && !condition(); turn++) {
    collectGarbage();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return condition();
}

test('what nobody holds any more goes back by garbage collection; what a view still shows does not', async () => {
  const before = liveBytes();
  const views: Tensor[] = [];
  const makeAndForget = () => {
    filled([1000], 1);
    views.push(viewAs(filled([1000], 2), (array) => array.lo(990)));
  };
  makeAndForget();
  assert.is(liveBytes(), before + 2 * 4032);
  assert.ok(await collectUntil(() => liveBytes() <= before + 4032), 'the forgotten tensor was not collected');
  await collectUntil(() => false, 10);
  assert.is(liveBytes(), before + 4032);
  assert.equal(elements(views[0]).slice(), new Float32Array(10).fill(2));
  views.pop();
  assert.ok(await collectUntil(() => liveBytes() === before), 'the view was not collected');
});

test('so does what was kept beyond its scope, or returned from it, once nobody holds it', async () => {
  const before = liveBytes();
  const leaveAndForget = () => {
    scope(() => void keep(filled([1000], 1)));
    scope(() => filled([1000], 2));
    scope(() => scope(() => filled([1000], 3)));
  };
  leaveAndForget();
  assert.is(liveBytes(), before + 3 * 4032);
  assert.ok(await collectUntil(() => liveBytes() === before), 'what left its scope was not collected');
});

test('collecting what was released before gives nothing back twice', async () => {
  const releaseAndForget = () => {
    scope(() => void filled([1000], 1));
    release(allocate('float32', 1000));
  };
  const before = liveBytes();
  releaseAndForget();
  // The same place, now of others.
  const [first, second] = [filled([1000], 3), filled([1000], 4)];
  await collectUntil(() => false, 10);
  assert.is(liveBytes(), before + 2 * 4032);
  assert.not(first.block.free || second.block.free);
});

test('a full heap: MemoryError with what was asked and what is live; released, it is whole again', async () => {
  const mebibyte = 2 ** 20;
  // What other tests forgot would be found when the heap is full.
  await collectUntil(() => false, 3);
  const before = liveBytes();
  const first = allocate('uint8', 3 * mebibyte);
  const inMebibytes = ((before + 3 * mebibyte) / mebibyte).toFixed(1);
  assert.throws(
    () => allocate('float64', 640 * mebibyte),
    (error: unknown) =>
      error instanceof MemoryError &&
      error.message.startsWith(`memory: 5120.0 MiB requested with ${inMebibytes} MiB live`),
  );
  assert.throws(
    () => filled([2 ** 40, 2 ** 40], 0),
    (error: unknown) => error instanceof MemoryError,
  );
  assert.is(liveBytes(), before + 3 * mebibyte);

  // Pages that nobody writes to cost address space only. A host that refuses 4 GiB just fills up earlier.
  const pieces = [first];
  try {
    for (;;) pieces.push(allocate('uint8', 64 * mebibyte));
  } catch (error) {
    assert.instance(error, MemoryError);
  }
  const total = liveBytes() - before;
  for (const piece of pieces) release(piece);
  release(allocate('uint8', total));
  assert.is(liveBytes(), before);
});

test.run();
