/**
 * LightConv against LightweightConv1dTBC of fairseq, the authors' own package: fixtures/golden/light-conv.safetensors. Not
 * compared is DropConnect, whose draws theirs makes for each position and ours for all.
 */
import { test } from 'uvu';
import { lightConv } from '../../src/variants/light-conv.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('light-conv')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as fairseq has them`, () => {
      expectAgreement(golden, dtype, () => runVariant(lightConv, golden, dtype));
    });
  }
}

test.run();
