/**
 * SharedArrayBuffer in whatever way it is available: a page that is not cross-origin isolated hides the name, but can still
 * make shared WebAssembly memories, which a single thread can use.
 */
export const SharedBuffer: SharedArrayBufferConstructor =
  globalThis.SharedArrayBuffer ??
  (new WebAssembly.Memory({ initial: 0, maximum: 0, shared: true }).buffer.constructor as SharedArrayBufferConstructor);
