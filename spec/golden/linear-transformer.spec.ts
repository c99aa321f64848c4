/**
 * The linear transformer against LinearAttention and CausalLinearAttention of fast-transformers, the authors' own package:
 * fixtures/golden/linear-transformer.safetensors. Theirs adds 10⁻⁶ to every denominator unless told otherwise, and is. With Hedgehog's
 * map against its equations in PyTorch, put together by us: fixtures/golden/hedgehog.safetensors.
 */
import { test } from 'uvu';
import { linearTransformer } from '../../src/variants/linear-transformer.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of [...readGolden('linear-transformer'), ...readGolden('hedgehog')]) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as theirs`, () => {
      expectAgreement(golden, dtype, () => runVariant(linearTransformer, golden, dtype));
    });
  }
}

test.run();
