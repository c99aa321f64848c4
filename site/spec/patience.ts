/** An end to waiting, for promises that may never settle: a page that hangs fails by name, not with its whole file. */

/** As `promise`; rejects after so many milliseconds, with what was waited for. */
export async function within<T>(milliseconds: number, promise: Promise<T>, what: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const end = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what()}: no answer for ${milliseconds / 1000} s`)), milliseconds);
  });
  try {
    return await Promise.race([promise, end]);
  } finally {
    clearTimeout(timer);
  }
}
