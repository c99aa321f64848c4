/** The entry of the worker of a page, which answers the page's questions, one after the other. */
import { EfficientTransformersError } from '../../src/core/errors.ts';
import { pageFiles } from '../../src/core/files/page-files.ts';
import { kernelSet } from '../../src/core/kernels/simd.ts';
import { poolReady, setThreads, threadCount } from '../../src/core/parallel/pool.ts';
import { measure, weights } from './attention.ts';
import { draw } from './course.ts';
import { forgetFull } from './full.ts';
import { describe, forgetInputs } from './inputs.ts';
import { options } from './options.ts';
import { budgets, pattern } from './patterns.ts';
import type { Machine, Name, Questions, Reply, Request } from './protocol.ts';
import { route } from './routing.ts';
import { begin, checkpoint, metrics, pause, train } from './training.ts';

type Tell<K extends Name> = (event: Questions[K]['event']) => void;
type Answers = {
  [K in Name]: (ask: Questions[K]['ask'], tell: Tell<K>) => Questions[K]['answer'] | Promise<Questions[K]['answer']>;
};

const answers: Answers = {
  start,
  put: ({ name, bytes }) => {
    pageFiles.put(name, bytes);
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
  route,
  draw,
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

self.onmessage = ({ data }: MessageEvent<Request>) => receive(data);
