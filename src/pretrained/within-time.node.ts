/** A bound on how long third-party code may run on untrusted input. */
import { createContext, Script } from 'node:vm';

const context = createContext({ body: undefined as unknown });
const call = new Script('body()');

/** Thrown where a body did not end in its time. */
export class OutOfTime extends Error {}

/** How many times as long as its work a body may take by the clock, on a machine that has much else to do. */
const MOST_DELAYED = 128;

/**
 * Runs `body`, and stops it where it stands after so many milliseconds of work: in a loop, or in a regular expression, which
 * may take longer than the universe is old. It cannot hold on, by `catch` or `finally`. (Of a promise only the beginning is
 * bounded.) Work is time of a processor, not of the clock: where `body` is stopped after less than half of it, because the
 * process was stopped or others had the processors, it runs once more from the beginning, for twice as long. Throws
 * OutOfTime, and what `body` throws. This costs about a tenth of a millisecond.
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

/** Milliseconds that this thread, or where the engine does not tell them apart all of the process, has worked for. */
function workOfProcessors(): number {
  const { threadCpuUsage } = process as { threadCpuUsage?: () => NodeJS.CpuUsage };
  const { user, system } = threadCpuUsage?.call(process) ?? process.cpuUsage();
  return (user + system) / 1000;
}
