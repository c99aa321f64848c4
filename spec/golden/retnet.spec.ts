/**
 * RetNet against naive_retention of flash-linear-attention, without positions: retention of the package has none, and turns queries and keys before:
 * fixtures/golden/retnet.safetensors.
 */
import { test } from 'uvu';
import { retnet } from '../../src/variants/retnet.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('retnet')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as theirs`, () => {
      expectAgreement(golden, dtype, () => runVariant(retnet, golden, dtype));
    });
  }
}

test.run();
