/** A worker of a page that takes training steps of a whole model, as bench/peers does in Node; for `npm run page-speed`. */
import { prepareModelStep } from '../../bench/peers/us-model-step.ts';
import { kernelBuild } from '../../src/core/kernels/simd.ts';
import { poolReady, setThreads, threadCount } from '../../src/core/parallel/pool.ts';

export type Ask =
  | { do: 'prepare'; threads: number; sizes: Parameters<typeof prepareModelStep>[0] }
  /** Mean milliseconds of so many steps. */
  | { do: 'measure'; repeats: number };

export interface Told {
  losses?: number[];
  threads?: number;
  kernels?: string;
  milliseconds?: number;
  problem?: string;
}

let step: ReturnType<typeof prepareModelStep> | null = null;

async function answer(ask: Ask): Promise<Told> {
  if (ask.do === 'prepare') {
    setThreads(ask.threads);
    await poolReady();
    step = prepareModelStep(ask.sizes);
    const { losses } = await step.results();
    return { losses: [...losses], threads: threadCount(), kernels: kernelBuild() };
  }
  if (step === null) throw new Error('step: nothing is prepared');
  const before = performance.now();
  for (let n = 0; n < ask.repeats; n++) await step.run();
  return { milliseconds: (performance.now() - before) / ask.repeats };
}

globalThis.onmessage = ({ data }: MessageEvent<Ask>) => {
  answer(data).then(
    (told) => globalThis.postMessage(told),
    (error: unknown) => globalThis.postMessage({ problem: String(error) } satisfies Told),
  );
};
