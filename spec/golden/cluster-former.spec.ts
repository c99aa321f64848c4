/**
 * Cluster-Former against PyTorch's scaled_dot_product_attention in each window, where which tokens are in it was written by us from
 * the paper: fixtures/golden/cluster-former.safetensors. The authors' code is in no package.
 */
import { test } from 'uvu';
import { clusterFormer } from '../../src/variants/cluster-former.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('cluster-former')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as PyTorch has them`, () => {
      expectAgreement(golden, dtype, () => runVariant(clusterFormer, golden, dtype));
    });
  }
}

test.run();
