/** Forgetting attention against naive_forgetting_attn of flash-linear-attention: fixtures/golden/fox.safetensors. */
import { test } from 'uvu';
import { fox } from '../../src/variants/fox.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('fox')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as theirs`, () => {
      expectAgreement(golden, dtype, () => runVariant(fox, golden, dtype));
    });
  }
}

test.run();
