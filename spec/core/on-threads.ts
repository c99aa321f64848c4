/** The same work on several numbers of threads, for specs that hold it to the same bits on each. */
import * as assert from 'uvu/assert';
import { poolReady, setThreads, threadCount } from '../../src/core/parallel/pool.ts';

/** Throws unless `bits` gives the same arrays on every number of threads. */
export async function assertSameBitsOnThreads(
  bits: () => unknown,
  counts: readonly number[] = [1, 2, 3],
): Promise<void> {
  const outer = threadCount();
  try {
    const byThreads: unknown[] = [];
    for (const threads of counts) {
      setThreads(threads);
      await poolReady();
      byThreads.push(bits());
    }
    counts.forEach((threads, index) => {
      assert.equal(byThreads[index], byThreads[0], `${threads} threads`);
    });
  } finally {
    setThreads(outer);
  }
}
