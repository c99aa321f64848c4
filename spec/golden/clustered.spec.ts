/**
 * Clustered and improved clustered attention against those of pytorch-fast-transformers, the authors' package, within clusters
 * that are given to both, and against the paper's equations in float64 (cases by-equations-*: ours):
 * fixtures/golden/clustered.safetensors. The package clusters with planes and first centroids that it draws anew in every call,
 * and passes no gradient back through m̂ (eq. 9), which the script mends; spec/variants/clustered.spec.ts holds our clusters to loops.
 */
import { test } from 'uvu';
import { clustered } from '../../src/variants/clustered.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('clustered')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as theirs`, () => {
      expectAgreement(golden, dtype, () => runVariant(clustered, golden, dtype));
    });
  }
}

test.run();
