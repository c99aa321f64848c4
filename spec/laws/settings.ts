/**
 * The numbers that a law is checked on. In float64 with mild norms only what is wrong differs by more than rounding. What
 * users compute is float32, on one kernel set or the other, and their norms are not mild: a maximum over what is not to be
 * seen, a floor under a sum or a weight that underflows shows there alone.
 */
import { kernelSet } from '../../src/core/kernels/simd.ts';
import { setKernels } from '../../src/core/parallel/pool.ts';
import type { AttentionInputs } from '../../src/variants/variant.ts';
import { forAllCases } from './draw.ts';
import { eachRow, type Law, ROUNDING } from './evaluate.ts';

export interface Setting {
  /** `forAllCases` in this setting. */
  draw: typeof forAllCases;
  /** What rounding may make of the output, relative to the largest, where the same sums are formed in another order. */
  tolerance(inputs: AttentionInputs): number;
}

const mildFloat64: Setting = {
  draw: (variant, wishes, runs, law) => forAllCases(variant, { ...wishes, dtype: 'float64' }, runs, law),
  tolerance: () => ROUNDING,
};

/**
 * A score or an exponent of size S is rounded to S · 2⁻²⁴, once for each step that it is made in, and its exponential is
 * off by as much. With what is seen of the unseen, outputs differ by about 1.
 */
export const wideFloat32: Setting = {
  draw: (variant, wishes, runs, law) => {
    forAllCases(variant, { ...wishes, dtype: 'float32', wide: true }, Math.ceil(runs / 2), law);
  },
  tolerance: (inputs) => Math.min(0.05, 2 ** -21 * (8 + largestScore(inputs))),
};

/** ‖x‖²/√d of the longest query or key, which no score and no exponent of a feature is above. */
function largestScore({ queries, keys }: AttentionInputs): number {
  let largest = 0;
  for (const tensor of [queries, keys]) {
    const data = tensor.toArray();
    eachRow(tensor.shape, (_b, _h, _i, start, width) => {
      let squares = 0;
      for (let c = start; c < start + width; c++) squares += data[c] ** 2;
      largest = Math.max(largest, squares / Math.sqrt(width));
    });
  }
  return largest;
}

/** The law in both settings; in float32 on both kernel sets, where there are two. */
export function inAllSettings(name: string, check: (setting: Setting) => void): Law[] {
  return [
    { name: `${name} (float64)`, run: () => check(mildFloat64) },
    { name: `${name} (float32, wide norms)`, run: () => onAllKernelSets(() => check(wideFloat32)) },
  ];
}

export function onAllKernelSets(run: () => void): void {
  const usual = kernelSet();
  try {
    for (const set of new Set([usual, 'plain'])) {
      setKernels(set);
      run();
    }
  } finally {
    setKernels(usual);
  }
}
