/**
 * The Routing Transformer against routing-transformer's KmeansAttention, and against Algorithm 1 of the paper over PyTorch's
 * scaled_dot_product_attention: fixtures/golden/routing.safetensors.
 *
 * The package departs from the paper where ours follows it: it hides a token from itself (there is an option for that), its
 * queries are not normalised, its keys have norm 1, and padding takes places in clusters. fixtures/scripts/golden/routing.py says
 * how the first cases are made in spite of that; those by-equations-* are ours.
 */
import { test } from 'uvu';
import { routing } from '../../src/variants/routing.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('routing')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as theirs`, () => {
      expectAgreement(golden, dtype, () => runVariant(routing, golden, dtype));
    });
  }
}

test.run();
