/** How busy the machine is with other work, for experiments that measure time. */
import { cpus } from 'node:os';

type Times = readonly { times: Readonly<Record<string, number>> }[];

/** Long enough for a tick of a hundredth of a second to be a small part of it. */
const SAMPLE_MILLISECONDS = 500;

/** The share of the processors' time that is taken while this process waits half a second, from 0 to 1. */
export async function shareOfOthers(): Promise<number> {
  const before = cpus();
  await new Promise((resolve) => setTimeout(resolve, SAMPLE_MILLISECONDS));
  return busyShare(before, cpus());
}

/** The share of time that was not idle from one reading to the next; 0 where the system counts no time. */
export function busyShare(before: Times, after: Times): number {
  const sum = (all: Times, isCounted: (kind: string) => boolean) =>
    all.reduce((total, { times }) => {
      const own = Object.entries(times).filter(([kind]) => isCounted(kind));
      return total + own.reduce((part, [, time]) => part + time, 0);
    }, 0);
  const [whole, idle] = [() => true, (kind: string) => kind === 'idle'].map(
    (isCounted) => sum(after, isCounted) - sum(before, isCounted),
  );
  return whole > 0 ? Math.min(1, Math.max(0, 1 - idle / whole)) : 0;
}
