/**
 * Sparse feed-forward layers against those of Hugging Face's transformers, mixture-of-experts and product-key-memory, and against
 * the equations of Scaling Transformers in PyTorch: fixtures/golden/feed-forward.safetensors and controlled.safetensors.
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

function runControlled(golden: GoldenCase, dtype: FloatType): Ran {
  const { options: given, theirs, names, tensor } = golden;
  const kind = feedForwardKind('controlled');
  const { kind: _, ...options } = completeFeedForward({ kind: 'controlled', ...(given as object) });
  const x = tensor('x', dtype);
  const parameters = Object.fromEntries(
    names('parameters/').map((each) => [each, tensor(`parameters/${each}`, dtype)]),
  );
  const output = kind.apply(x, options, parameters, callOf({ training: theirs.training as boolean }));
  // In evaluation nothing flows back to the controller.
  const moved = Object.entries(parameters).filter(([each]) => golden.has(`gradients/parameters/${each}`));
  return { output, inputs: { x, ...Object.fromEntries(moved.map(([each, own]) => [`parameters/${each}`, own])) } };
}

for (const golden of readGolden('controlled')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`the controlled layer, ${golden.name} in ${dtype}: output and gradients as theirs`, () => {
      const { training } = golden.theirs;
      assert.is(golden.has('gradients/parameters/C1'), training, 'whether the controller learns');
      expectAgreement(golden, dtype, () => runControlled(golden, dtype));
    });
  }
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
