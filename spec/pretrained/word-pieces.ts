/** A small tokeniser as a checkpoint's folder has it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const WORDS = ['[UNK]', '[PAD]', '[CLS]', '[SEP]', 'one', 'two', 'three', '##s', 'a', 'b'];
export const [PAD, CLS, SEP, ONE, TWO, THREE, S] = [1, 2, 3, 4, 5, 6, 7];
const special = (id: number) => ({
  id,
  content: WORDS[id],
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
});
const piece = (name: string, id: string, type: number) => ({ [name]: { id, type_id: type } });

/** A WordPiece tokeniser in the words of tokenizer.json. */
export const json = {
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: [0, 1, 2, 3].map(special),
  normalizer: {
    type: 'BertNormalizer',
    clean_text: true,
    handle_chinese_chars: true,
    strip_accents: null,
    lowercase: true,
  },
  pre_tokenizer: { type: 'BertPreTokenizer' },
  post_processor: {
    type: 'TemplateProcessing',
    single: [piece('SpecialToken', '[CLS]', 0), piece('Sequence', 'A', 0), piece('SpecialToken', '[SEP]', 0)],
    pair: [
      piece('SpecialToken', '[CLS]', 0),
      piece('Sequence', 'A', 0),
      piece('SpecialToken', '[SEP]', 0),
      piece('Sequence', 'B', 1),
      piece('SpecialToken', '[SEP]', 1),
    ],
    special_tokens: {
      '[CLS]': { id: '[CLS]', ids: [CLS], tokens: ['[CLS]'] },
      '[SEP]': { id: '[SEP]', ids: [SEP], tokens: ['[SEP]'] },
    },
  },
  decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
  model: {
    type: 'WordPiece',
    unk_token: '[UNK]',
    continuing_subword_prefix: '##',
    max_input_chars_per_word: 100,
    vocab: Object.fromEntries(WORDS.map((word, id) => [word, id])),
  },
};

/** By the names of the files. */
export const FILES = { 'tokenizer.json': json, 'tokenizer_config.json': { pad_token: '[PAD]' } };

export function writeTokenizer(folder: string): void {
  for (const [name, content] of Object.entries(FILES)) writeFileSync(join(folder, name), JSON.stringify(content));
}
