/** Kernels that throw, workers that die or never start, and a pool that is usable after each. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { WorkerError } from '../../src/core/errors.ts';
import { defineKernel, type Kernel } from '../../src/core/kernels/kernel.ts';
import { memoryStatistics } from '../../src/core/memory.ts';
import { addKernelModule, parallelFor, poolReady, setThreads, threadCount } from '../../src/core/parallel/pool.ts';
import * as kernels from './parallel-kernels.ts';

const { int32, visitAll } = kernels;
addKernelModule(kernels.url);
setThreads(2);

/** Lets the event loop tell what happened to workers. */
const turn = () => new Promise((resolve) => setTimeout(resolve, 50));

/** The WorkerError that a region of 16 items, or as many as told, ends with. */
type Meeting = Kernel<'meeting', never, never, never>;

function failureOf(kernel: Meeting, meeting = int32(1), count = 16): WorkerError {
  try {
    parallelFor(kernel, count, { meeting }, {});
  } catch (error) {
    assert.instance(error, WorkerError);
    return error as WorkerError;
  }
  throw new Error(`${kernel.name}: expected a WorkerError, nothing was thrown`);
}

/** The pool works at once, after the event loop has turned, and with all its workers. */
async function assertUsable(): Promise<void> {
  visitAll(1000);
  await turn();
  visitAll(1000);
  await poolReady();
  visitAll(1000);
}

test('a kernel that throws on a worker: WorkerError on the caller with its message', async () => {
  for (let round = 0; round < 2; round++) {
    await poolReady();
    const { message } = failureOf(kernels.throwingKernel);
    assert.is(message, "kernel 'spec-throw' failed on a worker thread: thrown on purpose");
    await assertUsable();
  }
});

test('a kernel that throws on the caller: WorkerError with its cause, whether the region is split or not', async () => {
  const failing = defineKernel('spec-fail', { arrays: ['meeting'] }, () => {
    throw new RangeError('mine');
  });
  for (const threads of [1, 2]) {
    setThreads(threads);
    const error = failureOf(failing, int32(1), 1);
    assert.is(error.message, "kernel 'spec-fail' failed: mine");
    assert.instance(error.cause, RangeError);
    // No worker knows this kernel, but the caller takes its share before it hears of that.
    assert.match(failureOf(failing).message, /^kernel 'spec-fail' failed/);
  }
  await assertUsable();
});

test('a worker that dies in a kernel: WorkerError once, and every later region works', async () => {
  for (let round = 0; round < 2; round++) {
    await poolReady();
    const { message } = failureOf(kernels.exitingKernel);
    assert.match(message, /^kernel 'spec-exit' failed on a worker thread: .*exited/);
    await assertUsable();
  }
});

test('a worker that dies while the caller throws: WorkerError once, and every later region works', async () => {
  await poolReady();
  assert.match(failureOf(kernels.lostKernel).message, /^kernel 'spec-lost' failed/);
  await assertUsable();
});

test('only the thread that owns the heap can allocate', async () => {
  await poolReady();
  const before = memoryStatistics().liveBytes;
  const meeting = int32(1);
  const { message } = failureOf(kernels.allocatingKernel, meeting);
  assert.match(message, /spec-allocate.*memory: only the thread that owns the heap can allocate/);
  assert.is(memoryStatistics().liveBytes, before + 64);
});

test('threads cannot be changed from inside a kernel, on a worker or on the caller', async () => {
  await poolReady();
  assert.match(failureOf(kernels.meddlingKernel).message, /spec-meddle.*threads: cannot change inside a kernel/);
  const meddling = defineKernel('spec-meddle-here', { arrays: ['meeting'] }, () => setThreads(5));
  await poolReady();
  for (let tries = 0; tries < 3; tries++) {
    // Where the caller comes first, it is refused; where the worker does, it knows no such kernel.
    assert.match(failureOf(meddling).message, /spec-meddle-here.*(threads: cannot|no kernel)/);
  }
  assert.is(threadCount(), 2);
  await assertUsable();
});

test('a kernel of a module that workers were not told of: WorkerError with its name', async () => {
  await poolReady();
  // The caller dawdles, so that a worker comes; on a busy machine it may need more regions than one. If none ever does,
  // this goes on until the runner ends it.
  const unknown = defineKernel('spec-unknown', { arrays: ['never'] }, (_begin, _end, { never }) => {
    Atomics.wait(never as Int32Array, 0, 0, 200);
  });
  for (;;) {
    try {
      parallelFor(unknown, 16, { never: int32(1) }, {});
    } catch (error) {
      assert.instance(error, WorkerError);
      assert.match((error as Error).message, /no kernel 'spec-unknown'/);
      return;
    }
  }
});

test('arrays that workers cannot see, and more than a job holds, are told before anything runs', async () => {
  const [visits, threads] = [new Int32Array(1000), new Int32Array(1000)];
  const outside = () => parallelFor(kernels.visitKernel, 1000, { visits, threads }, {});
  assert.throws(outside, /spec-visit.*outside the heap/);
  const many = () => parallelFor(kernels.planKernel, 1000, {}, { plan: new Array(49).fill(0) });
  assert.throws(many, /at most 48 arrays and 48 numbers/);
  const without = { visits: int32(1000) } as never;
  assert.throws(() => parallelFor(kernels.visitKernel, 1000, without, {}), /spec-visit.*no array threads/);
  await assertUsable();
});

// The last one: a module once added stays.
test('workers that cannot start: results are right, and the failure surfaces as soon as it is known', async () => {
  addKernelModule(new URL('./no-such-kernels.ts', import.meta.url).href);
  await poolReady().then(
    () => assert.unreachable('the pool cannot be ready'),
    (error: unknown) => {
      assert.instance(error, WorkerError);
      assert.match((error as Error).message, /a worker thread failed: .*no-such-kernels/);
    },
  );
  // Told already: the next region goes on alone, until its own fresh workers fail.
  assert.equal([...visitAll(1000)], [0]);
  // However long they take to fail.
  let message = '';
  while (message === '') {
    await turn();
    try {
      assert.equal([...visitAll(1000)], [0]);
    } catch (error) {
      assert.instance(error, WorkerError);
      ({ message } = error as Error);
    }
  }
  assert.match(message, /a worker thread failed: .*no-such-kernels.*; the next region starts fresh workers/s);
  assert.equal([...visitAll(1000)], [0]);
  setThreads(1);
  assert.equal([...visitAll(1000)], [0]);
});

test.run();
