/** Work whose results are shown at its end, and are not lost where the end comes before its time. */
import { type Running, tellStop } from './command.ts';
import { isForFiles, type Output } from './outputs.ts';

export interface Observer<Report> {
  onResults(report: Report): void;
  shouldStop(): boolean;
}

/** What came of the work: also where a signal ends it, or an error does, after something was known. */
export async function asFarAsKnown<Report>(
  outputs: readonly Output[],
  host: Running,
  work: (observer: Observer<Report>) => Promise<Report>,
): Promise<{ report: Report; failure: unknown }> {
  const { stop } = host;
  let known: Report | null = null;
  try {
    const report = await work({
      onResults: (report) => {
        known = report;
        stop.listen(tellStop(host, 'after this variant'));
      },
      // Whoever reads no further may still want the files.
      shouldStop: () => (isForFiles(outputs) ? stop.signalled() !== null : stop.asked()),
    });
    return { report, failure: null };
  } catch (failure) {
    if (known === null) throw failure;
    return { report: known, failure };
  } finally {
    // Whoever wants an end of what follows wants it at once.
    stop.end();
  }
}
