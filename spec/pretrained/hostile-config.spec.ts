/**
 * config.json with any of its numbers drawn from what somebody could write there to do harm: the model is loaded and reads
 * a text, or a typed error says why not, in memory of the order of the files' own, and nothing is left of it.
 */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { EfficientTransformersError } from '../../src/core/errors.ts';
import { readSafetensors } from '../../src/core/files/safetensors.ts';
import { measureMemory, memoryStatistics, release } from '../../src/core/memory.ts';
import { scope } from '../../src/core/scope.ts';
import { fromArray } from '../../src/core/tensor.ts';
import { loadPretrained } from '../../src/pretrained/load.ts';
import { temporaryFolder } from '../core/temporary-folder.ts';
import { checkpoint } from './checkpoints.ts';

const NAMES = [
  'bert-classification',
  'roberta-masked-lm',
  'longformer-model',
  'big-bird-model',
  'nystromformer-model',
  'reformer-causal',
  'reformer-masked-lm',
  'reformer-model',
];
const root = temporaryFolder();

const hostile = fc.oneof(
  fc.constantFrom<unknown>(0, -1, 0.5, 1e300, 65536, 14000, 1e6, 1e7, 1e8, 2 ** 31 - 2, 2 ** 31, 2 ** 32, 2 ** 53 - 1),
  fc.integer({ min: -2, max: 64 }),
  fc.integer({ min: 64, max: 2 ** 40 }).map((number) => 2 * number),
  fc.array(fc.constantFrom(2, 4, 1e4, 1e8, 2 ** 31, 2 ** 40), { minLength: 1, maxLength: 3 }),
);

/** Bytes of the files' numbers, in whatever the model needs for a text of a few tokens. */
const PER_NUMBER = 64;
const ROOM = 2 ** 24;

/** Numbers, lists of them, and what could be one. */
function numbersIn(config: Record<string, unknown>): string[] {
  const found = Object.entries(config).filter(([, value]) => typeof value === 'number' || Array.isArray(value));
  const absent = ['num_labels', 'num_buckets', 'hash_seed', 'conv_kernel_size', 'pad_token_id', 'attention_window'];
  return [...new Set([...found.map(([name]) => name), ...absent])].filter((name) => name !== 'architectures');
}

function tryOut(directory: string): string {
  const live = memoryStatistics().liveBytes;
  try {
    const model = loadPretrained(directory);
    try {
      const length = Math.min(13, model.description.length);
      const ids = Array.from({ length }, (_, at) => (at * 7) % model.description.vocabulary);
      scope(() => void model.forward({ tokens: fromArray(ids, [1, length], 'int32') }));
      return 'read';
    } finally {
      for (const tensor of model.tensors().values()) release(tensor.array.data);
    }
  } catch (error) {
    assert.instance(error, EfficientTransformersError, String((error as Error).stack));
    return (error as Error).message;
  } finally {
    assert.is(memoryStatistics().liveBytes, live);
  }
}

for (const name of NAMES) {
  const config = JSON.parse(readFileSync(join(checkpoint(name), 'config.json'), 'utf8'));
  const { tensors } = readSafetensors(join(checkpoint(name), 'model.safetensors'));
  const stored = [...tensors.values()].reduce((total, { shape }) => total + shape.reduce((a, b) => a * b, 1), 0);
  const directory = join(root, name);
  mkdirSync(directory);
  cpSync(checkpoint(name), directory, { recursive: true });

  const harmless = (changes: Record<string, unknown>) => {
    writeFileSync(join(directory, 'config.json'), JSON.stringify({ ...config, ...changes }));
    const { result, peakBytes } = measureMemory(() => tryOut(directory));
    assert.ok(peakBytes <= PER_NUMBER * stored + ROOM, `${JSON.stringify(changes)}: ${peakBytes} bytes, ${result}`);
    return result;
  };

  test(`${name}: any one number, and any two`, () => {
    const change = fc.tuple(fc.constantFrom(...numbersIn(config)), hostile);
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 2 }), (changes) => {
        harmless(Object.fromEntries(changes));
      }),
      { numRuns: 120 },
    );
  });
}

const found: [name: string, changes: Record<string, unknown>, message: RegExp][] = [
  ['longformer-model', { num_hidden_layers: 1e8 }, /attention_window: expected 100000000 windows/],
  ['longformer-model', { num_hidden_layers: 1e8, attention_window: 8 }, /100000000 layers, but/],
  ['reformer-masked-lm', { local_num_chunks_before: 1e7 }, /local_num_chunks_before: expected at most/],
  ['reformer-masked-lm', { lsh_num_chunks_after: 1e7 }, /lsh_num_chunks_after: expected at most/],
  ['reformer-masked-lm', { lsh_attn_chunk_length: 1e6 + 1 }, /_attn_chunk_length: expected a smaller common multiple/],
  ['reformer-masked-lm', { num_hashes: 1e7 }, /num_hashes: expected at most 256/],
  [
    'reformer-masked-lm',
    { num_hashes: 136, lsh_num_chunks_before: 20 },
    /num_hashes: expected rounds in which a token meets/,
  ],
  ['reformer-masked-lm', { num_buckets: 2 ** 30 }, /num_buckets: expected factors/],
  ['bert-classification', { hidden_size: 14000 }, /expected \[.*14000\], got/],
  ['bert-classification', { intermediate_size: 2 ** 50 }, /expected \[1125899906842624, 16\], got/],
  ['bert-classification', { vocab_size: 2 ** 53 - 1 }, /expected \[9007199254740991, 16\], got/],
];
for (const [name, changes, message] of found) {
  test(`${name} with ${JSON.stringify(changes)}: told before any work`, () => {
    const directory = join(root, name);
    const config = JSON.parse(readFileSync(join(checkpoint(name), 'config.json'), 'utf8'));
    mkdirSync(directory, { recursive: true });
    cpSync(checkpoint(name), directory, { recursive: true });
    writeFileSync(join(directory, 'config.json'), JSON.stringify({ ...config, ...changes }));
    assert.match(tryOut(directory), message);
  });
}

test.run();
