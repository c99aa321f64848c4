/**
 * ETC against PyTorch's softmax, with labels and masks of pairs put together by us from the paper: fixtures/golden/etc.safetensors.
 * The authors' code needs TensorFlow 2.3, and is in no package.
 */
import { test } from 'uvu';
import { etc } from '../../src/variants/etc.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('etc')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as PyTorch has them`, () => {
      expectAgreement(golden, dtype, () => runVariant(etc, golden, dtype));
    });
  }
}

test.run();
