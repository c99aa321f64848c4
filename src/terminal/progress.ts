/**
 * A progress bar for work that does not give the event loop a turn: it has no timer and draws only from `update`.
 * It shows after two seconds of work, on a terminal only, and leaves no trace.
 */

import { ArgumentError, expectInteger } from '../core/errors.ts';
import { visible } from '../core/visible.ts';
import { CLEARED, type TerminalStream } from './colour.ts';
import { formatMilliseconds, formatPercent } from './format.ts';
import { screen } from './screen.ts';
import { displayWidth } from './width.ts';

export interface ProgressOptions {
  /** The whole work, in any unit (steps, rows, FLOPs) that grows evenly with time. */
  total: number;
  /** Defaults to stderr, so that what is piped from stdout stays clean. */
  stream?: TerminalStream;
  /** Milliseconds on any clock that only moves forward. */
  now?: () => number;
  /** How long nothing is shown. */
  delayMilliseconds?: number;
}

const REDRAW_MILLISECONDS = 100;
const BAR_WIDTH = 24;
const NARROWEST_BAR = 8;
/** A terminal that does not tell its width, or says 0, is taken to have this one. */
const DEFAULT_WIDTH = 80;

/** Call `finish` in a `finally`, so that the line is cleared also when the work throws. */
export class Progress {
  readonly total: number;
  private readonly stream: TerminalStream;
  private readonly now: () => number;
  private readonly delay: number;
  private readonly start: number;
  private done = 0;
  private drawnAt = Number.NEGATIVE_INFINITY;
  private visible = false;

  /** Starts the clock. Throws ArgumentError if `total` is not a finite number above zero. */
  constructor({ total, stream = process.stderr, now = () => performance.now(), delayMilliseconds }: ProgressOptions) {
    if (!(total > 0 && Number.isFinite(total))) throw new ArgumentError(`total: expected more than 0, got ${total}`);
    if (delayMilliseconds !== undefined) expectInteger('delayMilliseconds', delayMilliseconds, 0);
    this.total = total;
    this.stream = screen(stream);
    this.now = now;
    this.delay = delayMilliseconds ?? 2000;
    this.start = now();
  }

  /** That much more is done; `label` names what is going on, e.g. `longformer, w = 64`. */
  advance(amount: number, label = ''): void {
    this.update(this.done + amount, label);
  }

  /** That much of `total` is done. */
  update(done: number, label = ''): void {
    this.done = Math.min(Math.max(done, 0), this.total);
    if (this.stream.isTTY !== true) return;
    const time = this.now();
    if (time - this.start < this.delay || time - this.drawnAt < REDRAW_MILLISECONDS) return;
    this.drawnAt = time;
    this.visible = true;
    this.stream.write(CLEARED + this.line(time - this.start, label));
  }

  /** Takes the bar off the screen. The next `update` draws it again, so this also makes room for a message. */
  finish(): void {
    if (this.visible) this.stream.write(CLEARED);
    this.visible = false;
    this.drawnAt = Number.NEGATIVE_INFINITY;
  }

  private line(elapsed: number, label: string): string {
    const share = this.done / this.total;
    const left =
      this.done === 0 ? '' : `  ${formatMilliseconds((elapsed / this.done) * (this.total - this.done))} left`;
    const words = `${formatPercent(share).padStart(5)}${left}  ${visible(label)}`.trimEnd();
    // One column stays free: a full line would wrap, and its first half could not be cleared.
    const width = (this.stream.columns || DEFAULT_WIDTH) - 1;
    // Words go before bars.
    const cells = Math.min(BAR_WIDTH, Math.max(NARROWEST_BAR, width - displayWidth(words) - 1));
    const filled = Math.round(share * cells);
    return cut(`${'█'.repeat(filled)}${'░'.repeat(cells - filled)} ${words}`, width);
  }
}

function cut(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  let kept = '';
  for (const character of text) {
    if (displayWidth(kept + character) > width - 1) break;
    kept += character;
  }
  return width > 0 ? `${kept}…` : '';
}
