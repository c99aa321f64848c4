/** The body of the models: gradients in every arrangement, dropout, padding, reversible layers, and its settings. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, zeroGrad } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError, UnsupportedError } from '../../src/core/errors.ts';
import { measureMemory } from '../../src/core/memory.ts';
import { slice } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { packed, randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import { completeConfig, type TransformerSettings } from '../../src/training/config.ts';
import { build, evaluation, learned } from '../../src/training/module.ts';
import { Transformer } from '../../src/training/transformer.ts';
import { assertClose, assertSame, denseOf, forAll } from '../core/tensors.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { checkParameters, drawTokens, maskOf, stepOf, stir } from './modules.ts';

const SMALL: TransformerSettings = {
  vocabulary: 7,
  length: 10,
  layers: 2,
  modelDim: 6,
  heads: 2,
  headDim: 4,
  feedForwardDim: 8,
  dropout: 0.2,
  dtype: 'float64',
};

function make(settings: Partial<TransformerSettings> = {}, seed = 1): Transformer {
  const config = completeConfig({ ...SMALL, ...settings });
  const transformer = build(() => new Transformer(config, new Random(seed)));
  stir(transformer.tensors(), seed);
  return transformer;
}

const arrangements: Record<string, Partial<TransformerSettings>> = {
  'pre-norm, learned positions': {},
  'post-norm, sinusoids, causal': { norm: 'post', positions: 'sinusoidal', causal: true },
  'reversible, axial positions': { residual: 'reversible', positions: 'axial' },
  'reversible, chunked feed-forward, rotary, causal': {
    residual: 'reversible',
    feedForwardChunk: 3,
    positions: 'rotary',
    causal: true,
  },
  'attention of two kinds in turn, no positions': {
    layers: 3,
    positions: 'none',
    attention: [{ variant: 'longformer', options: { attentionWindow: 2 } }, { variant: 'linear-transformer' }],
  },
  'shared projections': {
    attention: {
      variant: 'linformer',
      options: { projection: 'learned', sharing: 'layerwise', projectedLength: 3 },
    },
  },
  'reversible Reformer': {
    residual: 'reversible',
    attention: { variant: 'reformer', options: { chunkLength: 3, numHashes: 2 } },
  },
};

for (const [name, settings] of Object.entries(arrangements)) {
  test(`${name}: gradients of all parameters, with dropout of a fixed seed and padding`, () => {
    const transformer = make(settings);
    const tokens = drawTokens(2, 9, 7, 1);
    const keyMask = maskOf([9, 6], 9);
    checkParameters(() => transformer.forward(tokens, stepOf(3), keyMask), transformer.tensors());
  });

  test(`${name}: dropout is a function of the step; an evaluation has none`, () => {
    const transformer = make(settings);
    const tokens = drawTokens(2, 10, 7, 2);
    const bits = (seed: number, training: boolean) => transformer.forward(tokens, stepOf(seed, training)).toArray();
    assert.equal(bits(1, true), bits(1, true));
    assert.not.equal(bits(1, true), bits(2, true));
    assert.equal(bits(1, false), bits(2, false));
    const still = make({ ...settings, dropout: 0 });
    assert.equal(still.forward(tokens, stepOf(1)).toArray(), bits(1, false));
  });

  test(`${name}: padding makes no difference to the tokens before it`, () => {
    const transformer = make(settings);
    // A variant that reads the sequence as a whole sees how long it is; all others here do not.
    if (name === 'reversible Reformer') return;
    const tokens = drawTokens(2, 10, 7, 3);
    const whole = transformer.forward(tokens, evaluation, maskOf([6, 6], 10));
    const cut = transformer.forward(packed(slice(tokens, 1, 0, 6)), evaluation);
    // Sums in another order.
    assertClose(packed(slice(whole, 1, 0, 6)), denseOf(cut), 1e-10, 'first six', 1);
  });
}

test('a causal model does not look ahead, another one does', () => {
  for (const [causal, residual] of [
    [true, 'plain'],
    [true, 'reversible'],
    [false, 'plain'],
  ] as const) {
    const transformer = make({ causal, residual });
    const tokens = drawTokens(1, 10, 7, 4);
    const other = packed(tokens);
    other.array.data[6] = (other.array.data[6] + 1) % 7;
    const [before, after] = [tokens, other].map((each) => transformer.forward(each, evaluation));
    const rows = (each: Tensor, from: number, to: number) => packed(slice(each, 1, from, to)).toArray();
    if (causal) assert.equal(rows(after, 0, 6), rows(before, 0, 6));
    else assert.not.equal(rows(after, 0, 1), rows(before, 0, 1));
    assert.not.equal(rows(after, 6, 7), rows(before, 6, 7));
  }
});

test('all sequences of a batch are read by themselves', () => {
  const transformer = make({ residual: 'reversible' });
  const tokens = drawTokens(3, 8, 7, 5);
  const together = transformer.forward(tokens, evaluation);
  for (let b = 0; b < 3; b++) {
    const alone = transformer.forward(packed(slice(tokens, 0, b, b + 1)), evaluation);
    assertClose(alone, denseOf(packed(slice(together, 0, b, b + 1))), 1e-12, `sequence ${b}`, 1);
  }
});

test('reversible layers hold as much whatever their number, others more for each', () => {
  const peakOf = (residual: 'plain' | 'reversible', layers: number) => {
    const sizes = { modelDim: 32, heads: 2, headDim: 16, length: 64, feedForwardDim: 64, dtype: 'float32' } as const;
    const transformer = make({ ...sizes, residual, layers });
    const tokens = drawTokens(2, 64, 7, 1);
    const gradient = randomNormal([2, 64, 32], new Random(1));
    const parameters = [...learned(transformer.tensors()).values()];
    const { peakBytes } = measureMemory(() => scope(() => backward(transformer.forward(tokens, stepOf(1)), gradient)));
    const own = parameters.reduce((bytes, { grad }) => bytes + (grad as Tensor).block.bytes, 0);
    zeroGrad(parameters);
    return peakBytes - own;
  };
  const [few, many] = [peakOf('reversible', 2), peakOf('reversible', 8)];
  // Lists of a few numbers for each layer.
  assert.ok(many < 1.1 * few, `${few} bytes for 2 layers, ${many} for 8`);
  assert.ok(peakOf('plain', 8) > 3 * peakOf('plain', 2));
});

test('random features are drawn anew in all layers', () => {
  const transformer = make({ attention: { variant: 'performer', options: { numRandomFeatures: 4 }, redrawEvery: 2 } });
  const omegas = () => transformer.layers.map(({ attention }) => String(attention.mixing.parameters.omega.toArray()));
  const before = omegas();
  assert.not.equal(before[0], before[1]);
  transformer.redraw(1);
  assert.equal(omegas(), before);
  transformer.redraw(2);
  omegas().forEach((each, n) => {
    assert.not.equal(each, before[n]);
  });
});

test('names are unique, and stay what they are', () => {
  const namesOf = (settings: Partial<TransformerSettings>) => [
    ...make({ layers: 1, ...settings })
      .tensors()
      .keys(),
  ];
  const layer = [
    ...['query', 'key', 'value', 'output'].flatMap((each) => [`attention.${each}.weight`, `attention.${each}.bias`]),
    'attentionNorm.gain',
    'attentionNorm.bias',
    'feedForward.W1',
    'feedForward.b1',
    'feedForward.W2',
    'feedForward.b2',
    'feedForwardNorm.gain',
    'feedForwardNorm.bias',
  ].map((each) => `layers.0.${each}`);
  assert.equal(namesOf({}), ['embedding.weight', 'positions.weight', ...layer, 'norm.gain', 'norm.bias']);
  assert.equal(namesOf({ norm: 'post', positions: 'axial' }), [
    'embedding.weight',
    'positions.E1',
    'positions.E2',
    ...layer,
  ]);
  const attention = {
    variant: 'linformer',
    options: { projection: 'learned', sharing: 'layerwise', projectedLength: 3 },
  };
  assert.equal(namesOf({ positions: 'rotary', attention }), [
    'embedding.weight',
    'sharedAttention.0.E',
    ...layer,
    'norm.gain',
    'norm.bias',
  ]);
  const own = namesOf({ positions: 'none', attention: { ...attention, shared: false } });
  assert.ok(own.includes('layers.0.attention.E') && !own.includes('sharedAttention.0.E'), own.join());
});

test('invalid settings are refused by name', () => {
  const refused: [string, Partial<TransformerSettings>][] = [
    ['vocabulary', { vocabulary: 0 }],
    ['length', { length: 1.5 }],
    ['layers', { layers: 0 }],
    ['modelDim', { modelDim: -1 }],
    ['heads', { heads: 4, headDim: undefined }],
    ['headDim', { headDim: 0 }],
    ['feedForwardDim', { feedForwardDim: 0 }],
    ['feedForwardChunk', { feedForwardChunk: -1 }],
    ['attention', { attention: [] }],
    ['dropout', { dropout: 1 }],
    ['positions', { positions: 'relative' as never }],
    ['norm', { norm: 'none' as never }],
    ['norm', { norm: 'post', residual: 'reversible' }],
    ['residual', { residual: 'none' as never }],
    ['dtype', { dtype: 'int32' as never }],
    ['headDim', { headDim: 3, positions: 'rotary' }],
    ['positions', { headDim: undefined, modelDim: 6, heads: 2, positions: 'rotary' }],
    ['axialLengths', { axialLengths: [3, 3], positions: 'axial' }],
    ['axialLengths', { axialLengths: [3] as never }],
    ['attention[0].variant', { attention: [{} as never] }],
    ['attention', { attention: 5 as never }],
    ['modelDims', { modelDims: 8 } as never],
    ['variant', { attention: { variant: 'none' } }],
  ];
  for (const [name, settings] of refused) expectThrows(ArgumentError, name, () => make(settings));
  expectThrows(UnsupportedError, 'causal', () => make({ causal: true, attention: { variant: 'bigbird' } }));
});

test('of a width and a number of heads one may be asked for: the other fits it', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300 }), fc.constantFrom('learned', 'rotary'), (number, positions) => {
      const needs = positions === 'rotary' ? 2 : 1;
      const complete = (asked: Partial<TransformerSettings>) =>
        completeConfig({ vocabulary: 7, length: 9, positions, ...asked } as TransformerSettings);
      const { modelDim } = complete({ heads: number });
      assert.ok(
        modelDim % (needs * number) === 0 && modelDim >= 64 && modelDim < 64 + needs * number,
        String(modelDim),
      );
      if (number % needs !== 0) return;
      const { heads } = complete({ modelDim: number });
      assert.ok(heads >= 1 && heads <= 4 && number % (needs * heads) === 0, String(heads));
    }),
  );
  const { modelDim, heads } = completeConfig({ vocabulary: 7, length: 9 });
  assert.equal([modelDim, heads], [64, 4]);
});

test('a completed config makes the same model, and survives JSON', () => {
  forAll(
    fc.record({ seed: fc.nat(), arrangement: fc.constantFrom(...Object.values(arrangements)) }),
    ({ seed, arrangement }) => {
      const config = completeConfig({ ...SMALL, ...arrangement });
      const again = completeConfig(JSON.parse(JSON.stringify(config)));
      assert.equal(again, config);
      const [one, other] = [config, again].map((each) => new Transformer(each, new Random(seed)).tensors());
      assert.equal([...other.keys()], [...one.keys()]);
      for (const [name, tensor] of one) assertSame(other.get(name) as Tensor, denseOf(tensor), name);
    },
    10,
  );
});

test('tokens that do not fit are refused by name', () => {
  const transformer = make();
  expectThrows(ShapeError, 'tokens', () => transformer.forward(drawTokens(1, 11, 7, 1), evaluation));
  expectThrows(ArgumentError, 'tokens', () => transformer.forward(drawTokens(1, 5, 100, 1), evaluation));
  expectThrows(ArgumentError, 'tokens', () => transformer.forward(zeros([1, 5]), evaluation));
  expectThrows(ShapeError, 'keyMask', () => transformer.forward(drawTokens(1, 5, 7, 1), evaluation, maskOf([4], 4)));
});

test.run();
