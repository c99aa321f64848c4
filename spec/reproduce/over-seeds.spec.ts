/** Numbers over seeds: the mean with its range, and lines that keep them. */
import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatSpread, seedChart } from '../../src/reproduce/over-seeds.ts';
import { accuraciesOf, recipeUnits, stateBytesOf } from '../../src/reproduce/recipe-units.ts';
import { Results } from '../../src/reproduce/results.ts';
import { isSameTraining } from '../../src/reproduce/training-numbers.ts';
import { windowsRecipe } from '../../src/training/recipes/windows.ts';

const plain = (value: number) => value.toFixed(1);

test('a spread is the mean with the lowest and the highest; one number where all are written alike', () => {
  assert.is(formatSpread([1, 2, 6], plain), '3.0 (1.0 to 6.0)');
  assert.is(formatSpread([2, 2.01], plain), '2.0');
  assert.is(formatSpread([7], plain), '7.0');
});

test('a chart has the mean of every point within its range, and leaves out what was not measured', () => {
  const value = fc.double({ min: 0.1, max: 100, noNaN: true });
  const points = fc.array(fc.array(value, { maxLength: 4 }), { minLength: 3, maxLength: 3 });
  const property = fc.property(points, (values) => {
    const x = { label: 'steps', values: [1, 2, 4], kind: 'doubling', format: String } as const;
    const y = { label: 'loss', kind: 'log', format: plain } as const;
    const texts = { id: 'a', title: 'A', description: 'B.' };
    const { lines } = seedChart({
      ...texts,
      x,
      y,
      lines: [
        { label: 'a', values },
        { label: 'b', isReference: true, values },
      ],
    });
    assert.equal(
      lines.map(({ index }) => index),
      [0, null],
    );
    assert.equal(
      lines[0].points.map(({ x: at }) => at),
      x.values.filter((_, at) => values[at].length > 0),
    );
    for (const { x: at, y: mean, range } of lines[0].points) {
      const own = values[x.values.indexOf(at as 1)];
      assert.is(range === undefined, own.length === 1);
      const [low, high] = range ?? [own[0], own[0]];
      assert.ok(own.every((each) => low <= each && each <= high));
      // A mean of equal numbers may round.
      assert.ok(mean >= low * (1 - 1e-12) && mean <= high * (1 + 1e-12));
    }
  });
  fc.assert(property);
});

test('runs of a recipe are units from each seed, read by run and seed; other steps end their schedule with them', () => {
  const units = recipeUnits(windowsRecipe, ['growing', 'constant'], [1, 2]);
  assert.equal(
    units.map(({ name }) => name),
    ['growing, seed 1', 'growing, seed 2', 'constant, seed 1', 'constant, seed 2'],
  );
  const [one, two] = units.map(({ training }) => training!);
  assert.ok(isSameTraining({ ...one, seed: 2 }, two) && !isSameTraining(one, two));
  const [longer] = recipeUnits(windowsRecipe, ['growing'], [1], 900);
  assert.is(longer.training?.steps, 900);
  assert.equal(longer.training?.schedule, { ...one.schedule, total: 900 });
  assert.throws(() => recipeUnits(windowsRecipe, ['other'], [1]), /windows has no run 'other'/);
  const numbers = new Map([1, 2].map((seed) => [`growing, seed ${seed}`, { accuracy: seed, 'state bytes': 8 }]));
  assert.equal(accuraciesOf(new Results(numbers), 'growing', [2, 1]), [2, 1]);
  assert.is(stateBytesOf(new Results(numbers), 'growing', [1, 2]), 8);
});

test.run();
