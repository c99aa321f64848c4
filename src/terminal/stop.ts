/**
 * Whether a long command should stop. Loops ask between two pieces of work, save what they have, and end with an exit code
 * that shows it.
 */
import { constants } from 'node:os';
import { isOutputLost, isReaderGone } from './streams.ts';

/** Ctrl-C; `kill`, and a machine that shuts down; a terminal that closes. Windows has the last for ten seconds at most. */
const SIGNALS = [
  'SIGINT',
  'SIGTERM',
  'SIGHUP',
  ...('SIGBREAK' in constants.signals ? ['SIGBREAK' as const] : []),
] as const;
type Signal = (typeof SIGNALS)[number];

/** One instruction may come several times: a terminal, npm and `timeout` each pass it on. */
const SAME_MILLISECONDS = 300;
/** A shell's exit code for a process that a signal ended is this and the signal's number. */
const SIGNALLED = 128;
const PIPE = constants.signals.SIGPIPE ?? 13;

export class Stop {
  readonly #listeners = new Map<Signal, () => void>();
  #signal: Signal | null = null;

  /**
   * From now on the first signal is an instruction to stop when it suits, and a second one does what it always does. To be
   * called when there is something to lose: until then a signal ends the process at once.
   */
  listen(onSignal: (signal: Signal) => void = () => {}): void {
    if (this.#listeners.size > 0 || this.#signal !== null) return;
    let heard = 0;
    for (const signal of SIGNALS) {
      const listener = () => {
        const now = performance.now();
        if (this.#signal === null) {
          this.#signal = signal;
          heard = now;
          onSignal(signal);
        } else if (now - heard > SAME_MILLISECONDS) {
          this.end();
          process.kill(process.pid, signal);
        }
      };
      this.#listeners.set(signal, listener);
      process.on(signal, listener);
    }
  }

  /** By a signal. */
  signalled(): Signal | null {
    return this.#signal;
  }

  /** By a signal, or because what is written to stdout gets lost. */
  asked(): boolean {
    return this.#signal !== null || isOutputLost();
  }

  /** Of a command that was cut short: as if the signal had ended it. */
  exitCode(): number {
    if (this.#signal !== null) return SIGNALLED + constants.signals[this.#signal];
    return isReaderGone() ? SIGNALLED + PIPE : 1;
  }

  /** From now on every signal does what it always does. */
  end(): void {
    for (const [signal, listener] of this.#listeners) process.off(signal, listener);
    this.#listeners.clear();
  }

  /**
   * As `end`, but with the next turn of the event loop. A signal that came while this thread was busy waits for that turn,
   * and would be lost with its listener.
   */
  endSoon(): void {
    setImmediate(() => this.end());
  }
}
