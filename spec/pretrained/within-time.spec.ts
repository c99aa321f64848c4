/** What others' code may take, whatever it does. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { OutOfTime, withinTime } from '../../src/pretrained/within-time.node.ts';

test('what a body returns and throws comes through', () => {
  const list = withinTime(1000, () => [1, 2]);
  assert.instance(list, Array);
  assert.equal(list, [1, 2]);
  const own = new TypeError('own');
  assert.throws(
    () =>
      withinTime(1000, () => {
        throw own;
      }),
    (error: unknown) => error === own,
  );
  assert.is(
    withinTime(1000, () => withinTime(1000, () => 3)),
    3,
  );
});

test('a loop and an exponential pattern end, and neither catch nor finally hold them up', () => {
  let caught = false;
  const endless = () => {
    try {
      for (;;);
    } catch {
      caught = true;
    }
  };
  const exponential = () => /^(a+)+$/u.test(`${'a'.repeat(50)}!`);
  for (const body of [endless, exponential, endless]) {
    assert.throws(
      () => withinTime(50, body),
      (error: unknown) => error instanceof OutOfTime,
    );
  }
  assert.not.ok(caught);
  assert.is(
    withinTime(1000, () => 4),
    4,
  );
});

/** The clock of a thread that has a 60th of a processor: a machine that holds this one up, too, for a second changes nothing. */
const starved = () => performance.now() / 60;

test('a body that others keep from the processors has as much work as on a quiet machine', () => {
  const waits = (milliseconds: number) => () => {
    const end = performance.now() + milliseconds;
    while (performance.now() < end);
    return milliseconds;
  };
  assert.is(withinTime(50, waits(300), starved), 300);
  assert.throws(
    () => withinTime(50, waits(1e9), starved),
    (error: unknown) => error instanceof OutOfTime,
  );
});

test('a body that never works ends too', () => {
  const endless = () => {
    for (;;);
  };
  assert.throws(
    () => withinTime(2, endless, () => 0),
    (error: unknown) => error instanceof OutOfTime,
  );
});

test.run();
