/** tokenizer.json as somebody might write it to do harm, or by mistake: a typed error that names the file, in bounded time. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, EfficientTransformersError, FileFormatError } from '../../src/core/errors.ts';
import { loadTokenizer } from '../../src/pretrained/tokenizer.ts';
import { temporaryFolder } from '../core/temporary-folder.ts';

type Json = Record<string, unknown>;

const root = temporaryFolder();
let folders = 0;
const vocab = { '[UNK]': 0, '[PAD]': 1, '[CLS]': 2, '[SEP]': 3, a: 4, b: 5, aa: 6 };
const special = (content: keyof typeof vocab) => ({ id: vocab[content], content, special: true, normalized: false });
const piece = (id: string, type: number) => ({ [id.length > 1 ? 'SpecialToken' : 'Sequence']: { id, type_id: type } });
const template = {
  type: 'TemplateProcessing',
  single: [piece('[CLS]', 0), piece('A', 0), piece('[SEP]', 0)],
  pair: [piece('[CLS]', 0), piece('A', 0), piece('[SEP]', 0), piece('B', 1), piece('[SEP]', 1)],
  special_tokens: {
    '[CLS]': { id: '[CLS]', ids: [2], tokens: ['[CLS]'] },
    '[SEP]': { id: '[SEP]', ids: [3], tokens: ['[SEP]'] },
  },
};
const base: Json = {
  version: '1.0',
  added_tokens: [special('[UNK]'), special('[PAD]'), special('[CLS]'), special('[SEP]')],
  normalizer: null,
  pre_tokenizer: { type: 'Whitespace' },
  post_processor: template,
  decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
  model: { type: 'WordPiece', unk_token: '[UNK]', continuing_subword_prefix: '##', vocab },
};

function written(content: Json | string): string {
  const folder = join(root, `${folders++}`);
  mkdirSync(folder);
  writeFileSync(join(folder, 'tokenizer.json'), typeof content === 'string' ? content : JSON.stringify(content));
  return folder;
}

/** The error of loading, or of encoding a text and a pair of texts; '' where all went well. */
async function problemOf(content: Json | string, text = 'a b'): Promise<string> {
  const folder = written(content);
  try {
    const tokenizer = await loadTokenizer(folder);
    const { tokens } = tokenizer.encode([text, [text, 'b']]);
    tokenizer.decode(tokens.toArray());
    return '';
  } catch (error) {
    assert.instance(error, EfficientTransformersError, String((error as Error).stack));
    const { message } = error as Error;
    assert.ok(message.startsWith(join(folder, 'tokenizer.json')) || error instanceof ArgumentError, message);
    return message;
  }
}

test('a tokeniser of these parts works', async () => {
  assert.is(await problemOf(base), '');
});

test('a malformed post-processor is refused by the part that is wrong', async () => {
  const single = (value: unknown) => ({ ...template, single: value });
  const cases: [postProcessor: unknown, part: string][] = [
    [5, 'post_processor: expected an object, got 5'],
    ['TemplateProcessing', 'post_processor: expected an object'],
    [[], 'post_processor: expected an object'],
    [{}, 'post_processor.type: expected one of'],
    [{ type: 'Runes' }, 'post_processor.type: expected one of'],
    [{ type: 'TemplateProcessing' }, 'post_processor.single: expected a list, got nothing'],
    [{ ...template, pair: null }, 'post_processor.pair: expected a list, got null'],
    [single('A'), 'post_processor.single: expected a list'],
    [single([null]), 'post_processor.single[0]: expected a SpecialToken or a Sequence'],
    [single([{}]), 'post_processor.single[0]'],
    [single([piece('A', 0), { SpecialToken: null }]), 'post_processor.single[1]'],
    [single([piece('A', -1)]), 'post_processor.single[0]'],
    [single([{ Sequence: { id: 'A', type_id: 0.5 } }]), 'post_processor.single[0]'],
    [single([]), 'post_processor.single: expected each of A once, got []'],
    [single([piece('A', 0), piece('A', 0)]), 'post_processor.single: expected each of A once'],
    [single([piece('B', 0)]), 'post_processor.single: expected each of A once'],
    [single(Array.from({ length: 1e5 }, () => piece('[SEP]', 0))), 'post_processor.single: expected at most 64 pieces'],
    [
      single([piece('A', 0), piece('[NONE]', 0)]),
      'post_processor: [NONE]: expected a token in the vocabulary, got none',
    ],
    [
      { ...template, special_tokens: { '[CLS]': { ids: [5] } } },
      'post_processor: [CLS]: expected 5 in the vocabulary, got 2',
    ],
    [{ type: 'BertProcessing' }, 'post_processor.sep: expected a token and its number, got nothing'],
    [
      { type: 'BertProcessing', sep: ['[SEP]', 3], cls: '[CLS]' },
      'post_processor.cls: expected a token and its number',
    ],
    [{ type: 'RobertaProcessing', sep: ['[SEP]', 4], cls: ['[CLS]', 2] }, 'post_processor: [SEP]: expected 4'],
    [{ type: 'Sequence' }, 'post_processor.processors: expected a list'],
    [{ type: 'Sequence', processors: [template, 0] }, 'post_processor.processors[1]: expected an object'],
  ];
  for (const [postProcessor, part] of cases) {
    const problem = await problemOf({ ...base, post_processor: postProcessor });
    assert.ok(problem.includes(part), `${JSON.stringify(postProcessor).slice(0, 80)}: ${problem}`);
  }
});

const splitBy = (Regex: string): Json => ({ type: 'Split', pattern: { Regex }, behavior: 'Isolated', invert: false });

/** As their tokenisers have them: GPT-2, Llama 3 (and with one digit Qwen 2), GPT-4o, DeepSeek, BLOOM. */
const ENDS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const SPACES = '\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';
const [UPPER, LOWER] = ['\\p{Lu}\\p{Lt}', '\\p{Ll}'].map((each) => `[${each}\\p{Lm}\\p{Lo}\\p{M}]`);
const KNOWN = [
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
  `${ENDS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|${SPACES}`,
  `[^\\r\\n\\p{L}\\p{N}]?${UPPER}*${LOWER}+${ENDS}?|[^\\r\\n\\p{L}\\p{N}]?${UPPER}+${LOWER}*${ENDS}?|\\p{N}{1,3}|${SPACES}`,
  `[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|${SPACES}`,
  ' ?[^(\\s|[.,!?…。，、।۔،])]+',
];

test('the patterns of known tokenisers serve any text', async () => {
  const texts = ['a', 'A', ' ', '\n', ' \n\t', '7', '!', "'", 'e\u0301', "It's 12 o'clock, and all's well.\n"];
  for (const Regex of KNOWN) {
    const tokenizer = await loadTokenizer(written({ ...base, pre_tokenizer: splitBy(Regex) }));
    for (const text of texts) assert.ok(tokenizer.encode([`${text.repeat(20_000 / text.length)}x`]).tokens.size > 1);
  }
});

test('exponential patterns end in a typed error, wherever they stand', async () => {
  const Regex = '^(a+)+$';
  const text = `${'a'.repeat(60)}b`;
  const parts: Json[] = [
    { pre_tokenizer: splitBy(Regex) },
    { normalizer: { type: 'Replace', pattern: { Regex }, content: '' } },
    { normalizer: { type: 'Sequence', normalizers: [{ type: 'Replace', pattern: { Regex }, content: '' }] } },
    // What no rule about nested quantifiers would find.
    ...['(?:a|a)*c', '(?=(a|aa)+c)'].map((each) => ({ pre_tokenizer: splitBy(each) })),
  ];
  for (const part of parts) {
    const problem = await problemOf({ ...base, ...part }, text);
    assert.match(problem, /@huggingface\/tokenizers cannot encode texts\[0\]: not done after \d/);
  }
});

test('parts that make a text grow without bound are refused before any text', async () => {
  const twice = { type: 'Replace', pattern: { String: 'a' }, content: 'aa' };
  const between = { type: 'Replace', pattern: { Regex: '' }, content: 'a' };
  const many = <T>(part: T) => Array.from({ length: 40 }, () => part);
  const parts: Json[] = [
    { normalizer: { type: 'Sequence', normalizers: many(twice) } },
    { normalizer: { type: 'Sequence', normalizers: many(between) } },
    { normalizer: { type: 'Sequence', normalizers: [{ type: 'Sequence', normalizers: many(twice) }] } },
    { pre_tokenizer: { type: 'Sequence', pretokenizers: many(twice) } },
    { pre_tokenizer: { type: 'Sequence', pretokenizers: many({ type: 'ByteLevel' }) } },
    { pre_tokenizer: { type: 'Sequence', pretokenizers: many({ type: 'Metaspace', replacement: '____' }) } },
    { pre_tokenizer: { type: 'Split', pattern: { Regex: '('.repeat(1e5) + ')'.repeat(1e5) }, behavior: 'Removed' } },
    { normalizer: { type: 'Prepend', prepend: 'a'.repeat(2 ** 24) } },
    { decoder: { type: 'Sequence', decoders: many(twice) } },
  ];
  for (const part of parts) {
    const problem = await problemOf({ ...base, ...part });
    assert.match(problem, /normalizer, pre_tokenizer, decoder: expected parts that serve texts of 1024 characters/);
  }
  const endless = { pre_tokenizer: { type: 'FixedLength', length: 0 } };
  assert.match(
    await problemOf({ ...base, ...endless }),
    'pre_tokenizer.length: expected an integer of at least 1, got 0',
  );
});

test('a text that is longer than a tokeniser may be given is refused by name', async () => {
  const refused = async (json: Json, length: number) => {
    const tokenizer = await loadTokenizer(written({ ...base, post_processor: null, ...json }));
    const long = 'a '.repeat(length / 2);
    const message = new RegExp(`^texts\\[1\\]: expected at most \\d+ characters here, got ${length}$`);
    for (const text of [long, ['a', long] as const]) assert.throws(() => tokenizer.encode(['a', text]), message);
  };
  await refused({ pre_tokenizer: { type: 'ByteLevel' } }, 2 ** 23);
  // A unigram model looks at all tokens that begin at a place, here at up to 2000.
  const chain = Array.from({ length: 2000 }, (_, n) => ['a'.repeat(n + 1), -n]);
  await refused({ model: { type: 'Unigram', unk_id: 0, vocab: chain } }, 10_000);
});

test('token numbers that are none are refused; of a token that is not there, none is made up', async () => {
  for (const id of [-1, 0.5, 2 ** 31, 2 ** 40, 1e300, '4', null, [4]]) {
    const model = { ...(base.model as Json), vocab: { ...vocab, strange: id } };
    assert.match(await problemOf({ ...base, model }), "model.vocab: expected the number of a token for 'strange', got");
    const added = { ...base, added_tokens: [...(base.added_tokens as Json[]), { id, content: 'strange' }] };
    assert.match(await problemOf(added), 'added_tokens[4]: expected an object with content and id');
    if (id === null) continue;
    assert.match(
      await problemOf({ ...base, padding: { pad_id: id } }),
      'padding.pad_id: expected the number of a token',
    );
  }
  for (const list of [5, { a: 1 }, 'x'])
    assert.match(await problemOf({ ...base, added_tokens: list }), 'added_tokens: ');
  const { unk_token: _, ...model } = base.model as Json;
  assert.match(await problemOf({ ...base, model }, 'a z'), 'texts[0]: has no token for a part of it');
  const tokenizer = await loadTokenizer(written(base));
  assert.is(tokenizer.decode([]), '');
  assert.throws(() => tokenizer.decode([4, 7]), /^tokens: expected tokens of the vocabulary, got 7 at element 1$/);
  assert.throws(() => tokenizer.decode([-1]), /^tokens: expected tokens of the vocabulary, got -1 at element 0$/);
});

test('texts that are none, and half a character, are refused by name', async () => {
  const tokenizer = await loadTokenizer(written(base));
  for (const text of [5, null, ['a'], ['a', 'b', 'a'], ['a', 5], 'a\ud800', ['a', '\udc00']]) {
    assert.throws(
      () => tokenizer.encode(['a', text as string]),
      (error: Error) => error instanceof ArgumentError && /^texts\[1\](\[[01]\])?: expected /.test(error.message),
    );
  }
});

test('deep, large and cut off files', async () => {
  const deep = (levels: number) => `{"normalizer":${'['.repeat(levels)}${']'.repeat(levels)}}`;
  assert.match(await problemOf(deep(5000)), 'expected JSON of at most 100 levels');
  assert.match(await problemOf(deep(2 ** 22)), 'expected JSON of at most 100 levels');
  assert.match(await problemOf(`{"a":[${'{},'.repeat(2 ** 22)}{}]}`), 'expected JSON of at most 8388608 values');
  assert.match(await problemOf(JSON.stringify(base).slice(0, -1)), 'expected JSON, got a text that is not');
  const utf16 = Buffer.from(JSON.stringify(base), 'utf16le');
  const folder = written('');
  writeFileSync(join(folder, 'tokenizer.json'), utf16);
  await loadTokenizer(folder).then(
    () => assert.unreachable(),
    (error) => assert.match((error as Error).message, 'expected UTF-8 text, got UTF-16, little-endian'),
  );
});

test('any part of any kind: a typed error, or a tokeniser that works', async () => {
  const paths = fc.constantFrom(
    ['normalizer'],
    ['pre_tokenizer'],
    ['post_processor'],
    ['decoder'],
    ['model'],
    ['added_tokens'],
    ['added_tokens', '0'],
    ['model', 'vocab'],
    ['model', 'type'],
    ['model', 'unk_token'],
    ['post_processor', 'single'],
    ['post_processor', 'pair', '2'],
    ['post_processor', 'special_tokens'],
    ['pre_tokenizer', 'type'],
    ['decoder', 'type'],
    ['padding'],
  );
  const kinds = ['Sequence', 'Replace', 'Split', 'Precompiled', 'Metaspace', 'Unigram', 'BPE', 'CTC', 'Strip', 'Fuse'];
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.record({ type: fc.constantFrom(...kinds), pattern: fc.jsonValue({ maxDepth: 1 }), content: fc.jsonValue() }),
  );
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(paths, fc.option(value, { nil: undefined }), async (path, given) => {
      const json = structuredClone(base);
      let inside: Json = json;
      for (const name of path.slice(0, -1)) inside = inside[name] as Json;
      if (given === undefined) delete inside[path[path.length - 1]];
      else inside[path[path.length - 1]] = given;
      if ((await problemOf(json)) !== '') refused++;
    }),
    { numRuns: 200 },
  );
  assert.ok(refused > 50, `${refused} refused`);
});

test('what the package would pass over with a warning is an error, and nothing is written past our own streams', async () => {
  const { warn } = console;
  const said: unknown[][] = [];
  console.warn = (...words) => said.push(words);
  try {
    for (const pattern of ['\u001b[31m', { Other: '\u001b[2J' }, 5]) {
      const message = await problemOf({
        ...base,
        pre_tokenizer: { type: 'Split', pattern, behavior: 'Isolated', invert: false },
      });
      assert.match(message, /tokenizer\.json: /);
    }
    assert.is(await problemOf(base), '');
    assert.equal(said, []);
    console.warn('mine');
    assert.equal(said, [['mine']]);
  } finally {
    console.warn = warn;
  }
});

test('the package is told apart from the file where it is not there', async () => {
  const error = await loadTokenizer(written(base), () => import('@huggingface/no-such-package' as string)).catch(
    (e) => e,
  );
  assert.not.instance(error, FileFormatError);
});

test.run();
