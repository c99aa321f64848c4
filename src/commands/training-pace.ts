/**
 * How long a run will still take, from how long its parts took so far: steps, evaluations, checkpoints, and the work after
 * the last step. A bar that counts only steps would be full while evaluations and files are still to come.
 */

export interface PaceSettings {
  /** Where the run stands, and how many steps it has. */
  step: number;
  steps: number;
  evaluateEvery: number;
  checkpointEvery: number;
  /** The forward passes of an evaluation, counted in steps. */
  stepsPerLook: number;
  /** Evaluations after the last step, such as those without the attention of each layer. */
  looksAfter: number;
  /** Milliseconds after which no step begins. */
  limit: number;
  /** On any clock that only moves forward, in milliseconds. */
  now?: () => number;
}

/** Assumed until one is measured. A forward pass is about a third of a step. */
const LOOK_SHARE = 1 / 3;
const CHECKPOINT_MILLISECONDS = 50;
/** The page of the curves, for which a library is loaded. */
const CLOSING_MILLISECONDS = 1000;
/** How much the last step moves the mean of steps, at least. */
const RECENT = 0.02;
/** What a bar shows at most while anything is left to do. */
const MOST = 0.9999;

export class Pace {
  readonly #settings: PaceSettings;
  readonly #now: () => number;
  readonly #begun: number;
  #step: number;
  #evaluated: number;
  #saved: number;
  /** How many were timed. */
  #steps = 0;
  #stepTime = 0;
  #lookTime: number | null = null;
  #saveTime: number | null = null;

  constructor(settings: PaceSettings) {
    this.#settings = settings;
    this.#now = settings.now ?? (() => performance.now());
    this.#begun = this.#now();
    this.#step = settings.step;
    this.#evaluated = settings.step;
    this.#saved = settings.step;
  }

  /** Milliseconds since the beginning. */
  elapsed(): number {
    return this.#now() - this.#begun;
  }

  stepped(step: number, milliseconds: number): void {
    this.#step = step;
    // The first one also compiles, and does not count once there are others.
    const weight = Math.max(RECENT, 1 / Math.max(1, this.#steps++));
    this.#stepTime += weight * (milliseconds - this.#stepTime);
  }

  looked(step: number, milliseconds: number): void {
    this.#evaluated = step;
    this.#lookTime = milliseconds;
  }

  saved(step: number, milliseconds: number): void {
    this.#saved = step;
    this.#saveTime = milliseconds;
  }

  /** Milliseconds to the very end. */
  left(): number {
    const { steps, evaluateEvery, checkpointEvery, looksAfter, limit, stepsPerLook } = this.#settings;
    const step = this.#stepTime;
    const look = this.#lookTime ?? LOOK_SHARE * stepsPerLook * step;
    const save = this.#saveTime ?? CHECKPOINT_MILLISECONDS;
    const looks = timesLeft(this.#evaluated, steps, evaluateEvery);
    const saves = timesLeft(this.#saved, steps, checkpointEvery);
    // The last of each belongs to the end of the run, which also comes when the time is up.
    const working = (steps - this.#step) * step + Math.max(0, looks - 1) * look + Math.max(0, saves - 1) * save;
    const ending = (Math.min(1, looks) + looksAfter) * look + Math.min(1, saves) * save + CLOSING_MILLISECONDS;
    return Math.min(working, Math.max(0, limit - this.elapsed())) + ending;
  }

  /** Of the whole time, past and to come; below 1 as long as anything is left. */
  share(): number {
    const elapsed = this.elapsed();
    return Math.min(MOST, elapsed / (elapsed + this.left()));
  }
}

/** How often something is still due that comes every so many steps and with the last one. */
function timesLeft(done: number, steps: number, every: number): number {
  return done >= steps ? 0 : Math.ceil(steps / every) - Math.floor(done / every);
}
