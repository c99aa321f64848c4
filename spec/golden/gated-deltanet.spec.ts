/**
 * Gated DeltaNet against naive_recurrent_gated_delta_rule of flash-linear-attention, with queries and keys of norm 1:
 * fixtures/golden/gated-deltanet.safetensors.
 */
import { test } from 'uvu';
import { gatedDeltaNet } from '../../src/variants/gated-deltanet.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('gated-deltanet')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as theirs`, () => {
      expectAgreement(golden, dtype, () => runVariant(gatedDeltaNet, golden, dtype));
    });
  }
}

test.run();
