/** Checkpoints that are not right: each fault is an error that names the file and what is wrong in it. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FileFormatError, UnsupportedError } from '../../src/core/errors.ts';
import type { ArrayToStore } from '../../src/core/files/numbers.ts';
import { readSafetensors, writeSafetensors } from '../../src/core/files/safetensors.ts';
import { loadPretrained } from '../../src/pretrained/load.ts';
import { temporaryFolder } from '../core/temporary-folder.ts';
import { checkpoint } from './checkpoints.ts';

const WEIGHTS = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';
const folder = temporaryFolder();
let copies = 0;

/** A copy of a checkpoint to be damaged. */
function copyOf(name: string): string {
  const copy = join(folder, `${copies++}`);
  mkdirSync(copy);
  for (const file of readdirSync(checkpoint(name))) copyFileSync(join(checkpoint(name), file), join(copy, file));
  return copy;
}

function withConfig(name: string, changes: Record<string, unknown>): string {
  const copy = copyOf(name);
  const path = join(copy, 'config.json');
  const config = { ...JSON.parse(readFileSync(path, 'utf8')), ...changes };
  writeFileSync(path, JSON.stringify(config));
  return copy;
}

/** A copy with the tensors that `change` leaves. */
function withTensors(name: string, change: (tensors: Map<string, ArrayToStore>) => void): string {
  const copy = copyOf(name);
  const { tensors } = readSafetensors(join(copy, WEIGHTS));
  const arrays = new Map([...tensors].map(([key, { shape, load }]) => [key, { shape, data: load() } as ArrayToStore]));
  change(arrays);
  writeSafetensors(join(copy, WEIGHTS), arrays);
  return copy;
}

function problemOf(type: typeof FileFormatError | typeof UnsupportedError, directory: string): string {
  try {
    loadPretrained(directory);
  } catch (error) {
    assert.instance(error, type, String(error));
    return (error as Error).message;
  }
  throw new Error(`${directory} was loaded`);
}

/** That the error's text has each of these. */
function expectProblem(type: typeof FileFormatError | typeof UnsupportedError, directory: string, ...parts: string[]) {
  const problem = problemOf(type, directory);
  for (const part of parts) assert.ok(problem.includes(part), `expected ‘${part}’ in: ${problem}`);
}

const unsupported: [name: string, changes: Record<string, unknown>, parts: string[]][] = [
  ['bert-model', { model_type: 'gpt2' }, ['model_type', "'gpt2'", 'bert', 'longformer', 'big_bird', 'nystromformer']],
  [
    'bert-model',
    { architectures: ['BertForQuestionAnswering'] },
    ['architectures', 'BertForQuestionAnswering', 'BertModel'],
  ],
  ['bert-model', { architectures: ['RobertaModel'] }, ['architectures', 'RobertaModel', 'BertForMaskedLM']],
  [
    'bert-model',
    { position_embedding_type: 'relative_key' },
    ['position_embedding_type', '"relative_key"', 'absolute'],
  ],
  ['bert-model', { hidden_act: 'silu' }, ['hidden_act', '"silu"', 'gelu, gelu_new, gelu_pytorch_tanh, relu']],
  ['bert-model', { is_decoder: true }, ['is_decoder', 'true', 'false']],
  ['bert-model', { add_cross_attention: true }, ['add_cross_attention']],
  ['big-bird-model', { attention_type: 'sparse' }, ['attention_type', '"sparse"', 'block_sparse, original_full']],
  ['nystromformer-model', { inv_coeff_init_option: true }, ['inv_coeff_init_option']],
];
for (const [name, changes, parts] of unsupported) {
  test(`${name} with ${JSON.stringify(changes)}: not supported, and what is`, () => {
    expectProblem(UnsupportedError, withConfig(name, changes), 'config.json', 'supported', ...parts);
  });
}

const wrong: [name: string, changes: Record<string, unknown>, parts: string[]][] = [
  ['bert-model', { model_type: 7 }, ['model_type', '7']],
  ['bert-model', { architectures: 'BertModel' }, ['architectures', 'list', '"BertModel"']],
  ['bert-model', { hidden_size: -16 }, ['hidden_size', '-16', 'at least 1']],
  ['bert-model', { hidden_size: '16' }, ['hidden_size', '"16"']],
  ['bert-model', { num_attention_heads: 3 }, ['num_attention_heads', '3', '16']],
  ['bert-model', { layer_norm_eps: 0 }, ['layer_norm_eps', '0']],
  ['bert-model', { hidden_dropout_prob: 1 }, ['hidden_dropout_prob', '1']],
  ['bert-classification', { id2label: 3 }, ['id2label', 'object']],
  ['roberta-masked-lm', { max_position_embeddings: 2 }, ['max_position_embeddings', 'more than 2']],
  ['longformer-model', { attention_window: [4] }, ['attention_window', '[4]', '2 windows']],
  ['longformer-model', { attention_window: 5 }, ['attention_window', '5', 'even']],
  ['nystromformer-model', { num_landmarks: 5 }, ['num_landmarks', '5', 'divisor', '12']],
  ['nystromformer-model', { conv_kernel_size: 4 }, ['conv_kernel_size', '4', 'odd']],
];
for (const [name, changes, parts] of wrong) {
  test(`${name} with ${JSON.stringify(changes)}: wrong`, () => {
    expectProblem(FileFormatError, withConfig(name, changes), 'config.json', ...parts);
  });
}

test('config.json: missing, no JSON, no object', () => {
  const copy = copyOf('bert-model');
  const path = join(copy, 'config.json');
  for (const [text, part] of [
    ['{"model_type":', 'JSON'],
    ['[]', 'object'],
    ['null', 'object'],
    ['{}', 'model_type'],
  ]) {
    writeFileSync(path, text);
    expectProblem(FileFormatError, copy, path, part);
  }
  rmSync(path);
  expectProblem(FileFormatError, copy, path, 'no such file');
  expectProblem(FileFormatError, join(folder, 'nowhere'), 'no such file');
});

test('tensors: everything that is missing, unknown, of another shape or type, in one error', () => {
  const copy = withTensors('bert-masked-lm', (tensors) => {
    tensors.delete('bert.embeddings.LayerNorm.bias');
    tensors.delete('cls.predictions.bias');
    tensors.set('bert.encoder.layer.2.output.dense.bias', { shape: [16], data: new Float32Array(16) });
    tensors.set('bert.encoder.layer.0.attention.self.distance_embedding.weight', {
      shape: [1],
      data: new Float32Array(1),
    });
    tensors.set('bert.encoder.layer.0.output.dense.bias', { shape: [17], data: new Float32Array(17) });
    // Not transposed.
    tensors.set('bert.encoder.layer.1.output.dense.weight', { shape: [24, 16], data: new Float32Array(24 * 16) });
    tensors.set('bert.encoder.layer.1.output.dense.bias', { shape: [16], data: new Int32Array(16) });
  });
  expectProblem(
    FileFormatError,
    copy,
    join(copy, WEIGHTS),
    '2 missing (bert.embeddings.LayerNorm.bias; cls.predictions.bias)',
    '2 unknown (',
    'bert.encoder.layer.2.output.dense.bias',
    'bert.encoder.layer.0.attention.self.distance_embedding.weight',
    '3 of another shape or type (',
    'bert.encoder.layer.0.output.dense.bias: expected [16], got [17]',
    'bert.encoder.layer.1.output.dense.weight: expected [16, 24], got [24, 16]',
    'bert.encoder.layer.1.output.dense.bias: expected F16, BF16, F32 or F64, got I32',
  );
});

test('tensors: any one that is taken away is missed, any one of another shape is told', () => {
  const names = [...readSafetensors(join(checkpoint('longformer-masked-lm'), WEIGHTS)).tensors.keys()];
  fc.assert(
    fc.property(fc.constantFrom(...names), (name) => {
      const missing = withTensors('longformer-masked-lm', (tensors) => tensors.delete(name));
      expectProblem(FileFormatError, missing, '1 missing (');
      const reshaped = withTensors('longformer-masked-lm', (tensors) => {
        const { shape, data } = tensors.get(name) as ArrayToStore;
        tensors.set(name, { shape: [1, ...shape], data });
      });
      expectProblem(FileFormatError, reshaped, `1 of another shape or type (${name}: expected`);
    }),
    { numRuns: 12 },
  );
});

test('the config of another size: its shapes are told, no numbers are read', () => {
  expectProblem(FileFormatError, withConfig('bert-model', { vocab_size: 41 }), 'expected [41, 16], got [40, 16]');
  expectProblem(
    FileFormatError,
    withConfig('bert-model', { num_hidden_layers: 3 }),
    '16 missing (encoder.layer.2.attention.self.query.weight',
  );
  expectProblem(FileFormatError, withConfig('bert-model', { num_hidden_layers: 1 }), '16 unknown (encoder.layer.1');
});

test('weights in one file: missing or truncated', () => {
  const copy = copyOf('bert-model');
  const path = join(copy, WEIGHTS);
  truncateSync(path, readFileSync(path).length - 8);
  expectProblem(FileFormatError, copy, path, 'truncated');
  rmSync(path);
  expectProblem(FileFormatError, copy, path, INDEX);
  writeFileSync(join(copy, 'pytorch_model.bin'), '');
  expectProblem(FileFormatError, copy, path, 'pytorch_model.bin cannot be read');
});

test('weights in several files: one missing, one without its tensor, an index that is none', () => {
  const shardOf = (copy: string) => readdirSync(copy).find((file) => file.startsWith('model-00002')) as string;
  const lost = copyOf('bert-sharded');
  const shard = shardOf(lost);
  rmSync(join(lost, shard));
  expectProblem(FileFormatError, lost, INDEX, shard);

  const emptied = copyOf('bert-sharded');
  const { tensors } = readSafetensors(join(emptied, shard));
  const [first, ...rest] = tensors;
  writeSafetensors(
    join(emptied, shard),
    rest.map(([name, { shape, load }]) => [name, { shape, data: load() }]),
  );
  expectProblem(FileFormatError, emptied, INDEX, first[0], shard);

  const index = (value: unknown) => {
    const copy = copyOf('bert-sharded');
    writeFileSync(join(copy, INDEX), JSON.stringify(value));
    return copy;
  };
  expectProblem(FileFormatError, index({}), INDEX, 'weight_map');
  expectProblem(FileFormatError, index({ weight_map: [] }), INDEX, 'weight_map');
  for (const file of [3, '../secret.safetensors', 'a/b.safetensors', 'model.bin']) {
    expectProblem(FileFormatError, index({ weight_map: { x: file } }), INDEX, JSON.stringify(file));
  }
  assert.ok(existsSync(join(lost, INDEX)));
});

test('what a file says does not reach a terminal as control characters', () => {
  const copy = withConfig('bert-model', { hidden_act: '\u001b[31m' });
  assert.not.ok(problemOf(UnsupportedError, copy).includes('\u001b'));
});

test.run();
