/** Waiting for workers: seconds that were slept through count, whatever the clock says meanwhile. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ACTIVE } from '../../src/core/parallel/control.ts';
import { type WaitASecond, waitForOthers } from '../../src/core/parallel/patience.ts';
import { effort } from '../laws/effort.ts';

const countersWith = (active: number): Int32Array => {
  const counters = new Int32Array(new SharedArrayBuffer(64));
  counters[ACTIVE] = active;
  return counters;
};

/** Every clock shows hours more after each look, as after a laptop's sleep. */
function whileClocksJump<T>(body: () => T): T {
  const clocks = { now: performance.now, date: Date.now };
  let hours = 0;
  performance.now = () => ++hours * 3_600_000;
  Date.now = () => ++hours * 3_600_000;
  try {
    return body();
  } finally {
    performance.now = clocks.now;
    Date.now = clocks.date;
  }
}

test('a process that was stopped, however long, waits on for its workers', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 63 }), fc.nat(118), (workers, seconds) => {
      const counters = countersWith(workers);
      let waited = 0;
      const wait: WaitASecond = () => {
        if (waited++ === seconds) counters[ACTIVE] = 0;
        return 'timed-out';
      };
      assert.is(
        whileClocksJump(() => waitForOthers(counters, 0, wait)),
        0,
      );
      assert.is(waited, seconds + 1);
    }),
    effort(50),
  );
});

test('workers that never answer are lost after two minutes of waiting, or ten times as long as the caller worked', () => {
  for (const [worked, expected] of [
    [0, 120],
    [11.9, 120],
    [60, 600],
  ]) {
    let waited = 0;
    const wait: WaitASecond = () => {
      waited++;
      return 'timed-out';
    };
    assert.equal([waitForOthers(countersWith(3), worked, wait), waited], [3, expected]);
  }
});

test('to be woken is not to have waited: other workers may leave one by one', () => {
  const counters = countersWith(1000);
  const wait: WaitASecond = () => {
    counters[ACTIVE]--;
    return counters[ACTIVE] % 2 === 0 ? 'ok' : 'not-equal';
  };
  assert.is(waitForOthers(counters, 0, wait), 0);
});

test('a worker that leaves wakes who waits', () => {
  const counters = countersWith(0);
  assert.is(waitForOthers(counters, 0), 0);
});

test.run();
