/**
 * Digits: a square picture of one digit from 0 to 9, read row by row; the class is the digit. A picture as a row of pixels
 * is the task "image" of the Long Range Arena (Tay et al. 2021, §2.2.4), and handwritten digits in a row are those of Le et
 * al. 2015. Those are files; these pictures are drawn, so there is nothing to download and no picture comes twice.
 *
 * A digit is a few strokes in a unit square. Each picture shifts the points of its strokes a little, rounds their corners,
 * and chooses height, width, slant, place and thickness of the line; then every pixel gets noise. A stroke's neighbours in a
 * column are a whole row apart in the sequence.
 */
import { ArgumentError, expectInteger } from '../../core/errors.ts';
import { DIGITS, drawStrokes, type Point, type Stroke, within } from './digit-strokes.ts';
import type { Task, TaskDefinition } from './task.ts';

/** Grey levels: 0 is paper, 7 is ink. */
export const LEVELS = 8;

/** How thick a line is, in sides of the picture; never less than a pixel. */
const THICKNESS = [0.07, 0.12];
/** The standard deviation of a pixel's noise; ink is 1. */
const NOISE = 0.1;

export const digits: TaskDefinition = {
  name: 'digits',
  summary: 'Tell which digit a picture shows, drawn with noise and read pixel by pixel',
  source: 'pictures in a row as in Le et al. 2015 and Tay et al. 2021, §2.2.4; drawn here',
  defaults: { length: 256 },
  // 12 × 12. Positions are learned: with rotary ones, which do not say where in the picture a stroke lies, two layers come to a
  // third of the digits in 300 steps, where one layer with these comes to 80% in 400 (recipes/digits.ts).
  brief: { length: 144, layers: 1, modelDim: 32, batch: 32, rate: 1e-2, positions: 'learned' },

  make({ length }): Task {
    expectInteger('length', length, 64);
    const side = Math.sqrt(length);
    if (!Number.isInteger(side)) throw new ArgumentError(`length: expected the square of a side, got ${length}`);
    return {
      name: 'digits',
      kind: 'classification',
      settings: { length },
      vocabulary: LEVELS,
      classes: DIGITS,
      length,
      accuracy: 'target',
      chance: 1 / DIGITS,
      alphabet: 'numbers',
      draw(_, random) {
        const digit = random.integer(DIGITS);
        const thickness = Math.max(1, side * within(THICKNESS, random));
        const ink = inkOf(drawStrokes(digit, side, random), side, thickness);
        const tokens = Int32Array.from(ink, (each) => levelOf(each + NOISE * random.normal()));
        return { tokens, targets: [digit] };
      },
    };
  },
};

/** How much of each pixel is covered, 0 to 1, row by row: by its distance from the nearest line. */
export function inkOf(strokes: readonly Stroke[], side: number, thickness: number): Float64Array {
  const nearest = new Float64Array(side * side).fill(Number.POSITIVE_INFINITY);
  const reach = (thickness + 1) / 2;
  for (const stroke of strokes) {
    for (let n = 1; n < stroke.length; n++) measure(stroke[n - 1], stroke[n], side, reach, nearest);
  }
  return nearest.map((squared) => Math.min(1, Math.max(0, reach - Math.sqrt(squared))));
}

/** Lowers the squared distances of the pixels within reach of a line to those from it. */
function measure([x, y]: Point, [toX, toY]: Point, side: number, reach: number, nearest: Float64Array): void {
  const [alongX, alongY] = [toX - x, toY - y];
  const squaredLength = alongX * alongX + alongY * alongY;
  const span = (a: number, b: number) => [
    Math.max(0, Math.floor(Math.min(a, b) - reach)),
    Math.min(side - 1, Math.ceil(Math.max(a, b) + reach)),
  ];
  const [[top, bottom], [left, right]] = [span(y, toY), span(x, toX)];
  for (let row = top; row <= bottom; row++) {
    for (let column = left; column <= right; column++) {
      // From the middle of the pixel.
      const [fromX, fromY] = [column + 0.5 - x, row + 0.5 - y];
      const share = squaredLength === 0 ? 0 : (fromX * alongX + fromY * alongY) / squaredLength;
      const nearby = Math.min(1, Math.max(0, share));
      const [offX, offY] = [fromX - nearby * alongX, fromY - nearby * alongY];
      const squared = offX * offX + offY * offY;
      if (squared < nearest[row * side + column]) nearest[row * side + column] = squared;
    }
  }
}

function levelOf(ink: number): number {
  return Math.round((LEVELS - 1) * Math.min(1, Math.max(0, ink)));
}
