/**
 * Set Transformer against ISAB of isab-pytorch, which is without residuals and norms, and against MAB and ISAB put together by us
 * from the paper and PyTorch's functions (cases by-equations-*): fixtures/golden/set-transformer.safetensors.
 */
import { test } from 'uvu';
import { setTransformer } from '../../src/variants/set-transformer.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('set-transformer')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as ${golden.theirs.by ?? 'ISAB'} has them`, () => {
      expectAgreement(golden, dtype, () => runVariant(setTransformer, golden, dtype));
    });
  }
}

test.run();
