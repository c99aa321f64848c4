import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError } from '../../src/core/errors.ts';
import { Progress } from '../../src/terminal/progress.ts';
import { displayWidth } from '../../src/terminal/width.ts';

const CLEAR = '\r\x1b[2K';

/** A terminal that remembers, and a clock that is set by hand. */
function bench({ isTTY = true, columns = 80, total = 10 } = {}) {
  const written: string[] = [];
  const clock = { time: 0 };
  const stream = { isTTY, columns, write: (text: string) => written.push(text) };
  return { written, clock, progress: new Progress({ total, stream, now: () => clock.time }) };
}

test('nothing for two seconds, then a bar with the share done and the time left', () => {
  const { written, clock, progress } = bench();
  clock.time = 1999;
  progress.advance(1);
  assert.equal(written, []);
  clock.time = 2500;
  progress.advance(1, 'longformer, w = 64');
  // 2 of 10 in 2.5 s: the other 8 take 10 s.
  assert.equal(written, [`${CLEAR}████░░░░░░░░░░░░░░░░░░░░ 20%  10.0 s left  longformer, w = 64`]);
});

test('draws at most ten times a second, and finish leaves an empty line', () => {
  const { written, clock, progress } = bench({ total: 1000 });
  for (clock.time = 0; clock.time < 3000; clock.time += 3) progress.advance(1);
  assert.ok(written.length > 5 && written.length <= 10, `${written.length} times`);
  progress.finish();
  assert.is(written.at(-1), CLEAR);
  const count = written.length;
  progress.finish();
  assert.is(written.length, count);
});

test('lines above the bar are drawn anew with it, cut to the width, and finish takes them off as well', () => {
  const { written, clock, progress } = bench({ columns: 20 });
  const up = `\x1b[A${CLEAR}`;
  clock.time = 3000;
  progress.update(1, '', ['longformer 0.146', 'x'.repeat(30), 'a\x1b[2Jb']);
  const lines = written[0].split('\n');
  assert.equal(lines.slice(0, 3), [`${CLEAR}longformer 0.146`, `${'x'.repeat(18)}…`, 'a\\x1b[2Jb']);
  clock.time = 4000;
  progress.update(2, '', ['one']);
  assert.ok(written[1].startsWith(`${CLEAR}${up.repeat(3)}one\n`), JSON.stringify(written[1]));
  progress.finish();
  assert.is(written.at(-1), CLEAR + up);
});

test('not a terminal: nothing stands above its lines', () => {
  const { written, clock, progress } = bench({ isTTY: false });
  clock.time = 20_000;
  progress.update(1, 'step', ['one', 'two']);
  assert.equal(written, ['10%  3 min 00 s left  step\n']);
});

test('no line fills the terminal, whatever its width', () => {
  for (const columns of [1, 2, 20, 40, 57, 80]) {
    const { written, clock, progress } = bench({ columns });
    clock.time = 5000;
    progress.advance(5, '注意力 a long\nlabel '.repeat(3));
    const line = written[0].slice(CLEAR.length);
    assert.ok(displayWidth(line) < columns, `${displayWidth(line)} of ${columns}`);
    assert.not.ok(line.includes('\n'));
  }
});

test('where the words need the room, the bar is shorter; a terminal that says 0 columns has 80', () => {
  for (const columns of [80, 0]) {
    const { written, clock, progress } = bench({ columns });
    clock.time = 900_000;
    progress.advance(5, 'step 123456, loss 0.00123, 22.9k tokens/s');
    const line = written[0].slice(CLEAR.length);
    assert.match(line, /^█+░+ 50% {2}15 min 00 s left {2}step 123456, loss 0\.00123, 22\.9k tokens\/s$/);
    assert.is(displayWidth(line), 79);
  }
});

test('not a terminal: a line after ten seconds, and then after twice as long each time, up to five minutes', () => {
  const { written, clock, progress } = bench({ isTTY: false, total: 2000 });
  const at: number[] = [];
  for (let second = 0; second <= 1800; second++) {
    clock.time = 1000 * second;
    progress.update(second, `step ${second}`);
    if (written.length > at.length) at.push(second);
  }
  assert.equal(at, [10, 30, 70, 150, 310, 610, 910, 1210, 1510]);
  assert.is(written[1], '1%  32 min 50 s left  step 30\n');
});

test('not a terminal: none soon after something else was said', () => {
  const { written, clock, progress } = bench({ isTTY: false });
  clock.time = 9_999;
  progress.finish();
  clock.time = 19_998;
  progress.update(5);
  assert.equal(written, []);
  clock.time = 19_999;
  progress.update(5);
  assert.equal(written, ['50%  20.0 s left\n']);
});

test('the bar is full, and says 100%, when all is done and not before', () => {
  fc.assert(
    fc.property(fc.double({ min: 0.001, max: 1, noNaN: true }), fc.integer({ min: 60, max: 120 }), (share, columns) => {
      const { written, clock, progress } = bench({ total: 1, columns });
      clock.time = 60_000;
      progress.update(share, 'label');
      const [, bar, percent] = /([█░]+) (\d+)%/.exec(written[0]) ?? [];
      assert.is(Number(percent) === 100, share === 1, written[0]);
      assert.is(!bar.includes('░'), share === 1, written[0]);
      assert.is(/ left/.test(written[0]), share > 0 && share < 1, written[0]);
    }),
    {
      examples: [
        [0.9999999, 80],
        [1, 80],
        [0, 80],
      ],
    },
  );
});

test('too much or too little done stays within the bar', () => {
  const { written, clock, progress } = bench();
  clock.time = 3000;
  progress.update(-1);
  assert.match(written[0], /░{24} 0%$/);
  clock.time = 4000;
  progress.update(99);
  assert.match(written[1], /█{24} 100%$/);
});

test('the bar never falls, whatever an estimate takes back', () => {
  const { written, clock, progress } = bench();
  for (const [n, done] of [5, 4, 6].entries()) {
    clock.time = 3000 + 1000 * n;
    progress.update(done);
  }
  const shares = written.map((line) => Number(/(\d+)%/.exec(line)?.[1]));
  assert.is(shares.length, 3);
  assert.is(shares[1], shares[0]);
  assert.ok(shares[2] > shares[1], String(shares));
});

test('a total that is not above zero is refused', () => {
  for (const total of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(
      () => bench({ total }),
      (error: Error) => error instanceof ArgumentError && /^total/.test(error.message),
    );
  }
});

test.run();
