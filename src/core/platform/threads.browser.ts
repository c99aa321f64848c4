/**
 * Web Workers for the pool (parallel/pool.ts). Their script is in this one, as a text: bundlers differ in how a worker's file
 * is named to them, and in what becomes of that in a package, but none changes a text; and a page that was opened from a disk
 * may start workers from blobs only.
 */
import { threadScript } from 'embedded:package';
import { UnsupportedError } from '../errors.ts';
import { filesToSend } from './own-files.browser.ts';
import type { Thread, ThreadInput } from './thread.ts';

/** What a thread's script is sent first: see thread-entry.browser.ts. */
export interface ThreadMessage extends ThreadInput {
  files: ReturnType<typeof filesToSend>;
}

/** Throws UnsupportedError for more than one where the page may not share memory with workers. */
export function expectThreads(count: number): void {
  if (count === 1 || globalThis.crossOriginIsolated) return;
  throw new UnsupportedError(
    `threads: this page has one thread, got ${count}: only a page that is cross-origin isolated may share memory with ` +
      'workers (serve it with Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp)',
  );
}

let address: string | null = null;

function addressOfScript(): string {
  address ??= URL.createObjectURL(new Blob([threadScript], { type: 'text/javascript' }));
  return address;
}

/**
 * Starts a thread that serves regions. `lost` gets the reason if it cannot start, or ends. It begins when the script that
 * starts it has let the event loop turn.
 */
export function startThread(input: ThreadInput, lost: (reason: string) => void): Thread {
  const worker = new Worker(addressOfScript());
  worker.onerror = (event) => {
    event.preventDefault();
    const cure = "the page's Content-Security-Policy needs worker-src blob:, or setThreads(1)";
    lost(event.message || `it could not start (${cure})`);
  };
  worker.onmessageerror = () => lost('memory cannot be shared with it');
  const message: ThreadMessage = { ...input, files: filesToSend() };
  worker.postMessage(message);
  return { end: () => worker.terminate() };
}

const isWindow = typeof document === 'object';

/**
 * Waits until a counter is no longer `value`, a second at most. A window may not sleep: it looks again and again, which at
 * the end of a region is soon over.
 */
export function sleepASecond(counters: Int32Array, slot: number, value: number): 'ok' | 'not-equal' | 'timed-out' {
  if (!isWindow) return Atomics.wait(counters, slot, value, 1000);
  const end = performance.now() + 1000;
  while (performance.now() < end) if (Atomics.load(counters, slot) !== value) return 'ok';
  return 'timed-out';
}
