/**
 * Globals of Node that the library uses. This module comes before all others.
 *
 * Pages that are not cross-origin isolated do not show SharedArrayBuffer, but shared WebAssembly memories are there, and
 * can be used by one thread.
 */

const scope = globalThis as Record<string, unknown>;

scope.SharedArrayBuffer ??= new WebAssembly.Memory({ initial: 0, maximum: 0, shared: true }).buffer.constructor;

scope.process ??= { env: {}, version: 'none', platform: 'browser', arch: '', pid: 1, on: () => {} };

const { port1, port2 } = new MessageChannel();
const waiting: (() => void)[] = [];
port1.onmessage = () => waiting.shift()?.();

/** Soon, but after messages that have come: a pause or another question. */
scope.setImmediate ??= (run: () => void): void => {
  waiting.push(run);
  port2.postMessage(null);
};

export {};
