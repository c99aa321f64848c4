/**
 * Models from checkpoints against what transformers computes with them: hidden states of every layer, pooled vectors and
 * logits, for texts with and without padding. fixtures/pretrained/ has the weights and the numbers, fixtures/README.md says
 * what is in which folder.
 */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readSafetensors, writeSafetensors } from '../../src/core/files/safetensors.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, type Tensor } from '../../src/core/tensor.ts';
import { loadPretrained } from '../../src/pretrained/load.ts';
import { temporaryFolder } from '../core/temporary-folder.ts';
import { checkpoint, checkpointsOf, expectedOf, largestDifference } from './checkpoints.ts';

/**
 * By what we compute in, relative to the largest of theirs. float32: tens of roundings of 6 · 10⁻⁸ a layer. float64: only
 * that of the file is left, and Longformer's softmax, which is float32 there whatever the model is.
 */
const tolerances = {
  float32: () => 1e-5,
  float64: (name: string) => (name.startsWith('longformer') ? 1e-6 : 1.2e-7),
};

for (const name of checkpointsOf('bert', 'roberta', 'longformer', 'big-bird', 'nystromformer')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${name} in ${dtype}: as transformers has it`, () => {
      const model = loadPretrained(checkpoint(name), { dtype });
      for (const { name: text, inputs, outputs } of expectedOf(name)) {
        scope(() => {
          const ours = model.forward(inputs);
          assert.is(ours.logits !== undefined, outputs.has('logits'));
          const largest = Math.max(...[...outputs.values()].flatMap((each) => Array.from(elements(each), Math.abs)));
          const difference = largestDifference(ours, outputs);
          const limit = tolerances[dtype](name) * largest;
          assert.ok(difference <= limit, `${text}: ${difference} apart, ${limit} at most`);
        });
      }
    });
  }
}

test('weights that are stored in float64', () => {
  const [source, folder] = [checkpoint('bert-model'), temporaryFolder()];
  const { tensors } = readSafetensors(join(source, 'model.safetensors'));
  const wide = [...tensors].map(
    ([name, { shape, load }]) => [name, { shape, data: new Float64Array(load()) }] as const,
  );
  writeSafetensors(join(folder, 'model.safetensors'), wide);
  copyFileSync(join(source, 'config.json'), join(folder, 'config.json'));
  const [ours, own] = [folder, source].map((each) => loadPretrained(each).tensors());
  assert.equal([...ours.keys()], [...own.keys()]);
  for (const [name, tensor] of ours) assert.equal(elements(tensor), elements(own.get(name) as Tensor), name);
});

test('parts of the file that the head does not use are left out, tied weights are there once', () => {
  const names = (folder: string) => [...loadPretrained(checkpoint(folder)).tensors().keys()];
  assert.not.ok(names('bert-masked-lm').includes('head.output.weight'));
  assert.ok(names('bert-masked-lm-untied').includes('head.output.weight'));
  assert.not.ok(names('bert-old-names').some((name) => name.startsWith('pooler')));
  assert.ok(names('bert-model').includes('pooler.weight'));
  assert.ok(names('longformer-model').includes('layers.1.attention.global.query.weight'));
  assert.ok(names('nystromformer-model').includes('layers.0.attention.convolution'));
  assert.not.ok(names('nystromformer-classification').includes('layers.0.attention.convolution'));
  assert.not.ok(names('big-bird-model').includes('layers.0.attention.query.bias'));
});

test.run();
