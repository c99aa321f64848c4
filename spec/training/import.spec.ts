/** The way back from PyTorch: whatever its tools make of the weights, the model is the one that they saved. */
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type EfficientTransformersError, FileFormatError } from '../../src/core/errors.ts';
import type { ArrayToStore } from '../../src/core/files/numbers.ts';
import { readSafetensors, writeSafetensors } from '../../src/core/files/safetensors.ts';
import { memoryStatistics } from '../../src/core/memory.ts';
import { elements } from '../../src/core/tensor.ts';
import type { TrainedModel } from '../../src/training/checkpoint.ts';
import { exportModel } from '../../src/training/export/export.ts';
import { importRun } from '../../src/training/export/import.ts';
import { type TransformersForm, transformersForm } from '../../src/training/export/transformers.ts';
import type { ModelSettings } from '../../src/training/learner.ts';
import { endRun } from '../../src/training/run.ts';
import { temporaryFolder } from '../core/temporary-folder.ts';
import { tinyRun } from './runs.ts';

type Stored = [name: string, array: ArrayToStore];

const root = temporaryFolder();
let folders = 0;
const freshFolder = () => join(root, `${folders++}`);

function model(settings: ModelSettings): TrainedModel {
  const { learner, settings: complete, task, step } = tinyRun({ task: { name: 'copy', length: 16 }, model: settings });
  return { learner, settings: complete, alphabet: task.alphabet, step };
}

function storedIn(path: string): Stored[] {
  return [...readSafetensors(path).tensors].map(([key, { shape, load }]) => [key, { shape, data: load() }]);
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

/** Of an import, which is over then. */
function imported(folder: string) {
  const run = importRun(folder);
  const found = numbers(run);
  endRun(run);
  return found;
}

const gptForms = { 'GPT-2': { positions: 'learned' }, 'GPT-NeoX': { positions: 'rotary' } } as const;
for (const [name, settings] of Object.entries(gptForms)) {
  const folder = freshFolder();
  const trained = model({ ...settings, layers: 2 });
  exportModel(trained, folder);
  const weights = join(folder, 'model.safetensors');
  const stored = storedIn(weights);
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
      assert.equal(imported(folder), numbers(trained));
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
      assert.equal(imported(sharded), numbers(trained));
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
      // Of each part of a layer one is enough.
      if (n % 3 > 0) return;
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
  const stored = storedIn(weights);
  writeSafetensors(
    weights,
    stored.map(([key, array]): Stored => [`module._orig_mod.${key}`, array]),
  );
  assert.equal(imported(folder), numbers(trained));
  const [key, { shape, data }] = stored[4];
  const poisoned: Stored = [key, { shape, data: Float32Array.from(data).fill(Number.NEGATIVE_INFINITY, 1, 2) }];
  writeSafetensors(weights, stored.with(4, poisoned));
  refusal(FileFormatError, /: expected finite numbers, got -Infinity at element 1$/, () => importRun(folder));
});

test.run();
