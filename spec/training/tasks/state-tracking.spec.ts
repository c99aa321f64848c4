/** State tracking, held against products of matrices of zeros and ones. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError } from '../../../src/core/errors.ts';
import { Random } from '../../../src/core/random.ts';
import { GROUPS, type GroupName, groupNames, permutations } from '../../../src/training/tasks/groups.ts';
import { openTask } from '../../../src/training/tasks/registry.ts';
import { expectThrows } from '../../laws/laws/expect-throws.ts';

type Matrix = number[][];

/** Column i has its one in row p(i), so that products of matrices are those of permutations. */
const matrixOf = (p: readonly number[]): Matrix => p.map((_, row) => p.map((to) => Number(to === row)));
const times = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) => b[0].map((_, column) => row.reduce((sum, value, k) => sum + value * b[k][column], 0)));

test('each answer is the product of all elements so far', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 1e9 }),
      fc.constantFrom(...groupNames),
      fc.integer({ min: 1, max: 60 }),
      (seed, group: GroupName, length) => {
        const task = openTask('state-tracking', { group, length });
        const { tokens, targets, counts } = task.draw('training', new Random(seed));
        assert.is(counts, undefined);
        const elements = permutations(GROUPS[group].things).map(matrixOf);
        let product = elements[0];
        for (const [at, token] of Array.from(tokens).entries()) {
          product = times(product, elements[token]);
          assert.equal(elements[targets[at]], product);
        }
      },
    ),
  );
});

test('parity is the parity of the ones so far', () => {
  const { tokens, targets } = openTask('state-tracking').draw('training', new Random(3));
  let ones = 0;
  for (const [at, token] of Array.from(tokens).entries()) {
    ones += token;
    assert.is(targets[at], ones % 2);
  }
});

test('a symmetric group has as many elements as there are orders, and every answer is as likely', () => {
  for (const [group, size] of [
    ['parity', 2],
    ['s3', 6],
    ['s5', 120],
    ['s5-swaps', 120],
  ] as const) {
    const task = openTask('state-tracking', { group });
    assert.equal([task.vocabulary, task.classes, task.chance], [size, size, 1 / size]);
    assert.is(new Set(permutations(GROUPS[group].things).map((each) => each.join())).size, size);
  }
});

test('of swaps alone, tokens move two things or none, all alike, and answers are all permutations', () => {
  const elements = permutations(5);
  const { tokens, targets } = openTask('state-tracking', { group: 's5-swaps', length: 20_000 }).draw(
    'training',
    new Random(4),
  );
  const counts = new Map<number, number>();
  for (const token of Array.from(tokens)) counts.set(token, (counts.get(token) ?? 0) + 1);
  assert.is(counts.size, 11);
  for (const [token, count] of counts) {
    const moved = elements[token].filter((to, i) => to !== i);
    assert.ok(moved.length === 0 || moved.length === 2, elements[token].join());
    // 1818 of each are expected, with a deviation of 41.
    assert.ok(Math.abs(count - 20_000 / 11) < 250, `${token}: ${count}`);
  }
  assert.is(new Set(Array.from(targets as ArrayLike<number>)).size, 120);
});

test('a group that is not there is refused by name', () => {
  expectThrows(ArgumentError, 'group', () => openTask('state-tracking', { group: 's4' as GroupName }));
});

test.run();
