/** Multi-head attention around every registered variant. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, noGrad, zeroGrad } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError, UnsupportedError } from '../../src/core/errors.ts';
import { memoryStatistics } from '../../src/core/memory.ts';
import { add, padRows, slice, sum } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, packed, randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { MultiHeadAttention } from '../../src/training/attention.ts';
import { type Linear, linear } from '../../src/training/linear.ts';
import { type AttentionPlace, type AttentionSettings, Mixing } from '../../src/training/mixing.ts';
import { build, learned } from '../../src/training/module.ts';
import { comparesTokens } from '../../src/variants/inputs.ts';
import { type AnyVariant, allVariants, register } from '../../src/variants/registry.ts';
import { ROTARY_BASE } from '../../src/variants/rotation.ts';
import { assertClose, at, denseOf, leafOf, loop } from '../core/tensors.ts';
import { accepts, optionsOf } from '../laws/draw.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { checkParameters, maskOf, stir } from './modules.ts';

const SMALL: AttentionPlace = {
  modelDim: 6,
  heads: 2,
  headDim: 4,
  length: 12,
  causal: false,
  rotary: false,
  dtype: 'float64',
};

/** Options that make a small variant do all that it can: what its defaults for 12 tokens leave out. */
const SETTINGS: Record<string, Record<string, unknown>[]> = {
  longformer: [
    { attentionWindow: 4, globalPositions: [0, 5] },
    { attentionWindow: 2, dilation: [1, 2] },
  ],
  bigbird: [{ blockSize: 2 }],
  linformer: [
    { projectedLength: 3, projection: 'learned', sharing: 'none' },
    { projectedLength: 4, projection: 'convolution', sharing: 'key-value' },
  ],
  nystromformer: [{ landmarks: 3, convolutionWidth: 3 }],
  reformer: [{ chunkLength: 3, numHashes: 2 }],
  routing: [{ numClusters: 3, window: 5, localHeads: 1, localWindow: 3 }],
  sinkhorn: [{ blockLength: 3, gumbel: 1 }],
  poolingformer: [{ window: 1, wideWindow: 5, poolStride: 2 }],
  performer: [{ numRandomFeatures: 8 }],
  'sparse-transformer': [
    { pattern: 'fixed', stride: 4, summaryColumns: 2, heads: 'merged' },
    { stride: 3, summaryColumns: 1 },
  ],
  'local-attention': [{ chunkLength: 3 }],
  // Without the gradient that it cuts off, differences would differ.
  'transformer-xl': [{ segmentLength: 4, memoryLength: 3, stopMemoryGradient: false }],
  compressive: ['mean', 'max', 'convolution'].map((compression) => {
    const sizes = { segmentLength: 3, memoryLength: 2, compressedLength: 3, ratio: 2 };
    return { ...sizes, compression, stopMemoryGradient: false };
  }),
  axial: [{ columns: 3 }, { columns: 2, rows: 2 }],
  'light-conv': [{ kernelWidth: 3, dropConnect: 0.25 }],
  'dynamic-conv': [{ kernelWidth: 3, dropConnect: 0.25 }],
};

const make = (settings: AttentionSettings, place: Partial<AttentionPlace> = {}, seed = 1) =>
  build(() => new MultiHeadAttention(settings, { ...SMALL, ...place }, new Random(seed)));

const input = (length: number, seed = 1, batch = 2) => randomNormal([batch, length, 6], new Random(seed), 'float64');

function* causalities(variant: AnyVariant): Generator<boolean> {
  if (variant.supports.bidirectional !== false) yield false;
  if (variant.supports.causal) yield true;
}

test('full attention: Concat(head_1, …, head_h) W^O by plain loops', () => {
  const attention = make({ variant: 'full' });
  stir(attention.tensors(), 1);
  const x = input(5);
  const { projections } = attention;
  const output = attention.output as Linear;
  const rows = (projection: Linear | undefined) => linear(x, projection as Linear);
  const [q, k, v] = [rows(projections.query), rows(projections.key), rows(projections.value)];
  const heads = loop([2, 5, 8], ([b, i, c]) => {
    const first = c - (c % 4);
    const scores = Array.from({ length: 5 }, (_, j) => {
      let dot = 0;
      for (let n = first; n < first + 4; n++) dot += at(q, [b, i, n]) * at(k, [b, j, n]);
      return Math.exp(dot / 2);
    });
    const total = scores.reduce((a, each) => a + each, 0);
    return scores.reduce((sum, score, j) => sum + (score / total) * at(v, [b, j, c]), 0);
  });
  const expected = loop([2, 5, 6], ([b, i, c]) => {
    let value = at(output.bias as Tensor, [c]);
    for (let n = 0; n < 8; n++) value += Number(heads.data[(b * 5 + i) * 8 + n]) * at(output.weight, [n, c]);
    return value;
  });
  // Some tens of float64 terms.
  assertClose(attention.forward(x, { training: false }), expected, 1e-12, 'output', 1);
});

for (const variant of allVariants()) {
  const { name } = variant;

  test(`${name}: whatever its options, forward and backward give finite numbers, and every parameter learns`, () => {
    const shape = { batch: 2, heads: 2, queryLength: 12, keyLength: 12, headDim: 4, dtype: 'float32' as const };
    const causal = variant.supports.causal ? fc.boolean() : fc.constant(false);
    const drawn = causal.chain((each) => optionsOf(variant, shape, { causal: each }));
    fc.assert(
      fc.property(drawn, fc.nat(), fc.integer({ min: 1, max: 12 }), (options, seed, length) => {
        fc.pre(accepts(variant, options, shape));
        // Some options turn queries once more, and take no other positions than those of a layer.
        const base = variant.turnsRotary?.(options) ?? null;
        fc.pre(base === null || base === ROTARY_BASE);
        const { causal, ...asked } = options;
        scope(() => {
          const attention = make(
            { variant: name, options: asked },
            { causal, dtype: 'float32', rotary: base !== null },
            seed,
          );
          const x = randomNormal([2, length, 6], new Random(seed), 'float32').withGrad();
          const y = attention.forward(x, { training: true, keyMask: maskOf([length, Math.ceil(length / 2)], length) });
          assert.equal(y.shape, [2, length, 6]);
          backward(y, randomNormal(y.shape, new Random(seed).split('gradient')));
          // What only chooses learns from a loss of its own.
          const choosing = Object.entries(variant.inputs.gates ?? {}).flatMap(([gate, { chooses }]) =>
            chooses ? [gate] : [],
          );
          const own = [...learned(attention.tensors())].filter(([key]) => !choosing.includes(key.split('.')[1]));
          const all = [['x', x] as const, ...own];
          for (const [key, leaf] of [...all]) {
            assert.ok(leaf.grad !== null, `${key} has no gradient`);
            assert.ok(Array.from((leaf.grad as Tensor).toArray()).every(Number.isFinite), `gradient of ${key}`);
          }
          assert.ok(Array.from(y.toArray()).every(Number.isFinite));
          zeroGrad(all.map(([, leaf]) => leaf));
        });
      }),
      { numRuns: 12, maxSkipsPerRun: 50 },
    );
  });

  test(`${name}: gradients of x and of all parameters agree with central differences`, () => {
    for (const causal of causalities(variant)) {
      for (const options of [{}, ...(SETTINGS[name] ?? [])]) {
        scope(() => {
          // Centroids that each pass moves would be others for every difference.
          const still = variant.moves === undefined ? {} : { decay: 1 };
          const attention = make({ variant: name, options: { ...options, ...still } }, { causal });
          stir(attention.tensors(), 2);
          const x = leafOf([2, 11, 6], 3);
          const keyMask = maskOf([11, 7], 11);
          checkParameters(() => attention.forward(x, { training: true, keyMask }), attention.tensors(), [x]);
        });
      }
    }
  });

  test(`${name}: a shorter sequence is the beginning of a padded one, or is padded`, () => {
    // These read the sequence as a whole, where what is a segment or a last block depends on its length.
    const wholes = ['bigbird', 'nystromformer', 'reformer', 'linformer'];
    for (const causal of causalities(variant)) {
      for (const options of SETTINGS[name] ?? [{}]) {
        const attention = make({ variant: name, options }, { causal });
        for (const length of [1, 7, 11]) {
          const x = input(length);
          const real = [length, Math.ceil(length / 2)];
          const short = attention.forward(x, { training: false, keyMask: maskOf(real, length) });
          assert.equal(short.shape, x.shape);
          const needsPadding = options.projection === 'learned';
          if (wholes.includes(name) && !needsPadding) continue;
          const padded = attention.forward(padRows(x, 1, 12 - length), {
            training: false,
            keyMask: maskOf(real, 12),
          });
          // Sums in another order.
          assertClose(short, denseOf(packed(slice(padded, 1, 0, length))), 1e-10, `length ${length}`, 1);
        }
      }
    }
  });

  if (!variant.supports.incremental) {
    test(`${name}: refuses to generate by name`, () => {
      expectThrows(UnsupportedError, 'variant', () => make({ variant: name }).startSteps(1));
    });
    continue;
  }

  test(`${name}: step by step as all at once, and nothing is left after the end`, () => {
    for (const rotary of comparesTokens(variant) ? [false, true] : [false]) {
      for (const options of SETTINGS[name] ?? [{}]) {
        const attention = make({ variant: name, options }, { causal: true, rotary });
        stir(attention.tensors(), 4);
        const x = input(12, 5);
        const whole = noGrad(() => attention.forward(x, { training: false }));
        const before = memoryStatistics().liveBytes;
        const steps = attention.startSteps(2);
        for (let position = 0; position < 12; position++) {
          scope(() => {
            const row = steps.step(slice(x, 1, position, position + 1));
            assert.is(row.node, null);
            // Later tokens change the groups of earlier ones: only the last row of a run is that of its last step.
            if (variant.regroups === true && position < 11) return;
            const expected = denseOf(packed(slice(whole, 1, position, position + 1)));
            assertClose(row, expected, 1e-9, `position ${position}`, 1);
          });
        }
        steps.end();
        assert.is(memoryStatistics().liveBytes, before);
      }
    }
  });
}

test('what a variant does not read is not projected', () => {
  const namesOf = (name: string) =>
    [...make({ variant: name }).tensors().keys()].filter((each) => each.endsWith('weight'));
  assert.equal(namesOf('full'), ['query.weight', 'key.weight', 'value.weight', 'output.weight']);
  assert.equal(namesOf('reformer'), ['query.weight', 'value.weight', 'output.weight']);
  assert.equal(namesOf('dynamic-conv'), ['query.weight', 'value.weight', 'output.weight']);
  assert.equal(namesOf('light-conv'), ['value.weight', 'output.weight']);
});

test('values are gated where asked for, and by default before convolutions', () => {
  const shapeOf = (settings: AttentionSettings) => make(settings).projections.value.weight.shape;
  assert.equal(shapeOf({ variant: 'light-conv' }), [6, 16]);
  assert.equal(shapeOf({ variant: 'light-conv', gatedValues: false }), [6, 8]);
  assert.equal(shapeOf({ variant: 'full' }), [6, 8]);
  // A gate that is wide open lets the values through.
  const [gated, plain] = [make({ variant: 'full', gatedValues: true }), make({ variant: 'full' })];
  const { weight, bias } = gated.projections.value;
  const values = elements(plain.projections.value.weight);
  for (let row = 0; row < 6; row++) {
    for (let c = 0; c < 16; c++) elements(weight)[row * 16 + c] = c < 8 ? values[row * 8 + c] : 0;
  }
  // sigmoid(40) is 1 but for 4 · 10⁻¹⁸.
  elements(bias as Tensor).fill(40, 8);
  assertClose(
    gated.forward(input(5), { training: false }),
    denseOf(plain.forward(input(5), { training: false })),
    1e-12,
    'gated',
    1,
  );
});

test('global tokens have projections of their own, which start as copies', () => {
  const options = { attentionWindow: 2, globalPositions: [3] };
  const attention = make({ variant: 'longformer', options });
  const names = [...attention.tensors().keys()];
  assert.ok(names.includes('global.query.weight') && names.includes('global.value.bias'), names.join());
  assert.not.ok([...make({ variant: 'longformer' }).tensors().keys()].some((name) => name.startsWith('global')));
  const x = input(12);
  const outputs = (): Tensor => attention.forward(x, { training: false });
  const before = outputs();
  elements(attention.global?.query?.weight as Tensor)[0] += 1;
  const after = outputs();
  for (let position = 0; position < 12; position++) {
    const rows = [before, after].map((each) => packed(slice(each, 1, position, position + 1)).toArray());
    // Only row 3 asks with the global query.
    if (position === 3) assert.not.equal(rows[0], rows[1]);
    else assert.equal(rows[0], rows[1]);
  }
});

test('rotary positions turn queries and keys, and are refused where nothing is compared', () => {
  const [plain, rotary] = [make({ variant: 'full' }), make({ variant: 'full' }, { rotary: true })];
  const x = input(6);
  assert.not.equal(rotary.forward(x, { training: false }).toArray(), plain.forward(x, { training: false }).toArray());
  // A set of tokens has no order, unless it has: reversed tokens give reversed rows without positions.
  const reversed = (each: Tensor) => loop(each.shape, ([b, i, c]) => at(each, [b, 5 - i, c]));
  const flip = (attention: MultiHeadAttention) => {
    const flipped = randomNormal([2, 6, 6], new Random(1), 'float64');
    elements(flipped).set(Array.from(reversed(x).data));
    return attention.forward(flipped, { training: false });
  };
  assertClose(flip(plain), reversed(plain.forward(x, { training: false })), 1e-12, 'plain', 1);
  assert.throws(() => assertClose(flip(rotary), reversed(rotary.forward(x, { training: false })), 1e-3, 'rotary', 1));
  expectThrows(ArgumentError, 'positions', () => make({ variant: 'light-conv' }, { rotary: true }));
});

test('shared parameters of a variant collect the gradients of all that use them', () => {
  const settings = {
    variant: 'linformer',
    options: { projectedLength: 3, projection: 'learned', sharing: 'layerwise' },
  };
  scope(() => {
    const mixing = new Mixing(settings, SMALL, new Random(7));
    const [first, second] = [1, 2].map((seed) => new MultiHeadAttention(settings, SMALL, new Random(seed), mixing));
    assert.not.ok([...first.tensors().keys()].includes('E'));
    const x = input(12);
    const E = mixing.parameters.E;
    const gradientOf = (loss: () => Tensor) => {
      zeroGrad([E]);
      backward(loss());
      return (E.grad as Tensor).toArray();
    };
    const one = (attention: MultiHeadAttention) => sum(attention.forward(x, { training: true }));
    const [a, b] = [first, second].map((attention) => gradientOf(() => one(attention)));
    const both = gradientOf(() => add(one(first), one(second)));
    both.forEach((each, n) => {
      assert.ok(Math.abs(each - a[n] - b[n]) < 1e-12, `${each}, ${a[n]}, ${b[n]}`);
    });
    zeroGrad([E]);
  });
});

test('random tensors are drawn anew when it is time to, as a function of seed and step', () => {
  const settings = { variant: 'performer', options: { numRandomFeatures: 8 }, redrawEvery: 3 };
  const omegaAt = (steps: number[]) => {
    const attention = make(settings);
    for (const step of steps) attention.mixing.redraw(step);
    return attention.mixing.parameters.omega.toArray();
  };
  const first = omegaAt([]);
  assert.equal(omegaAt([0, 1, 2]), first);
  const second = omegaAt([0, 1, 2, 3]);
  assert.not.equal(second, first);
  // A run that is resumed has not seen the steps before.
  assert.equal(omegaAt([5]), second);
  assert.equal(omegaAt([5, 6, 1]), first);
  const never = make({ ...settings, redrawEvery: 0 });
  const before = never.mixing.parameters.omega.toArray();
  never.mixing.redraw(1000);
  assert.equal(never.mixing.parameters.omega.toArray(), before);
});

test('learned parameters are never drawn anew, and memory stays', () => {
  const attention = make({ variant: 'light-conv', options: { kernelWidth: 3, dropConnect: 0.5 } });
  const { W, D } = attention.mixing.parameters;
  const [w, d] = [W.toArray(), D.toArray()];
  const before = memoryStatistics().liveBytes;
  const seen = new Set<string>();
  for (let step = 1; step <= 20; step++) {
    attention.mixing.redraw(step);
    seen.add(String(D.toArray()));
  }
  assert.is(memoryStatistics().liveBytes, before);
  assert.equal(W.toArray(), w);
  assert.ok(seen.size > 5, `${seen.size} different draws, the first ${d}`);
});

test('options for training alone are off in an evaluation', () => {
  const dropping = make({ variant: 'light-conv', options: { kernelWidth: 3, dropConnect: 0.5 } });
  const plain = make({ variant: 'light-conv', options: { kernelWidth: 3 } });
  const x = input(12);
  const [evaluated, expected] = [dropping, plain].map((each) => each.forward(x, { training: false }).toArray());
  assert.equal(evaluated, expected);
  assert.not.equal(dropping.forward(x, { training: true }).toArray(), expected);
});

test('decisions of a first run are taken over by a second', () => {
  const attention = make({ variant: 'reformer', options: { chunkLength: 3, numHashes: 2 } });
  const kept = new Map<string, Tensor>();
  const first = (name: string, decide: () => Tensor) => {
    kept.set(name, decide());
    return kept.get(name) as Tensor;
  };
  const x = input(12);
  const expected = attention.forward(x, { training: true, once: first }).toArray();
  assert.ok(kept.size > 0);
  assert.equal(attention.forward(x, { training: true }).toArray(), expected);
  const again = attention.forward(x, {
    training: true,
    once: (name) => {
      return kept.get(name) as Tensor;
    },
  });
  assert.equal(again.toArray(), expected);
  // Other buckets, other neighbours.
  for (const tensor of kept.values()) elements(tensor).reverse();
  const other = attention.forward(x, { training: true, once: (name) => kept.get(name) as Tensor });
  assert.not.equal(other.toArray(), expected);
});

test('the same seed gives the same parameters, another seed others', () => {
  const bits = (seed: number) =>
    Array.from(make({ variant: 'dynamic-conv' }, {}, seed).tensors(), ([key, each]) => [key, each.toArray()]);
  assert.equal(bits(1), bits(1));
  const [one, other] = [new Map(bits(1) as [string, Float64Array][]), new Map(bits(2) as [string, Float64Array][])];
  for (const [key, values] of one) if (!key.endsWith('bias')) assert.not.equal(values, other.get(key), key);
});

test('what does not fit is refused by name', () => {
  expectThrows(ArgumentError, 'variant', () => make({ variant: 'none' }));
  expectThrows(ArgumentError, 'window', () => make({ variant: 'longformer', options: { window: 3 } }));
  expectThrows(ArgumentError, 'attentionWindow', () =>
    make({ variant: 'longformer', options: { attentionWindow: 0 } }),
  );
  expectThrows(UnsupportedError, 'causal', () => make({ variant: 'linformer' }, { causal: true }));
  expectThrows(ArgumentError, 'redrawEvery', () => make({ variant: 'performer', redrawEvery: -1 }));
  const attention = make({ variant: 'full' });
  expectThrows(ShapeError, 'x', () => attention.forward(input(13), { training: false }));
  expectThrows(ShapeError, 'x', () =>
    attention.forward(randomNormal([2, 5, 7], new Random(1), 'float64'), { training: false }),
  );
  expectThrows(ShapeError, 'keyMask', () => attention.forward(input(5), { training: false, keyMask: maskOf([2], 5) }));
});

test("a variant's parameter with the name of a part of a layer is refused, which would be neither learned nor saved", () => {
  const [full] = allVariants();
  for (const name of ['query', 'output', 'gates']) {
    const own = { ...full, name: `own-${name}`, parameters: () => ({ [name]: randomNormal([2], new Random(1)) }) };
    register(own as unknown as AnyVariant);
    const build = () => new MultiHeadAttention({ variant: own.name }, SMALL, new Random(1)).tensors();
    expectThrows(ArgumentError, 'parameters', () => void build());
  }
});

test.run();
