/** Exported models: what is written, that it comes back as it was, and that layouts of other libraries lose nothing. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type EfficientTransformersError, FileFormatError, UnsupportedError } from '../../src/core/errors.ts';
import { readSafetensors, writeSafetensors } from '../../src/core/files/safetensors.ts';
import { elements } from '../../src/core/tensor.ts';
import type { TrainedModel } from '../../src/training/checkpoint.ts';
import { exportModel } from '../../src/training/export/export.ts';
import { importRun } from '../../src/training/export/import.ts';
import { loaderConfig, loaderTensors } from '../../src/training/export/loader.ts';
import {
  columns,
  type Layout,
  type Matrix,
  rowsByHead,
  same,
  scaled,
  transposed,
} from '../../src/training/export/matrices.ts';
import { loaderVariants } from '../../src/training/export/pieces.ts';
import { transformersForm } from '../../src/training/export/transformers.ts';
import type { ModelSettings } from '../../src/training/learner.ts';
import type { RunSettings } from '../../src/training/run.ts';
import { findVariant } from '../../src/variants/registry.ts';
import { temporaryFolder } from '../core/temporary-folder.ts';
import { forAll } from '../core/tensors.ts';
import { tinyRun } from './runs.ts';

const root = temporaryFolder();
let folders = 0;
const freshFolder = () => join(root, `${folders++}`);

function model(settings: ModelSettings = {}, task: RunSettings['task'] = { name: 'copy', length: 16 }): TrainedModel {
  const { learner, settings: complete, task: own, step } = tinyRun({ task, model: settings });
  return { learner, settings: complete, alphabet: own.alphabet, step };
}

/** Messages about files begin with a path, of which the end is known. */
function refusal(
  type: new (message: string) => EfficientTransformersError,
  message: RegExp,
  body: () => unknown,
): void {
  assert.throws(body, (error: Error) => error.constructor === type && message.test(error.message));
}

const numbers = ({ learner }: Pick<TrainedModel, 'learner'>) => {
  return new Map([...learner.model.tensors()].map(([name, tensor]) => [name, Array.from(elements(tensor))]));
};

test('a layout of another library and back is what was there', () => {
  const sizes = fc.record({
    heads: fc.integer({ min: 1, max: 3 }),
    width: fc.integer({ min: 1, max: 4 }),
    inputs: fc.integer({ min: 1, max: 5 }),
    count: fc.integer({ min: 1, max: 3 }),
    vector: fc.boolean(),
  });
  forAll(sizes, ({ heads, width, inputs, count, vector }) => {
    const outputs = heads * width;
    const shape = vector ? [outputs] : [inputs, outputs];
    const size = shape.reduce((product, each) => product * each, 1);
    const matrices = Array.from({ length: count }, (_, n): Matrix => {
      return { shape, data: Float32Array.from({ length: size }, (_, at) => n * size + at) };
    });
    const layouts: [Layout, Matrix[]][] = [
      [same, matrices.slice(0, 1)],
      [scaled(4), matrices.slice(0, 1)],
      [columns(count), matrices],
      [rowsByHead(count, heads), matrices],
      ...(vector ? [] : [[transposed, matrices.slice(0, 1)] as [Layout, Matrix[]]]),
    ];
    for (const [layout, ours] of layouts) assert.equal(layout.toOurs(layout.toTheirs(ours)), ours);
  });
});

test('rows by head: all of a head, of each matrix in turn', () => {
  const matrix = (first: number): Matrix => ({
    shape: [1, 4],
    data: Float32Array.from([0, 1, 2, 3], (n) => first + n),
  });
  const { shape, data } = rowsByHead(2, 2).toTheirs([matrix(0), matrix(10)]);
  assert.equal(
    [shape, [...data]],
    [
      [8, 1],
      [0, 1, 10, 11, 2, 3, 12, 13],
    ],
  );
});

test('every variant comes back to the same bits by the names of the loader', () => {
  for (const name of loaderVariants()) {
    const isOneWay = findVariant(name)?.supports.bidirectional === false;
    const task = isOneWay ? ({ name: 'copy', length: 16 } as const) : ({ name: 'listops', length: 16 } as const);
    const trained = model({ attention: { variant: name } }, task);
    const folder = freshFolder();
    const { architecture, files } = exportModel(trained, folder);
    assert.is(architecture, null);
    assert.equal(readdirSync(folder).sort(), ['config.json', 'model.safetensors', 'modeling_efficient.py']);
    assert.is(files.length, 3);
    const run = importRun(folder);
    assert.equal(numbers(run), numbers(trained), name);
    assert.equal([run.step, run.settings], [0, trained.settings]);
  }
});

test('what transformers has a class for comes back within a rounding of the factors', () => {
  for (const positions of ['learned', 'rotary'] as const) {
    const trained = model({ positions, layers: 2 });
    const folder = freshFolder();
    const { architecture } = exportModel(trained, folder);
    assert.is(architecture, positions === 'learned' ? 'GPT2LMHeadModel' : 'GPTNeoXForCausalLM');
    assert.equal(readdirSync(folder).sort(), ['config.json', 'model.safetensors']);
    const back = numbers(importRun(folder));
    for (const [name, values] of numbers(trained)) {
      // √16, the factor of this width, rounds nothing.
      assert.equal(back.get(name), values, name);
    }
  }
});

test('of an earlier export nothing is left that could be taken for the new one', () => {
  const folder = freshFolder();
  exportModel(model(), folder, { loader: true, check: true });
  exportModel(model(), folder);
  assert.equal(readdirSync(folder).sort(), ['config.json', 'model.safetensors']);
});

test('whatever differs from a class of transformers goes to the loader', () => {
  const others: [ModelSettings, RegExp][] = [
    [{ attention: { variant: 'longformer' } }, /full attention/],
    [{ attention: [{ variant: 'full' }, { variant: 'light-conv' }] }, /full attention/],
    [{ attention: { variant: 'full', gatedValues: true } }, /full attention/],
    [{ attention: { variant: 'full', projections: 'multiplicative' } }, /dense projections/],
    [{ tied: false }, /tied/],
    [{ norm: 'post' }, /normalisation first/],
    [{ residual: 'reversible' }, /plain layers/],
    [{ positions: 'sinusoidal' }, /positions/],
    [{ headDim: 4 }, /heads/],
    [{ dtype: 'float64' }, /float32/],
  ];
  for (const [settings, reason] of others) {
    const { architecture, reason: given } = exportModel(model(settings), freshFolder());
    assert.is(architecture, null);
    assert.match(given, reason);
  }
  const encoder = model({}, { name: 'listops', length: 16 });
  assert.match(String(transformersForm(encoder.learner.model.config)), /causal/);
  assert.is(exportModel(model(), freshFolder(), { loader: true }).architecture, null);
});

test('the loader is told what it cannot know: shared parameters, lengths that are padded, the graph of BigBird', () => {
  type Told = { layers: { sharedParameters: number | null; unpaddedFrom: number }[] };
  const told = (variant: string, options: Record<string, unknown>) => {
    const { learner } = model({ layers: 2, attention: { variant, options } }, { name: 'listops', length: 16 });
    return { learner, layers: (loaderConfig(learner) as unknown as Told).layers };
  };
  const layerwise = told('linformer', { projection: 'learned', sharing: 'layerwise' });
  assert.equal(
    layerwise.layers.map(({ sharedParameters, unpaddedFrom }) => [sharedParameters, unpaddedFrom]),
    [
      [0, 16],
      [0, 16],
    ],
  );
  assert.is(told('longformer', { globalPositions: [11] }).layers[0].unpaddedFrom, 12);
  assert.is(told('full', {}).layers[0].unpaddedFrom, 1);

  const { learner } = told('bigbird', { blockSize: 1, randomBlocks: 2 });
  const graphs = [...loaderTensors(learner)];
  assert.equal(
    graphs.map(([name]) => name),
    [0, 1].map((n) => `encoder.layers.${n}.attention.randomBlocks`),
  );
  const [[, { shape, data }]] = graphs;
  assert.equal(shape.slice(0, 2), [2, (16 * 17) / 2]);
  // The lists of the longest sequence are the last; its first and last blocks are global, and have none.
  const lists = Array.from({ length: 16 }, (_, block) => {
    const row = (16 * 15) / 2 + block;
    return [...data.subarray(row * shape[2], (row + 1) * shape[2])].filter((each) => each >= 0);
  });
  assert.equal([lists[0], lists[15]], [[], []]);
  lists.slice(1, -1).forEach((list, at) => {
    const block = at + 1;
    assert.ok(
      list.length >= 2 && list.every((other) => Math.abs(other - block) > 1 && other > 0 && other < 15),
      `${list}`,
    );
  });
});

test('what only chooses has no gradient: the indexer of DSA comes as buffers', () => {
  const trained = model({ layers: 2, attention: { variant: 'dsa' } });
  const { learned } = loaderConfig(trained.learner) as { learned: string[] };
  const names = [...trained.learner.model.parameters().keys()];
  const others = names.filter((name) => !learned.includes(name));
  const indexer = ['indexQueries', 'indexKeys', 'indexWeights'].map((name) => `attention.gates.${name}.weight`);
  for (const part of indexer) assert.is(others.filter((name) => name.endsWith(part)).length, 2, part);
  assert.ok(others.every((name) => /\.attention\.gates\.index/.test(name)));
  assert.ok(learned.some((name) => name.endsWith('attention.query.weight')));
});

test('a variant that the loader lacks is refused before anything is written', () => {
  const trained = model();
  trained.learner.model.config.attention = { variant: 'of-my-own' };
  const folder = freshFolder();
  refusal(UnsupportedError, /^variant: of-my-own cannot be exported, because/, () => exportModel(trained, folder));
  assert.throws(() => readdirSync(folder));
});

test('the check has our logits of tokens, with padding and without', () => {
  const trained = model({ dropout: 0.5 });
  const folder = freshFolder();
  exportModel(trained, folder, { check: true });
  const { tensors } = readSafetensors(join(folder, 'check.safetensors'));
  const { vocabulary } = trained.learner.model.config;
  assert.equal(tensors.get('full/logits')?.shape, [2, 16, vocabulary]);
  assert.equal(tensors.get('short/logits')?.shape, [2, 10, vocabulary]);
  const mask = [...(tensors.get('padded/mask')?.load() ?? [])];
  assert.equal(
    [mask.slice(0, 16), mask.slice(16)].map((row) => row.filter(Boolean).length),
    [16, 10],
  );
  // Those of a class of transformers have other names.
  assert.is([...tensors.keys()].filter((name) => name.includes('gradients')).length, 0);
  const again = freshFolder();
  exportModel(trained, again, { check: true });
  for (const file of readdirSync(folder)) {
    assert.ok(readFileSync(join(folder, file)).equals(readFileSync(join(again, file))), file);
  }
});

test('the check has a gradient of every parameter, and the model keeps none', () => {
  const trained = model({ attention: { variant: 'performer' } });
  const folder = freshFolder();
  exportModel(trained, folder, { check: true });
  const { tensors } = readSafetensors(join(folder, 'check.safetensors'));
  for (const [name, parameter] of trained.learner.model.parameters()) {
    const gradient = tensors.get(`full/gradients/${name}`);
    assert.equal(gradient?.shape, parameter.shape, name);
    assert.is(parameter.grad, null, name);
  }
  assert.ok(
    tensors
      .get('full/gradients/decoder.embedding.weight')
      ?.load()
      .some((value) => value !== 0),
  );
});

test('a folder that is not what was exported is refused, and says what is wrong', () => {
  const folder = freshFolder();
  exportModel(model(), folder);
  const [config, weights] = ['config.json', 'model.safetensors'].map((name) => join(folder, name));
  const text = readFileSync(config, 'utf8');
  const stored = [...readSafetensors(weights).tensors].map(
    ([name, { shape, load }]) => [name, { shape, data: load() }] as const,
  );
  const refused = (message: RegExp) => refusal(FileFormatError, message, () => importRun(folder));

  writeSafetensors(weights, stored.slice(1));
  refused(/^.*model\.safetensors: transformer\..*: expected this tensor, got none$/);
  writeSafetensors(weights, [...stored, ['other', stored[0][1]]]);
  refused(/model\.safetensors: other: expected no such tensor$/);
  writeSafetensors(weights, [...stored.slice(1), [stored[0][0], { shape: [1], data: new Float32Array(1) }]]);
  refused(/: expected float32 \[.*\], got float32 \[1\]$/);
  // A library may store what is tied once more; trained apart from the embedding it is another model.
  const [, embedding] = stored.find(([name]) => name === 'transformer.wte.weight') as (typeof stored)[number];
  writeSafetensors(weights, [...stored, ['lm_head.weight', embedding]]);
  importRun(folder);
  const apart = { ...embedding, data: embedding.data.map((number, n) => (n === 5 ? number + 1 : number)) };
  writeSafetensors(weights, [...stored, ['lm_head.weight', apart]]);
  refused(/lm_head\.weight: expected the numbers of transformer\.wte\.weight, .* at element 5, where that has/);

  writeFileSync(config, '{');
  refused(/^.*config\.json: expected JSON, got a text that is not/);
  writeFileSync(config, '[]');
  refused(/^.*config\.json: expected a JSON object, got another value$/);
  writeFileSync(config, JSON.stringify({ model_type: 'gpt2' }));
  refused(/efficient_transformers: expected the settings of a training, as export writes them$/);
  writeFileSync(config, JSON.stringify({ efficient_transformers: { settings: { task: {}, model: null } } }));
  refused(/efficient_transformers: expected the settings of a training, as export writes them$/);
  writeFileSync(config, text.replace('"copy"', '"of-my-own"'));
  refused(/config\.json: task: /);
  refusal(FileFormatError, /expected a folder that export has written/, () => importRun(freshFolder()));
});

test.run();
