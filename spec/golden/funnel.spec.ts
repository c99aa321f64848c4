/**
 * Funnel Transformer against pool_tensor, FunnelRelMultiheadAttention and upsample of Hugging Face's transformers:
 * fixtures/golden/funnel.safetensors. Relative positions and token types add nothing there.
 */
import { test } from 'uvu';
import { funnel } from '../../src/variants/funnel.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('funnel')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as transformers has them`, () => {
      expectAgreement(golden, dtype, () => runVariant(funnel, golden, dtype));
    });
  }
}

test.run();
