/** Duplication, copying and associative recall, each held against a reader of its own. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Random } from '../../../src/core/random.ts';
import { openTask } from '../../../src/training/tasks/registry.ts';

const seeds = fc.integer({ min: 0, max: 1e9 });
const counted = (counts: ArrayLike<number> | undefined) =>
  Array.from(counts ?? []).flatMap((flag, at) => (flag === 1 ? [at] : []));

test('duplication: 0w0w, and what counts is w, from the second 0 on', () => {
  fc.assert(
    fc.property(seeds, fc.integer({ min: 4, max: 80 }), fc.integer({ min: 2, max: 200 }), (seed, length, symbols) => {
      const task = openTask('duplication', { length, symbols });
      const { tokens, targets, counts } = task.draw('training', new Random(seed));
      const text = Array.from(tokens).join(' ');
      const [, w] = /^0 ((?:[1-9]\d* )+)0 \1$/.exec(`${text} `) ?? [];
      assert.ok(w !== undefined, text);
      assert.is(
        counted(counts)
          .map((at) => `${targets[at]} `)
          .join(''),
        w,
      );
      assert.is(task.length, length - (length % 2));
    }),
  );
});

test('copy: w0w and zeros, w from a quarter to a half of the length; what counts is the second w', () => {
  fc.assert(
    fc.property(seeds, fc.integer({ min: 4, max: 80 }), fc.integer({ min: 2, max: 200 }), (seed, length, symbols) => {
      const { tokens, targets, counts } = openTask('copy', { length, symbols }).draw('training', new Random(seed));
      const text = `${Array.from(tokens).join(' ')} `;
      const [, w] = /^((?:[1-9]\d* )+)0 \1(?:0 )*$/.exec(text) ?? [];
      assert.ok(w !== undefined, text);
      assert.is(
        counted(counts)
          .map((at) => `${targets[at]} `)
          .join(''),
        w,
      );
      const size = w.trim().split(' ').length;
      assert.ok(size >= Math.floor(length / 4) && size < length / 2, `${size} of ${length}`);
    }),
  );
});

test('copy: every length comes', () => {
  const random = new Random(1);
  const task = openTask('copy', { length: 32 });
  const sizes = Array.from({ length: 400 }, () => counted(task.draw('training', random).counts).length);
  // From ⌊32/4⌋ to ⌊31/2⌋.
  assert.equal(
    [...new Set(sizes)].sort((a, b) => a - b),
    [8, 9, 10, 11, 12, 13, 14, 15],
  );
});

test('associative recall: distinct keys, each asked for once, and answered as the list before says', () => {
  fc.assert(
    fc.property(seeds, fc.integer({ min: 5, max: 90 }), fc.integer({ min: 2, max: 50 }), (seed, length, symbols) => {
      const task = openTask('associative-recall', { length, symbols });
      const { tokens, targets, counts } = task.draw('training', new Random(seed));
      const all = Array.from(tokens);
      const separator = all.indexOf(0);
      assert.is(all.lastIndexOf(0), separator);
      const known = new Map<number, number>();
      for (let at = 0; at < separator; at += 2) {
        assert.not.ok(known.has(all[at]));
        known.set(all[at], all[at + 1]);
      }
      const asked = counted(counts);
      assert.equal(asked.map((at) => all[at]).sort(), [...known.keys()].sort());
      for (const at of asked) {
        assert.ok(at > separator);
        assert.is(targets[at], known.get(all[at]));
      }
      assert.not.ok([...known.keys()].some((key) => [...known.values()].includes(key)));
      assert.is(known.size, Math.floor((length - 1) / 4));
    }),
  );
});

test.run();
