/** What holds for every loaded model, whatever its weights. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, ShapeError, UnsupportedError } from '../../src/core/errors.ts';
import { expectFinite } from '../../src/core/finite.ts';
import { checkGradients } from '../../src/core/gradient-check.ts';
import { crossEntropy } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, fromArray, type Tensor } from '../../src/core/tensor.ts';
import type { PretrainedModel, TextInputs } from '../../src/pretrained/architecture.ts';
import { Encoder } from '../../src/pretrained/encoder.ts';
import { loadPretrained } from '../../src/pretrained/load.ts';
import { attend } from '../../src/variants/attend.ts';
import { bigbird } from '../../src/variants/bigbird.ts';
import { planBlocks } from '../../src/variants/bigbird-blocks.ts';
import { allVariants } from '../../src/variants/registry.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { checkpoint } from './checkpoints.ts';
import { fineTuned } from './fine-tuning.ts';

const VOCABULARY = 40;

const textOf = (length: number, seed: number, batch = 1): Tensor => {
  const random = new Random(seed);
  const ids = Array.from({ length: batch * length }, () => 2 + random.integer(VOCABULARY - 2));
  return fromArray(ids, [batch, length], 'int32');
};
const maskOf = (lengths: number[], length: number): Tensor => {
  const flags = lengths.flatMap((own) => Array.from({ length }, (_, at) => Number(at < own)));
  return fromArray(flags, [lengths.length, length], 'uint8');
};
const last = (model: PretrainedModel, inputs: TextInputs) => {
  const { hiddenStates } = model.forward(inputs);
  return hiddenStates[hiddenStates.length - 1];
};
const furthest = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i] - b[i]));
  return largest;
};

// Nyströmformer is not among these: its landmarks are means over padding too.
for (const name of ['bert-model', 'roberta-masked-lm', 'longformer-model', 'big-bird-model']) {
  test(`${name}: what padding holds, and whether there is any, changes no real token`, () => {
    const model = loadPretrained(checkpoint(name), { dtype: 'float64' });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 6 }), fc.nat(), (real, padding, seed) => {
        scope(() => {
          const length = real + padding;
          const [tokens, others] = [textOf(length, seed), textOf(length, seed + 1)];
          elements(others).set(elements(tokens).subarray(0, real));
          const [alone, first, second] = [
            last(model, { tokens: fromArray(elements(tokens).slice(0, real), [1, real], 'int32') }),
            ...[tokens, others].map((each) => last(model, { tokens: each, keyMask: maskOf([real], length) })),
          ].map((each) => elements(each).slice(0, real * model.description.modelDim));
          assert.equal(first, second);
          // The same sums over keys, in other groups.
          assert.ok(furthest(alone, first) < 1e-12, `${furthest(alone, first)}`);
        });
      }),
      { numRuns: 20 },
    );
  });
}

test('attention in place of the own one: full attention is what BERT has, bit for bit; null leaves a layer alone', () => {
  const inputs = { tokens: textOf(9, 1, 2), keyMask: maskOf([9, 4], 9) };
  const own = elements(last(loadPretrained(checkpoint('bert-model')), inputs));
  for (const attention of [{ variant: 'full' }, [null], [null, { variant: 'full' }]]) {
    assert.equal(elements(last(loadPretrained(checkpoint('bert-model'), { attention }), inputs)), own);
  }
  // A window over all, and a landmark for each token, are full attention in other words.
  const options = { attentionWindow: 40 };
  const wide = loadPretrained(checkpoint('bert-model'), { attention: { variant: 'longformer', options } });
  assert.ok(furthest(elements(last(wide, inputs)), own) < 1e-5);
  const narrow = loadPretrained(checkpoint('bert-model'), {
    attention: { variant: 'longformer', options: { attentionWindow: 2 } },
  });
  assert.ok(furthest(elements(last(narrow, inputs)), own) > 0.01);
});

test('every registered variant can take the place of the own attention', () => {
  for (const { name, supports } of allVariants()) {
    // BERT's attention looks in both directions.
    if (supports.bidirectional === false) continue;
    scope(() => {
      const model = loadPretrained(checkpoint('bert-model'), { attention: { variant: name }, length: 16 });
      const y = last(model, { tokens: textOf(16, 3, 2), ...(supports.padding && { keyMask: maskOf([16, 11], 16) }) });
      assert.equal(y.shape, [2, 16, 16], name);
      expectFinite(name, y);
    });
  }
});

test('global tokens of a variant in place: projections of their own, which start as copies', () => {
  const attention = { variant: 'longformer', options: { attentionWindow: 4, globalPositions: [0] } };
  const model = loadPretrained(checkpoint('bert-model'), { attention });
  const tensors = model.tensors();
  for (const part of ['query', 'key', 'value']) {
    for (const kind of ['weight', 'bias']) {
      const copy = tensors.get(`layers.0.attention.replacement.global.${part}.${kind}`);
      assert.ok(copy && model.parameters().has(`layers.0.attention.replacement.global.${part}.${kind}`));
      assert.equal(elements(copy), elements(tensors.get(`layers.0.attention.${part}.${kind}`) as Tensor));
    }
  }
  assert.equal(last(model, { tokens: textOf(12, 2) }).shape, [1, 12, 16]);
});

test('a Nyströmformer in place of a Nyströmformer begins with the own convolution', () => {
  const attention = { variant: 'nystromformer', options: { convolutionWidth: 5, landmarks: 4 } };
  const tensors = loadPretrained(checkpoint('nystromformer-model'), { attention }).tensors();
  for (const layer of [0, 1]) {
    const [own, replaced] = ['', 'replacement.'].map((part) => {
      return elements(tensors.get(`layers.${layer}.attention.${part}convolution`) as Tensor);
    });
    assert.equal(replaced, own);
  }
});

test('layers that share the parameters of a variant have them once', () => {
  const replaced = (sharing: string) => {
    const options = { projection: 'learned', projectedLength: 4, sharing };
    const model = loadPretrained(checkpoint('bert-model'), { attention: { variant: 'linformer', options } });
    return [...model.parameters().keys()].filter((name) => name.includes('replacement'));
  };
  assert.equal(replaced('layerwise'), ['layers.0.attention.replacement.E']);
  assert.equal(replaced('key-value'), ['layers.0.attention.replacement.E', 'layers.1.attention.replacement.E']);
});

test('attend: is given what each layer attends to, and what the layer itself makes of it', () => {
  for (const name of ['bert-model', 'longformer-model', 'big-bird-masked-lm', 'nystromformer-model']) {
    const model = loadPretrained(checkpoint(name));
    const inputs = { tokens: textOf(12, 4, 2), keyMask: maskOf([12, 8], 12) };
    const expected = elements(last(model, inputs)).slice();
    const seen: number[] = [];
    const { hiddenStates } = model.forward(inputs, {
      attend: ({ queries, keys, values, keyMask, global }, layer, own) => {
        seen.push(layer);
        for (const each of [queries, keys, values]) assert.equal(each.shape, [2, 2, 12, 8]);
        assert.is(keyMask, inputs.keyMask);
        assert.is(global !== undefined, name.startsWith('longformer'));
        return own();
      },
    });
    assert.equal(seen, [0, 1]);
    assert.equal(elements(hiddenStates[2]), expected);
  }
});

test('BigBird: on the blocks that the variant draws, its attention is the variant', () => {
  const model = loadPretrained(checkpoint('big-bird-model'));
  const length = 44;
  const options = { blockSize: 4, globalBlocks: 1, randomBlocks: 2, patternSeed: 5 };
  const plan = planBlocks(length, 2, { ...bigbird.defaults(length), ...options });
  const inputs = { tokens: textOf(length, 7) };
  const given = model.forward(inputs, { randomBlocks: () => plan.random.map((ofHead) => ofHead.slice(1, -1)) });
  const variant = model.forward(inputs, { attend: (each) => attend(bigbird, each, options) });
  assert.equal(elements(given.hiddenStates[2]), elements(variant.hiddenStates[2]));
  assert.ok(furthest(elements(given.hiddenStates[2]), elements(last(model, inputs))) > 0.01);
  // While training each layer has its own, those of the variant.
  const training = { context: { training: true, random: new Random(1) } };
  const variants = model.forward(inputs, {
    ...training,
    attend: (each, layer) => attend(bigbird, each, { ...options, patternSeed: layer }),
  });
  const trained = model.forward(inputs, training).hiddenStates[2];
  assert.equal(elements(trained), elements(variants.hiddenStates[2]));
  expectThrows(ShapeError, 'randomBlocks', () => model.forward(inputs, { randomBlocks: () => [[[1]]] }));
});

test('length: more positions are copies of those that there are, from the first of a text on', () => {
  for (const [name, rows, first] of [
    ['bert-model', 20, 0],
    ['roberta-masked-lm', 20, 2],
    ['nystromformer-masked-lm', 22, 2],
  ] as const) {
    const [own, longer] = [loadPretrained(checkpoint(name)), loadPretrained(checkpoint(name), { length: 100 })];
    const [short, long] = [own, longer].map((model) => model.tensors().get('embeddings.positions.weight') as Tensor);
    assert.equal(long.shape, [first + 100, 16]);
    const [theirs, ours] = [elements(short), elements(long)];
    for (let row = 0; row < first + 100; row++) {
      const from = row < rows ? row : first + ((row - first) % (rows - first));
      assert.equal(ours.slice(row * 16, row * 16 + 16), theirs.slice(from * 16, from * 16 + 16), `${name}: row ${row}`);
    }
    const inputs = { tokens: textOf(12, 5) };
    assert.equal(elements(last(longer, inputs)), elements(last(own, inputs)));
    expectThrows(ShapeError, 'tokens', () => own.forward({ tokens: textOf(100, 5) }));
    assert.equal(last(longer, { tokens: textOf(100, 5) }).shape, [1, 100, 16]);
  }
  const shorter = loadPretrained(checkpoint('bert-model'), { length: 8 });
  expectThrows(ShapeError, 'tokens', () => shorter.forward({ tokens: textOf(9, 5) }));
});

for (const name of ['bert-classification', 'longformer-classification', 'big-bird-masked-lm', 'nystromformer-model']) {
  test(`${name}: gradients of everything that is learned`, () => {
    const model = loadPretrained(checkpoint(name), { dtype: 'float64' });
    const length = name.startsWith('big-bird') ? 37 : 12;
    const inputs = { tokens: textOf(length, 6, 2), keyMask: maskOf([length, length - 3], length) };
    const f = () => {
      const { logits, hiddenStates } = model.forward(inputs);
      return logits ?? hiddenStates[2];
    };
    // Some entries of one layer of each kind of tensor: each costs two forward passes.
    const parameters = [...model.parameters()].filter(([key]) => /layers\.1|embeddings|head/.test(key));
    checkGradients(
      f,
      parameters.map(([, tensor]) => tensor),
      { maxEntries: 2, tolerance: 1e-5 },
    );
  });
}

test('fine-tuning: a few steps on a batch lower its loss', () => {
  const model = loadPretrained(checkpoint('longformer-classification'), { dtype: 'float64' });
  const inputs = { tokens: textOf(12, 8, 4) };
  const targets = fromArray([0, 1, 1, 0], [4], 'int32');
  const loss = (random: Random | null) => {
    const context = random === null ? {} : { context: { training: true, random } };
    return crossEntropy(model.forward(inputs, context).logits as Tensor, targets);
  };
  const { before, after } = fineTuned(model, 10, loss);
  assert.ok(after < before / 2, `${before} before, ${after} after`);
});

test('inputs that do not fit are refused by name', () => {
  const model = loadPretrained(checkpoint('bert-model'));
  const tokens = textOf(5, 1);
  expectThrows(ArgumentError, 'tokens', () => model.forward({ tokens: fromArray([VOCABULARY], [1, 1], 'int32') }));
  expectThrows(ArgumentError, 'tokens', () => model.forward({ tokens: fromArray([1, 2], [1, 2]) }));
  expectThrows(ShapeError, 'tokens', () => model.forward({ tokens: fromArray([1, 2], [2], 'int32') }));
  expectThrows(ArgumentError, 'tokenTypes', () => model.forward({ tokens, tokenTypes: textOf(5, 1) }));
  expectThrows(ShapeError, 'keyMask', () => model.forward({ tokens, keyMask: maskOf([4], 4) }));
  expectThrows(ArgumentError, 'keyMask', () =>
    model.forward({ tokens, keyMask: fromArray([1, 1, 1, 1, 2], [1, 5], 'uint8') }),
  );
  expectThrows(ArgumentError, 'globalMask', () => model.forward({ tokens, globalMask: maskOf([1], 5) }));
  const nystromformer = loadPretrained(checkpoint('nystromformer-model'));
  expectThrows(ShapeError, 'tokens', () => nystromformer.forward({ tokens }));
  const load = (options: object) => () => loadPretrained(checkpoint('bert-model'), options);
  expectThrows(ArgumentError, 'variant', load({ attention: { variant: 'fullest' } }));
  expectThrows(ArgumentError, 'attention', load({ attention: [] }));
  expectThrows(UnsupportedError, 'gatedValues', load({ attention: { variant: 'light-conv', gatedValues: true } }));
  expectThrows(ArgumentError, 'length', load({ length: 0 }));
  assert.ok(model instanceof Encoder);
});

test.run();
