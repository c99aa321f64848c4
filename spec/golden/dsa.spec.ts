/** DSA against naive_dsa of flash-linear-attention, with the same index keys in all heads: fixtures/golden/dsa.safetensors. */
import { test } from 'uvu';
import { dsa } from '../../src/variants/dsa.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('dsa')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as theirs`, () => {
      expectAgreement(golden, dtype, () => runVariant(dsa, golden, dtype));
    });
  }
}

test.run();
