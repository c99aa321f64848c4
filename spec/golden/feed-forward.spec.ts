/**
 * Sparse feed-forward layers against those of Hugging Face's transformers, mixture-of-experts and product-key-memory:
 * fixtures/golden/feed-forward.safetensors.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { argMax, softmax } from '../../src/core/ops/index.ts';
import { elements, fromArray, type Tensor, zeros } from '../../src/core/tensor.ts';
import { completeFeedForward, feedForwardKind } from '../../src/training/feed-forward/registry.ts';
import { balanceLoss, zLoss } from '../../src/training/feed-forward/router-loss.ts';
import { callOf } from '../training/feed-forward/draw.ts';
import { expectAgreement, type FloatType, type GoldenCase, type Ran, readGolden, toleranceOf } from './golden.ts';

/** Biases, which theirs lack: by parameter, of what length. */
const BIASES: Readonly<Record<string, (given: Record<string, Tensor>) => number>> = {
  b1: ({ W1 }) => W1.shape[0] * W1.shape[2],
  b2: ({ W2 }) => W2.shape[0] * W2.shape[2],
  b_q: ({ W_q }) => W_q.shape[1],
};

function runLayer(golden: GoldenCase, dtype: FloatType): Ran & { loss: number } {
  const { options: given, names, tensor } = golden;
  const name = ['switch', 'top-2', 'product-keys'].find((each) => golden.name.startsWith(each)) as string;
  const kind = feedForwardKind(name);
  const { kind: _, ...options } = completeFeedForward({
    kind: name,
    ...(given as object),
    ...(name !== 'product-keys' && { balance: 1 }),
  });
  const x = tensor('x', dtype);
  const theirs = Object.fromEntries(names('parameters/').map((each) => [each, tensor(`parameters/${each}`, dtype)]));
  const parameters = { ...theirs };
  for (const bias of name === 'product-keys' ? ['b_q'] : ['b1', 'b2'])
    parameters[bias] = zeros([BIASES[bias](theirs)], dtype);
  const call = callOf({ training: true });
  const output = kind.apply(x, options, parameters, call);
  const inputs = Object.fromEntries(Object.entries(theirs).map(([each, own]) => [`parameters/${each}`, own]));
  return { output, inputs: { x, ...inputs }, loss: call.lost[0] ?? 0 };
}

function runLoss({ name, tensor }: GoldenCase, dtype: FloatType): Ran {
  const logits = tensor('logits', dtype);
  const [tokens] = logits.shape;
  const counts = fromArray(new Array<number>(tokens).fill(1 / tokens), [tokens, 1], dtype);
  const first = Int32Array.from(elements(argMax(logits)));
  const output = name === 'balance' ? balanceLoss(softmax(logits), first, counts) : zLoss(logits, counts);
  return { output, inputs: { logits } };
}

for (const golden of readGolden('feed-forward')) {
  for (const dtype of ['float32', 'float64'] as const) {
    const isLoss = golden.has('logits');
    test(`${golden.name} in ${dtype}: output and gradients as theirs`, () => {
      expectAgreement(golden, dtype, () => (isLoss ? runLoss : runLayer)(golden, dtype));
      if (!golden.has('loss')) return;
      const expected = golden.tensor('loss', dtype).item();
      const { loss } = runLayer(golden, dtype);
      assert.ok(Math.abs(loss - expected) <= toleranceOf(golden, dtype).output * expected, `${loss} ${expected}`);
    });
  }
}

test.run();
