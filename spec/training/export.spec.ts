/** Exported models: what is written, that it comes back as it was, and that layouts of other libraries lose nothing. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type EfficientTransformersError, FileFormatError, UnsupportedError } from '../../src/core/errors.ts';
import type { ArrayToStore } from '../../src/core/files/numbers.ts';
import { readSafetensors, writeSafetensors } from '../../src/core/files/safetensors.ts';
import { memoryStatistics } from '../../src/core/memory.ts';
import { elements } from '../../src/core/tensor.ts';
import type { TrainedModel } from '../../src/training/checkpoint.ts';
import { exportModel } from '../../src/training/export/export.ts';
import { importRun } from '../../src/training/export/import.ts';
import { LOADER_VARIANTS, loaderConfig, loaderTensors } from '../../src/training/export/loader.ts';
import {
  columns,
  type Layout,
  type Matrix,
  rowsByHead,
  same,
  scaled,
  transposed,
} from '../../src/training/export/matrices.ts';
import { type TransformersForm, transformersForm } from '../../src/training/export/transformers.ts';
import type { ModelSettings } from '../../src/training/learner.ts';
import type { RunSettings } from '../../src/training/run.ts';
import { findVariant } from '../../src/variants/registry.ts';
import { temporaryFolder } from '../core/temporary-folder.ts';
import { forAll } from '../core/tensors.ts';
import { tinyRun } from './runs.ts';

type Stored = [name: string, array: ArrayToStore];

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

test('the loader has the code of the variants that are ours, under their names', () => {
  const code = readFileSync(new URL('../../src/training/export/modeling_efficient.py', import.meta.url), 'utf8');
  const [, table] = /^VARIANTS = \{$([^}]*)^\}$/m.exec(code) ?? [];
  const inLoader = [...table.matchAll(/^ {4}"([^"]+)": (\w+),$/gm)];
  assert.equal(
    inLoader.map(([, name]) => name),
    LOADER_VARIANTS,
  );
  for (const [, name, callable] of inLoader)
    assert.match(code, new RegExp(`^def ${callable}\\(q, k, v, real, o, p\\)`, 'm'), name);
  // One that is added to the registry alone is refused, below.
  for (const name of LOADER_VARIANTS) assert.ok(findVariant(name), name);
});

test('every variant comes back to the same bits by the names of the loader', () => {
  for (const name of LOADER_VARIANTS) {
    const trained = model({ attention: { variant: name } }, { name: 'listops', length: 16 });
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

const gptForms = { 'GPT-2': { positions: 'learned' }, 'GPT-NeoX': { positions: 'rotary' } } as const;
for (const [name, settings] of Object.entries(gptForms)) {
  const folder = freshFolder();
  const trained = model({ ...settings, layers: 2 });
  exportModel(trained, folder);
  const weights = join(folder, 'model.safetensors');
  const stored = [...readSafetensors(weights).tensors].map(
    ([key, { shape, load }]): Stored => [key, { shape, data: load() }],
  );
  const { prefix, output, embedding } = transformersForm(trained.learner.model.config) as TransformersForm;
  const body = (change: (name: string) => string) => stored.map(([key, array]): Stored => [change(key), array]);
  const inBody = (key: string) => key.slice(prefix.length);
  const layers = prefix === 'transformer.' ? 'h' : 'layers';
  const attention = prefix === 'transformer.' ? 'attn' : 'attention';
  /** −∞ and −1e9 stood for what the mask hides. */
  const constants = [0, 1].flatMap((n): Stored[] => [
    [`${prefix}${layers}.${n}.${attention}.bias`, { shape: [1, 1, 16, 16], data: new Uint8Array(256) }],
    [
      `${prefix}${layers}.${n}.${attention}.masked_bias`,
      { shape: [1], data: Float32Array.of(Number.NEGATIVE_INFINITY) },
    ],
  ]);
  const inverse: Stored = [
    'gpt_neox.layers.0.attention.rotary_emb.inv_freq',
    { shape: [4], data: new Float32Array(4) },
  ];
  const ofEmbedding = stored.find(([key]) => key === embedding) as Stored;
  const outputAlone = body((key) => (key === embedding ? output : key));
  const files: Record<string, { stored: Stored[]; metadata?: [string, string][] }> = {
    'the tied output beside the embedding': { stored: [...stored, [output, ofEmbedding[1]]] },
    'the tied output alone': { stored: outputAlone },
    'the name that save_model kept': { stored: outputAlone, metadata: [[embedding, output]] },
    'constants of old versions': { stored: [...stored, ...constants, ...(prefix === 'gpt_neox.' ? [inverse] : [])] },
    'the body alone': { stored: body(inBody) },
    'the body alone, of an old version': {
      stored: [...body(inBody), ...constants.map(([key, array]): Stored => [inBody(key), array])],
    },
    'a model in DistributedDataParallel': {
      stored: [...body((key) => `module.${key}`), [`module.${output}`, ofEmbedding[1]]],
    },
    'a compiled model': { stored: body((key) => `_orig_mod.${key}`) },
    'compiled layers in both': {
      stored: body((key) => `module._orig_mod.${key.replace(/(\.\d+\.)/, '$1_orig_mod.')}`),
      metadata: [['module.x', 'module.y']],
    },
  };

  for (const [kind, { stored: given, metadata = [] }] of Object.entries(files)) {
    test(`${name}: ${kind}, in one file and in several, comes back to the same numbers`, () => {
      writeSafetensors(weights, given, metadata);
      assert.equal(numbers(importRun(folder)), numbers(trained));
      const parts = [given.filter((_, n) => n % 2 === 0), given.filter((_, n) => n % 2 === 1)];
      const sharded = freshFolder();
      mkdirSync(sharded);
      copyFileSync(join(folder, 'config.json'), join(sharded, 'config.json'));
      const places = parts.flatMap((part, n) => {
        const file = `model-0000${n + 1}-of-00002.safetensors`;
        writeSafetensors(join(sharded, file), part, metadata);
        return part.map(([key]) => [key, file]);
      });
      const index = { metadata: {}, weight_map: Object.fromEntries(places) };
      writeFileSync(join(sharded, 'model.safetensors.index.json'), JSON.stringify(index));
      assert.equal(numbers(importRun(sharded)), numbers(trained));
    });
  }

  test(`${name}: what is missing, too much or not finite is called what the file calls it, and nothing is kept`, () => {
    const live = memoryStatistics().liveBytes;
    const refused = (given: Stored[], message: string) => {
      writeSafetensors(weights, given);
      refusal(FileFormatError, new RegExp(`: ${message.replaceAll('.', '\\.')}`), () => importRun(folder));
      assert.is(memoryStatistics().liveBytes, live, message);
    };
    const compiled = body((key) => `_orig_mod.${key}`);
    stored.forEach(([key, { shape, data }], n) => {
      const poisoned: Stored = [`_orig_mod.${key}`, { shape, data: Float32Array.from(data).fill(Number.NaN, 3) }];
      refused(compiled.with(n, poisoned), `_orig_mod.${key}: expected finite numbers, got NaN at element 3`);
      const without = stored.toSpliced(n, 1);
      refused(without, `${key}: expected this tensor, got none`);
      refused(
        without.map(([other, array]): Stored => [inBody(other), array]),
        `${inBody(key)}: expected this tensor, got none`,
      );
      refused(
        compiled.with(n, [`_orig_mod.${key}`, { shape: [1], data: new Float32Array(1) }]),
        `_orig_mod.${key}: expected float32`,
      );
    });
    refused([...compiled, ['_orig_mod.other', ofEmbedding[1]]], '_orig_mod.other: expected no such tensor');
    refused([...compiled, ['module.other.bias', ofEmbedding[1]]], 'module.other.bias: expected no such tensor');
  });
}

test('a model for the loader, wrapped or with a number that is not finite', () => {
  const trained = model({ attention: { variant: 'performer' } });
  const folder = freshFolder();
  exportModel(trained, folder);
  const weights = join(folder, 'model.safetensors');
  const stored = [...readSafetensors(weights).tensors].map(
    ([key, { shape, load }]): Stored => [key, { shape, data: load() }],
  );
  writeSafetensors(
    weights,
    stored.map(([key, array]): Stored => [`module._orig_mod.${key}`, array]),
  );
  assert.equal(numbers(importRun(folder)), numbers(trained));
  const [key, { shape, data }] = stored[4];
  const poisoned: Stored = [key, { shape, data: Float32Array.from(data).fill(Number.NEGATIVE_INFINITY, 1, 2) }];
  writeSafetensors(weights, stored.with(4, poisoned));
  refusal(FileFormatError, /: expected finite numbers, got -Infinity at element 1$/, () => importRun(folder));
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
