/** Our ops against PyTorch's functions of the same names: fixtures/golden/ops.safetensors. */
import { test } from 'uvu';
import {
  type CrossEntropyOptions,
  crossEntropy,
  gatherRows,
  gelu,
  layerNorm,
  softmax,
} from '../../src/core/ops/index.ts';
import type { Tensor } from '../../src/core/tensor.ts';
import { expectAgreement, type FloatType, type GoldenCase, readGolden } from './golden.ts';

/** Each takes a case's inputs by their names and its options. */
const ops: Record<string, (inputs: Record<string, Tensor>, options: Record<string, unknown>) => Tensor> = {
  'layer-norm': ({ x, gain, bias }, { epsilon }) => layerNorm(x, gain, bias, epsilon as number),
  gelu: ({ x }) => gelu(x),
  softmax: ({ x }) => softmax(x),
  'cross-entropy': ({ x, targets }, options) => crossEntropy(x, targets, options as CrossEntropyOptions),
  embedding: ({ x, index }) => gatherRows(x, index),
};

function run({ name, options, has, tensor }: GoldenCase, dtype: FloatType) {
  const op = Object.keys(ops).find((each) => name.startsWith(each)) ?? '';
  const names = ['x', 'gain', 'bias', 'targets', 'index'].filter(has);
  const inputs = Object.fromEntries(names.map((each) => [each, tensor(each, dtype)]));
  return { output: ops[op](inputs, options), inputs };
}

for (const golden of readGolden('ops')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as PyTorch has them`, () => {
      expectAgreement(golden, dtype, () => run(golden, dtype));
    });
  }
}

test.run();
