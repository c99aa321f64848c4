/** What others' code may take, whatever it does. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { OutOfTime, withinTime } from '../../src/pretrained/within-time.ts';

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

test.run();
