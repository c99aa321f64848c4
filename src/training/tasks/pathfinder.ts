/**
 * Pathfinder (Linsley et al. 2018; as a sequence of pixels: Tay et al. 2021, §2.2): a square picture, read row by row, with
 * two dots and some dashed paths. The class is whether a path leads from one dot to the other. Neighbours in the picture
 * are far apart in the sequence, and a path has to be followed dash by dash.
 *
 * There are always two long paths, and shorter ones between them. The dots are the two ends of one long path, or an end of
 * each. Paths are more than two pixels apart, and dashes of one path at most two, so that the eye can follow a path, and so
 * can a flood fill that jumps over one pixel.
 */
import { ArgumentError, expectInteger } from '../../core/errors.ts';
import type { Random } from '../../core/random.ts';
import type { Task, TaskDefinition } from './task.ts';

export const BACKGROUND = 0;
export const DASH = 1;
export const DOT = 2;

/** Lit pixels of a dash, and unlit ones after it. */
const LIT = 2;
const GAP = 1;
/** Two pixels nearer than this, in rows and in columns, belong to the same path. */
const CLEARANCE = 3;
/** At each step a path turns by 45° to either side with this probability. */
const TURN_SHARE = 0.25;
/** The eight directions, each 45° from the one before. */
const DIRECTIONS = [
  [0, 1],
  [1, 1],
  [1, 0],
  [1, -1],
  [0, -1],
  [-1, -1],
  [-1, 0],
  [-1, 1],
] as const;
const ATTEMPTS = 50;

export const pathfinder: TaskDefinition = {
  name: 'pathfinder',
  summary: 'Tell whether a dashed path connects two dots in a picture, read pixel by pixel',
  source: 'Linsley et al. 2018; Tay et al. 2021, §2.2.5',
  // As in the Arena: 32 × 32.
  defaults: { length: 1024 },
  // 8 × 8. The mean over all pixels dilutes what the two dots say: at 12 × 12 a small model is at chance after 500 steps of 32.
  // Positions are rotary, as by default: with learned ones it is at chance after 200 steps, where with these it is at 60%.
  // `train pathfinder` comes to 77.7% from seed 0; who looks at the places of the dots alone can reach 83%.
  brief: { length: 64, modelDim: 32, batch: 32, rate: 2e-3 },

  make({ length }): Task {
    expectInteger('length', length, 64);
    const side = Math.sqrt(length);
    if (!Number.isInteger(side)) throw new ArgumentError(`length: expected the square of a side, got ${length}`);
    return {
      name: 'pathfinder',
      kind: 'classification',
      settings: { length },
      vocabulary: 3,
      classes: 2,
      length,
      accuracy: 'target',
      chance: 1 / 2,
      alphabet: 'numbers',
      draw(_, random) {
        const connected = random.integer(2) === 1;
        const [first, second, ...others] = drawPaths(side, random);
        const tokens = new Int32Array(length).fill(BACKGROUND);
        for (const path of [first, second, ...others]) {
          path.forEach((pixel, step) => {
            if (step % (LIT + GAP) < LIT) tokens[pixel] = DASH;
          });
        }
        const ends = [first, second].map((path) => [path[0], path[path.length - 1]]);
        const dots = connected ? ends[random.integer(2)] : ends.map((own) => own[random.integer(2)]);
        for (const pixel of dots) tokens[pixel] = DOT;
        return { tokens, targets: [Number(connected)] };
      },
    };
  },
};

/** Pixels of each path in order: two with about the length of a side, then shorter ones while there is room. */
function drawPaths(side: number, random: Random): number[][] {
  const [long, short] = [side, Math.ceil(side / 3)];
  for (;;) {
    const taken = new Set<number>();
    const main = [0, 1].flatMap(() => drawPath(side, long, taken, random) ?? []);
    if (main.length !== 2 * long) continue;
    const others = Array.from({ length: Math.floor(side / 6) }, () => drawPath(side, short, taken, random) ?? []);
    return [main.slice(0, long), main.slice(long), ...others.filter((path) => path.length > 0)];
  }
}

/** Draws a path that keeps clear of the taken pixels, and marks the pixels near it as taken; null if no attempt succeeds. */
function drawPath(side: number, length: number, taken: Set<number>, random: Random): number[] | null {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const path = walk(side, length, taken, random);
    if (path === null) continue;
    for (const pixel of path) for (const near of neighbourhood(pixel, side, CLEARANCE - 1)) taken.add(near);
    return path;
  }
  return null;
}

function walk(side: number, length: number, taken: ReadonlySet<number>, random: Random): number[] | null {
  let [row, column] = [random.integer(side), random.integer(side)];
  let direction = random.integer(DIRECTIONS.length);
  const path: number[] = [];
  const own = new Set<number>();
  for (;;) {
    const pixel = row * side + column;
    if (row < 0 || column < 0 || row >= side || column >= side || taken.has(pixel) || own.has(pixel)) return null;
    // Its own pixels, except for the last, are taken with their neighbours, so that it does not touch itself.
    if (path.length > 0) for (const near of neighbourhood(path[path.length - 1], side, 0)) own.add(near);
    if (path.length > 1) for (const near of neighbourhood(path[path.length - 2], side, 1)) own.add(near);
    path.push(pixel);
    if (path.length === length) return path;
    const turn = random.uniform();
    if (turn < 2 * TURN_SHARE) direction = (direction + (turn < TURN_SHARE ? 1 : 7)) % DIRECTIONS.length;
    row += DIRECTIONS[direction][0];
    column += DIRECTIONS[direction][1];
  }
}

/** Pixels at most `distance` rows and columns away. */
function neighbourhood(pixel: number, side: number, distance: number): number[] {
  const [row, column] = [Math.floor(pixel / side), pixel % side];
  const near: number[] = [];
  for (let r = Math.max(0, row - distance); r <= Math.min(side - 1, row + distance); r++) {
    for (let c = Math.max(0, column - distance); c <= Math.min(side - 1, column + distance); c++)
      near.push(r * side + c);
  }
  return near;
}
