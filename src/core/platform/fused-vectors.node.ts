/** Fused multiply-adds in WebAssembly (relaxed SIMD), which Node 20 has and does not offer of itself. */
import { setFlagsFromString } from 'node:v8';

/** The V8 of Node 20, the last that keeps them behind a flag. Another engine may not know the flag, and would complain. */
const ENGINE_WITH_THE_FLAG = '11.3.';

/** Asks the engine for them, in all threads of the process. Modules that were compiled before stay as they are. */
export function offerFusedVectors(): void {
  if (process.versions.v8?.startsWith(ENGINE_WITH_THE_FLAG) !== true) return;
  try {
    setFlagsFromString('--experimental-wasm-relaxed-simd');
  } catch {
    // Without them, other kernels run.
  }
}
