/** Texts to tokens: what is done around @huggingface/tokenizers. Its own work on a real vocabulary: minilm.spec.ts. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { TOKENIZERS } from '../../scripts/fuzz/tokenizers.ts';
import { ArgumentError, FileFormatError, UnsupportedError } from '../../src/core/errors.ts';
import { Random } from '../../src/core/random.ts';
import { elements, type Tensor } from '../../src/core/tensor.ts';
import { loadPretrained } from '../../src/pretrained/load.ts';
import { embedSentences } from '../../src/pretrained/sentences.ts';
import { loadTokenizer } from '../../src/pretrained/tokenizer.ts';
import { temporaryFolder } from '../core/temporary-folder.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { checkpoint } from './checkpoints.ts';
import { CLS, FILES, json, ONE, PAD, S, SEP, THREE, TWO } from './word-pieces.ts';

const root = temporaryFolder();
let folders = 0;

function folderWith(files: Record<string, unknown>): string {
  const folder = join(root, `${folders++}`);
  mkdirSync(folder);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), JSON.stringify(content));
  return folder;
}

const whole = () => folderWith(FILES);
const list = (tensor: Tensor) => [...elements(tensor)];

test('a batch: special tokens, padding behind by the padding token, and a mask of what is real', async () => {
  const { encode } = await bound(whole());
  const { tokens, keyMask, tokenTypes } = encode(['One twos', 'three', ['one', 'two']]);
  assert.equal(tokens.shape, [3, 5]);
  assert.equal(list(tokens), [CLS, ONE, TWO, S, SEP, CLS, THREE, SEP, PAD, PAD, CLS, ONE, SEP, TWO, SEP]);
  assert.equal(list(keyMask), [1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1]);
  assert.equal(list(tokenTypes), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
});

test('padding: what tokenizer.json says comes first; without a word of it, 0', async () => {
  const padding = { strategy: 'BatchLongest', direction: 'Right', pad_id: 9, pad_type_id: 0, pad_token: 'b' };
  const padded = async (folder: string) => list((await bound(folder)).encode(['one', 'one two']).tokens)[3];
  assert.is(await padded(folderWith({ 'tokenizer.json': { ...json, padding } })), 9);
  assert.is(await padded(folderWith({ 'tokenizer.json': json })), 0);
  const named = { pad_token: { content: '[PAD]', lstrip: false } };
  assert.is(await padded(folderWith({ 'tokenizer.json': json, 'tokenizer_config.json': named })), PAD);
});

test('maxLength: own tokens are cut at the end, special ones stay', async () => {
  const { encode } = await bound(whole());
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom('one', 'two', 'threes'), { maxLength: 12 }),
      fc.nat(14),
      async (words, more) => {
        const text = words.join(' ');
        const all = list(encode([text]).tokens);
        const maxLength = 2 + more;
        const ours = list(encode([text], { maxLength }).tokens);
        assert.equal(ours, all.length <= maxLength ? all : [...all.slice(0, maxLength - 1), SEP]);
      },
    ),
  );
});

test('maxLength: of a long text only a beginning is looked at, and its tokens are those of the whole', async () => {
  const longest: number[] = [];
  for (const { json, config } of TOKENIZERS) {
    const folder = folderWith({ 'tokenizer.json': withPlainMerges(json), 'tokenizer_config.json': config });
    const tokenizer = await loadTokenizer(folder, async () => {
      const { Tokenizer } = await import('@huggingface/tokenizers');
      const watched = (...given: ConstructorParameters<typeof Tokenizer>) => {
        const made = new Tokenizer(...given);
        const encode = made.encode.bind(made);
        made.encode = (...args: Parameters<typeof encode>) => {
          longest.push(args[0].length);
          return encode(...args);
        };
        return made;
      };
      // A function that is called with `new` and gives an object gives that.
      return {
        Tokenizer: function Watched(...given: ConstructorParameters<typeof Tokenizer>) {
          return watched(...given);
        } as never,
      };
    });
    // Words of every kind, also some that no space ends for long, and characters of two units.
    const words = ['one', 'two ', ' threes', '\n', '  ', 'oneoneone', 'xxxx', '😀', 'é'];
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 40 }), fc.nat(2 ** 30), async (own, seed) => {
        const random = new Random(seed);
        const parts = Array.from({ length: 30_000 }, () => words[random.integer(words.length)]);
        const text = ['one two', ...parts].join('');
        longest.length = 0;
        const maxLength = own + 2;
        const ours = list(tokenizer.encode([text], { maxLength }).tokens);
        assert.ok(Math.max(...longest) < text.length / 2, `${longest} of ${text.length}`);
        // Without a limit all of the text is looked at.
        const all = list(tokenizer.encode([text]).tokens);
        const end = all.length - ours.length;
        const special = ours.findLastIndex((id, n) => id !== all[n]);
        const cutAt = special < 0 ? maxLength : special;
        assert.is(ours.length, maxLength);
        assert.equal(ours, [...all.slice(0, cutAt), ...all.slice(cutAt + end)]);
      }),
      { numRuns: 8 },
    );
  }
});

test('decode: the text without special tokens', async () => {
  const tokenizer = await loadTokenizer(whole());
  assert.is(tokenizer.decode([CLS, ONE, TWO, S, SEP, PAD]), 'one twos');
  assert.is(tokenizer.decode(Int32Array.of(THREE)), 'three');
});

test('sentence embeddings: of length 1, and the same with and without padding', async () => {
  const { encode } = await bound(whole());
  const model = loadPretrained(checkpoint('bert-model'), { dtype: 'float64' });
  const together = list(embedSentences(model, encode(['one', 'one twos three two', 'a b'])));
  for (const [n, text] of ['one', 'one twos three two', 'a b'].entries()) {
    const alone = list(embedSentences(model, encode([text])));
    const length = Math.sqrt(alone.reduce((sum, entry) => sum + entry ** 2, 0));
    assert.ok(Math.abs(length - 1) < 1e-12);
    assert.ok(alone.every((entry, i) => Math.abs(entry - together[16 * n + i]) < 1e-12));
  }
});

test('texts that cannot be encoded are refused by name', async () => {
  const { encode } = await bound(whole());
  expectThrows(ArgumentError, 'texts', () => encode([]));
  expectThrows(ArgumentError, 'maxLength', () => encode(['one'], { maxLength: 0 }));
  expectThrows(ArgumentError, 'maxLength', () => encode(['one'], { maxLength: 1 }));
  expectThrows(ArgumentError, 'texts[1]', () => encode(['one', ['one', 'two']], { maxLength: 4 }));
  const plain = await bound(folderWith({ 'tokenizer.json': { ...json, post_processor: null } }));
  expectThrows(ArgumentError, 'texts[0]', () => plain.encode(['']));
});

test('a folder without a tokeniser, one that cannot be read, and a package that is not there', async () => {
  const problem = async (body: () => Promise<unknown>) => {
    try {
      await body();
    } catch (error) {
      return error as Error;
    }
    throw new Error('nothing was thrown');
  };
  const missing = await problem(() => loadTokenizer(folderWith({})));
  assert.instance(missing, FileFormatError);
  assert.match(missing.message, 'tokenizer.json');
  const strange = await problem(() => loadTokenizer(folderWith({ 'tokenizer.json': { model: { type: 'Runes' } } })));
  assert.instance(strange, FileFormatError);
  assert.match(strange.message, '@huggingface/tokenizers cannot read it');
  const broken = whole();
  rmSync(join(broken, 'tokenizer_config.json'));
  writeFileSync(join(broken, 'tokenizer_config.json'), '{');
  assert.instance(await problem(() => loadTokenizer(broken)), FileFormatError);

  const absent = await problem(() => loadTokenizer(whole(), () => import('@huggingface/no-such-package' as string)));
  assert.instance(absent, UnsupportedError);
  assert.match(absent.message, 'npm install @huggingface/tokenizers');
});

/** Some versions write a merge as a text, others as a pair; the package takes files in which all are alike. */
function withPlainMerges(json: { model?: { merges?: (string | string[])[] } }): object {
  const { model } = json;
  if (model?.merges === undefined) return json;
  return { ...json, model: { ...model, merges: model.merges.map((each) => [each].flat().join(' ')) } };
}

async function bound(folder: string) {
  const tokenizer = await loadTokenizer(folder);
  return { encode: tokenizer.encode.bind(tokenizer) };
}

test.run();
