/**
 * Log-linear attention against naive_log_linear_attn of flash-linear-attention with Mamba-2's decays; with Gated DeltaNet,
 * against its construct_level_mask on the pairs of its naive_recurrent_gated_delta_rule: fixtures/golden/log-linear.safetensors.
 */
import { test } from 'uvu';
import { logLinear } from '../../src/variants/log-linear.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('log-linear')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as theirs`, () => {
      expectAgreement(golden, dtype, () => runVariant(logLinear, golden, dtype));
    });
  }
}

test.run();
