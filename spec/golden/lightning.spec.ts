/**
 * Lightning attention against naive_recurrent_simple_gla of flash-linear-attention, with the constant decays of chunk_lightning_attn, which needs a GPU:
 * fixtures/golden/lightning.safetensors.
 */
import { test } from 'uvu';
import { lightning } from '../../src/variants/lightning.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('lightning')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as theirs`, () => {
      expectAgreement(golden, dtype, () => runVariant(lightning, golden, dtype));
    });
  }
}

test.run();
