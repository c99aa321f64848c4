/** The table of goals: what is reached, what is missed and why, and what nobody measured. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { shareOf, totalOf } from '../../bench/suites/profiles.ts';
import { productShare } from '../../bench/suites/training.ts';
import { type Figure, type Goal, isReached, tableOfGoals } from '../../scripts/goals-table.ts';
import type { OpProfile } from '../../src/core/profile.ts';

const number = fc.double({ min: 1e-3, max: 1e6, noNaN: true });

/** The cells of the table's one row, and what stands below the table. */
function read(figures: readonly Figure[], why = () => 'because'): { cells: string[]; below: string } {
  const goal: Goal = { what: 'a step', figures, command: 'npm run it', why };
  const [, , row, ...below] = tableOfGoals([goal]).split('\n');
  return { cells: row.slice(2, -2).split(' | '), below: below.join('\n') };
}

test('a goal is reached from its number on, on the side that it names', () => {
  fc.assert(
    fc.property(number, number, fc.boolean(), (value, goal, isBound) => {
      const figure: Figure = { value, goal, isBound, unit: 'slope' };
      assert.is(isReached(figure), value === goal || value < goal === isBound);
      assert.is(isReached({ ...figure, value: goal }), true);
      assert.is(isReached({ ...figure, value: null }), false);
    }),
  );
});

test('what falls short is explained, and nothing else is', () => {
  const ratio = (value: number | null): Figure => ({ value, goal: 1.2, unit: 'ratio' });
  const missed = read([ratio(1.5), ratio(0.5)]);
  assert.equal(missed.cells, ['a step', '≥ 1.2×', '1.50× / 0.50×', 'yes / no', '`npm run it`']);
  assert.ok(missed.below.endsWith('- *a step*: because'), missed.below);
  const neverAsked = () => {
    throw new Error('asked why');
  };
  assert.is(read([ratio(1.2), ratio(3)], neverAsked).below, '');
  const unknown = read([ratio(null), ratio(null)], neverAsked);
  assert.equal(unknown.cells.slice(1, 4), ['≥ 1.2×', 'not measured', '']);
  assert.is(unknown.below, '');
  // A miss of which no profile is known.
  assert.is(read([ratio(1)], () => ' ').below, '');
});

test('a bound is written as one, in the unit of its figure', () => {
  const [, goal, measured, reached] = read([{ value: 412, goal: 300, isBound: true, unit: 'milliseconds' }]).cells;
  assert.equal([goal, measured, reached], ['≤ 300 ms', '412 ms', 'no']);
  const share: Figure = { value: 0.8312, goal: 0.9, unit: 'share' };
  assert.equal(read([share]).cells.slice(1, 3), ['≥ 90%', '83.1%']);
  const start: Figure = { value: 9000, goal: 8000, isBound: true, unit: 'milliseconds' };
  assert.is(read([start]).cells[1], '≤ 8 s');
});

test('shares of a profile are of all its time: those of a part and of the rest add up to 1', () => {
  const op = fc.record({
    name: fc.constantFrom('matmul', 'affine', 'attention', 'gelu', 'reshape'),
    backward: fc.boolean(),
    milliseconds: number,
    inside: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(op, { minLength: 1, maxLength: 9 }), (drawn) => {
      const counts = { calls: 1, flops: 0, allocations: 0, allocatedBytes: 0 };
      const ops: OpProfile[] = drawn.map(({ inside, ...each }) => {
        return { ...each, ...counts, kernelMilliseconds: inside * each.milliseconds };
      });
      const isProduct = ({ name }: OpProfile) => ['matmul', 'affine', 'attention'].includes(name);
      const both = shareOf(ops, isProduct) + shareOf(ops, (each) => !isProduct(each));
      // Nine sums, a division each.
      assert.ok(Math.abs(both - 1) < 1e-14, String(both));
      const byHand = drawn.reduce((sum, each, n) => sum + (isProduct(ops[n]) ? each.inside * each.milliseconds : 0), 0);
      assert.ok(Math.abs(productShare(ops) - byHand / totalOf(ops)) < 1e-14);
      assert.ok(Math.abs(shareOf(ops, isProduct, 'kernelMilliseconds') - productShare(ops)) < 1e-14);
    }),
  );
});

test.run();
