import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { RareLines } from '../../src/terminal/rare-lines.ts';

/** A pipe, or a terminal, that remembers, and a clock that is set by hand. */
function bench(isTTY?: boolean) {
  const written: string[] = [];
  const clock = { time: 1000 };
  const stream = { isTTY, write: (text: string) => written.push(text) };
  return { written, clock, lines: new RareLines({ stream, now: () => clock.time }) };
}

test('a line after ten seconds, and then after twice as long each time, up to five minutes', () => {
  const { written, clock, lines } = bench();
  const at: number[] = [];
  for (let second = 0; second <= 1800; second++) {
    clock.time = 1000 + 1000 * second;
    lines.update(second / 2000, 1000 * (2000 - second), `step ${second}`);
    if (written.length > at.length) at.push(second);
  }
  assert.equal(at, [10, 30, 70, 150, 310, 610, 910, 1210, 1510]);
  assert.is(written[1], 'step 30  1.50%, 32 min 50 s left\n');
});

test('none soon after something else was said, and none on a terminal', () => {
  const { written, clock, lines } = bench();
  clock.time = 10_000;
  lines.heard();
  clock.time = 19_999;
  lines.update(0.5, 1, 'a');
  assert.equal(written, []);
  clock.time = 20_000;
  lines.update(0.5, 1, 'a');
  assert.is(written.length, 1);
  const other = bench(true);
  other.clock.time = 1e6;
  other.lines.update(0.5, 1, 'a');
  assert.equal(other.written, []);
});

test.run();
