import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { collectGarbage } from '../../src/core/garbage.ts';

test('what nobody holds is gone after a collection, and what somebody holds is not', async () => {
  const held = {};
  const references = (() => [new WeakRef(held), new WeakRef({})])();
  // A reference just made keeps its target to the end of the turn.
  await new Promise((resolve) => setImmediate(resolve));
  collectGarbage();
  assert.equal(
    references.map((reference) => reference.deref() !== undefined),
    [true, false],
  );
  assert.ok(held);
});

test.run();
