/** A generation that is kept: in memory and on disk, gone on from twice, and refused where it does not belong. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, FileFormatError, FileWriteError } from '../../src/core/errors.ts';
import { writeSafetensors } from '../../src/core/files/safetensors.ts';
import { memoryStatistics } from '../../src/core/memory.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, fromArray, type Tensor } from '../../src/core/tensor.ts';
import { generate, startGeneration } from '../../src/training/generate.ts';
import { loadGeneration, saveGeneration } from '../../src/training/generation-file.ts';
import { type LanguageModel, type LanguageModelSettings, languageModel } from '../../src/training/language-model.ts';
import { evaluation } from '../../src/training/module.ts';
import { readAndEnd } from '../../src/training/run.ts';
import { allVariants } from '../../src/variants/registry.ts';
import { stateBytes } from '../../src/variants/state.ts';
import { temporaryFolder } from '../core/temporary-folder.ts';
import { assertClose, assertSame, at, denseOf, forAll, loop } from '../core/tensors.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { drawTokens, stir } from './modules.ts';

const folder = temporaryFolder();
const LENGTH = 12;

function decoder(settings: Partial<LanguageModelSettings> = {}, seed = 1): LanguageModel {
  const sizes = { vocabulary: 7, length: LENGTH, layers: 2, modelDim: 6, heads: 2, headDim: 4, feedForwardDim: 8 };
  const model = languageModel({ ...sizes, causal: true, dropout: 0, dtype: 'float64', ...settings }, seed);
  stir(model.tensors(), seed);
  return model;
}

const rows = (tokens: Tensor, begin: number, end: number): number[][] =>
  [0, 1].map((b) => Array.from({ length: end - begin }, (_, n) => at(tokens, [b, begin + n])));

const generating = allVariants().filter(({ supports }) => supports.incremental);

for (const { name, regroups = false } of generating) {
  test(`${name}: read in pieces, saved and loaded between them, the text gives the rows of the whole`, () => {
    // A second layer would remember rows of the first from before tokens were grouped anew.
    const model = decoder({ attention: { variant: name }, layers: regroups ? 1 : 2 }, 3);
    const tokens = drawTokens(2, LENGTH, 7, 7);
    const whole = scope(() => denseOf(model.forward(tokens, evaluation)));
    const cuts = fc.uniqueArray(fc.integer({ min: 1, max: LENGTH - 1 }), { maxLength: 4 });
    const cases = fc.record({ cuts, file: fc.boolean() });
    let n = 0;
    forAll(
      cases,
      ({ cuts, file }) => {
        const before = memoryStatistics().liveBytes;
        scope(() => {
          let states = startGeneration(model, 2).states();
          assert.equal(states, []);
          const ends = [...cuts.sort((a, b) => a - b), LENGTH];
          ends.forEach((end, piece) => {
            const begin = piece === 0 ? 0 : ends[piece - 1];
            const generation = startGeneration(model, 2, states);
            assert.is(generation.position, begin);
            const logits = generation.read(rows(tokens, begin, end));
            // What groups tokens anew as the text grows gives the row of a run over the tokens so far.
            const soFar = regroups ? scope(() => denseOf(model.forward(firstOf(tokens, end), evaluation))) : whole;
            const length = regroups ? end : LENGTH;
            const expected = loop([2, 7], ([b, c]) => soFar.data[(b * length + end - 1) * 7 + c]);
            // Some tens of float64 terms in another order.
            assertClose(logits, expected, 1e-9, `rows up to ${end}`, 1);
            states = generation.states();
            generation.end();
            if (!file) return;
            const path = join(folder, `${name}-${n++}.safetensors`);
            saveGeneration(path, model, { states, unread: [[], []] });
            const loaded = loadGeneration(path, model);
            assert.equal(loaded.unread, [[], []]);
            assert.equal(loaded.states.map(stateBytes), states.map(stateBytes));
            states = loaded.states;
          });
        });
        assert.is(memoryStatistics().liveBytes, before);
      },
      6,
    );
  });
}

function firstOf(tokens: Tensor, count: number): Tensor {
  const first = drawTokens(2, count, 7, 1);
  for (const b of [0, 1]) for (let i = 0; i < count; i++) elements(first)[b * count + i] = at(tokens, [b, i]);
  return first;
}

test('what was loaded is what was saved, bit for bit; two go on from it and do not meet', () => {
  const model = decoder({ dtype: 'float32' });
  const generation = startGeneration(model, 1);
  generation.read([[1, 2, 3]]);
  const path = join(folder, 'twice.safetensors');
  saveGeneration(path, model, { states: generation.states(), unread: [[4]] });
  saveGeneration(`${path}.again`, model, { states: generation.states(), unread: [[4]] });
  assert.equal(readFileSync(path), readFileSync(`${path}.again`));
  const { states, unread } = loadGeneration(path, model);
  assert.equal(unread, [[4]]);
  states.forEach(({ tensors, ...rest }, n) => {
    const { tensors: own, ...others } = generation.states()[n];
    assert.equal(rest, others);
    assert.equal(Object.keys(tensors).sort(), Object.keys(own).sort());
    for (const key of Object.keys(own)) assertSame(tensors[key], denseOf(own[key]), key);
  });
  const [one, other] = [startGeneration(model, 1, states), startGeneration(model, 1, states)];
  const expected = denseOf(generation.read([[4, 5]]));
  other.read([[6, 6, 6]]);
  assertClose(one.read([[4, 5]]), expected, 1e-6, 'after another went on', 1);
});

test('generate goes on from a generation as if the text had been read in one go', () => {
  const model = decoder();
  const whole = generate(model, [[1, 2, 3, 4]], 8, new Random(5))[0];
  const generation = startGeneration(model, 1);
  generation.read([[1, 2]]);
  assert.equal(generate(model, [[3, 4]], 8, new Random(5), { generation })[0], whole);
  assert.is(generation.position, 11);
  expectThrows(ArgumentError, 'count', () => generate(model, [[1]], 2, new Random(5), { generation }));
  generation.end();
});

test('states that do not belong are refused by name', () => {
  const model = decoder();
  const generation = startGeneration(model, 2);
  generation.read([
    [1, 2],
    [3, 4],
  ]);
  const states = generation.states();
  const [first, second] = states;
  const start = (given: unknown, batch = 2, of = model) => startGeneration(of, batch, given as typeof states);
  expectThrows(ArgumentError, 'states', () => start([first]));
  expectThrows(ArgumentError, 'states[1].position', () => start([first, { ...second, position: 1 }]));
  expectThrows(ArgumentError, 'states[0].position', () => start(states.map((each) => ({ ...each, position: 13 }))));
  expectThrows(ArgumentError, 'states[1]', () => start([first, null]));
  expectThrows(ArgumentError, 'state.sizes.batch', () => start(states, 1));
  expectThrows(ArgumentError, 'state', () => start(states, 2, decoder({ attention: { variant: 'performer' } })));
  expectThrows(ArgumentError, 'state.sizes.dtype', () => start(states, 2, decoder({ dtype: 'float32' })));
  expectThrows(ArgumentError, 'tokens', () => generation.read([[1]]));
  expectThrows(ArgumentError, 'tokens[1]', () => generation.read([[1], [2, 3]]));
});

test('a file of another kind, of other weights, or damaged, is refused', () => {
  const model = decoder();
  const generation = startGeneration(model, 1);
  generation.read([[1, 2]]);
  const path = join(folder, 'whole.safetensors');
  const states = generation.states();
  saveGeneration(path, model, { states, unread: [[]] });
  expectThrows(ArgumentError, 'model', () => loadGeneration(path, decoder({}, 2)));
  const bytes = readFileSync(path);
  for (let n = 0; n < 40; n++) {
    const damaged = Buffer.from(bytes);
    damaged[Math.floor((n * bytes.length) / 40)] ^= 4;
    const other = join(folder, 'damaged.safetensors');
    writeFileSync(other, damaged);
    assert.throws(
      () => loadGeneration(other, model),
      (error: unknown) => error instanceof FileFormatError,
      `byte ${Math.floor((n * bytes.length) / 40)}`,
    );
  }
  const plain = join(folder, 'plain.safetensors');
  writeSafetensors(plain, [['a', { shape: [1], data: new Float32Array(1) }]]);
  for (const each of [plain, join(folder, 'none.safetensors'), folder]) {
    assert.throws(
      () => loadGeneration(each, model),
      (error: unknown) => error instanceof FileFormatError,
    );
  }
  assert.throws(
    () => saveGeneration(join(folder, 'none', 'x'), model, { states, unread: [[]] }),
    (error: unknown) => error instanceof FileWriteError,
  );
  expectThrows(ArgumentError, 'generation.states', () => saveGeneration(path, model, { states: [], unread: [[]] }));
});

test('what a model cannot read is refused by the prompt, its length and what would fit', () => {
  const model = decoder();
  const random = new Random(1);
  const refusal = (given: number, count: number, read = 0) => {
    const generation = startGeneration(model, 1);
    if (read > 0) scope(() => void generation.read([new Array(read).fill(1)]));
    try {
      generate(model, [new Array(given).fill(1)], count, random, { generation });
      return null;
    } catch (error) {
      assert.instance(error, ArgumentError);
      return (error as ArgumentError).message;
    } finally {
      generation.end();
    }
  };
  // As long as the model, one token follows, which need not be read.
  assert.is(refusal(LENGTH, 1), null);
  assert.is(refusal(LENGTH, 2), 'count: expected at most 1 after 12 tokens, got 2');
  assert.is(refusal(LENGTH + 3, 1), 'prompts: expected at most 12 tokens, as the model reads 12, got 15');
  const after = 'after the 5 that the generation has read';
  assert.is(refusal(8, 1, 5), `prompts: expected at most 7 tokens ${after}, as the model reads 12, got 8`);
  assert.is(refusal(1, 1, LENGTH), 'settings.generation: expected fewer than 12 tokens read, got 12');
});

test('a model that is only read is released, also where reading it throws', () => {
  const make = () => ({ kind: 'causal' as const, model: decoder(), logits: () => fromArray([0], [1]) });
  const [one, other] = [make(), make()];
  const live = [memoryStatistics().liveBytes];
  assert.is(
    readAndEnd(one, ({ model }) => model.config.length),
    LENGTH,
  );
  live.push(memoryStatistics().liveBytes);
  assert.throws(() => readAndEnd(other, () => refuse()), /none of these/);
  live.push(memoryStatistics().liveBytes);
  assert.ok(live[1] < live[0]);
  assert.is(live[1] - live[2], live[0] - live[1]);
});

function refuse(): never {
  throw new ArgumentError('argument: none of these');
}

test.run();
