/**
 * Attention with the sparse projections of Scaling Transformers against PyTorch's einsum, conv2d and attention, put together by
 * us from the paper: fixtures/golden/multiplicative.safetensors.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Random } from '../../src/core/random.ts';
import { elements, type Tensor } from '../../src/core/tensor.ts';
import { MultiHeadAttention } from '../../src/training/attention.ts';
import type { AttentionSettings } from '../../src/training/mixing.ts';
import { build } from '../../src/training/module.ts';
import { expectAgreement, type FloatType, type GoldenCase, type Ran, readGolden } from './golden.ts';

/** Theirs are those of the paper. In a layer they stand apart from a variant's own D and E. */
const nameInLayer = (name: string): string => (name === 'D' || name === 'E' ? `multiplicative.${name}` : name);

function runLayer({ options, theirs, names, has, tensor }: GoldenCase, dtype: FloatType): Ran {
  const x = tensor('x', dtype);
  const [, length, modelDim] = x.shape;
  const heads = theirs.heads as number;
  const place = { modelDim, heads, headDim: modelDim / heads, length, causal: theirs.causal as boolean };
  const settings = options as unknown as AttentionSettings;
  const attention = build(() => new MultiHeadAttention(settings, { ...place, rotary: false, dtype }, new Random(1)));
  const tensors = attention.tensors();
  const given = names('parameters/');
  assert.equal([...tensors.keys()].sort(), given.map(nameInLayer).sort());
  const own = (name: string): Tensor => tensors.get(nameInLayer(name)) as Tensor;
  for (const name of given) elements(own(name)).set(elements(tensor(`parameters/${name}`, dtype)));
  const keyMask = has('keyMask') ? tensor('keyMask', dtype) : undefined;
  const output = attention.forward(x, { training: false, ...(keyMask && { keyMask }) });
  const inputs = given.map((name) => [`parameters/${name}`, own(name)] as const);
  return { output, inputs: { x, ...Object.fromEntries(inputs) } };
}

for (const golden of readGolden('multiplicative')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as theirs`, () => {
      expectAgreement(golden, dtype, () => runLayer(golden, dtype));
    });
  }
}

test.run();
