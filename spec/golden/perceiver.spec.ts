/**
 * Perceiver against PerceiverSelfAttention of transformers, around which norms and residuals are ours, and causally against the same
 * for the text that ends with each segment: fixtures/golden/perceiver.safetensors.
 */
import { test } from 'uvu';
import { perceiver } from '../../src/variants/perceiver.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('perceiver')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as theirs`, () => {
      expectAgreement(golden, dtype, () => runVariant(perceiver, golden, dtype));
    });
  }
}

test.run();
