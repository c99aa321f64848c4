/** The bytes that a model keeps of a sequence, by formulas. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { memoryStatistics } from '../../src/core/memory.ts';
import { learnerFor } from '../../src/training/learner.ts';
import { endLearner } from '../../src/training/run.ts';
import { bytesOfStates } from '../../src/training/state-size.ts';
import { openTask } from '../../src/training/tasks/registry.ts';

const sizes = { layers: 3, modelDim: 12, heads: 2 };
function bytesOf(variant: string, length: number, name = 'copy'): number | null {
  const task = openTask(name, { length });
  const learner = learnerFor(task, { ...sizes, attention: { variant } }, 0);
  const before = memoryStatistics().liveBytes;
  const bytes = bytesOfStates(learner, task);
  assert.is(memoryStatistics().liveBytes, before, `left in memory by ${variant}`);
  endLearner(learner);
  return bytes;
}

test('full attention keeps a key and a value of every token in every layer', () => {
  for (const length of [10, 37]) assert.is(bytesOf('full', length), 3 * 2 * length * 12 * 4);
});

test('a recurrence keeps as much at any length', () => {
  for (const variant of ['linear-transformer', 'deltanet', 'gla']) {
    const bytes = bytesOf(variant, 10);
    // At least the matrix of each head, and no more than a few columns beside it.
    const matrices = 3 * 2 * 6 * 6 * 4;
    assert.ok(bytes !== null && bytes >= matrices && bytes <= 3 * matrices, `${variant}: ${bytes}`);
    assert.is(bytesOf(variant, 64), bytes);
  }
});

test('nothing is known of a model that does not generate', () => {
  assert.is(bytesOf('full', 16, 'listops'), null);
  assert.is(bytesOf('full', 16, 'byte-mlm'), null);
});

test.run();
