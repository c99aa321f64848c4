/**
 * RWKV-7 against dplr_recurrence of flash-linear-attention, with removal and replacement keys and the bonus as its layer there
 * makes them: fixtures/golden/rwkv7.safetensors.
 */
import { test } from 'uvu';
import { rwkv7 } from '../../src/variants/rwkv7.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('rwkv7')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as theirs`, () => {
      expectAgreement(golden, dtype, () => runVariant(rwkv7, golden, dtype));
    });
  }
}

test.run();
