/** Loops whose results nobody keeps and no scope releases: memory does not run out while nothing is held. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Block } from '../../src/core/blocks.ts';
import { MemoryError } from '../../src/core/errors.ts';
import { Forgotten } from '../../src/core/forgotten.ts';
import { collectGarbage } from '../../src/core/garbage.ts';
import { allocate, collectForgotten, memoryLimit, memoryStatistics, type NumericArray } from '../../src/core/memory.ts';
import { exp, slice } from '../../src/core/ops/index.ts';
import { keep, scope } from '../../src/core/scope.ts';
import { elements, empty, filled, type Tensor } from '../../src/core/tensor.ts';
import { effort } from '../laws/effort.ts';

const MEBIBYTE = 2 ** 20;
const liveBytes = () => memoryStatistics().liveBytes;
const turn = () => new Promise((resolve) => setImmediate(resolve));
/** Nobody writes to it, so it takes address space only. */
const forget = (mebibytes: number): void => void empty([mebibytes, MEBIBYTE], 'uint8');

/** Live after everything that nobody holds was found. */
function heldBytes(): number {
  collectForgotten();
  return liveBytes();
}

/** Nothing but what was there before; of the last round a place of the call stack that nobody reads any more may hold. */
function assertLeft(before: number, ofOneRound: number): void {
  const left = heldBytes() - before;
  assert.ok(left <= ofOneRound, `${left} bytes are left`);
}

/** What may be live on the way, beyond what is held: as much as makes a collection worth it, and one more array. */
const allowed = (mebibytes: number) => memoryLimit() / 16 + mebibytes * MEBIBYTE;

for (const turns of [true, false]) {
  test(`four times the heap, a piece at a time, ${turns ? 'with' : 'without'} a turn of the event loop`, async () => {
    const before = heldBytes();
    let most = 0;
    for (let bytes = 0; bytes < 4 * memoryLimit(); bytes += 36 * MEBIBYTE) {
      forget(36);
      most = Math.max(most, liveBytes() - before);
      if (turns) await turn();
    }
    assert.ok(most <= allowed(36), `${most / MEBIBYTE} MiB were live`);
    assertLeft(before, 36 * MEBIBYTE);
  });
}

test('small ones too: thousands of tapes without a scope or a turn', async () => {
  const leaf = filled([64, 256], 1).withGrad();
  const before = heldBytes();
  let most = 0;
  for (let round = 0; round < 3000; round++) {
    void exp(exp(exp(leaf)));
    most = Math.max(most, liveBytes() - before);
  }
  assert.ok(most <= allowed(1), `${most / MEBIBYTE} MiB were live`);
  assertLeft(before, 4 * leaf.block.bytes);
  assert.ok(leaf);
});

test('what somebody holds stays as it was, by the tensor, a view, a window, a tape or a Map', () => {
  const law = (held: { kind: number; mark: number }[]) => {
    const kept = new Map<unknown, number>();
    const windows: { window: NumericArray; expected: number }[] = [];
    for (const { kind, mark } of held) {
      const tensor = filled([8, 64], mark);
      if (kind === 0) kept.set(tensor, mark);
      if (kind === 1) kept.set(slice(tensor, 0, 3, 5), mark);
      // Nobody holds the tensor any more, only some of its numbers.
      if (kind === 2) windows.push({ window: elements(slice(tensor, 0, 3, 5)), expected: mark });
      if (kind === 3) kept.set(exp(tensor.withGrad()).node, mark);
      for (let n = 0; n < 3; n++) forget(100);
    }
    collectForgotten();
    for (let n = 0; n < 3; n++) filled([8, 64], -1);
    for (const { window, expected } of windows) assert.ok(window.every((each) => each === expected));
    for (const [holder, mark] of kept) {
      const tensor = 'inputs' in (holder as object) ? (holder as { inputs: Tensor[] }).inputs[0] : (holder as Tensor);
      assert.ok(elements(tensor).every((each) => each === mark));
    }
  };
  const held = fc.array(fc.record({ kind: fc.nat(3), mark: fc.integer({ min: 1, max: 20 }) }), { minLength: 1 });
  fc.assert(fc.property(held, law), effort(10));
});

test('a full heap collects before it gives up, and says what fills it when that does not help', async () => {
  const before = heldBytes();
  const unit = memoryLimit() / 64;
  scope(() => {
    allocate('uint8', 54 * unit);
    // Less than is worth a collection; of the rest there are seven units.
    scope(() => void keep(empty([3, unit], 'uint8')));
    allocate('uint8', 8 * unit);
    const inMebibytes = (62 * unit) / MEBIBYTE;
    assert.throws(
      () => allocate('uint8', 8 * unit),
      (error: unknown) => {
        assert.instance(error, MemoryError);
        const { message } = error as Error;
        assert.match(message, new RegExp(`; ${inMebibytes.toFixed(1)} MiB are in scopes that have not ended`));
        return message.includes('put each round of a loop into a scope(() => …) of its own');
      },
    );
  });
  assertLeft(before, 3 * unit);
});

test('where the engine cannot be asked, requests become rarer, and finalisers do the work', async () => {
  let asked = 0;
  const released: Block[] = [];
  const watched = new Forgotten(
    (block) => {
      watched.unwatch(block);
      released.push(block);
    },
    () => 100,
    () => asked++,
  );
  const block = () => ({ bytes: 10 }) as Block;
  let arrays: Float32Array[] = [];
  for (let n = 0; n < 1000; n++) {
    arrays.push(new Float32Array(1));
    watched.watch(block(), arrays[n]);
    if (watched.isPressing()) watched.collect();
  }
  // At 110 bytes, and each time that as much again is held: 220, 440 … 7040.
  assert.is(asked, 7);
  assert.is(watched.bytes, 10_000);
  assert.is(released.length, 0);
  arrays = [];
  for (let n = 0; n < 100 && watched.bytes > 0; n++) {
    collectGarbage();
    await turn();
  }
  assert.is(released.length, 1000);
  assert.not(watched.isPressing());
});

test.run();
