/** `npm run bench -- --suite training`: ratios round by round, the step that is measured, and what the page shows of it. */
import fc from 'fast-check';
import { parseHTML } from 'linkedom';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { prepareModelStep } from '../../bench/peers/us-model-step.ts';
import { renderSteps } from '../../bench/report/page.ts';
import { barsOf } from '../../bench/report/step-figures.ts';
import { rowsOf } from '../../bench/suites/widths.ts';
import { describeEnvironment } from '../../src/compare/environment.ts';
import { loadDrawing } from '../../src/compare/report/chart.ts';
import { profileOps } from '../../src/core/profile.ts';

const SIZE = { layers: 1, heads: 2, batch: 2, length: 16, width: 16 };

test('a ratio is the median of those of the rounds, so that a slow round of the machine changes nothing', () => {
  const time = fc.double({ min: 1e-3, max: 1e4, noNaN: true });
  const round = fc.record({ ours: time, slowness: fc.double({ min: 1, max: 100, noNaN: true }) });
  fc.assert(
    fc.property(fc.array(round, { minLength: 1, maxLength: 9 }), time, (rounds, factor) => {
      const ours = rounds.map((each) => each.ours * each.slowness);
      const theirs = ours.map((each) => factor * each);
      const times = new Map([
        ['this library', ours],
        ['PyTorch', theirs],
      ] as const);
      const rows = rowsOf('any', 2, times);
      assert.is(rows[0].ratio, 1);
      // A product and a division, each rounded once.
      assert.ok(Math.abs(rows[1].ratio / factor - 1) < 1e-15);
      assert.equal(rows[1].all, theirs);
    }),
  );
});

test('the step that is measured learns, and its losses can be repeated', async () => {
  const step = prepareModelStep(SIZE);
  const { losses } = await step.results();
  // ln 256 and a little for logits of variance 1; a batch that is seen again and again is learned.
  assert.ok(losses[0] > 5 && losses[0] < 8 && losses[3] < losses[0], String(losses));
  step.run();
  assert.equal((await step.results()).losses, losses);
  step.release();
});

test('the page has a bar for each op, and the table', async () => {
  const step = prepareModelStep(SIZE);
  const { ops } = await profileOps(() => step.run());
  step.release();
  const bars = barsOf(ops, 1);
  const sum = (of: readonly { milliseconds: number }[]) => of.reduce((all, { milliseconds }) => all + milliseconds, 0);
  assert.ok(Math.abs(sum(bars) / sum(ops) - 1) < 1e-12);
  assert.ok(bars.every(({ milliseconds, kernelMilliseconds }) => kernelMilliseconds <= milliseconds));
  const rows = rowsOf('small', 1, new Map([['this library', [1, 2, 3]]] as const));
  const raw = { summary: '', environment: describeEnvironment(), rows, versions: {}, profile: { steps: 1, ops } };
  const { document } = parseHTML(`<html><body>${renderSteps(await loadDrawing(), raw).source}</body></html>`);
  assert.equal(
    [...document.querySelectorAll('tbody tr')].map((row) => row.textContent?.trim()),
    ['small, one thread, this library2.00 ms1.00×'],
  );
  const labels = [...document.querySelectorAll('svg text')].map((text) => text.textContent);
  for (const { label } of bars) assert.ok(labels.includes(label), label);
});

test.run();
