/** Attention sinks against the eager attention of Hugging Face's gpt-oss: fixtures/golden/attention-sinks.safetensors. */
import { test } from 'uvu';
import { attentionSinks } from '../../src/variants/attention-sinks.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('attention-sinks')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as transformers has them`, () => {
      expectAgreement(golden, dtype, () => runVariant(attentionSinks, golden, dtype));
    });
  }
}

test.run();
