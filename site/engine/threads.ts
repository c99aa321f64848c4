/** More threads of the same script: the engine starts itself again, and tells each what it is. */

/** What a worker is told first: to answer the page, or to be a thread of one that does. */
export interface ThreadMessage {
  thread: unknown;
}

let own: string | null = null;

/** Where this script is to be had: pages that are opened from a disk may start workers from blobs only. */
export function setScript(url: string): void {
  own = url;
}

export function startThread(data: unknown): Worker {
  const worker = new Worker(own ?? self.location.href);
  const message: ThreadMessage = { thread: data };
  worker.postMessage(message);
  return worker;
}
