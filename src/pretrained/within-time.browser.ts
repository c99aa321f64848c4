/** A browser stops no script of its own page: what takes too long can be ended only with the page or the worker it is in. */

/** Thrown where a body did not end in its time. */
export class OutOfTime extends Error {}

/** Runs `body`, for as long as it takes. */
export function withinTime<T>(_milliseconds: number, body: () => T): T {
  return body();
}
