/**
 * Mamba-2 against naive_recurrent_simple_gla of flash-linear-attention, with Δ A for the decay, Δ x for values, and D x added:
 * fixtures/golden/mamba2.safetensors.
 */
import { test } from 'uvu';
import { mamba2 } from '../../src/variants/mamba2.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('mamba2')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as theirs`, () => {
      expectAgreement(golden, dtype, () => runVariant(mamba2, golden, dtype));
    });
  }
}

test.run();
