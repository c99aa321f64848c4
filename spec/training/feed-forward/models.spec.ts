/** Sparse feed-forward layers inside models: generation, reversible layers, padding, checkpoints, threads, settings. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, noGrad, zeroGrad } from '../../../src/core/autograd.ts';
import { ArgumentError, FileFormatError } from '../../../src/core/errors.ts';
import type { ArrayToStore } from '../../../src/core/files/numbers.ts';
import { readSafetensors, writeSafetensors } from '../../../src/core/files/safetensors.ts';
import { measureMemory } from '../../../src/core/memory.ts';
import { setThreads } from '../../../src/core/parallel/pool.ts';
import { Random } from '../../../src/core/random.ts';
import { elements, fromArray, randomNormal, type Tensor } from '../../../src/core/tensor.ts';
import { loadModel, resumeRun, saveCheckpoint } from '../../../src/training/checkpoint.ts';
import { completeConfig } from '../../../src/training/config.ts';
import { exportModel } from '../../../src/training/export/export.ts';
import { importRun } from '../../../src/training/export/import.ts';
import type { Routed } from '../../../src/training/feed-forward/kind.ts';
import { FEED_FORWARD_KINDS, feedForwardKind } from '../../../src/training/feed-forward/registry.ts';
import { languageModel } from '../../../src/training/language-model.ts';
import { evaluation } from '../../../src/training/module.ts';
import { endLearner, endRun, type RunSettings } from '../../../src/training/run.ts';
import { type StepReport, train } from '../../../src/training/trainer.ts';
import { temporaryFolder } from '../../core/temporary-folder.ts';
import { assertClose, denseOf } from '../../core/tensors.ts';
import { expectThrows } from '../../laws/laws/expect-throws.ts';
import { drawTokens, maskOf, stir } from '../modules.ts';
import { bytesAfter, freshPath, tinyRun } from '../runs.ts';

const KINDS = FEED_FORWARD_KINDS.map(({ name }) => name).filter((name) => name !== 'dense');
/** Those whose layers have a loss of their own. */
const ROUTED = ['switch', 'top-2'];

const modelOf = (kind: string, residual: 'plain' | 'reversible' = 'plain') => {
  const feedForward = [{ kind: 'dense' }, { kind }];
  const settings = {
    vocabulary: 9,
    length: 12,
    layers: 2,
    modelDim: 8,
    heads: 2,
    dropout: 0.1,
    dtype: 'float64',
  } as const;
  const model = languageModel({ ...settings, causal: true, feedForward, residual }, 1);
  stir(model.tensors(), 1);
  return model;
};

for (const kind of KINDS) {
  test(`${kind}: steps of generation give the rows of a whole run`, () => {
    const model = modelOf(kind);
    const tokens = drawTokens(2, 12, 9, 3);
    const whole = noGrad(() => model.forward(tokens, evaluation));
    const generation = model.startGeneration(2);
    const all = Array.from(tokens.toArray());
    for (let t = 0; t < 12; t++) {
      const row = generation.step([all[t], all[12 + t]]);
      const expected = {
        shape: [2, 9],
        data: [0, 1].flatMap((b) => Array.from({ length: 9 }, (_, v) => whole.array.get(b, t, v))),
      };
      assertClose(row, expected, 1e-10, `step ${t}`, 1);
    }
    generation.end();
  });

  test(`${kind}: a text's real tokens do not depend on its padding, nor on the texts beside it`, () => {
    const model = modelOf(kind);
    const tokens = drawTokens(2, 10, 9, 4);
    const alone = fromArray(Array.from(tokens.toArray()).slice(10, 16), [1, 6], 'int32');
    const together = noGrad(() => model.forward(tokens, evaluation, maskOf([10, 6], 10)));
    const expected = denseOf(noGrad(() => model.forward(alone, evaluation)));
    const rows = Array.from(together.toArray()).slice(10 * 9, 16 * 9);
    assertClose(fromArray(rows, [1, 6, 9], 'float64'), expected, 1e-10, 'real tokens', 1);
  });

  test(`${kind}: reversible layers route once, and have the gradients of a tape, also of the layer's own loss`, () => {
    const found = (['plain', 'reversible'] as const).map((residual) => {
      const settings = {
        vocabulary: 9,
        length: 12,
        layers: 1,
        modelDim: 8,
        heads: 2,
        dropout: 0,
        dtype: 'float64',
      } as const;
      const model = languageModel({ ...settings, causal: true, feedForward: { kind }, residual, norm: 'pre' }, 1);
      stir(model.tensors(), 1);
      const noted: [number, Routed][] = [];
      const lost: [number, number][] = [];
      // In one reversible layer, G reads x + F(x), and the mean of both streams is x + (F + G) / 2.
      const auxiliary = {
        scale: 3,
        note: (layer: number, routed: Routed) => noted.push([layer, routed]),
        noteLoss: (layer: number, loss: number) => lost.push([layer, loss]),
      };
      const output = model.forward(drawTokens(2, 12, 9, 5), { training: true, random: new Random(1), auxiliary });
      backward(output, randomNormal(output.shape, new Random(2), 'float64'));
      const gradients = new Map([...model.parameters()].map(([name, { grad }]) => [name, grad?.toArray()]));
      zeroGrad(model.parameters().values());
      return { noted, lost, gradients };
    });
    for (const { noted } of found) assert.is(noted.length, 1);
    const [plain, reversible] = found;
    assert.equal(reversible.noted[0][1].choices, plain.noted[0][1].choices);
    assert.is(plain.lost.length, ROUTED.includes(kind) ? 1 : 0);
    assert.is(reversible.lost.length, plain.lost.length);
    for (const [n, [layer, loss]] of plain.lost.entries()) {
      assert.is(layer, 0);
      assert.ok(Math.abs(reversible.lost[n][1] - loss) < 1e-12);
    }
    for (const [name, gradient] of reversible.gradients) assert.ok(gradient, name);
  });
}

for (const kind of ROUTED) {
  test(`${kind}: in reversible layers the loss's own gradient is that of plain layers`, () => {
    const [plain, reversible] = (['plain', 'reversible'] as const).map((residual) => {
      const settings = {
        vocabulary: 9,
        length: 12,
        layers: 1,
        modelDim: 8,
        heads: 2,
        dropout: 0,
        dtype: 'float64',
      } as const;
      const model = languageModel(
        { ...settings, causal: true, feedForward: { kind, balance: 0.5 }, residual, tied: false },
        1,
      );
      stir(model.tensors(), 1);
      const router = [...model.parameters()].find(([name]) => name.endsWith('router'))?.[1];
      const ofScale = (scale: number) => {
        const output = model.forward(drawTokens(2, 12, 9, 5), {
          training: true,
          random: new Random(1),
          auxiliary: { scale },
        });
        backward(output, randomNormal(output.shape, new Random(2), 'float64'));
        const gradient = Array.from(router?.grad?.toArray() ?? []);
        zeroGrad(model.parameters().values());
        return gradient;
      };
      const [without, withLoss] = [ofScale(0), ofScale(3)];
      return withLoss.map((each, n) => each - without[n]);
    });
    assert.ok(plain.some((each) => Math.abs(each) > 1e-4));
    plain.forEach((each, n) => {
      assert.ok(Math.abs(each - reversible[n]) < 1e-9, `${n}: ${each} ${reversible[n]}`);
    });
  });
}

const runSettings = (kind: string): Partial<RunSettings> => ({
  model: { layers: 2, feedForward: [{ kind: 'dense' }, { kind }] },
  parts: 2,
});

for (const kind of KINDS) {
  test(`${kind}: a run that is resumed goes on to the same bits, and its model loads`, async () => {
    const whole = await bytesAfter(tinyRun(runSettings(kind)));
    const path = freshPath();
    const run = tinyRun(runSettings(kind));
    await train(run, { shouldStop: () => run.step === 3, onCheckpoint: (each) => saveCheckpoint(path, each) });
    const { learner } = loadModel(path);
    const named = [...run.learner.model.tensors()];
    for (const [name, tensor] of learner.model.tensors()) {
      assert.equal(tensor.toArray(), named.find(([each]) => each === name)?.[1].toArray(), name);
    }
    endRun(run);
    assert.is(Buffer.compare(await bytesAfter(resumeRun(path)), whole), 0);
  });

  test(`${kind}: the same bits on 1 thread and on 3`, async () => {
    const settings = { ...runSettings(kind), task: { name: 'copy', length: 70 }, steps: 2, batch: 6 };
    const wide = { ...settings, model: { ...settings.model, modelDim: 64, heads: 2 } };
    setThreads(1);
    const alone = await bytesAfter(tinyRun(wide));
    setThreads(3);
    const together = await bytesAfter(tinyRun(wide));
    setThreads(1);
    assert.is(Buffer.compare(alone, together), 0);
  });

  test(`${kind}: an export has the code of its layer, and comes back to the same bits`, () => {
    const { learner, task, settings, step } = tinyRun(runSettings(kind));
    const folder = temporaryFolder();
    const { architecture } = exportModel({ learner, alphabet: task.alphabet, settings, step }, folder);
    assert.is(architecture, null);
    assert.match(readFileSync(join(folder, 'modeling_efficient.py'), 'utf8'), `"${kind}": ${kind.replace('-', '_')},`);
    const back = importRun(folder);
    for (const [name, tensor] of back.learner.model.tensors()) {
      assert.equal(elements(tensor), elements(learner.model.tensors().get(name) as Tensor), name);
    }
    endRun(back);
  });
}

test('a step reports the losses of routing and the share that met a full expert', async () => {
  const reports: StepReport[] = [];
  const feedForward = { kind: 'switch', numExperts: 4, capacityFactor: 0.5, balance: 0.01 };
  const run = tinyRun({ model: { layers: 2, feedForward }, steps: 2 });
  await train(run, { onStep: (report) => reports.push(report) });
  endRun(run);
  for (const { auxiliary = 0, dropped = 0 } of reports) {
    // Two layers with losses of α N Σ f P, of which each is at most α N, and about 1 α at the start.
    assert.ok(auxiliary > 0.01 && auxiliary < 2 * 0.01 * 4, `${auxiliary}`);
    // Room for half of the tokens, rounded up.
    assert.ok(dropped >= 0.4 && dropped < 1, `${dropped}`);
  }
  const dense: StepReport[] = [];
  const other = tinyRun({ steps: 1 });
  await train(other, { onStep: (report) => dense.push(report) });
  endRun(other);
  assert.is(dense[0].auxiliary, undefined);
});

test('settings are completed, and refused by name', () => {
  const base = { vocabulary: 5, length: 8 };
  const { feedForward } = completeConfig({ ...base, feedForward: { kind: 'switch', numExperts: 3 } });
  assert.equal(feedForward, {
    ...{ kind: 'switch', numExperts: 3, capacityFactor: 1.25, evaluationCapacity: 0 },
    ...{ balance: 0.01, zLoss: 0, jitter: 0.01 },
  });
  assert.not.ok('feedForward' in completeConfig(base));
  const refuse = (given: unknown, name: string) =>
    expectThrows(ArgumentError, name, () => completeConfig({ ...base, feedForward: given as never }));
  refuse({ kind: 'swich' }, 'feedForward.kind');
  refuse('switch', 'feedForward');
  refuse([], 'feedForward');
  refuse({ numExperts: 3 }, 'feedForward.kind');
  refuse({ kind: 'switch', numExperts: 0 }, 'feedForward.numExperts');
  refuse({ kind: 'switch', numExperts: 2 ** 17 }, 'feedForward.numExperts');
  refuse({ kind: 'switch', capacityFactor: 0 }, 'feedForward.capacityFactor');
  refuse({ kind: 'switch', experts: 3 }, 'feedForward.experts');
  refuse({ kind: 'dense', numExperts: 3 }, 'feedForward.numExperts');
  refuse([{ kind: 'dense' }, { kind: 'top-2', secondChoice: 'never' }], 'feedForward[1].secondChoice');
  expectThrows(ArgumentError, 'feedForwardChunk', () =>
    completeConfig({ ...base, feedForward: { kind: 'switch' }, feedForwardChunk: 4 }),
  );
});

for (const kind of KINDS) {
  test(`${kind}: a file with any numbers in its settings gives a model or a typed error, in memory of the file's order`, () => {
    const path = freshPath();
    const run = tinyRun({ model: { feedForward: { kind } } });
    saveCheckpoint(path, run);
    endRun(run);
    const { tensors, metadata } = readSafetensors(path);
    const stored = [...tensors].map(([name, { shape, load }]): [string, ArrayToStore] => [
      name,
      { shape, data: load() },
    ]);
    const numbers = stored.reduce((sum, [, { data }]) => sum + data.length, 0);
    const model = JSON.parse(metadata.get('model') ?? '');
    let refused = 0;
    for (const option of Object.keys(feedForwardKind(kind).options)) {
      for (const value of [0, -1, 0.5, 3, 64, 8192, 65536, 2 ** 31, 2 ** 53 - 1, 1e300, null, true, '8', [], {}]) {
        const changed = { ...model, feedForward: { ...model.feedForward, [option]: value } };
        const header = [...metadata].filter(([name]) => name !== 'digest');
        const texts = header.map(([name, text]): [string, string] => [
          name,
          name === 'model' ? JSON.stringify(changed) : text,
        ]);
        const other = freshPath();
        writeSafetensors(other, stored, texts, { digest: true });
        const { peakBytes } = measureMemory(() => {
          try {
            endLearner(loadModel(other).learner);
          } catch (error) {
            refused++;
            if (!(error instanceof FileFormatError)) throw error;
          }
        });
        // As in within-file.ts: 32 bytes a number, and room.
        assert.ok(peakBytes < 40 * numbers + 2 ** 20, `${option} ${value}: ${peakBytes}`);
      }
    }
    assert.ok(refused >= 10 * Object.keys(feedForwardKind(kind).options).length, `${refused}`);
  });
}

test.run();
