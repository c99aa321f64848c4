/** Pathfinder, solved by a flood fill that jumps over one pixel. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Random } from '../../../src/core/random.ts';
import { DASH, DOT } from '../../../src/training/tasks/pathfinder.ts';
import { openTask } from '../../../src/training/tasks/registry.ts';

/** Lit pixels that can be reached from one in jumps of at most two rows and columns. */
function flood(tokens: ArrayLike<number>, from: number): Set<number> {
  const side = Math.sqrt(tokens.length);
  const reached = new Set([from]);
  for (const pixel of reached) {
    for (let row = -2; row <= 2; row++) {
      for (let column = -2; column <= 2; column++) {
        const [r, c] = [Math.floor(pixel / side) + row, (pixel % side) + column];
        if (r >= 0 && c >= 0 && r < side && c < side && tokens[r * side + c] > 0) reached.add(r * side + c);
      }
    }
  }
  return reached;
}

const pixels = (tokens: ArrayLike<number>, kind: number) =>
  Array.from(tokens).flatMap((token, at) => (token === kind ? [at] : []));

test('the class is whether the second dot is reached from the first', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e9 }), fc.constantFrom(8, 9, 12, 16, 24, 32), (seed, side) => {
      const task = openTask('pathfinder', { length: side * side });
      const { tokens, targets } = task.draw('training', new Random(seed));
      const dots = pixels(tokens, DOT);
      assert.is(dots.length, 2);
      assert.is(Number(flood(tokens, dots[0]).has(dots[1])), targets[0]);
    }),
    { numRuns: 200 },
  );
});

test('pictures of both classes have as much in them: how many pixels and paths tells nothing', () => {
  const task = openTask('pathfinder', { length: 576 });
  const random = new Random(3);
  const figures = [0, 1].map(() => ({ pixels: [] as number[], paths: [] as number[] }));
  for (let n = 0; n < 300; n++) {
    const { tokens, targets } = task.draw('training', random);
    const lit = [...pixels(tokens, DASH), ...pixels(tokens, DOT)];
    let paths = 0;
    for (const left = new Set(lit); left.size > 0; paths++) {
      for (const pixel of flood(tokens, [...left][0])) left.delete(pixel);
    }
    assert.ok(paths >= 2);
    figures[targets[0]].pixels.push(lit.length);
    figures[targets[0]].paths.push(paths);
  }
  for (const what of ['pixels', 'paths'] as const) {
    const [a, b] = figures.map((each) => each[what]).map(meanAndError);
    // Five standard errors of the difference.
    assert.ok(Math.abs(a.mean - b.mean) <= 5 * Math.hypot(a.error, b.error), `${what}: ${a.mean}, ${b.mean}`);
  }
});

function meanAndError(values: number[]) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  return { mean, error: Math.sqrt(variance / values.length) };
}

test.run();
