/**
 * SharedArrayBuffer by whatever way it is available: a page that is not cross-origin isolated does not show the name, though
 * it may make shared WebAssembly memories, which one thread can use as well.
 */
export const SharedBuffer: SharedArrayBufferConstructor =
  globalThis.SharedArrayBuffer ??
  (new WebAssembly.Memory({ initial: 0, maximum: 0, shared: true }).buffer.constructor as SharedArrayBufferConstructor);
