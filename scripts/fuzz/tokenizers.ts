/** Small tokenisers, as the words of tokenizer.json have them: WordPiece, byte-level BPE, Unigram. */

const special = (id: number, content: string) => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
});
const WORDS = ['[UNK]', '[PAD]', '[CLS]', '[SEP]', 'one', 'two', 'three', '##s', 'a', 'b'];
const piece = (name: string, id: string, type: number) => ({ [name]: { id, type_id: type } });

export const wordPiece = {
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: [0, 1, 2, 3].map((id) => special(id, WORDS[id])),
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
      '[CLS]': { id: '[CLS]', ids: [2], tokens: ['[CLS]'] },
      '[SEP]': { id: '[SEP]', ids: [3], tokens: ['[SEP]'] },
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

const byteLevel = {
  version: '1.0',
  truncation: { direction: 'Right', max_length: 16, strategy: 'LongestFirst', stride: 0 },
  padding: { strategy: 'BatchLongest', direction: 'Right', pad_id: 1, pad_type_id: 0, pad_token: '<pad>' },
  added_tokens: [special(0, '<s>'), special(1, '<pad>')],
  normalizer: {
    type: 'Sequence',
    normalizers: [{ type: 'NFC' }, { type: 'Replace', pattern: { Regex: 'x+' }, content: 'x' }],
  },
  pre_tokenizer: {
    type: 'Sequence',
    pretokenizers: [
      { type: 'Split', pattern: { Regex: "'s|\\s?\\p{L}+|\\s+" }, behavior: 'Isolated', invert: false },
      { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
    ],
  },
  post_processor: {
    type: 'RobertaProcessing',
    sep: ['<s>', 0],
    cls: ['<s>', 0],
    trim_offsets: true,
    add_prefix_space: false,
  },
  decoder: { type: 'ByteLevel' },
  model: {
    type: 'BPE',
    dropout: null,
    unk_token: '<s>',
    fuse_unk: false,
    byte_fallback: false,
    vocab: { '<s>': 0, '<pad>': 1, o: 2, n: 3, e: 4, t: 5, w: 6, Ġ: 7, on: 8, one: 9, tw: 10 },
    merges: ['o n', ['on', 'e'], 't w'],
  },
};

const unigram = {
  version: '1.0',
  added_tokens: [special(0, '<unk>')],
  normalizer: { type: 'NFKC' },
  pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true },
  post_processor: null,
  decoder: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true },
  model: {
    type: 'Unigram',
    unk_id: 0,
    vocab: [
      ['<unk>', 0],
      ['▁one', -1.5],
      ['▁t', -2],
      ['w', -2.5],
      ['o', -3],
      ['s', -3.5],
    ],
  },
};

export const TOKENIZERS: readonly { json: object; config: object }[] = [
  { json: wordPiece, config: { pad_token: '[PAD]', model_max_length: 512, tokenizer_class: 'BertTokenizer' } },
  { json: byteLevel, config: { pad_token: { content: '<pad>' }, clean_up_tokenization_spaces: false } },
  { json: unigram, config: {} },
];
