import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { median, type StopwatchSettings, timeInTurns, warmUp } from '../../src/compare/stopwatch.ts';

/** Bodies that take the given times on a clock of their own, in the order they ran. */
function timed(durations: readonly ((run: number) => number)[], settings: StopwatchSettings = {}) {
  let time = 0;
  const order: number[] = [];
  const runs = durations.map(() => 0);
  const bodies = durations.map((duration, index) => () => {
    time += duration(runs[index]++);
    order.push(index);
  });
  const told: [number, number][] = [];
  const onRun = (index: number, turn: number) => told.push([index, turn]);
  const medians = timeInTurns(bodies, { ...settings, now: () => time, onRun });
  return { medians, runs, order, told, total: time };
}

const constant = (milliseconds: number) => () => milliseconds;
/** Quarters of a millisecond, so that sums on the clock are exact. */
const milliseconds = fc.integer({ min: 1, max: 20_000 }).map((quarters) => quarters / 4);
const times = fc.array(milliseconds, { minLength: 1, maxLength: 6 });

test('a body that always takes the same time is told that time', () => {
  fc.assert(
    fc.property(times, (all) => {
      assert.equal(timed(all.map(constant)).medians, all);
    }),
  );
});

test('a body is warm after so many passes, or as soon as it has had its milliseconds, and each runs once at least', () => {
  fc.assert(
    fc.property(times, fc.integer({ min: 1, max: 30 }), fc.integer({ min: 0, max: 20_000 }), (all, passes, limit) => {
      let time = 0;
      const runs = all.map(() => 0);
      const bodies = all.map((duration, index) => () => {
        time += duration;
        runs[index]++;
      });
      warmUp(bodies, { passes, milliseconds: limit, now: () => time });
      assert.equal(
        runs,
        all.map((duration) => Math.max(1, Math.min(passes, Math.ceil(limit / duration)))),
      );
    }),
  );
});

test('a body that becomes faster while it runs is told the time that it comes to', () => {
  let time = 0;
  let runs = 0;
  // As engines compile: twice as slow at first, and a little faster with every run, for a dozen of them.
  const body = () => {
    time += 4 + Math.max(0, 4 - runs++ / 3);
  };
  const now = () => time;
  warmUp([body], { now });
  assert.equal(timeInTurns([body], { minTurns: 3, maxTurns: 3, now }), [4]);
});

test('a busy moment, or a slow first run, does not move the median', () => {
  const { medians } = timed([(run) => (run === 1 ? 900 : 4), (run) => (run === 0 ? 400 : 2)]);
  assert.equal(medians, [4, 2]);
});

test('everyone runs in the first turn, and in every turn until it has had its patience', () => {
  fc.assert(
    fc.property(times, (all) => {
      const patience = 1000;
      const { runs } = timed(all.map(constant), { patience });
      const most = Math.max(...runs);
      all.forEach((each, index) => {
        // Turns go on while some body is not out, so the others ran in each of them unless they were.
        const untilOut = Math.ceil(patience / each);
        assert.is(runs[index], Math.min(most, untilOut));
      });
      assert.ok(Math.min(...runs) >= 1);
    }),
  );
});

test('at least minTurns and at most maxTurns, unless patience runs out first', () => {
  fc.assert(
    fc.property(times, fc.integer({ min: 1, max: 5 }), fc.nat({ max: 5 }), (all, minTurns, more) => {
      const maxTurns = minTurns + more;
      const { runs } = timed(all.map(constant), { minTurns, maxTurns, patience: Number.POSITIVE_INFINITY });
      for (const count of runs) assert.ok(count >= minTurns && count <= maxTurns, `${count} runs`);
    }),
  );
});

test('turns end once each has had its share on average', () => {
  fc.assert(
    fc.property(times, (all) => {
      const millisecondsEach = 100;
      const { runs } = timed(all.map(constant), { millisecondsEach, patience: Number.POSITIVE_INFINITY });
      const turn = all.reduce((sum, each) => sum + each, 0);
      const expected = Math.min(30, Math.max(3, Math.ceil((millisecondsEach * all.length) / turn)));
      assert.equal(new Set(runs), new Set([expected]));
    }),
  );
});

test('the whole takes no longer than each body once, or less than twice its patience', () => {
  fc.assert(
    fc.property(times, (all) => {
      const patience = 500;
      const { total } = timed(all.map(constant), { patience });
      const bound = all.reduce((sum, each) => sum + (each >= patience ? each : 2 * patience), 0);
      assert.ok(total <= bound, `${total} ms, at most ${bound}`);
    }),
  );
});

test('bodies take turns, every other turn backwards, and every run is told', () => {
  const { order, told } = timed([constant(1), constant(1), constant(1)], { minTurns: 4, maxTurns: 4 });
  assert.equal(order, [0, 1, 2, 2, 1, 0, 0, 1, 2, 2, 1, 0]);
  assert.equal(
    told,
    order.map((index, n) => [index, Math.floor(n / 3)]),
  );
});

test('on the real clock a body that waits takes as long as it waits', () => {
  const wait = () => {
    const end = performance.now() + 2;
    while (performance.now() < end);
  };
  const [waited] = timeInTurns([wait], { minTurns: 1, maxTurns: 1 });
  // A lower bound only: how long a busy machine takes beyond it is not the stopwatch's doing.
  assert.ok(waited >= 2);
});

test('without a body there is no time', () => {
  assert.equal(timeInTurns([]), []);
});

test('the median is in the middle: as many at or above it as at or below it, in any order', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -99, max: 99 }), { minLength: 1 }), (numbers) => {
      const middle = median(numbers);
      const below = numbers.filter((number) => number <= middle).length;
      const above = numbers.filter((number) => number >= middle).length;
      assert.ok(2 * below >= numbers.length && 2 * above >= numbers.length);
      assert.is(median([...numbers].reverse()), middle);
      assert.is(median([...numbers, ...numbers]), middle);
    }),
  );
  assert.is(median([1, 2, 3, 10]), 2.5);
  assert.ok(Number.isNaN(median([])));
});

test.run();
