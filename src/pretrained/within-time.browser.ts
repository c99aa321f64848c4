/** A page cannot stop its own script: a script that takes too long ends only with its page or worker. */

/** Thrown if a body did not end in time. */
export class OutOfTime extends Error {}

/** Runs `body`, for as long as it takes. */
export function withinTime<T>(_milliseconds: number, body: () => T): T {
  return body();
}
