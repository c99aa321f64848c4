/** Two texts: for each way in which a tokeniser joins them, and each model that reads them, as transformers hands them on. */
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { elements } from '../../src/core/tensor.ts';
import { loadPretrained } from '../../src/pretrained/load.ts';
import { loadTokenizer } from '../../src/pretrained/tokenizer.ts';
import { temporaryFolder } from '../core/temporary-folder.ts';
import { checkpoint } from './checkpoints.ts';

const WORDS = ['<s>', '<pad>', '</s>', '<unk>', 'one', 'two', 'three'];
const [BEGIN, END, ONE, TWO, THREE] = [0, 2, 4, 5, 6];
const root = temporaryFolder();
let folders = 0;

const special = (id: number) => ({ id, content: WORDS[id], normalized: false, special: true });
const sequence = (id: string, type: number) => ({ Sequence: { id, type_id: type } });
const token = (id: string, type: number) => ({ SpecialToken: { id, type_id: type } });
const template = {
  type: 'TemplateProcessing',
  single: [token('<s>', 0), sequence('A', 0), token('</s>', 0)],
  pair: [token('<s>', 0), sequence('A', 0), token('</s>', 0), sequence('B', 1), token('</s>', 1)],
  special_tokens: {
    '<s>': { id: '<s>', ids: [BEGIN], tokens: ['<s>'] },
    '</s>': { id: '</s>', ids: [END], tokens: ['</s>'] },
  },
};
const around = { sep: ['</s>', END], cls: ['<s>', BEGIN] };
const processors = {
  template,
  bert: { type: 'BertProcessing', ...around },
  roberta: { type: 'RobertaProcessing', ...around, trim_offsets: true, add_prefix_space: false },
  bytes: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
  none: null,
  sequence: { type: 'Sequence', processors: [{ type: 'ByteLevel' }, template] },
};

function folderOf(processor: keyof typeof processors, config: object = {}, model?: object, name?: string): string {
  const folder = join(root, `${folders++}`);
  mkdirSync(folder);
  const json = {
    version: '1.0',
    added_tokens: [0, 1, 2, 3].map(special),
    normalizer: null,
    pre_tokenizer: { type: 'Whitespace' },
    post_processor: processors[processor],
    decoder: null,
    model: { type: 'WordPiece', unk_token: '<unk>', continuing_subword_prefix: '##', vocab: vocabulary() },
  };
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(json));
  writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify({ pad_token: '<pad>', ...config }));
  if (model !== undefined) writeFileSync(join(folder, 'config.json'), JSON.stringify(model));
  if (name !== undefined) {
    for (const file of ['config.json', 'model.safetensors'])
      copyFileSync(join(checkpoint(name), file), join(folder, file));
  }
  return folder;
}

function vocabulary() {
  return Object.fromEntries(WORDS.map((word, id) => [word, id]));
}

async function encoded(folder: string) {
  const tokenizer = await loadTokenizer(folder);
  const { tokens, tokenTypes } = tokenizer.encode([['one two', 'three']]);
  return { ids: [...elements(tokens)], types: [...elements(tokenTypes)] };
}

test('each post-processor joins two texts by its own tokens, and none loses the second', async () => {
  const both = [ONE, TWO, THREE];
  const joined = [BEGIN, ONE, TWO, END, THREE, END];
  const types = [0, 0, 0, 0, 1, 1];
  const expected: Record<keyof typeof processors, { ids: number[]; types: number[] }> = {
    template: { ids: joined, types },
    bert: { ids: joined, types },
    sequence: { ids: joined, types },
    roberta: { ids: [BEGIN, ONE, TWO, END, END, THREE, END], types: [0, 0, 0, 0, 0, 0, 0] },
    bytes: { ids: both, types: [0, 0, 1] },
    none: { ids: both, types: [0, 0, 1] },
  };
  for (const [name, own] of Object.entries(expected)) {
    assert.equal(await encoded(folderOf(name as keyof typeof processors)), own, name);
  }
});

test('types are handed on where transformers does, by names of inputs, by class, by model', async () => {
  const hasTypes = async (config: object, model?: object) =>
    (await encoded(folderOf('template', config, model))).types.includes(1);
  const cases: [expected: boolean, config: object, model?: object][] = [
    [true, {}],
    [true, { tokenizer_class: 'BertTokenizer' }],
    [true, { tokenizer_class: 'BertTokenizerFast' }],
    [true, { tokenizer_class: 'AlbertTokenizerFast' }, { model_type: 'nystromformer' }],
    [true, { tokenizer_class: 'PreTrainedTokenizerFast' }, { model_type: 'big_bird' }],
    [false, { tokenizer_class: 'BigBirdTokenizer' }],
    [false, {}, { model_type: 'big_bird' }],
    [true, { model_input_names: ['input_ids', 'token_type_ids'] }, { model_type: 'big_bird' }],
    [false, { tokenizer_class: 'BertTokenizer', model_input_names: ['input_ids', 'attention_mask'] }],
    [false, { tokenizer_class: 'RobertaTokenizerFast' }],
    [false, { tokenizer_class: 'LongformerTokenizer' }],
    [false, { tokenizer_class: 'ReformerTokenizerFast' }],
    [false, { tokenizer_class: 'PreTrainedTokenizerFast' }, { model_type: 'roberta' }],
    [false, { tokenizer_class: 'PreTrainedTokenizerFast' }, { model_type: 'longformer' }],
    [false, {}, { model_type: 'reformer' }],
    [true, {}, { model_type: 'bert' }],
  ];
  for (const [expected, config, model] of cases) {
    assert.is(await hasTypes(config, model), expected, JSON.stringify([config, model]));
  }
});

test('every model reads pairs from every kind of tokeniser', async () => {
  for (const name of ['bert-model', 'roberta-masked-lm', 'longformer-model', 'big-bird-model', 'reformer-model']) {
    const model = loadPretrained(checkpoint(name));
    for (const processor of Object.keys(processors) as (keyof typeof processors)[]) {
      const tokenizer = await loadTokenizer(folderOf(processor, {}, undefined, name));
      const inputs = tokenizer.encode([['one two', 'three'], 'two']);
      const { hiddenStates } = model.forward(inputs);
      assert.ok(
        hiddenStates.every((states) => elements(states).every(Number.isFinite)),
        `${name}, ${processor}`,
      );
    }
  }
});

test.run();
