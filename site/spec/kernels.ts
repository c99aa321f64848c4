/** Lets a page compute with the build of the kernels that Node has here, so that the two can be equal to the bit. */
import { readFileSync } from 'node:fs';

const relaxed = readFileSync(new URL('../../src/core/kernels/wasm/kernels-relaxed.wasm', import.meta.url));

/**
 * To run in a page first; undefined if there is nothing to do. This Node may be older than the browser, and not know the
 * build with fused multiply-adds, which rounds once where the other rounds twice.
 */
export const likeNode = WebAssembly.validate(relaxed) ? undefined : forgetRelaxed;

/** Makes a page's engine refuse the first module that it tries, which is that build. */
function forgetRelaxed(): void {
  const forget = `{
    const { Module } = WebAssembly;
    let tried = false;
    WebAssembly.Module = function (bytes) {
      if (tried) return new Module(bytes);
      tried = true;
      throw new WebAssembly.CompileError('unknown instruction');
    };
  }`;
  const scope = globalThis as { Blob: unknown };
  scope.Blob = class extends Blob {
    constructor(parts: BlobPart[], options?: BlobPropertyBag) {
      super(options?.type === 'text/javascript' ? [forget, ...parts] : parts, options);
    }
  };
}
