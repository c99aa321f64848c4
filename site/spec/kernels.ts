/** Lets a page compute with the build of the kernels that Node has here, so that the two can be equal to the bit. */
import { readFileSync } from 'node:fs';
import { kernelBuild } from '../../src/core/kernels/simd.ts';

const relaxed = readFileSync(new URL('../../src/core/kernels/wasm/kernels-relaxed.wasm', import.meta.url));

/**
 * To run in a page first; undefined if there is nothing to do. This Node may be older than the browser, and not know the
 * build with fused multiply-adds, which rounds once where the other rounds twice.
 */
export const likeNode = kernelBuild() === 'relaxed' ? undefined : { content: forgetRelaxed(relaxed.length) };

/** Makes the engine of a page, and of its threads, refuse the module of that length, which is that build. */
function forgetRelaxed(length: number): string {
  const forget = `{
    const { Module } = WebAssembly;
    WebAssembly.Module = function (bytes) {
      if (bytes.byteLength !== ${length}) return new Module(bytes);
      throw new WebAssembly.CompileError('unknown instruction');
    };
  }`;
  return `globalThis.Blob = class extends Blob {
    constructor(parts, options) {
      super(options?.type === 'text/javascript' ? [${JSON.stringify(forget)}, ...parts] : parts, options);
    }
  };`;
}
