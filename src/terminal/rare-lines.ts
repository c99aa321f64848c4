/** Progress where there is no terminal to draw a bar on, such as a log: a line now and then, ever more rarely. */
import type { TerminalStream } from './colour.ts';
import { formatMilliseconds, formatPercent } from './format.ts';
import { screen } from './screen.ts';

export interface RareLinesOptions {
  /** Lines go where a bar would, so that what is piped from stdout stays clean. */
  stream?: TerminalStream;
  /** Milliseconds on any clock that only moves forward. */
  now?: () => number;
}

/** Of silence before the first line, and before any later one at most. */
const FIRST_MILLISECONDS = 10_000;
const LONGEST_MILLISECONDS = 300_000;

/** Draws nothing on a terminal. */
export class RareLines {
  readonly #stream: TerminalStream;
  readonly #now: () => number;
  #silence = FIRST_MILLISECONDS;
  #spoke: number;

  constructor({ stream = process.stderr, now = () => performance.now() }: RareLinesOptions = {}) {
    this.#stream = screen(stream);
    this.#now = now;
    this.#spoke = now();
  }

  /** That share of the work is done, and about so many milliseconds are left; `label` names what is going on. */
  update(share: number, left: number, label: string): void {
    if (this.#stream.isTTY === true || this.#now() - this.#spoke < this.#silence) return;
    this.#silence = Math.min(LONGEST_MILLISECONDS, 2 * this.#silence);
    this.heard();
    this.#stream.write(`${label}  ${formatPercent(share)}, ${formatMilliseconds(left)} left\n`);
  }

  /** Something else was said, which is as good. */
  heard(): void {
    this.#spoke = this.#now();
  }
}
