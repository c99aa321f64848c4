/**
 * Memory-compressed attention against the package memory-compressed-attention, with the same kernels:
 * fixtures/golden/memory-compressed.safetensors.
 *
 * Not compared: padding, where a real query of theirs sees the null key alone; a null value other than 0 and a bias, which ours
 * has not; and a local layer, which theirs has not. Theirs fills a sequence up at its beginning, so that a group ends with the
 * last token; ours begins the first group with the first token, or groups would move while a text grows.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { memoryCompressed } from '../../src/variants/memory-compressed.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('memory-compressed')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as theirs`, () => {
      expectAgreement(golden, dtype, () => runVariant(memoryCompressed, golden, dtype));
    });
  }
}

test('the other direction is noticed', () => {
  for (const golden of readGolden('memory-compressed').filter(({ name }) => name.startsWith('long'))) {
    const run = () => runVariant(memoryCompressed, golden, 'float64', { causal: !golden.options.causal });
    assert.throws(() => expectAgreement(golden, 'float64', run), /theirs/, golden.name);
  }
});

test.run();
