/** The clock of experiments that measure time: the processor time of this process, which other programs change little. */

/** Said with each of their results. */
export const PROCESSOR_TIME =
  'Time is processor time, of all threads together, so that a busy machine changes it little; on Windows, which counts it in ticks of a sixty-fourth of a second, it is time on the clock.';

/** In milliseconds, from any beginning. */
export function processorMilliseconds(): number {
  if (process.platform === 'win32') return performance.now();
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
