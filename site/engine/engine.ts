/**
 * The entry of every worker of a page. The first one answers the page's questions, one after the other; the others are
 * threads of its pool, and run kernels.
 */
import './globals.ts';
import manifest from '../../package.json' with { type: 'json' };
import { EfficientTransformersError } from '../../src/core/errors.ts';
import { kernelSet } from '../../src/core/kernels/simd.ts';
import strict from '../../src/core/kernels/wasm/kernels.wasm';
import relaxed from '../../src/core/kernels/wasm/kernels-relaxed.wasm';
import { poolReady, setThreads, threadCount } from '../../src/core/parallel/pool.ts';
import { serve, type WorkerInput } from '../../src/core/parallel/worker.ts';
import { measure, weights } from './attention.ts';
import { forgetFull } from './full.ts';
import { describe, forgetInputs } from './inputs.ts';
import { put } from './node/files.ts';
import { options } from './options.ts';
import { budgets, pattern } from './patterns.ts';
import type { Machine, Name, Questions, Reply, Request } from './protocol.ts';
import { setScript, type ThreadMessage } from './threads.ts';
import { begin, checkpoint, metrics, pause, train } from './training.ts';

/** Where the library looks for its own files (see `import.meta.url` in bundle.ts). */
put('/src/core/kernels/wasm/kernels-relaxed.wasm', relaxed);
put('/src/core/kernels/wasm/kernels.wasm', strict);
put('/package.json', new TextEncoder().encode(JSON.stringify(manifest)));

type Tell<K extends Name> = (event: Questions[K]['event']) => void;
type Answers = {
  [K in Name]: (ask: Questions[K]['ask'], tell: Tell<K>) => Questions[K]['answer'] | Promise<Questions[K]['answer']>;
};

const answers: Answers = {
  start,
  put: ({ name, bytes }) => {
    put(name, bytes);
    forgetInputs();
    forgetFull();
    return null;
  },
  describe,
  options,
  measure,
  weights,
  budgets,
  pattern,
  begin,
  train: (_, tell) => train(tell),
  pause,
  checkpoint,
  metrics,
};

async function start({ threads }: { threads?: number }): Promise<Machine> {
  if (threads !== undefined) setThreads(threads);
  await poolReady();
  return { threads: threadCount(), kernels: kernelSet(), isolated: globalThis.crossOriginIsolated };
}

let before: Promise<void> = Promise.resolve();

function receive({ id, name, ask }: Request): void {
  const reply = (content: object): void => postMessage({ id, ...content } as Reply);
  const answer = async (): Promise<void> => {
    try {
      // The types of a name's question and answer belong together, which the table says and a lookup forgets.
      const handler = answers[name] as (ask: unknown, tell: (event: unknown) => void) => unknown;
      reply({ answer: await handler(ask, (event) => reply({ event })) });
    } catch (error) {
      const expected = error instanceof EfficientTransformersError;
      reply({ error: error instanceof Error ? error.message : String(error), expected });
    }
  };
  if (name === 'pause') void answer();
  else before = before.then(answer);
}

self.onmessage = ({ data }: MessageEvent<ThreadMessage | { script: string } | Request>) => {
  if ('thread' in data) void serve(data.thread as WorkerInput);
  else if ('script' in data) setScript(data.script);
  else receive(data);
};
