/**
 * KDA against naive_recurrent_kda of flash-linear-attention, with queries and keys of norm 1:
 * fixtures/golden/kda.safetensors.
 */
import { test } from 'uvu';
import { kda } from '../../src/variants/kda.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('kda')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as theirs`, () => {
      expectAgreement(golden, dtype, () => runVariant(kda, golden, dtype));
    });
  }
}

test.run();
