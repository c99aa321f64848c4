/**
 * Axial attention against the package axial-attention, an axis at a time, and against the equations on a filled-up grid in float64
 * (cases by-equations-*: ours): fixtures/golden/axial.safetensors.
 *
 * Not compared: what the package makes of a stack, whose layers project anew between axes, and the sum of its axes.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { axial } from '../../src/variants/axial.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('axial')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as theirs`, () => {
      expectAgreement(golden, dtype, () => runVariant(axial, golden, dtype));
    });
  }
}

test('the other direction, and rows of another length, are noticed', () => {
  for (const golden of readGolden('axial').filter(({ name }) => name.includes('long'))) {
    const turned = () => runVariant(axial, golden, 'float64', { causal: !golden.options.causal });
    const moved = () => runVariant(axial, golden, 'float64', { columns: (golden.options.columns as number) + 1 });
    for (const run of [turned, moved])
      assert.throws(() => expectAgreement(golden, 'float64', run), /theirs/, golden.name);
  }
});

test.run();
