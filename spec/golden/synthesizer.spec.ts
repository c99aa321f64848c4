/**
 * Synthesizer against PyTorch's linear layer and softmax, put together by us from the paper: fixtures/golden/synthesizer.safetensors.
 * No package has it. The paper leaves the order of the tiles of factorized dense open: that of the file is ours.
 */
import { test } from 'uvu';
import { synthesizer } from '../../src/variants/synthesizer.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('synthesizer')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as PyTorch has them`, () => {
      expectAgreement(golden, dtype, () => runVariant(synthesizer, golden, dtype));
    });
  }
}

test.run();
