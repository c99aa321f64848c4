/** What the playground makes of a run's numbers before they are drawn. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isReached } from '../../src/training/recipes/recipe.ts';
import { recipes } from '../../src/training/recipes/registry.ts';
import { type CatalogueRecipe, choiceFrom } from '../client/playground/catalogue.ts';
import { Curve, freeIndex, goalLine, thinned } from '../client/playground/curve.ts';
import { type Phase, primaryOf } from '../client/playground/session.ts';

const choice = { recipe: 'listops', run: 'full', seed: 1 };
const baseline = { accuracy: 0.16, loss: 2.27 };
const report = (step: number, loss: number) => {
  return { step, loss, gradientNorm: 1, learningRate: 1e-3, tokens: 64, milliseconds: 20 };
};

function curveOf(losses: readonly number[]): Curve {
  const curve = new Curve(choice, losses.length, baseline, 0);
  losses.forEach((loss, n) => {
    curve.addStep(report(n + 1, loss));
  });
  return curve;
}

const someLosses = fc.array(fc.double({ min: 0.01, max: 10, noNaN: true }), { minLength: 1, maxLength: 900 });

test('the smoothed loss stays within what was measured, and begins with the first', () => {
  fc.assert(
    fc.property(someLosses, (losses) => {
      const { points } = curveOf(losses);
      assert.ok(Math.abs(points[0].smoothed - losses[0]) < 1e-9);
      let [low, high] = [losses[0], losses[0]];
      for (const { loss, smoothed } of points) {
        low = Math.min(low, loss);
        high = Math.max(high, loss);
        // A weighted mean, but for the rounding of its sums.
        assert.ok(smoothed >= low - 1e-9 && smoothed <= high + 1e-9, `${smoothed} of ${low} to ${high}`);
      }
    }),
  );
});

test('a constant loss is smoothed to itself', () => {
  for (const { smoothed } of curveOf(new Array(200).fill(2)).points) assert.ok(Math.abs(smoothed - 2) < 1e-12);
});

test('losses of layers are points of their own, smoothed like the loss, at the steps that had some', () => {
  fc.assert(
    fc.property(someLosses, fc.infiniteStream(fc.boolean()), (losses, has) => {
      const curve = new Curve(choice, losses.length, baseline, 0);
      const steps: number[] = [];
      losses.forEach((loss, n) => {
        const withOwn = has.next().value;
        if (withOwn) steps.push(n + 1);
        curve.addStep({ ...report(n + 1, 1), ...(withOwn && { auxiliary: loss }) });
      });
      const alone = curveOf(steps.map((step) => losses[step - 1]));
      assert.equal(
        curve.own.map(({ step }) => step),
        steps,
      );
      assert.equal(
        curve.own.map(({ loss, smoothed }) => [loss, smoothed]),
        alone.points.map(({ loss, smoothed }) => [loss, smoothed]),
      );
      // They leave the loss of the task alone.
      for (const { loss, smoothed } of curve.points) assert.ok(loss === 1 && Math.abs(smoothed - 1) < 1e-12);
    }),
    { numRuns: 30 },
  );
});

test('a thinned curve keeps order, extremes and the last point, and is about as long as asked for', () => {
  fc.assert(
    fc.property(someLosses, fc.integer({ min: 2, max: 300 }), (losses, most) => {
      const { points } = curveOf(losses);
      const kept = thinned(points, most);
      assert.ok(kept.length <= Math.max(most, 2) + 2, `${kept.length} of ${most}`);
      for (let n = 1; n < kept.length; n++) assert.ok(kept[n].step > kept[n - 1].step);
      assert.ok(kept.every((point) => points.includes(point)));
      assert.is(kept[kept.length - 1], points[points.length - 1]);
      const own = kept.map(({ loss }) => loss);
      assert.is(Math.min(...own), Math.min(...losses));
      assert.is(Math.max(...own), Math.max(...losses));
    }),
  );
});

test('looking again at the same step replaces the look before', () => {
  const curve = curveOf([2, 1]);
  curve.addEvaluation({ step: 2, loss: 1.5, accuracy: 0.2, examples: 8 });
  curve.addEvaluation({ step: 2, loss: 1.4, accuracy: 0.3, examples: 8 });
  assert.equal(
    curve.evaluations.map(({ loss }) => loss),
    [1.4],
  );
  assert.ok(Math.abs(curve.seconds - 0.04) < 1e-12);
});

test('the line of a goal is where a run begins to reach it', () => {
  for (const { goal, runs } of recipes) {
    for (const run of Object.keys(runs)) {
      const line = goalLine(goal, run, baseline);
      const at = (measured: number) => {
        const other = { loss: 0, accuracy: 1, lines: [] };
        return isReached(goal, run, line === null ? other : { ...other, [line.measure]: measured }, baseline);
      };
      if (line === null) assert.is(at(0), null);
      else {
        const worse = line.measure === 'loss' ? 1e-6 : -1e-6;
        assert.is(at(line.at - worse), true, `${run} just above`);
        assert.is(at(line.at + worse), false, `${run} just below`);
      }
    }
  }
});

test('a new curve takes the first place that is free', () => {
  const at = (index: number) => new Curve(choice, 10, baseline, index);
  assert.is(freeIndex([]), 0);
  assert.is(freeIndex([at(0), at(2)]), 1);
});

test('whatever an address says becomes a choice that there is', () => {
  const run = (name: string) => ({ name, attention: name, model: '', goal: '', evidence: '' });
  const own = { summary: '', task: '', steps: 10, goal: { loss: 1 }, baseline };
  const catalogue: CatalogueRecipe[] = [
    { ...own, name: 'listops', runs: [run('full'), run('longformer')] },
    { ...own, name: 'copy', runs: [run('full')] },
  ];
  assert.equal(choiceFrom(catalogue, {}), { recipe: 'listops', run: 'full', seed: 1 });
  assert.equal(choiceFrom(catalogue, { recipe: 'copy', run: 'longformer', seed: '3' }), {
    recipe: 'copy',
    run: 'full',
    seed: 3,
  });
  assert.is(choiceFrom(catalogue, { run: 'longformer', seed: '1.5' }).seed, 1);
  assert.is(choiceFrom(catalogue, { run: 'longformer' }).run, 'longformer');
});

test('only a paused run of what is chosen goes on; while something is under way nothing starts', () => {
  const does = (phase: Phase, isCurrent: boolean) => primaryOf(phase, isCurrent).does;
  assert.is(does('paused', true), 'continue');
  assert.is(does('paused', false), 'start');
  assert.is(does('running', true), 'pause');
  for (const phase of ['starting', 'pausing'] as const) assert.is(does(phase, true), null);
  for (const phase of ['idle', 'failed'] as const) assert.is(does(phase, true), 'start');
  assert.is(does('finished', true), null);
  assert.is(does('finished', false), 'start');
});

test.run();
