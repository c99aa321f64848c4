/**
 * The Compressive Transformer's attention against the package compressive-transformer-pytorch, segment by segment, with the same
 * convolutions and distances, and against loops of our own in Python for what it has not, the most used tokens and dilated
 * convolutions: fixtures/golden/compressive.safetensors.
 *
 * Not compared: padding, which in its memories counts; its maximum, which it has not; and sizes that c does not divide, where it
 * fills up with zeros. Gradients of convolutions are those of its other loss, which spec/variants/compressive.spec.ts writes out.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { compressive } from '../../src/variants/compressive.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('compressive')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as theirs`, () => {
      expectAgreement(golden, dtype, () => runVariant(compressive, golden, dtype));
    });
  }
}

test('other tokens that stay, and other taps, are noticed', () => {
  for (const golden of readGolden('compressive').filter(({ name }) => name.startsWith('by-equations'))) {
    const { compression, dilation } = golden.options as { compression: string; dilation: number };
    const other = compression === 'most-used' ? { compression: 'mean' as const } : { dilation: dilation - 1 };
    const run = () => runVariant(compressive, golden, 'float64', other);
    assert.throws(() => expectAgreement(golden, 'float64', run), /theirs/, golden.name);
  }
});

test('a group less in the memory, and one row less of the compressed one, are noticed', () => {
  for (const golden of readGolden('compressive').filter(({ name }) => /compressed|leave|long/.test(name))) {
    const { memoryLength, compressedLength, ratio } = golden.options as Record<string, number>;
    for (const other of [{ memoryLength: memoryLength - ratio }, { compressedLength: compressedLength - 1 }]) {
      const run = () => runVariant(compressive, golden, 'float64', other);
      assert.throws(() => expectAgreement(golden, 'float64', run), /theirs/, `${golden.name} ${JSON.stringify(other)}`);
    }
  }
});

test.run();
