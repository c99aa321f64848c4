/** Wall times of several things that are to be compared: taken in turns, so that a busy moment hits all of them. */

export interface StopwatchSettings {
  /** Turns go on until each has had this many milliseconds on average… */
  millisecondsEach?: number;
  /** …but not beyond this many turns, and at least `minTurns` of them… */
  maxTurns?: number;
  minTurns?: number;
  /** …unless they together took this long: long runs vary less, and nobody wants to wait for three of them. */
  patience?: number;
  now?: () => number;
  /** After every run of a body. */
  onRun?: (index: number, turn: number) => void;
}

/**
 * Median milliseconds of each body, all run once a turn. The bodies should have run before: the first run compiles.
 */
export function timeInTurns(bodies: readonly (() => void)[], settings: StopwatchSettings = {}): number[] {
  const { millisecondsEach = 100, maxTurns = 30, minTurns = 3, patience = 5000, onRun = () => {} } = settings;
  const now = settings.now ?? (() => performance.now());
  const times: number[][] = bodies.map(() => []);
  const start = now();
  for (let turn = 0; turn < maxTurns; turn++) {
    const elapsed = now() - start;
    if (turn > 0 && elapsed >= patience) break;
    if (turn >= minTurns && elapsed >= millisecondsEach * bodies.length) break;
    bodies.forEach((body, index) => {
      const before = now();
      body();
      times[index].push(now() - before);
      onRun(index, turn);
    });
  }
  return times.map(median);
}

/** The middle number, or the mean of the two middle ones; NaN of none. */
export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)] : (sorted[middle - 1] + sorted[middle]) / 2;
}
