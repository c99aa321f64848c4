/** The public API is enough: programs as a user writes them, on nothing but `src/index.ts`. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ndarray from 'ndarray';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as api from '../src/index.ts';

const SHAPE = [1, 2, 24, 8];

function drawInputs(seed: number) {
  const random = new api.Random(seed);
  const [queries, keys, values] = ['queries', 'keys', 'values'].map((name) =>
    api.randomNormal(SHAPE, random.split(name)),
  );
  return { queries, keys, values };
}

/** A tensor as the oracle takes it. */
const dense = (tensor: api.Tensor) => ({ shape: tensor.shape, data: tensor.toArray() });

test('the verifier: attention on own numbers, against the oracle', () => {
  const { queries, keys, values } = drawInputs(1);
  const output = api.attend(api.full, { queries, keys, values });
  const expected = api.referenceAttention({ queries: dense(queries), keys: dense(keys), values: dense(values) });
  // float32 sums of 24 terms.
  assert.ok(api.relativeFrobeniusError(dense(output), expected) < 1e-6);
});

test('the trainer: gradients of a loss made of ops', () => {
  const { queries, keys, values } = drawInputs(2);
  values.withGrad();
  api.backward(api.ops.sum(api.attend(api.full, { queries, keys, values })));
  // Every row of weights sums to one, so the gradients of all values sum to the number of outputs.
  const total = Array.from(values.grad?.toArray() ?? []).reduce((sum, entry) => sum + entry, 0);
  assert.ok(Math.abs(total - 2 * 24 * 8) < 1e-3, String(total));
  api.zeroGrad([values]);
  assert.is(values.grad, null);
});

test('the trainer: a run on a task, a look at what it learned, and its checkpoint', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'efficient-transformers-'));
  try {
    const run = api.startRun({
      ...api.runDefaults,
      task: { name: 'copy', length: 12 },
      model: { layers: 1, modelDim: 8, heads: 2, attention: { variant: 'longformer' } },
      schedule: { kind: 'constant', rate: 1e-2 },
      ...{ steps: 3, batch: 2, evaluationExamples: 4 },
    });
    const losses: number[] = [];
    await api.train(run, { onStep: ({ loss }) => losses.push(loss) });
    assert.is(losses.length, 3);
    const path = join(folder, 'checkpoint.safetensors');
    api.saveCheckpoint(path, run);
    const look = { examples: 4, batch: 2, seed: 0 };
    assert.equal(api.evaluate(api.loadModel(path).learner, run.task, look), api.evaluate(run.learner, run.task, look));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('numbers go in from arrays and ndarrays, and through files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'efficient-transformers-'));
  try {
    const data = Float32Array.from({ length: 6 }, (_, index) => index / 3);
    const tensor = api.fromArray(data, [2, 3]);
    const turned = api.fromNdarray(ndarray(data, [2, 3]).transpose(1, 0));
    assert.equal(turned.toArray(), api.ops.transpose(tensor).toArray());
    const path = join(folder, 'numbers.npy');
    api.writeNpy(path, { shape: tensor.shape, data: tensor.toArray() });
    assert.equal(api.readNpy(path).load(), data);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('every registered variant is exported by name', () => {
  const exported = new Set<unknown>(Object.values(api));
  const missing = api.allVariants().filter((variant) => !exported.has(variant));
  assert.equal(
    missing.map(({ name }) => name),
    [],
    'export it from src/index.ts',
  );
});

test("one's own variant is compared like any other", async () => {
  const mean: api.AttentionVariant = {
    ...api.full,
    name: 'mean-of-values',
    exactness: 'approximate',
    supports: { causal: false, padding: false, crossAttention: true, incremental: false },
    attend: ({ queries, values }) =>
      api.ops.broadcastTo(api.ops.mean(values, 2, true), [...queries.shape.slice(0, 3), values.shape[3]]),
  };
  api.register(mean);
  assert.is(api.findVariant('mean-of-values')?.name, 'mean-of-values');
  const input = api.syntheticInput({ lengths: [16], headDim: 8 });
  const report = await api.compare(input, { variants: ['mean-of-values'], timing: { maxTurns: 1 } });
  const [{ relativeError, topKRecall }] = report.results;
  assert.ok(relativeError > 0.1 && relativeError < 10, String(relativeError));
  // At 16 tokens all 16 are among the 16 largest.
  assert.is(topKRecall, 1);
  assert.match(await api.renderReport(report), /mean-of-values/);
});

test('what is wrong is one of the errors, all of one kind', () => {
  const { queries, keys, values } = drawInputs(3);
  const wrong: [() => unknown, new () => Error][] = [
    [() => api.attend(api.full, { queries, keys: values, values: api.zeros([1, 2, 23, 8]) }), api.ShapeError],
    [() => api.register(api.full), api.ArgumentError],
    [() => api.attend(api.linformer, { queries, keys, values }, { causal: true }), api.UnsupportedError],
    [() => api.readNpy('no-such-file.npy'), api.FileFormatError],
    [() => api.setThreads(0), api.ArgumentError],
  ];
  for (const [attempt, kind] of wrong) {
    assert.throws(
      attempt,
      (error: unknown) => error instanceof kind && error instanceof api.EfficientTransformersError,
    );
  }
});

test.run();
