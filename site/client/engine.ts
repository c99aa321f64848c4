/** The page's side of its engine: questions as promises. */
import type { Name, Questions, Reply } from '../engine/protocol.ts';

/** Why a question got no answer; `expected` ones are about what was asked, and are written for people. */
export class EngineError extends Error {
  readonly expected: boolean;

  constructor(message: string, expected: boolean) {
    super(message);
    this.expected = expected;
  }
}

interface Waiting {
  resolve(answer: unknown): void;
  reject(error: EngineError): void;
  tell(event: unknown): void;
}

export class Engine {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;

  private constructor(script: string) {
    const url = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }));
    this.#worker = new Worker(url);
    this.#worker.onmessage = ({ data }: MessageEvent<Reply>) => this.#receive(data);
    this.#worker.onerror = (event) => this.#fail(event.message || 'the engine could not start');
  }

  /** Loads the script that the build put beside the page's own, from wherever the page is. */
  static async load(): Promise<Engine> {
    return new Engine(await dataOf('engine'));
  }

  ask<K extends Name>(
    name: K,
    ask: Questions[K]['ask'],
    tell: (event: Questions[K]['event']) => void = () => {},
  ): Promise<Questions[K]['answer']> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as Waiting['resolve'], reject, tell: tell as Waiting['tell'] });
      this.#worker.postMessage({ id, name, ask });
    });
  }

  /** Puts a shipped file where the library finds it; once is enough. */
  async putShipped(name: string): Promise<void> {
    const text = atob(await dataOf(name));
    const bytes = new Uint8Array(text.length);
    for (let n = 0; n < bytes.length; n++) bytes[n] = text.charCodeAt(n);
    await this.ask('put', { name, bytes });
  }

  close(): void {
    this.#worker.terminate();
  }

  #receive(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id);
    if (waiting === undefined) return;
    if ('event' in reply) {
      waiting.tell(reply.event);
      return;
    }
    this.#waiting.delete(reply.id);
    if ('error' in reply) waiting.reject(new EngineError(reply.error, reply.expected));
    else waiting.resolve(reply.answer);
  }

  /** The worker itself is broken: nobody will answer what is open. */
  #fail(message: string): void {
    for (const { reject } of this.#waiting.values()) reject(new EngineError(message, false));
    this.#waiting.clear();
  }
}

/**
 * Content of a file of `data/`. These are scripts that hold a text, since a page that was opened from a disk may run
 * scripts beside it but not read files.
 */
export function dataOf(name: string): Promise<string> {
  const shelf = globalThis as { siteData?: Record<string, string> };
  const known = shelf.siteData?.[name];
  if (known !== undefined) return Promise.resolve(known);
  return new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = `${rootOfSite()}data/${name}.js`;
    script.onload = () => {
      const text = shelf.siteData?.[name];
      if (text === undefined) reject(new EngineError(`data/${name}.js holds nothing`, false));
      else resolve(text);
    };
    script.onerror = () => reject(new EngineError(`data/${name}.js cannot be loaded`, false));
    document.head.append(script);
  });
}

/** Relative, as the page says: the site may lie in any folder. */
export function rootOfSite(): string {
  return document.documentElement.dataset.root ?? './';
}
