/**
 * HGRN2 against naive_recurrent_gla of flash-linear-attention, with 1 − f for keys, as its layer there has it:
 * fixtures/golden/hgrn2.safetensors.
 */
import { test } from 'uvu';
import { hgrn2 } from '../../src/variants/hgrn2.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('hgrn2')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as theirs`, () => {
      expectAgreement(golden, dtype, () => runVariant(hgrn2, golden, dtype));
    });
  }
}

test.run();
