/**
 * Adaptively sparse attention against entmax_bisect, entmax15 and sparsemax of the package entmax, of the paper's authors:
 * fixtures/golden/adaptive-sparse.safetensors.
 */
import { test } from 'uvu';
import { adaptiveSparse } from '../../src/variants/adaptive-sparse.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('adaptive-sparse')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as PyTorch has them`, () => {
      expectAgreement(golden, dtype, () => runVariant(adaptiveSparse, golden, dtype));
    });
  }
}

test.run();
