/** Wall times of several bodies to compare: they take turns, so that a busy moment hits all of them. */
import { type Check, expectFunction, integerOf, numberOf } from '../core/expect.ts';

/** How long, and how often, each variant is timed. */
export interface StopwatchSettings {
  /** Turns go on until each has had this many milliseconds on average… */
  millisecondsEach?: number;
  /** …but not beyond this many turns, and at least `minTurns` of them. */
  maxTurns?: number;
  minTurns?: number;
  /** A body that has had this many milliseconds skips further turns: long passes vary less, and waiting costs more. */
  patience?: number;
  now?: () => number;
  /** Called after every run of a body. */
  onRun?: (index: number, turn: number) => void;
}

/** The check of each setting. */
export const stopwatchChecks: { readonly [Setting in keyof StopwatchSettings]-?: Check } = {
  millisecondsEach: numberOf(0),
  maxTurns: integerOf(1),
  minTurns: integerOf(0),
  patience: numberOf(0),
  now: expectFunction,
  onRun: expectFunction,
};

/** How long a body runs before it counts. */
export interface WarmUp {
  /** Each body runs this often… */
  passes?: number;
  /** …or until it has had this many milliseconds. */
  milliseconds?: number;
  now?: () => number;
}

/**
 * Runs each body until it is as fast as it becomes. One run is not enough: the engine compiles again what runs often, and a
 * pass may take twice as long at first as after a dozen. Whatever is timed first in a process, such as the shortest of several
 * lengths, would else look slow.
 */
export function warmUp(bodies: readonly (() => void)[], settings: WarmUp = {}): void {
  const { passes = 20, milliseconds = 1500, now = () => performance.now() } = settings;
  for (const body of bodies) {
    const begin = now();
    for (let pass = 0; pass < passes && (pass === 0 || now() - begin < milliseconds); pass++) body();
  }
}

/**
 * Median milliseconds of each body. All run in every turn, and every other turn goes from last to first, so that no body
 * always follows the same other one in the caches. Run the bodies before (`warmUp`): the first run compiles.
 */
export function timeInTurns(bodies: readonly (() => void)[], settings: StopwatchSettings = {}): number[] {
  const { millisecondsEach = 100, maxTurns = 30, minTurns = 3, patience = 1000, onRun = () => {} } = settings;
  const now = settings.now ?? (() => performance.now());
  const times: number[][] = bodies.map(() => []);
  const spent = bodies.map(() => 0);
  for (let turn = 0; turn < maxTurns; turn++) {
    if (turn >= minTurns && sum(spent) >= millisecondsEach * bodies.length) break;
    const running = [...bodies.keys()].filter((index) => turn === 0 || spent[index] < patience);
    if (running.length === 0) break;
    for (const index of turn % 2 === 0 ? running : running.reverse()) {
      const before = now();
      bodies[index]();
      const milliseconds = now() - before;
      times[index].push(milliseconds);
      spent[index] += milliseconds;
      onRun(index, turn);
    }
  }
  return times.map(median);
}

/** The middle number, or the mean of the two middle ones; NaN for an empty list. */
export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
