/**
 * NSA against functions of flash-linear-attention and, for what they lack, against our own equations in PyTorch:
 * fixtures/golden/nsa.safetensors. Theirs compress by means of whole blocks that do not overlap and are as long as those that
 * are selected; the cases `by-equations-…` have an MLP, overlapping blocks and heads that share a selection.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { nsa } from '../../src/variants/nsa.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('nsa')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as theirs`, () => {
      expectAgreement(golden, dtype, () => runVariant(nsa, golden, dtype));
    });
  }
}

test('another number of blocks, or heads that select alone, is noticed', () => {
  const cases = new Map(readGolden('nsa').map((golden) => [golden.name, golden]));
  for (const [name, other] of [
    ['plain', { selectedBlocks: 5 }],
    ['by-equations-overlapping', { stride: 4 }],
    ['by-equations-groups', { groupSize: 1 }],
  ] as const) {
    const golden = cases.get(name);
    assert.ok(golden, name);
    assert.throws(
      () => expectAgreement(golden, 'float64', () => runVariant(nsa, golden, 'float64', other)),
      /theirs/,
      name,
    );
  }
});

test.run();
