/** The strokes of drawn digits: which they are, and what each picture changes about them. */
import type { Random } from '../../core/random.ts';

/** A place in a picture. */
export type Point = readonly [x: number, y: number];
/** A line through points, x to the right and y down. */
export type Stroke = readonly Point[];

/**
 * Strokes of the ten digits, each through points x,y in hundredths of a unit square. Corners within a stroke become round, those
 * between two strokes stay sharp.
 */
const SHAPES: readonly (readonly Stroke[])[] = [
  ['50,0 0,0 0,100 100,100 100,0 50,0'],
  ['20,25 55,0', '55,0 55,100'],
  ['0,30 0,0 100,0 100,45 0,100', '0,100 100,100'],
  ['0,0 100,0 100,45 35,45', '35,45 100,45 100,100 0,100'],
  ['70,0 0,65', '0,65 100,65', '70,0 70,100'],
  ['95,0 10,0', '10,0 5,42', '5,42 100,30 100,100 0,100'],
  ['80,0 0,10 0,100 100,100 100,45 50,42 -5,62'],
  ['0,0 100,0', '100,0 30,100'],
  ['50,48 0,40 0,0 100,0 100,40 50,48 0,52 0,100 100,100 100,52 50,48'],
  ['20,100 100,90 100,0 0,0 0,55 50,58 105,38'],
].map((strokes) => strokes.map(strokeOf));

/** Ranges of a picture's choices: in sides of the picture, in heights of the digit, and how far a column leans for a row. */
const HEIGHT = [0.6, 0.75];
const WIDTH = [0.5, 0.75];
const SLANT = [-0.15, 0.25];
const PLACE = [-0.05, 0.05];
/** A point of a stroke moves by this at most in its unit square. */
const WOBBLE = 0.06;
/** Each round cuts the corners of a stroke by a quarter of both sides (Chaikin 1974). */
const ROUNDS = 2;

/** How many digits there are. */
export const DIGITS: number = SHAPES.length;

/** The strokes of a digit as lines between points in pixels, in a picture of this side. */
export function drawStrokes(digit: number, side: number, random: Random): Stroke[] {
  const height = side * within(HEIGHT, random);
  const width = height * within(WIDTH, random);
  const [slant, right, down] = [within(SLANT, random), side * within(PLACE, random), side * within(PLACE, random)];
  // Strokes that meet in a point move there together.
  const moved = new Map<string, Point>();
  const place = ([x, y]: Point): Point => {
    const known = moved.get(`${x} ${y}`);
    if (known !== undefined) return known;
    const [wobbledX, wobbledY] = [x, y].map((at) => at + WOBBLE * (2 * random.uniform() - 1) - 0.5);
    const row = height * wobbledY;
    const placed: Point = [side / 2 + right + width * wobbledX - slant * row, side / 2 + down + row];
    moved.set(`${x} ${y}`, placed);
    return placed;
  };
  return SHAPES[digit].map((stroke) => rounded(stroke.map(place)));
}

/** Each corner becomes two points, a quarter of each side away from it; the ends stay. */
function rounded(stroke: Stroke): Stroke {
  let line = stroke;
  for (let round = 0; round < ROUNDS; round++) {
    const corners = line.slice(1).flatMap((to, n) => [between(line[n], to, 0.25), between(line[n], to, 0.75)]);
    line = [line[0], ...corners.slice(1, -1), line[line.length - 1]];
  }
  return line;
}

function between([x, y]: Point, [toX, toY]: Point, share: number): Point {
  return [x + share * (toX - x), y + share * (toY - y)];
}

/** A number from a range. */
export function within([low, high]: readonly number[], random: Random): number {
  return low + (high - low) * random.uniform();
}

function strokeOf(points: string): Stroke {
  return points.split(' ').map((point) => {
    const [x, y] = point.split(',').map((hundredths) => Number(hundredths) / 100);
    return [x, y];
  });
}
