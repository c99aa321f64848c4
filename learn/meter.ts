/** Bounds what one call of the learner's function takes: time, steps, and bytes. */

export interface Limits {
  /** Of one call of the learner's function. */
  readonly milliseconds: number;
  /** Of the arrays and texts in one call that are made with a length, or of others: all together, also those let go. */
  readonly bytes: number;
  /**
   * Runs of loops and functions in one call. This also bounds what grows step by step, a list by `push` for example, which no
   * other count sees: a step adds no more than what is written there. Solutions take a thousand.
   */
  readonly steps: number;
}

export const LIMITS: Limits = { milliseconds: 700, bytes: 16 * 2 ** 20, steps: 2 ** 20 };

/** A call takes too long or too much. */
export class TooMuch extends Error {
  constructor(
    readonly kind: 'endless' | 'memory',
    readonly line: number,
    /** The bytes of a single list or text that is too large. */
    readonly atOnce?: number,
  ) {
    super(kind);
  }
}

/** A busy machine may halt a thread for as long as a limit: a call that has done so little is not called endless. */
const LEAST_STEPS = 5000;

/** Follows which line runs, for how long. */
export class Meter {
  line = 0;
  #steps = 0;
  #end = 0;
  #bytes = 0;
  #over: TooMuch | null = null;

  /** `watch` hears of every line, and of the start of a call as line 0. */
  constructor(
    readonly limits: Limits = LIMITS,
    readonly watch: (line: number) => void = () => {},
  ) {}

  start(): void {
    this.#steps = 0;
    this.#bytes = 0;
    this.#over = null;
    this.#end = performance.now() + this.limits.milliseconds;
    this.watch(0);
  }

  readonly tick = (line: number): void => {
    // Also where the learner's code catches it: the next step throws it again, until the call is left.
    if (this.#over !== null) throw this.#over;
    this.line = line;
    this.watch(line);
    // The clock is slow beside an addition.
    if ((++this.#steps & 255) !== 0 || this.#steps < Math.min(LEAST_STEPS, this.limits.steps)) return;
    if (this.#steps >= this.limits.steps || performance.now() > this.#end) this.#stop('endless');
  };

  /** A length that is none (NaN, or below 0) makes nothing: what the learner calls refuses it, or takes it for 0. */
  allocate(bytes: number): void {
    if (!(bytes > 0)) return;
    this.#bytes += bytes;
    if (bytes > this.limits.bytes) this.#stop('memory', bytes);
    if (this.#bytes > this.limits.bytes) this.#stop('memory');
  }

  /** What an expression made of others: a list, a text, or anything else, which is not counted. Returns it. */
  readonly made = <T>(value: T): T => {
    if (typeof value === 'string') this.allocate(value.length);
    else if (Array.isArray(value)) this.allocate(8 * value.length);
    return value;
  };

  #stop(kind: 'endless' | 'memory', atOnce?: number): never {
    this.#over = new TooMuch(kind, this.line, atOnce);
    throw this.#over;
  }
}
