import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { editDistance, nearestName, unknownName } from '../../src/terminal/suggest.ts';

const VARIANTS = ['full', 'longformer', 'linformer', 'performer', 'linear-transformer', 'transformer-xl'];

test('distances by hand', () => {
  assert.is(editDistance('longfomer', 'longformer'), 1);
  assert.is(editDistance('kitten', 'sitting'), 3);
  assert.is(editDistance('perfromer', 'performer'), 1);
  assert.is(editDistance('', 'abc'), 3);
  // Optimal string alignment edits no substring twice: with Damerau's full distance this would be 2.
  assert.is(editDistance('ca', 'abc'), 3);
});

test('zero only for equal texts, symmetric, within the bounds of the lengths', () => {
  const short = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 8 });
  fc.assert(
    fc.property(short, short, (a, b) => {
      const distance = editDistance(a, b);
      assert.is(distance === 0, a === b);
      assert.is(distance, editDistance(b, a));
      assert.ok(distance >= Math.abs(a.length - b.length) && distance <= Math.max(a.length, b.length));
    }),
  );
});

test('the nearest name, or none when nothing is near', () => {
  assert.is(nearestName('longfomer', VARIANTS), 'longformer');
  assert.is(nearestName('LINFORMER', VARIANTS), 'linformer');
  assert.is(nearestName('perfromer', VARIANTS), 'performer');
  assert.is(nearestName('linear', VARIANTS), 'linear-transformer');
  assert.is(nearestName('ful', VARIANTS), 'full');
  assert.is(nearestName('bigbird', VARIANTS), undefined);
  assert.is(nearestName('x', ['a', 'b']), undefined);
  assert.is(nearestName('x', []), undefined);
});

test('the message', () => {
  assert.is(
    unknownName('variant', 'longfomer', ['full', 'longformer']),
    "unknown variant 'longfomer': did you mean 'longformer'? Known: full, longformer",
  );
  assert.is(unknownName('command', 'zzz', ['compare']), "unknown command 'zzz'. Known: compare");
});

test.run();
