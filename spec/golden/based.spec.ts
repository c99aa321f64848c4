/**
 * Based against naive_parallel_based of flash-linear-attention, divided by what it gives for values of 1: its own division
 * adds 10⁻⁶. fixtures/golden/based.safetensors.
 */
import { test } from 'uvu';
import { based } from '../../src/variants/based.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('based')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as theirs`, () => {
      expectAgreement(golden, dtype, () => runVariant(based, golden, dtype));
    });
  }
}

test.run();
