/** How long the calling thread waits for its workers at the end of a region before it considers them lost. */
import { sleepASecond } from '#platform/threads';
import { ACTIVE } from './control.ts';

/** Seconds that a worker may take longer than the calling thread, however short the region. */
const LEAST = 120;
/** Where the calling thread itself worked long, so may the others: by so much longer than it did. */
const TIMES = 10;

/** A second at most, until ACTIVE is no longer `active`. */
export type WaitASecond = (counters: Int32Array, active: number) => 'ok' | 'not-equal' | 'timed-out';

const sleep: WaitASecond = (counters, active) => sleepASecond(counters, ACTIVE, active);

/**
 * Waits until no worker takes part any more; returns how many are lost. Counted are seconds that were slept through one by
 * one, and no clock is asked: a process that was stopped meanwhile, by a signal, a debugger or the sleep of a laptop, has
 * slept for one second more, and so have its workers. `worked`: seconds that the calling thread took for its share.
 */
export function waitForOthers(counters: Int32Array, worked: number, wait: WaitASecond = sleep): number {
  const patience = Math.max(LEAST, TIMES * worked);
  for (let slept = 0; ; ) {
    const active = Atomics.load(counters, ACTIVE);
    if (active === 0 || slept >= patience) return active;
    if (wait(counters, active) === 'timed-out') slept++;
  }
}
