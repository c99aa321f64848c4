/** How long a run will still take: on a clock that is set by hand, a run whose parts take what they take. */
import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { shellWord } from '../../src/commands/shell-word.ts';
import { Pace } from '../../src/commands/training-pace.ts';

const STEP = 10;
const CLOSING = 1000;

interface Costs {
  steps: number;
  evaluateEvery: number;
  checkpointEvery: number;
  look: number;
  save: number;
  looksAfter: number;
}

/** What it said after every step, and when that was; and when all was over. */
function simulated(
  { steps, evaluateEvery, checkpointEvery, look, save, looksAfter }: Costs,
  limit = Number.POSITIVE_INFINITY,
) {
  const clock = { time: 5000 };
  const settings = { step: 0, steps, evaluateEvery, checkpointEvery, stepsPerLook: 16, looksAfter, limit };
  const pace = new Pace({ ...settings, now: () => clock.time });
  const said: { step: number; at: number; left: number; share: number; looked: boolean }[] = [];
  let looked = false;
  for (let step = 1; step <= steps; step++) {
    clock.time += STEP;
    pace.stepped(step, STEP);
    said.push({ step, at: clock.time, left: pace.left(), share: pace.share(), looked });
    const isLast = step === steps || pace.elapsed() >= limit;
    if (isLast || step % checkpointEvery === 0) {
      clock.time += save;
      pace.saved(step, save);
    }
    if (isLast || step % evaluateEvery === 0) {
      clock.time += look;
      pace.looked(step, look);
      looked = true;
    }
    if (isLast) break;
  }
  clock.time += looksAfter * look + CLOSING;
  return { said, end: clock.time, begun: 5000 };
}

const costs = fc.record({
  steps: fc.integer({ min: 1, max: 200 }),
  evaluateEvery: fc.integer({ min: 1, max: 60 }),
  checkpointEvery: fc.integer({ min: 1, max: 60 }),
  look: fc.integer({ min: 0, max: 5000 }),
  save: fc.integer({ min: 0, max: 500 }),
  looksAfter: fc.integer({ min: 0, max: 4 }),
});

test('once each part was measured, what is said to be left is what is left', () => {
  fc.assert(
    fc.property(costs, (each) => {
      const { said, end } = simulated(each);
      const known = said.filter(({ step, looked }) => looked && step > each.checkpointEvery);
      for (const { at, left, step } of known)
        assert.ok(Math.abs(left - (end - at)) < 1e-6, `step ${step}: ${left}, ${end - at}`);
    }),
  );
});

test('a first step that took long does not count beside others', () => {
  const clock = { time: 0 };
  const settings = { step: 0, steps: 11, evaluateEvery: 100, checkpointEvery: 100, stepsPerLook: 3, looksAfter: 0 };
  const pace = new Pace({ ...settings, limit: Number.POSITIVE_INFINITY, now: () => clock.time });
  pace.stepped(1, 5000);
  assert.is(pace.left(), 10 * 5000 + 5000 + 50 + CLOSING);
  pace.stepped(2, 10);
  pace.stepped(3, 20);
  assert.is(pace.left(), 8 * 15 + 15 + 50 + CLOSING);
});

test('the bar is never full while anything is left', () => {
  fc.assert(
    fc.property(costs, (each) => {
      for (const { share } of simulated(each).said) assert.ok(share > 0 && share < 1);
    }),
  );
});

test('by the clock: what is left of it, and the end that follows', () => {
  const each = { steps: 1_000_000, evaluateEvery: 10, checkpointEvery: 500_000, look: 50, save: 20, looksAfter: 0 };
  const limit = 2000;
  const { said, begun } = simulated(each, limit);
  for (const { at, left, looked } of said.filter((one) => one.looked)) {
    assert.ok(looked);
    // A checkpoint is guessed until there was one.
    assert.is(left, limit - (at - begun) + each.look + 50 + CLOSING);
  }
});

test('a path is quoted where a shell would take it apart', () => {
  assert.is(shellWord('out/copy/full'), 'out/copy/full');
  assert.is(shellWord('a b'), '"a b"');
  if (process.platform !== 'win32') assert.is(shellWord('a"$b`\\'), '"a\\"\\$b\\`\\\\"');
});

test.run();
