/** Checkpoints: a run that is resumed goes on to the same bits, and a file that is no whole checkpoint is refused. */
import { copyFileSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FileFormatError, FileWriteError } from '../../src/core/errors.ts';
import { readSafetensors, writeSafetensors } from '../../src/core/files/safetensors.ts';
import { memoryStatistics } from '../../src/core/memory.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { loadModel, previousOf, resumeRun, saveCheckpoint } from '../../src/training/checkpoint.ts';
import { evaluate } from '../../src/training/evaluate.ts';
import type { Learner } from '../../src/training/learner.ts';
import { evaluation } from '../../src/training/module.ts';
import { endRun, type RunSettings } from '../../src/training/run.ts';
import { drawBatch } from '../../src/training/tasks/batch.ts';
import { train } from '../../src/training/trainer.ts';
import { bytesAfter, freshPath, tinyRun } from './runs.ts';

const CASES: Record<string, Partial<RunSettings>> = {
  'full attention, AdamW': {},
  'new features every second step, Adafactor, in parts': {
    model: { attention: { variant: 'performer', redrawEvery: 2 } },
    optimizer: { kind: 'adafactor' },
    parts: 2,
  },
  'hashing, in reversible layers, SGD with momentum': {
    model: { layers: 2, attention: { variant: 'reformer', options: { chunkLength: 4 } }, residual: 'reversible' },
    optimizer: { kind: 'sgd', momentum: 0.9 },
  },
  'centroids that follow the tokens, in reversible layers': {
    model: {
      layers: 2,
      attention: { variant: 'routing', options: { numClusters: 3, window: 6, decay: 0.5 } },
      residual: 'reversible',
    },
  },
  'projections that layers share, classification with padding': {
    task: { name: 'listops', length: 24 },
    model: { layers: 2, attention: { variant: 'linformer', options: { sharing: 'layerwise' } } },
  },
  'two kinds of needles in text, in parts': {
    task: { name: 'text-needle', length: 40, moreCodes: '8x16' },
    parts: 2,
  },
  'random blocks, pairs': {
    task: { name: 'retrieval', length: 64 },
    model: { attention: { variant: 'bigbird' } },
    batch: 2,
  },
};

for (const [name, settings] of Object.entries(CASES)) {
  test(`interrupted after any step and resumed: the same bits (${name})`, async () => {
    const whole = await bytesAfter(tinyRun(settings));
    for (const stopAfter of [1, 3, 5]) {
      const path = freshPath();
      const run = tinyRun(settings);
      const { stopped } = await train(run, {
        shouldStop: () => run.step === stopAfter,
        onCheckpoint: (each) => saveCheckpoint(path, each),
      });
      assert.equal([stopped, run.step], [true, stopAfter]);
      endRun(run);
      const resumed = resumeRun(path);
      assert.is(resumed.step, stopAfter);
      assert.is(Buffer.compare(await bytesAfter(resumed), whole), 0, `after ${stopAfter}`);
    }
  });
}

async function someCheckpoint(settings: Partial<RunSettings> = {}): Promise<string> {
  const path = freshPath();
  const run = tinyRun({ steps: 2, ...settings });
  await train(run, { onCheckpoint: (each) => saveCheckpoint(path, each) });
  return path;
}

test('a run that is read is written as it was', async () => {
  const [path, again] = [await someCheckpoint(), freshPath()];
  saveCheckpoint(again, resumeRun(path));
  assert.is(Buffer.compare(readFileSync(again), readFileSync(path)), 0);
});

test('the model alone is that of the run, also where its text is gone', async () => {
  for (const settings of [{}, { task: { name: 'retrieval', length: 64 } }, { task: { name: 'byte-mlm', length: 8 } }]) {
    const path = await someCheckpoint(settings);
    const run = resumeRun(path);
    const look = { examples: 4, batch: 2, seed: 1 };
    const { learner, alphabet, step } = loadModel(path);
    assert.equal(evaluate(learner, run.task, look), evaluate(run.learner, run.task, look));
    assert.equal([alphabet, step], [run.task.alphabet, 2]);
  }
  const path = await someCheckpoint({ task: { name: 'byte-lm', length: 8 } });
  const elsewhere = rewritten(path, (_, metadata) => {
    const settings = JSON.parse(metadata.get('settings')!) as RunSettings;
    metadata.set('settings', JSON.stringify({ ...settings, task: { ...settings.task, text: '/no/such/text' } }));
  });
  assert.is(loadModel(elsewhere).learner.kind, 'causal');
  assertRefused(elsewhere, /^\/no\/such\/text: /);
});

test('a model is loaded for use, and keeps no tape; with trainable it asks for the gradients of what it learned', async () => {
  for (const settings of [
    {},
    { model: { attention: { variant: 'transformer-xl' } } },
    {
      model: {
        layers: 2,
        residual: 'reversible' as const,
        attention: { variant: 'reformer', options: { chunkLength: 4 } },
      },
    },
  ]) {
    const path = await someCheckpoint(settings);
    const run = resumeRun(path);
    const [forUse, trainable] = [false, true].map((each) => loadModel(path, { trainable: each }).learner);
    const names = ({ model }: Learner) => [...model.parameters().keys()];
    assert.equal(names(forUse), names(run.learner));
    assert.equal(names(trainable), names(run.learner));
    scope(() => {
      const batch = drawBatch(run.task, 'held-out', new Random(1), 2);
      const before = memoryStatistics().liveBytes;
      const logits = forUse.logits(batch, evaluation);
      assert.is(logits.node, null);
      assert.is(memoryStatistics().liveBytes - before, logits.block.bytes);
      assert.ok(trainable.logits(batch, evaluation).node !== null);
      // What is learned is not drawn anew because nobody asks for its gradient.
      const learned = [...forUse.model.parameters().values()].map((tensor) => tensor.toArray());
      for (let step = 1; step < 4; step++) forUse.model.redraw(step);
      assert.equal(
        [...forUse.model.parameters().values()].map((tensor) => tensor.toArray()),
        learned,
      );
    });
  }
});

test('the checkpoint before the last is kept', async () => {
  const path = freshPath();
  const run = tinyRun({ steps: 3 });
  await train(
    { ...run, settings: { ...run.settings, checkpointEvery: 1 } },
    {
      onCheckpoint: (each) => saveCheckpoint(path, each),
    },
  );
  assert.is(resumeRun(path).step, 3);
  assert.is(resumeRun(previousOf(path)).step, 2);
  assert.match(previousOf('a/b.safetensors'), /^a\/b\.previous\.safetensors$/);
});

test('where the last checkpoint is damaged, the error names the one before it', async () => {
  const path = await someCheckpoint();
  copyFileSync(path, previousOf(path));
  truncateSync(path, 100);
  const { message } = refusal(() => loadModel(path));
  assert.match(message, /truncated/);
  assert.ok(message.endsWith(`; the checkpoint before it is ${previousOf(path)}`), message);
  assert.is(loadModel(previousOf(path)).step, 2);
});

function refusal(load: () => unknown): FileFormatError {
  try {
    load();
  } catch (error) {
    if (error instanceof FileFormatError) return error;
    throw error;
  }
  throw new Error('expected a FileFormatError, got none');
}

function assertRefused(path: string, message: RegExp): void {
  assert.throws(
    () => resumeRun(path),
    (error: Error) => error instanceof FileFormatError && message.test(error.message),
  );
}

/** A copy of a checkpoint with other tensors or metadata. */
function rewritten(
  path: string,
  change: (
    tensors: Map<string, { shape: readonly number[]; data: Float32Array }>,
    metadata: Map<string, string>,
  ) => void,
): string {
  const { tensors, metadata } = readSafetensors(path);
  const copies = new Map(
    [...tensors].map(([name, { shape, load }]) => [name, { shape, data: load() as Float32Array }] as const),
  );
  const texts = new Map([...metadata].filter(([key]) => key !== 'digest'));
  change(copies, texts);
  const to = freshPath();
  writeSafetensors(to, copies, texts, { digest: texts.get('version') === '2' });
  return to;
}

test('a truncated file is refused at every length', async () => {
  const path = await someCheckpoint();
  const { length } = readFileSync(path);
  for (const share of [0, 0.0001, 0.01, 0.1, 0.5, 0.9, 1 - 1 / length]) {
    const cut = freshPath();
    copyFileSync(path, cut);
    truncateSync(cut, Math.floor(share * length));
    assertRefused(cut, /^\S+\.safetensors: (\S+: )?(truncated|expected a header)/);
  }
  assertRefused(freshPath(), /^\S+\.safetensors: cannot be read: no such file/);
});

test('a foreign file is refused, and what is missing or unexpected is named', async () => {
  assertRefused('fixtures/minilm-qkv.safetensors', /expected a checkpoint, got a \.safetensors file of another kind/);
  const path = await someCheckpoint();
  const refusals: [Parameters<typeof rewritten>[1], RegExp][] = [
    [(tensors) => tensors.delete('model.decoder.norm.gain'), /1 missing \(model\.decoder\.norm\.gain\)$/],
    [(tensors) => tensors.delete('optimizer.step'), /1 missing \(optimizer\.step\)$/],
    [
      (tensors) => tensors.set('model.extra', { shape: [1], data: new Float32Array(1) }),
      /1 unexpected \(model\.extra\)$/,
    ],
    [(tensors) => tensors.set('extra', { shape: [1], data: new Float32Array(1) }), /1 unexpected \(extra\)$/],
    [
      (tensors) => tensors.set('model.decoder.norm.gain', { shape: [15], data: new Float32Array(15) }),
      /model\.decoder\.norm\.gain: expected float32 \[16\], got float32 \[15\]$/,
    ],
    [(_, metadata) => metadata.set('version', '7'), /expected version 1 or 2 of the format, got '7'$/],
    [(_, metadata) => metadata.delete('version'), /expected version 1 or 2 of the format, got none$/],
    [(_, metadata) => metadata.delete('kernels'), /kernels: expected in the metadata, got none$/],
    [
      (_, metadata) => metadata.set('kernels', '"fast"'),
      /kernels: expected one of plain, vector, relaxed, got 'fast'$/,
    ],
    [(_, metadata) => metadata.delete('random'), /random: expected in the metadata, got none$/],
    [(_, metadata) => metadata.set('random', '[1, 2]'), /state: expected the 10 numbers/],
    [(_, metadata) => metadata.set('step', '-1'), /step: expected an integer of at least 0, got -1$/],
    [(_, metadata) => metadata.set('settings', '{'), /settings: expected JSON, got a text that is not/],
    [(_, metadata) => metadata.set('settings', '{}'), /settings\.task: missing; expected an object$/],
  ];
  for (const [change, message] of refusals) assertRefused(rewritten(path, change), message);
});

test('where no checkpoint can be written, the error says so', () => {
  const path = join(freshPath(), 'checkpoint.safetensors');
  assert.throws(
    () => saveCheckpoint(path, tinyRun()),
    (error: Error) => error instanceof FileWriteError && error.message.startsWith(path),
  );
});

test.run();
