/** Tasks of recall, each held against a reader of its own: of pairs, of scattered symbols, backwards, of stacks, of needles. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError } from '../../../src/core/errors.ts';
import { Random } from '../../../src/core/random.ts';
import { PERSONS } from '../../../src/training/tasks/needle.ts';
import { openTask } from '../../../src/training/tasks/registry.ts';
import { FIRST_STACK, POP, PUSH } from '../../../src/training/tasks/stack.ts';
import type { Task } from '../../../src/training/tasks/task.ts';
import { expectThrows } from '../../laws/laws/expect-throws.ts';

const seeds = fc.integer({ min: 0, max: 1e9 });

/** An example as lists, and the places that count. */
function drawn(task: Task, seed: number) {
  const { tokens, targets, counts } = task.draw('training', new Random(seed));
  const asked = Array.from(counts ?? []).flatMap((flag, at) => (flag === 1 ? [at] : []));
  return { tokens: Array.from(tokens), targets: Array.from(targets), asked };
}

test('mqar: pairs of a key of the lower half and a value of the upper, then each key once, at even distances', () => {
  const settings = fc
    .record({ pairs: fc.integer({ min: 1, max: 20 }), room: fc.nat(60), spare: fc.nat(100) })
    .map(({ pairs, room, spare }) => ({ pairs, length: 4 * pairs + room, vocabulary: 2 * pairs + 2 + spare }));
  fc.assert(
    fc.property(seeds, settings, fc.constantFrom(0.01, 0.5, 1), (seed, { pairs, length, vocabulary }, alpha) => {
      const task = openTask('mqar', { pairs, length, vocabulary, alpha });
      const { tokens, targets, asked } = drawn(task, seed);
      const known = new Map<number, number>();
      for (let at = 0; at < 2 * pairs; at += 2) known.set(tokens[at], tokens[at + 1]);
      assert.is(known.size, pairs);
      assert.is(new Set(known.values()).size, pairs);
      const half = Math.floor(vocabulary / 2);
      for (const [key, value] of known) {
        assert.ok(key >= 1 && key < half && value >= half && value < vocabulary, `${key} ${value} of ${vocabulary}`);
      }
      assert.equal(asked.map((at) => tokens[at]).sort(), [...known.keys()].sort());
      for (const at of asked) {
        assert.ok(at >= 2 * pairs && at % 2 === 0);
        assert.is(targets[at], known.get(tokens[at]));
      }
      assert.is(tokens.length, length);
    }),
  );
});

test('mqar: the gap of the first pair has the power law, and filler is any token', () => {
  const draws = 4000;
  for (const alpha of [0.01, 1]) {
    const task = openTask('mqar', { alpha });
    const random = new Random(7);
    // 28 places of two tokens after 4 pairs.
    const seen = new Array<number>(28).fill(0);
    const filler = new Set<number>();
    for (let n = 0; n < draws; n++) {
      const { tokens, counts } = task.draw('training', random);
      seen[(Array.from(tokens).indexOf(tokens[0], 8) - 8) / 2]++;
      filler.add(tokens[63]);
      assert.is(counts?.[63], 0);
    }
    const weights = seen.map((_, n) => (n + 1) ** (alpha - 1));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    for (const [n, count] of seen.entries()) {
      const p = weights[n] / total;
      // A filler in front that happens to be the same key takes about one in 256 of those behind it: 28 places at most.
      const slack = 5 * Math.sqrt(draws * p * (1 - p)) + (draws * 56) / 256 / 28;
      assert.ok(Math.abs(count - draws * p) < slack, `alpha ${alpha}, place ${n}: ${count} of ${draws}, not ${p}`);
    }
    assert.is(filler.size, 256);
  }
});

test('selective copy: filler, symbols at any places, then a marker for each, answered in their order', () => {
  fc.assert(
    fc.property(
      seeds,
      fc.integer({ min: 1, max: 20 }),
      fc.nat(60),
      fc.integer({ min: 2, max: 40 }),
      (seed, items, room, symbols) => {
        const length = 2 * items + room;
        const { tokens, targets, asked } = drawn(openTask('selective-copy', { length, symbols, items }), seed);
        const read = tokens.slice(0, length - items);
        const found = read.filter((token) => token !== 0);
        assert.is(found.length, items);
        assert.ok(found.every((token) => token <= symbols));
        assert.equal(tokens.slice(length - items), new Array(items).fill(symbols + 1));
        assert.equal(
          asked,
          Array.from({ length: items }, (_, n) => length - items + n),
        );
        assert.equal(
          asked.map((at) => targets[at]),
          found,
        );
      },
    ),
  );
});

test('palindrome: a sequence, a separator, and the sequence backwards, which counts', () => {
  fc.assert(
    fc.property(seeds, fc.integer({ min: 3, max: 80 }), fc.integer({ min: 2, max: 50 }), (seed, length, symbols) => {
      const task = openTask('palindrome', { length, symbols });
      const { tokens, targets, asked } = drawn(task, seed);
      assert.equal([...tokens].reverse(), tokens);
      const half = (tokens.length - 1) / 2;
      assert.is(tokens.indexOf(0), half);
      assert.is(tokens.length, length - 1 + (length % 2));
      assert.equal(
        asked.map((at) => targets[at]),
        tokens.slice(half + 1),
      );
    }),
  );
});

test('stack: every pop takes what was pushed last of what is left, and no other place counts', () => {
  fc.assert(
    fc.property(
      seeds,
      fc.integer({ min: 6, max: 120 }),
      fc.integer({ min: 2, max: 30 }),
      fc.integer({ min: 1, max: 9 }),
      (seed, length, symbols, stacks) => {
        const { tokens, targets, asked } = drawn(openTask('stack', { length, symbols, stacks }), seed);
        // As text: a stack is what is left when pairs of a push and its pop are struck out.
        const traces = new Map<number, string>();
        const pops: number[] = [];
        assert.is(tokens.length, length - (length % 3));
        for (let at = 0; at < tokens.length; at += 3) {
          const [operation, which, symbol] = tokens.slice(at, at + 3);
          assert.ok(which >= FIRST_STACK && which < FIRST_STACK + stacks && symbol >= FIRST_STACK + stacks);
          assert.ok(operation === PUSH || operation === POP);
          if (operation === POP) pops.push(at + 1);
          const before = traces.get(which) ?? '';
          traces.set(which, `${before}${operation === PUSH ? `(${symbol}` : `${symbol})`}`);
        }
        for (const trace of traces.values()) {
          let left = trace;
          for (let was = ''; was !== left; ) [was, left] = [left, left.replaceAll(/\((\d+)\1\)/g, '')];
          assert.match(left, /^(\(\d+)*$/, trace);
        }
        assert.ok(pops.length > 0);
        assert.equal(asked, pops);
        for (const at of asked) assert.is(targets[at], tokens[at + 1]);
      },
    ),
  );
});

test('needle: the end asks for the code of one person, which the text tells once, at any place', () => {
  const places: number[] = [];
  fc.assert(
    fc.property(seeds, fc.integer({ min: 1, max: 8 }), fc.nat(300), (seed, pairs, room) => {
      const length = 28 * (pairs + 1) + room;
      const { tokens, asked } = drawn(openTask('needle', { length, pairs }), seed);
      const text = String.fromCharCode(...tokens);
      assert.is(text.length, length);
      const told = [...text.matchAll(/the code of ([a-z]+) is (\d{4})\. /g)];
      assert.is(told.length, pairs, text);
      assert.is(new Set(told.map(([, person]) => person)).size, pairs);
      const [, person, code] = /\. the code of ([a-z]+) is (\d{4})$/.exec(text) ?? [];
      assert.ok(person !== undefined, text);
      assert.is(told.find(([, who]) => who === person)?.[2], code, text);
      assert.ok(PERSONS.includes(person));
      assert.equal(
        asked,
        [5, 4, 3, 2].map((back) => length - back),
      );
      if (pairs === 1 && room > 100) places.push((told[0].index ?? 0) / length);
    }),
    { numRuns: 300 },
  );
  assert.ok(Math.min(...places) < 0.2 && Math.max(...places) > 0.5, `${places}`);
});

test('settings that do not fit each other are refused by name', () => {
  const wrong: [task: string, settings: object, name: string][] = [
    ['mqar', { length: 15 }, 'length'],
    ['mqar', { vocabulary: 9 }, 'vocabulary'],
    ['mqar', { vocabulary: 70_000 }, 'vocabulary'],
    ['mqar', { pairs: 0 }, 'pairs'],
    ['mqar', { alpha: 0 }, 'alpha'],
    ['mqar', { alpha: Number.NaN }, 'alpha'],
    ['selective-copy', { length: 15 }, 'length'],
    ['selective-copy', { items: 0 }, 'items'],
    ['selective-copy', { pairs: 4 }, 'pairs'],
    ['palindrome', { length: 2 }, 'length'],
    ['stack', { length: 5 }, 'length'],
    ['stack', { stacks: 0 }, 'stacks'],
    ['needle', { length: 40 }, 'length'],
    ['needle', { pairs: 1000 }, 'pairs'],
    ['text-needle', { length: 23 }, 'length'],
    ['text-needle', { symbols: 37 }, 'symbols'],
    ['text-needle', { pairs: 2 }, 'pairs'],
    ['text-needle', { length: 31, moreCodes: '8x16' }, 'length'],
    ['selective-copy', { moreCodes: '8x16' }, 'moreCodes'],
  ];
  for (const [task, settings, name] of wrong) expectThrows(ArgumentError, name, () => openTask(task, settings));
});

test.run();
