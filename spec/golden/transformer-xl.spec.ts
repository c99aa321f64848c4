/**
 * Transformer-XL against Hugging Face's RelPartialLearnableMultiHeadAttn, segment by segment with the memory that its model
 * would keep: fixtures/golden/transformer-xl.safetensors.
 *
 * The model around theirs remembers hidden states without gradient, and projects them again; ours cuts the gradient off at
 * the keys and values themselves, and so does the file. Not compared, because theirs has no distances below 0: segments that
 * are not causal. Rows of padded queries, which may see no key, are left out.
 */
import { test } from 'uvu';
import { transformerXL } from '../../src/variants/transformer-xl.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('transformer-xl')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as transformers has them`, () => {
      expectAgreement(golden, dtype, () => runVariant(transformerXL, golden, dtype));
    });
  }
}

test.run();
