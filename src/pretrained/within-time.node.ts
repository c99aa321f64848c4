/** A bound on how long third-party code may run on untrusted input. */
import { createContext, Script } from 'node:vm';

const context = createContext({ body: undefined as unknown });
const call = new Script('body()');

/** Thrown if a body did not end in time. */
export class OutOfTime extends Error {}

/** A body may take this many times its work by the clock, on a busy machine. */
const MOST_DELAYED = 128;

/**
 * Runs `body`, and stops it after so many milliseconds of work, even in a loop or in a regular expression that would take
 * forever. `catch` or `finally` cannot keep it running. (Of an asynchronous body, only the synchronous part is bounded.) Work
 * is processor time, not clock time: if `body` is stopped after less than half of it, because the process was suspended or
 * the processors were busy, it runs once more from the beginning, for twice as long. Throws OutOfTime, and any error of
 * `body`. This costs about a tenth of a millisecond.
 */
export function withinTime<T>(milliseconds: number, body: () => T, work: () => number = workOfProcessors): T {
  context.body = body;
  try {
    for (let timeout = Math.ceil(milliseconds); ; timeout *= 2) {
      const before = work();
      try {
        return call.runInContext(context, { timeout }) as T;
      } catch (error) {
        if ((error as NodeJS.ErrnoException | null)?.code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
        const done = work() - before;
        if (done < milliseconds / 2 && timeout < MOST_DELAYED * milliseconds) continue;
        throw new OutOfTime(`not done after ${(milliseconds / 1000).toFixed(1)} s`, { cause: error });
      }
    }
  } finally {
    context.body = undefined;
  }
}

/** The processor time of this thread in milliseconds, or of the whole process if the engine does not report threads. */
function workOfProcessors(): number {
  const { threadCpuUsage } = process as { threadCpuUsage?: () => NodeJS.CpuUsage };
  const { user, system } = threadCpuUsage?.call(process) ?? process.cpuUsage();
  return (user + system) / 1000;
}
