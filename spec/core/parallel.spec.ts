/** Fork-join: every item once, on however many threads; regions inside regions; memory that grows; changing threads. */
import { syncBuiltinESMExports } from 'node:module';
import { availableParallelism } from 'node:os';
import workerThreads from 'node:worker_threads';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError } from '../../src/core/errors.ts';
import { defineKernel, kernelNamed } from '../../src/core/kernels/kernel.ts';
import { allocate, memoryStatistics, release } from '../../src/core/memory.ts';
import {
  addKernelModule,
  closePool,
  parallelFor,
  poolReady,
  setThreads,
  spinsFor,
  threadCount,
} from '../../src/core/parallel/pool.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { int32, nestingKernel, url, visitAll, visitKernel } from './parallel-kernels.ts';

/** Every worker that this process starts. */
let started = 0;
const { Worker } = workerThreads;
workerThreads.Worker = class extends Worker {
  constructor(...args: ConstructorParameters<typeof Worker>) {
    super(...args);
    started++;
  }
};
syncBuiltinESMExports();

const variable = 'EFFICIENT_TRANSFORMERS_THREADS';

test(`${variable} is the number of threads at first; what cannot be one is refused`, () => {
  const outer = process.env[variable];
  for (const text of ['0', '65', '-1', '1.5', '1e1', ' 2', 'two', 'NaN']) {
    process.env[variable] = text;
    const given = /^\d+$/.test(text) ? text : `'${text}'`;
    assert.throws(threadCount, (error: unknown) => {
      const named = `${variable}: expected an integer from 1 to 64, got `;
      return error instanceof ArgumentError && error.message.startsWith(named) && error.message.endsWith(given);
    });
  }
  process.env[variable] = '3';
  assert.is(threadCount(), 3);
  process.env[variable] = '4';
  assert.is(threadCount(), 3, 'read once');
  if (outer === undefined) delete process.env[variable];
  else process.env[variable] = outer;
});

test('one thread: every item once, on the calling thread, and no worker is started', async () => {
  addKernelModule(url);
  setThreads(1);
  assert.is(threadCount(), 1);
  for (const count of [1, 2, 1000]) assert.equal([...visitAll(count)], [0]);
  await poolReady();
  assert.is(started, 0);
});

for (const threads of [2, 3, 8]) {
  test(`${threads} threads: every item once, whatever the count and the cost, while workers start and after`, async () => {
    setThreads(threads);
    const before = started;
    const costs = fc.constantFrom(undefined, 1, 50, 1000, 1e5, Number.POSITIVE_INFINITY);
    const counts = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 3000 }));
    const law = fc.property(counts, costs, (count, cost) => {
      visitAll(count, cost);
    });
    fc.assert(law);
    await poolReady();
    fc.assert(law);
    assert.is(started - before, threads - 1);
  });
}

test('threads beyond the cores take part too, and sleep where others spin', async () => {
  const cores = availableParallelism();
  assert.ok(spinsFor(1) > 0 && spinsFor(cores) === spinsFor(1));
  assert.is(spinsFor(cores + 1), 0);
  setThreads(Math.min(64, 2 * cores + 1));
  await poolReady();
  for (let round = 0; round < 50; round++) visitAll(1000);
});

test('a region inside a kernel runs on the thread of that kernel, and starts no worker', async () => {
  setThreads(3);
  await poolReady();
  const before = started;
  const [meeting, visits, threads] = [int32(1), int32(6400), int32(6400)];
  parallelFor(nestingKernel, 64, { meeting, visits, threads }, {});
  assert.ok(visits.every((each) => each === 1));
  const threadsOf = (item: number) => new Set(threads.subarray(100 * item, 100 * (item + 1)));
  for (let item = 0; item < 64; item++) assert.is(threadsOf(item).size, 1);
  assert.ok(
    threads.some((thread) => thread > 0),
    'no worker took part',
  );
  assert.is(started, before);
});

test('workers see memory that was added after they started', async () => {
  await poolReady();
  for (let round = 0; round < 4; round++) {
    const { reservedBytes } = memoryStatistics();
    // No room for this in what there is: its end lies in what was just added.
    const block = allocate('int32', reservedBytes / 4 + 10_000);
    const [meeting, visits, threads] = [block.subarray(-1), block.subarray(-3202, -1602), block.subarray(-1602, -2)];
    assert.ok(visits.byteOffset >= reservedBytes);
    for (const array of [meeting, visits, threads]) array.fill(0);
    parallelFor(nestingKernel, 16, { meeting, visits, threads }, {});
    assert.ok(visits.every((each) => each === 1));
    assert.ok(
      threads.some((thread) => thread > 0),
      'no worker took part',
    );
    release(block);
  }
});

test('no work, little work, or a cost that is not a number, asks for no worker', () => {
  parallelFor(visitKernel, 0, { visits: int32(1), threads: int32(1) }, {});
  for (const cost of [Number.NaN, 0, 1, 59]) assert.equal([...visitAll(1000, cost)], [0]);
});

test('waiting for a pool that is closed or replaced meanwhile comes to an end', async () => {
  setThreads(3);
  const waits = [poolReady()];
  closePool();
  waits.push(poolReady());
  setThreads(2);
  waits.push(poolReady());
  await Promise.all(waits);
  closePool();
  closePool();
  visitAll(1000);
});

test('numbers of threads that cannot be, and names that a kernel cannot have, are refused', () => {
  for (const count of [0, -1, 65, 1.5, Number.NaN, '2' as never]) {
    expectThrows(ArgumentError, 'threads', () => setThreads(count));
  }
  assert.is(threadCount(), 2);
  assert.is(kernelNamed('spec-visit'), visitKernel);
  for (const name of ['spec-visit', '', 'a'.repeat(41), 'α']) {
    assert.throws(() => defineKernel(name, { arrays: [] }, () => {}), /^kernel '/);
  }
});

test.run();
