/** A bound on how long code of others may run on input that is not trusted. */
import { createContext, Script } from 'node:vm';

const context = createContext({ body: undefined as unknown });
const call = new Script('body()');

/** Thrown where a body did not end in its time. */
export class OutOfTime extends Error {}

/**
 * Runs `body`, and stops it where it stands after so many milliseconds of work: in a loop, or in a regular expression, which
 * may take longer than the universe is old. It cannot hold on, by `catch` or `finally`. (Of a promise only the beginning is
 * bounded.) Where the process itself was stopped or starved meanwhile, `body` runs once more from the beginning. Throws
 * OutOfTime, and what `body` throws. This costs about a tenth of a millisecond.
 */
export function withinTime<T>(milliseconds: number, body: () => T): T {
  context.body = body;
  try {
    for (let attempt = 1; ; attempt++) {
      const before = process.cpuUsage();
      try {
        return call.runInContext(context, { timeout: Math.ceil(milliseconds) }) as T;
      } catch (error) {
        if ((error as NodeJS.ErrnoException | null)?.code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
        const { user, system } = process.cpuUsage(before);
        if ((user + system) / 1000 < milliseconds / 8 && attempt < ATTEMPTS) continue;
        throw new OutOfTime(`not done after ${(milliseconds / 1000).toFixed(1)} s`, { cause: error });
      }
    }
  } finally {
    context.body = undefined;
  }
}

const ATTEMPTS = 5;
