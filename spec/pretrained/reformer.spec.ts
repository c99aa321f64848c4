/**
 * Reformers from checkpoints against what transformers computes with them and with the same rotations: embeddings, last
 * hidden states and logits, for texts of whole chunks and others, with and without padding. See fixtures/README.md.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { scope } from '../../src/core/scope.ts';
import { elements, fromArray, type Tensor } from '../../src/core/tensor.ts';
import type { Rotations, TextOutput } from '../../src/pretrained/architecture.ts';
import { loadPretrained } from '../../src/pretrained/load.ts';
import { checkpoint, checkpointsOf, type ExpectedCase, expectedOf } from './checkpoints.ts';

/** Relative to the largest of theirs. float32: tens of roundings of 6 · 10⁻⁸ a layer; float64: the rounding of the file. */
const tolerances = { float32: 1e-5, float64: 1.2e-7 };

/** Those that transformers drew, in the order of the layers that hash. */
function drawnOf(
  outputs: ReadonlyMap<string, Tensor>,
  dtype: 'float32' | 'float64',
  kinds: readonly string[],
): Rotations {
  return ({ layer, ...sizes }) => {
    const drawn = outputs.get(`rotations/${kinds.slice(0, layer).filter((kind) => kind === 'lsh').length}`);
    assert.ok(drawn);
    assert.equal(drawn.shape, Object.values(sizes));
    return fromArray(elements(drawn), drawn.shape, dtype);
  };
}

/** The largest difference, at padding too. */
function difference(ours: TextOutput, { outputs }: ExpectedCase): { apart: number; largest: number } {
  let [apart, largest] = [0, 0];
  for (const [key, found] of Object.entries({
    'hiddenStates/0': ours.hiddenStates[0],
    'hiddenStates/1': ours.hiddenStates[1],
    ...(ours.logits && { logits: ours.logits }),
  })) {
    const theirs = outputs.get(key);
    assert.ok(theirs, `no ${key}`);
    assert.equal(found.shape, theirs.shape, key);
    const [a, b] = [elements(found), elements(theirs)];
    for (let i = 0; i < b.length; i++) {
      largest = Math.max(largest, Math.abs(b[i]));
      // Written so that NaN counts.
      if (!(Math.abs(a[i] - b[i]) <= apart)) apart = Math.abs(a[i] - b[i]);
    }
  }
  return { apart, largest };
}

for (const name of checkpointsOf('reformer')) {
  for (const dtype of ['float32', 'float64'] as const) {
    test(`${name} in ${dtype}: as transformers has it`, () => {
      const model = loadPretrained(checkpoint(name), { dtype });
      const { attention } = model.description as unknown as { attention: readonly string[] };
      for (const expected of expectedOf(name)) {
        scope(() => {
          const ours = model.forward(expected.inputs, { rotations: drawnOf(expected.outputs, dtype, attention) });
          assert.is(ours.hiddenStates.length, 2);
          assert.is(ours.logits !== undefined, expected.outputs.has('logits'));
          const { apart, largest } = difference(ours, expected);
          const limit = tolerances[dtype] * largest;
          assert.ok(apart <= limit, `${expected.name}: ${apart} apart, ${limit} at most`);
        });
      }
    });
  }
}

test.run();
