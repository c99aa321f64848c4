/**
 * DeltaNet against delta_rule_recurrence of flash-linear-attention, with queries and keys of norm 1:
 * fixtures/golden/deltanet.safetensors.
 */
import { test } from 'uvu';
import { deltaNet } from '../../src/variants/deltanet.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('deltanet')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as theirs`, () => {
      expectAgreement(golden, dtype, () => runVariant(deltaNet, golden, dtype));
    });
  }
}

test.run();
