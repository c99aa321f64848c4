/** Digits: what is drawn has the shape of its digit, as counted by flood fills; classes are even; pictures can be told apart. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Random } from '../../../src/core/random.ts';
import { DIGITS, drawStrokes } from '../../../src/training/tasks/digit-strokes.ts';
import { inkOf, LEVELS } from '../../../src/training/tasks/digits.ts';
import { openTask } from '../../../src/training/tasks/registry.ts';

/** The holes of each digit: pieces of paper that the border does not reach. */
const HOLES = [1, 0, 0, 0, 1, 0, 1, 0, 2, 1];

/** The number of connected pieces of marked pixels that have a size: connected by sides alone, or by corners too. */
function pieces(marked: readonly boolean[], side: number, corners: boolean, size = 1): number {
  const left = new Set(marked.flatMap((is, at) => (is ? [at] : [])));
  let count = 0;
  while (left.size > 0) {
    const [first] = left;
    left.delete(first);
    const reached = [first];
    for (const pixel of reached) {
      for (let row = -1; row <= 1; row++) {
        for (let column = -1; column <= 1; column++) {
          const [r, c] = [Math.floor(pixel / side) + row, (pixel % side) + column];
          if ((!corners && row * column !== 0) || r < 0 || c < 0 || r >= side || c >= side) continue;
          if (left.delete(r * side + c)) reached.push(r * side + c);
        }
      }
    }
    if (reached.length >= size) count++;
  }
  return count;
}

test('a digit is one piece of ink with the holes that it has on paper: one in 0, 4, 6 and 9, two in 8', () => {
  const digit = fc.integer({ min: 0, max: DIGITS - 1 });
  fc.assert(
    fc.property(digit, fc.integer({ min: 0, max: 1e9 }), fc.integer({ min: 40, max: 56 }), (which, seed, side) => {
      // A line of a pixel and a half in a large picture: no gap is so small that thick ink would fill it.
      const strokes = drawStrokes(which, side, new Random(seed));
      const ink = Array.from(inkOf(strokes, side, 1.5), (each) => each > 0.25);
      assert.is(pieces(ink, side, true), 1);
      const paper = ink.map((is) => !is);
      // Pixels cut up the tip of an acute angle, as at the top of a 4.
      assert.is(pieces(paper, side, false, 4) - 1, HOLES[which], `${which}`);
      for (const at of strokes.flat(2)) assert.ok(at > 0 && at < side, `${at}`);
    }),
    { numRuns: 200 },
  );
});

test('ink is the distance from the nearest line, as measured by walking along it', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e9 }), fc.integer({ min: 8, max: 24 }), (seed, side) => {
      const random = new Random(seed);
      const thickness = 1 + 2 * random.uniform();
      const strokes = drawStrokes(random.integer(DIGITS), side, random);
      const ink = inkOf(strokes, side, thickness);
      const walked = strokes.flatMap((line) =>
        line.slice(1).flatMap((to, n) =>
          Array.from({ length: 401 }, (_, step) => {
            const share = step / 400;
            return [line[n][0] + share * (to[0] - line[n][0]), line[n][1] + share * (to[1] - line[n][1])];
          }),
        ),
      );
      for (let pixel = 0; pixel < side * side; pixel++) {
        const [x, y] = [(pixel % side) + 0.5, Math.floor(pixel / side) + 0.5];
        const distance = Math.min(...walked.map((at) => Math.hypot(at[0] - x, at[1] - y)));
        const expected = Math.min(1, Math.max(0, thickness / 2 + 0.5 - distance));
        // Steps along a line of at most a side are a 400th of it; half a step away, the distance is nearly the same.
        assert.ok(Math.abs(ink[pixel] - expected) <= side / 400, `${ink[pixel]} ${expected}`);
      }
    }),
    { numRuns: 10 },
  );
});

test('classes are even, pixels use all grey levels, most are paper, and no picture comes twice', () => {
  const task = openTask('digits');
  const counts = new Array(DIGITS).fill(0);
  const levels = new Array(LEVELS).fill(0);
  const seen = new Set<string>();
  const draws = 2000;
  const random = new Random(3);
  for (let n = 0; n < draws; n++) {
    const { tokens, targets } = task.draw('training', random);
    counts[targets[0]]++;
    for (const token of Array.from(tokens)) levels[token]++;
    seen.add(Array.from(tokens).join(''));
  }
  // Five standard errors of a share of a tenth.
  const even = draws / DIGITS;
  for (const count of counts) assert.ok(Math.abs(count - even) <= 5 * Math.sqrt(even * (1 - 1 / DIGITS)), `${counts}`);
  assert.ok(levels.every((count) => count > 0));
  assert.ok(levels[0] + levels[1] > (draws * task.length) / 2);
  assert.is(seen.size, draws);
});

test('held-out pictures are nearest to training pictures of their own digit, in most cases', () => {
  const task = openTask('digits');
  const draw = (part: 'training' | 'held-out', count: number) => {
    const random = new Random(4).split(part);
    return Array.from({ length: count }, () => task.draw(part, random));
  };
  const known = draw('training', 1500);
  const right = draw('held-out', 200).filter(({ tokens, targets }) => {
    let [nearest, answer] = [Number.POSITIVE_INFINITY, -1];
    for (const each of known) {
      let distance = 0;
      for (let at = 0; at < tokens.length; at++) distance += (tokens[at] - each.tokens[at]) ** 2;
      if (distance < nearest) [nearest, answer] = [distance, each.targets[0]];
    }
    return answer === targets[0];
  });
  // 0.9 or so; chance is 0.1. Pixels alone tell most digits, so the pictures show what their classes say.
  assert.ok(right.length > 0.75 * 200, `${right.length}`);
});

test.run();
