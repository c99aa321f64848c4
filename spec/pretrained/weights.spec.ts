/**
 * Weights as PyTorch's tools write them: whatever the tool, the model computes the same; and numbers that no trained model
 * has are refused by the names of the file.
 */
import { copyFileSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FileFormatError } from '../../src/core/errors.ts';
import type { ArrayToStore } from '../../src/core/files/numbers.ts';
import { readSafetensors, writeSafetensors } from '../../src/core/files/safetensors.ts';
import { memoryStatistics, release } from '../../src/core/memory.ts';
import { elements } from '../../src/core/tensor.ts';
import { loadPretrained } from '../../src/pretrained/load.ts';
import { temporaryFolder } from '../core/temporary-folder.ts';
import { checkpoint, checkpointsOf } from './checkpoints.ts';

const WEIGHTS = 'model.safetensors';
const folder = temporaryFolder();
let copies = 0;
const NAMES = checkpointsOf('bert', 'roberta', 'longformer', 'big-bird', 'nystromformer', 'reformer').filter((name) =>
  readdirSync(checkpoint(name)).includes(WEIGHTS),
);
const MASKED_LM = NAMES.filter((name) => name.endsWith('masked-lm'));

type Stored = [name: string, array: ArrayToStore];

function storedOf(name: string): Stored[] {
  return [...readSafetensors(join(checkpoint(name), WEIGHTS)).tensors].map(([key, { shape, load }]) => [
    key,
    { shape, data: load() },
  ]);
}

/** A folder with the config of a checkpoint and these weights. */
function written(name: string, stored: readonly Stored[], metadata: [string, string][] = []): string {
  const directory = join(folder, `${copies++}`);
  mkdirSync(directory);
  copyFileSync(join(checkpoint(name), 'config.json'), join(directory, 'config.json'));
  writeSafetensors(join(directory, WEIGHTS), stored, [['format', 'pt'], ...metadata]);
  return directory;
}

function numbersOf(directory: string): Map<string, number[]> {
  const tensors = loadPretrained(directory).tensors();
  const numbers = new Map([...tensors].map(([name, tensor]) => [name, [...elements(tensor)]]));
  for (const tensor of tensors.values()) release(tensor.array.data);
  return numbers;
}

/** Whether a model of this head has no such tensor. */
function isUnused(key: string, name: string): boolean {
  const ofHead = /position_ids|token_type_ids|seq_relationship/.test(key);
  return ofHead || (/pooler/.test(key) && !/model|bfloat16|^bert-classification/.test(name));
}

function problemOf(directory: string): string {
  const live = memoryStatistics().liveBytes;
  try {
    loadPretrained(directory);
  } catch (error) {
    assert.instance(error, FileFormatError, String(error));
    assert.is(memoryStatistics().liveBytes, live);
    return (error as Error).message;
  }
  throw new Error(`${directory} was loaded`);
}

test('names of wrappers, before a name and within it, are left out', () => {
  const wrapper = fc.constantFrom('module', '_orig_mod', '_fsdp_wrapped_module');
  const inner = fc.constantFrom('_orig_mod', '_fsdp_wrapped_module', '_checkpoint_wrapped_module');
  fc.assert(
    fc.property(
      fc.constantFrom(...NAMES),
      fc.array(wrapper, { minLength: 1, maxLength: 3 }),
      fc.option(inner, { nil: undefined }),
      (name, before, within) => {
        const wrapped = storedOf(name).map(([key, array]): Stored => {
          // A layer that was compiled or wrapped by itself.
          const own = within === undefined ? key : key.replace(/(layers?\.\d+\.)/, `$1${within}.`);
          return [[...before, own].join('.'), array];
        });
        assert.equal(numbersOf(written(name, wrapped)), numbersOf(checkpoint(name)));
      },
    ),
    { numRuns: 20 },
  );
});

/** What the output of a masked language model is called, and the embeddings that it is tied to. */
function tiedNames(stored: readonly Stored[]): [output: string, words: string] {
  const words = stored.map(([key]) => key).find((key) => key.endsWith('word_embeddings.weight')) as string;
  return [stored.some(([key]) => key.startsWith('lm_head')) ? 'lm_head.decoder' : 'cls.predictions.decoder', words];
}

test('two tensors that are one are there by either name, with or without a word in the metadata', () => {
  for (const name of MASKED_LM.filter((each) => !each.startsWith('reformer'))) {
    const stored = storedOf(name);
    const [output, words] = tiedNames(stored);
    const expected = numbersOf(checkpoint(name));
    const renamed = (from: string, to: string) =>
      stored.map(([key, array]): Stored => [key === from ? to : key, array]);
    const ofWords = renamed(words, `${output}.weight`);
    assert.equal(numbersOf(written(name, ofWords)), expected, name);
    assert.equal(numbersOf(written(name, ofWords, [[words, `${output}.weight`]])), expected, name);
    // The bias is one too.
    const bias = output.replace('decoder', 'bias');
    assert.equal(numbersOf(written(name, renamed(bias, `${output}.bias`))), expected, name);
    // By a name that nobody knows: only the metadata can tell.
    const strange = renamed(words, 'another.name');
    assert.match(problemOf(written(name, strange)), `1 missing (${words}), 1 unknown (another.name)`);
  }
});

test('a name under which nothing was left out does no harm', () => {
  const metadata: [string, string][] = [
    ['bert.pooler.dense.weight', 'no.such.tensor'],
    ['a', 'bert.embeddings.word_embeddings.weight'],
    ['bert.embeddings.LayerNorm.bias', 'bert.embeddings.LayerNorm.weight'],
  ];
  assert.equal(
    numbersOf(written('bert-masked-lm', storedOf('bert-masked-lm'), metadata)),
    numbersOf(checkpoint('bert-masked-lm')),
  );
});

test('what is there twice, under a wrapper or by an old name, is told by the names of the file', () => {
  const stored = storedOf('bert-masked-lm');
  const [key, array] = stored.find(([each]) => each.endsWith('embeddings.LayerNorm.weight')) as Stored;
  const twice = problemOf(written('bert-masked-lm', [...stored, [`module.${key}`, array]]));
  assert.match(twice, `${key}: expected one tensor, got ${[key, `module.${key}`].join(' and ')}`);
  const old = key.replace('weight', 'gamma');
  assert.match(problemOf(written('bert-masked-lm', [...stored, [old, array]])), '1 twice (');
  const unprefixed = key.slice('bert.'.length);
  assert.match(problemOf(written('bert-masked-lm', [...stored, [unprefixed, array]])), '1 twice (');
});

test('any tensor that is missing is called what the file would call it', () => {
  fc.assert(
    fc.property(fc.constantFrom(...NAMES), fc.nat(), fc.boolean(), (name, draw, old) => {
      // As TensorFlow's names were once.
      const spelled = (key: string) =>
        old && !name.startsWith('reformer')
          ? key.replace(/LayerNorm\.weight$/, 'LayerNorm.gamma').replace(/LayerNorm\.bias$/, 'LayerNorm.beta')
          : key;
      const stored = storedOf(name).map(([key, array]): Stored => [spelled(key), array]);
      const [missing] = stored[draw % stored.length];
      const directory = written(
        name,
        stored.filter(([key]) => key !== missing),
      );
      try {
        numbersOf(directory);
        assert.ok(isUnused(missing, name), missing);
      } catch (error) {
        assert.instance(error, FileFormatError, String(error));
        assert.match((error as Error).message, `1 missing (${missing})`);
      }
    }),
    { numRuns: 150 },
  );
});

test('one number that is not finite, in any tensor: named by tensor and element, and nothing is kept', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...NAMES),
      fc.nat(),
      fc.nat(),
      fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
      (name, which, where, value) => {
        const stored = storedOf(name);
        const [key, { shape, data }] = stored[which % stored.length];
        const at = where % data.length;
        const poisoned: ArrayToStore = { shape, data: Float32Array.from(data, (x, n) => (n === at ? value : x)) };
        const directory = written(
          name,
          stored.map(([each, array]): Stored => (each === key ? [key, poisoned] : [each, array])),
        );
        // What this head does not read.
        if (isUnused(key, name)) numbersOf(directory);
        else assert.match(problemOf(directory), `${key}: expected finite numbers, got ${value} at element ${at}`);
      },
    ),
    { numRuns: 60 },
  );
});

test('constants of old files and heads that are left out may hold anything', () => {
  const anything: ArrayToStore = { shape: [2], data: Float32Array.of(Number.NEGATIVE_INFINITY, Number.NaN) };
  for (const [name, extra] of [
    ['bert-masked-lm', 'cls.seq_relationship.weight'],
    ['bert-masked-lm', 'bert.embeddings.position_ids'],
    ['bert-model', 'cls.predictions.decoder.weight'],
    ['reformer-causal', 'reformer.encoder.layers.1.attention.self_attention.mask_value_float32'],
  ]) {
    assert.equal(
      numbersOf(written(name, [...storedOf(name), [extra, anything]])),
      numbersOf(checkpoint(name)),
      `${name} with ${extra}`,
    );
  }
});

test.run();
