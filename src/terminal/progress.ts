/**
 * A progress bar for work that does not give the event loop a turn: it has no timer and draws only from `update`. It shows
 * after two seconds of work, and leaves no trace; neither do the lines above it, of which `update` takes a few. Where there is
 * no terminal, such as in a log, a line comes now and then, ever more rarely. 100% is the end and nothing before it.
 */

import { ArgumentError, expectInteger } from '../core/errors.ts';
import { visible } from '../core/visible.ts';
import { CLEARED, RAISED, type TerminalStream } from './colour.ts';
import { formatMilliseconds } from './format.ts';
import { screen } from './screen.ts';
import { displayWidth, USUAL_WIDTH, widthOf } from './width.ts';

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
/** Of silence before the first line where there is no terminal, twice as many before the next, and at most. */
const FIRST_MILLISECONDS = 10_000;
const LONGEST_MILLISECONDS = 300_000;
const BAR_WIDTH = 24;
const NARROWEST_BAR = 8;

/** Call `finish` in a `finally`, so that the line is cleared also when the work throws. */
export class Progress {
  readonly total: number;
  private readonly stream: TerminalStream;
  private readonly now: () => number;
  private readonly delay: number;
  private readonly start: number;
  private done = 0;
  private drawnAt = Number.NEGATIVE_INFINITY;
  private toldAt: number;
  private silence = FIRST_MILLISECONDS;
  private visible = false;
  /** On the screen above the bar. */
  private linesAbove = 0;

  /** Starts the clock. Throws ArgumentError if `total` is not a finite number above zero. */
  constructor({ total, stream = process.stderr, now = () => performance.now(), delayMilliseconds }: ProgressOptions) {
    if (!(total > 0 && Number.isFinite(total))) throw new ArgumentError(`total: expected more than 0, got ${total}`);
    if (delayMilliseconds !== undefined) expectInteger('delayMilliseconds', delayMilliseconds, 0);
    this.total = total;
    this.stream = screen(stream);
    this.now = now;
    this.delay = delayMilliseconds ?? 2000;
    this.start = now();
    this.toldAt = this.start;
  }

  /** Adds work that is done; `label` names the current part, e.g. `longformer, w = 64`. */
  advance(amount: number, label = ''): void {
    this.update(this.done + amount, label);
  }

  /**
   * Sets the work that is done, out of `total`. Where an estimate takes back what it said, the bar stays where it was. On a
   * terminal, `above` stands over the bar: results so far, a few lines.
   */
  update(done: number, label = '', above: readonly string[] = []): void {
    this.done = Math.min(Math.max(done, this.done), this.total);
    const time = this.now();
    if (this.stream.isTTY !== true) {
      if (time - this.toldAt < this.silence) return;
      this.toldAt = time;
      this.silence = Math.min(LONGEST_MILLISECONDS, 2 * this.silence);
      this.stream.write(`${this.words(time - this.start, label)}\n`);
      return;
    }
    if (time - this.start < this.delay || time - this.drawnAt < REDRAW_MILLISECONDS) return;
    this.drawnAt = time;
    const lines = above.map((line) => `${cut(visible(line), this.width())}\n`);
    this.stream.write(`${this.cleared()}${lines.join('')}${this.line(time - this.start, label)}`);
    this.visible = true;
    this.linesAbove = lines.length;
  }

  /**
   * Takes the bar off the screen. The next `update` draws it again, so this also makes room for a message; in a log the
   * message is as good as a line, and the next one comes later.
   */
  finish(): void {
    this.toldAt = this.now();
    if (this.visible) this.stream.write(this.cleared());
    this.visible = false;
    this.linesAbove = 0;
    this.drawnAt = Number.NEGATIVE_INFINITY;
  }

  /** Takes what is drawn off the screen, from the bar up. */
  private cleared(): string {
    return CLEARED + (RAISED + CLEARED).repeat(this.linesAbove);
  }

  /** One column stays free: a full line would wrap, and its first half could not be cleared. */
  private width(): number {
    return (widthOf(this.stream) ?? USUAL_WIDTH) - 1;
  }

  /** `20%  10.0 s left  longformer, w = 64`; rounded down, since what is left is not done. */
  private words(elapsed: number, label: string): string {
    const share = this.done / this.total;
    const time = formatMilliseconds((elapsed / this.done) * (this.total - this.done));
    const left = this.done === 0 || share === 1 ? '' : `  ${time} left`;
    return `${Math.floor(100 * share)}%${left}  ${visible(label)}`.trimEnd();
  }

  private line(elapsed: number, label: string): string {
    const words = this.words(elapsed, label);
    const width = this.width();
    // Words go before bars.
    const cells = Math.min(BAR_WIDTH, Math.max(NARROWEST_BAR, width - displayWidth(words) - 1));
    const filled = Math.floor((this.done / this.total) * cells);
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
