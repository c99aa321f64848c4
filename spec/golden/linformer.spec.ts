/**
 * Linformer against the packages linformer and linformer-pytorch, with the same projections:
 * fixtures/golden/linformer.safetensors.
 *
 * A convolution of linformer-pytorch mixes columns too, and has a bias; in the file it has one kernel on the diagonal, and
 * no bias. Not compared, because ours differs on purpose: segments of uneven length, where theirs leaves out the last
 * tokens; and padding under pooling or a convolution, where ours takes means over real tokens and leaves out segments that
 * have none.
 */
import { test } from 'uvu';
import { linformer } from '../../src/variants/linformer.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('linformer')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as theirs`, () => {
      expectAgreement(golden, dtype, () => runVariant(linformer, golden, dtype));
    });
  }
}

test.run();
