/** Who holds a folder, as its lock says, and whether that process has ended. */
import { randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname, uptime } from 'node:os';
import { visible } from '../visible.ts';
import { isRunning } from './atomic.ts';

/** Who holds a folder. */
export interface Holder {
  /** What it does there, in a word. */
  what: string;
  pid: number;
  host: string;
  /** When it took the folder, in the form of ISO 8601. */
  since: string;
  /**
   * A process number alone is given out again: by the next start of the machine, in another container, and when all
   * numbers have been used. Linux says which start, which container and when in it; elsewhere these are null.
   */
  boot: string | null;
  container: string | null;
  started: string | null;
  /** Of this one lock. */
  token: string;
}

/** What the clock may have been set by since the machine started. */
const CLOCK_MILLISECONDS = 60_000;
const LONGEST_WORD = 80;

/** This process, as the next holder. */
export function ourselves(what: string): Holder {
  return {
    what,
    pid: process.pid,
    host: hostname(),
    since: new Date().toISOString(),
    boot: ifTold(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
    container: ifTold(() => readlinkSync('/proc/self/ns/pid')),
    started: startOf(process.pid),
    token: randomBytes(8).toString('hex'),
  };
}

/** In ticks since the machine started; null where that is unknown, and for a process that has ended. */
function startOf(pid: number): string | null {
  return ifTold(() => {
    // The name before the last bracket may hold spaces and brackets of its own: proc(5).
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    const hasEnded = fields[0] === 'Z' || fields[0] === 'X';
    return hasEnded ? null : fields[19];
  });
}

function ifTold<T>(ask: () => T): T | null {
  try {
    return ask();
  } catch {
    return null;
  }
}

/** Null if the text is none of a holder. */
export function parseHolder(text: string): Holder | null {
  const holder = ifTold(() => JSON.parse(text) as Partial<Record<keyof Holder, unknown>> | null);
  const texts = [holder?.what, holder?.host, holder?.since, holder?.token];
  const whole =
    Number.isSafeInteger(holder?.pid) && Number(holder?.pid) > 0 && texts.every((each) => typeof each === 'string');
  return whole ? (holder as Holder) : null;
}

/** Whether the holder has ended, as far as can be known from here; `isOurs` knows the tokens of this very process. */
export function isOver(holder: Holder, own: Holder, isOurs: (token: string) => boolean): boolean {
  if (holder.host !== own.host) return false;
  if (holder.boot !== null && own.boot !== null) {
    if (holder.boot !== own.boot) return true;
  } else if (Date.parse(holder.since) < Date.now() - 1000 * uptime() - CLOCK_MILLISECONDS) return true;
  if (holder.container !== own.container) return false;
  if (holder.pid === own.pid) return !isOurs(holder.token);
  if (!isRunning(holder.pid)) return true;
  return holder.started !== null && own.started !== null && startOf(holder.pid) !== holder.started;
}

/** For messages: what a file says reaches no terminal as it is. */
export function nameOf({ what, pid, host, since }: Holder): string {
  const words = [what, host, since].map((word) => visible(word.slice(0, LONGEST_WORD)));
  return `${words[0]} (process ${pid} on ${words[1]}, since ${words[2]})`;
}
