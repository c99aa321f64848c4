/**
 * DynamicConv against DynamicConv1dTBC of fairseq, the authors' own package: fixtures/golden/dynamic-conv.safetensors.
 *
 * Theirs predicts the kernels of all heads from all columns of a token, ours that of a head from the head's own columns of
 * the query: in the file its matrix is of blocks on the diagonal. Not compared is DropConnect, whose draws theirs makes for
 * each position and ours for all.
 */
import { test } from 'uvu';
import { dynamicConv } from '../../src/variants/dynamic-conv.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('dynamic-conv')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as fairseq has them`, () => {
      expectAgreement(golden, dtype, () => runVariant(dynamicConv, golden, dtype));
    });
  }
}

test.run();
