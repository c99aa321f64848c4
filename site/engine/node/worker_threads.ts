/** `node:worker_threads` over Web Workers: what the pool of threads needs of it. */
import { startThread } from '../threads.ts';

export const workerData = null;

type Handler = (value: never) => void;

export class Worker {
  readonly #worker: globalThis.Worker;
  readonly #handlers = new Map<string, Handler[]>();

  /** The page's one script is the entry of every thread, whatever file the pool names. */
  constructor(_entry: URL, { workerData }: { workerData: unknown }) {
    this.#worker = startThread(workerData);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#tell('error', new Error(event.message || 'the worker could not start'));
    };
    this.#worker.onmessageerror = () => this.#tell('error', new Error('memory cannot be shared with the worker'));
  }

  on(event: 'error' | 'exit', handler: Handler): void {
    this.#handlers.set(event, [...(this.#handlers.get(event) ?? []), handler]);
  }

  /** A page ends all of its workers when it goes. */
  unref(): void {}

  terminate(): Promise<number> {
    this.#worker.terminate();
    return Promise.resolve(0);
  }

  #tell(event: string, value: Error): void {
    for (const handler of this.#handlers.get(event) ?? []) handler(value as never);
  }
}
