/** What a variant declares around its attention: convolution, norm and gate against plain loops, and in pieces. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { noGrad } from '../../src/core/autograd.ts';
import { ArgumentError } from '../../src/core/errors.ts';
import { checkGradients } from '../../src/core/gradient-check.ts';
import { reshape, slice, transpose } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { elements, fromArray, randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { MultiHeadAttention } from '../../src/training/attention.ts';
import { beforeAttention, convolved, finished, rootMeanSquareNorm, silu } from '../../src/training/attention-parts.ts';
import { linear } from '../../src/training/linear.ts';
import type { AttentionPlace } from '../../src/training/mixing.ts';
import { build } from '../../src/training/module.ts';
import { allVariants } from '../../src/variants/registry.ts';
import { copyState } from '../../src/variants/state.ts';
import { assertClose, denseOf } from '../core/tensors.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { maskOf, stir } from './modules.ts';

const normal = (shape: number[], seed: number, name = 'x') =>
  randomNormal(shape, new Random(seed).split(name), 'float64');

const convolutions = fc.record({
  taps: fc.integer({ min: 2, max: 5 }),
  length: fc.integer({ min: 1, max: 12 }),
  cut: fc.integer({ min: 0, max: 12 }),
  seed: fc.nat(),
});

test('a convolution is the sum over the last tokens, and pieces of any lengths give the rows of the whole', () => {
  fc.assert(
    fc.property(convolutions, ({ taps: count, length, cut, seed }) => {
      const [x, taps] = [normal([2, 2, length, 3], seed), normal([count, 2, 1, 3], seed, 'taps')];
      const expected = new Float64Array(x.size);
      const [from, w] = [elements(x), elements(taps)];
      for (let n = 0; n < x.size; n++) {
        const [c, t, h] = [n % 3, Math.floor(n / 3) % length, Math.floor(n / 3 / length) % 2];
        for (let j = 0; j < count; j++) {
          const back = count - 1 - j;
          if (t >= back) expected[n] += w[(j * 2 + h) * 3 + c] * from[n - 3 * back];
        }
      }
      assertClose(convolved(x, taps, undefined).rows, { shape: x.shape, data: expected }, 1e-12);
      if (cut === 0 || cut >= length) return;
      const first = convolved(slice(x, 2, 0, cut), taps, undefined);
      const second = convolved(slice(x, 2, cut, length), taps, first.last);
      const rest = slice(fromArray(expected, x.shape, 'float64'), 2, cut, length);
      assertClose(second.rows, { shape: rest.shape, data: rest.toArray() as Float64Array }, 1e-12);
    }),
  );
});

test('a norm makes the mean square 1, of a head or of all heads, and gates multiply before or after it', () => {
  const [x, gain] = [normal([1, 2, 3, 4], 1), fromArray(new Array(8).fill(1), [2, 1, 4], 'float64')];
  const squares = (rows: Tensor, token: number, heads: number[]) => {
    const all = heads.flatMap((h) => Array.from({ length: 4 }, (_, c) => rows.array.get(0, h, token, c) ** 2));
    return all.reduce((sum, each) => sum + each, 0) / all.length;
  };
  for (let t = 0; t < 3; t++) {
    for (const h of [0, 1]) assert.ok(Math.abs(squares(rootMeanSquareNorm(x, gain, 'head'), t, [h]) - 1) < 1e-3);
    assert.ok(Math.abs(squares(rootMeanSquareNorm(x, gain, 'layer'), t, [0, 1]) - 1) < 1e-3);
  }
  const parameters = {
    outputNorm: { gain },
    outputGate: { weight: normal([5, 8], 2), bias: normal([8], 3) },
  };
  const tokens = normal([1, 3, 5], 4);
  const split = (rows: Tensor) => fromArray(rows.toArray(), [1, 2, 3, 4], 'float64');
  for (const first of [false, true]) {
    const gate = { activation: 'silu', first } as const;
    const output = finished(x, tokens, { outputNorm: 'head', outputGate: gate }, parameters, split);
    const isNormed = Math.abs(squares(output, 1, [0]) - 1) < 1e-3;
    assert.is(isNormed, first, 'a gate that comes first is normalised with the rest');
  }
  const leaves = [x, gain, parameters.outputGate.weight, tokens];
  for (const leaf of leaves) leaf.withGrad();
  checkGradients(() => silu(rootMeanSquareNorm(x, gain, 'layer')), [x, gain]);
});

const sigmoidOf = (x: number) => 1 / (1 + Math.exp(-x));

test('inputs go through the activations that are declared for them, after the convolution', () => {
  const [x, taps] = [normal([1, 2, 3, 4], 1), normal([2, 2, 1, 4], 2)];
  const parts = { shortConvolution: 2, silu: ['values'], sigmoid: ['queries'] } as const;
  const { part } = beforeAttention(parts, { convolution: { queries: taps, values: taps } }, undefined, {});
  const mixed = convolved(x, taps, undefined).rows.toArray() as Float64Array;
  assertClose(part('queries', x), { shape: x.shape, data: mixed.map(sigmoidOf) }, 1e-14);
  assertClose(part('values', x), { shape: x.shape, data: mixed.map((each) => each * sigmoidOf(each)) }, 1e-14);
  assert.equal([...part('keys', x).toArray()], [...x.toArray()]);
});

test('a gate multiplies outputs by the activation of its projection', () => {
  const [x, tokens] = [normal([1, 2, 3, 4], 1), normal([1, 3, 5], 4)];
  const outputGate = { weight: normal([5, 8], 2), bias: normal([8], 3) };
  const split = (rows: Tensor) => fromArray(rows.toArray(), [1, 2, 3, 4], 'float64');
  const projected = split(linear(tokens, outputGate)).toArray() as Float64Array;
  const activations = { none: (g: number) => g, sigmoid: sigmoidOf, silu: (g: number) => g * sigmoidOf(g) };
  for (const [name, activation] of Object.entries(activations)) {
    const parts = { outputGate: { activation: name as keyof typeof activations } };
    const data = (x.toArray() as Float64Array).map((each, n) => each * activation(projected[n]));
    assertClose(finished(x, tokens, parts, { outputGate }, split), { shape: x.shape, data }, 1e-14);
  }
});

const SMALL: AttentionPlace = {
  ...{ modelDim: 6, heads: 2, headDim: 4, length: 12, causal: true, rotary: false, dtype: 'float64' },
};
const withParts = allVariants().filter(({ layer }) => layer !== undefined);

test('variants of the library declare parts', () => {
  assert.ok(withParts.some(({ layer }) => layer?.shortConvolution === 4 && layer.outputGate?.activation === 'silu'));
});

test('a SiLU gate lets the outputs of every token pass at first', () => {
  const tried: string[] = [];
  for (const { name, layer } of withParts) {
    if (layer?.outputGate?.activation !== 'silu') continue;
    tried.push(name);
    const { parts } = build(() => new MultiHeadAttention({ variant: name }, SMALL, new Random(1)));
    const [heads, x] = [normal([2, 2, 9, 4], 6), normal([2, 9, 6], 5)];
    const split = (rows: Tensor) => transpose(reshape(rows, [2, 9, 2, 4]), [0, 2, 1, 3]);
    const { outputGate: _, ...ungated } = layer;
    const expected = finished(heads, x, ungated, parts, split);
    // SiLU of the bias with its five digits is 1 to 4e-5.
    assertClose(finished(heads, x, layer, parts, split), denseOf(expected), 1e-4, name);
  }
  assert.ok(
    ['gated-deltanet', 'gla', 'mamba', 'mamba2', 'retnet'].every((name) => tried.includes(name)),
    tried.join(),
  );
});

for (const { name, layer } of withParts) {
  const attention = build(() => new MultiHeadAttention({ variant: name }, SMALL, new Random(1)));
  stir(attention.tensors(), 4);
  const x = normal([2, 9, 6], 5);

  test(`${name}: a layer has the tensors of its parts, and nothing that padding holds reaches a token`, () => {
    const names = [...attention.tensors().keys()];
    assert.is(
      names.some((each) => each.startsWith('convolution.values')),
      layer?.shortConvolution !== undefined,
    );
    assert.is(names.includes('outputNorm.gain'), layer?.outputNorm !== undefined);
    assert.is(names.includes('outputGate.weight'), layer?.outputGate !== undefined);
    const mask = maskOf([5, 7], 9);
    const rows = (padding: number) => {
      const numbers = x.toArray();
      for (let n = 0; n < numbers.length; n++) {
        const [b, t] = [Math.floor(n / 54), Math.floor(n / 6) % 9];
        if (t >= [5, 7][b]) numbers[n] = padding;
      }
      const given = fromArray(numbers, x.shape, 'float64');
      const output = noGrad(() => attention.forward(given, { training: false, keyMask: mask })).toArray();
      return [...output].filter((_, n) => Math.floor(n / 6) % 9 < [5, 7][Math.floor(n / 54)]);
    };
    assert.equal(rows(0), rows(3));
  });

  test(`${name}: without its parts a layer has none of their tensors, keeps no rows, and its steps are its run`, () => {
    const bare = build(() => new MultiHeadAttention({ variant: name, layerParts: false }, SMALL, new Random(1)));
    stir(bare.tensors(), 4);
    for (const each of bare.tensors().keys()) assert.not.match(each, /^(convolution|outputNorm|outputGate)/);
    const whole = noGrad(() => bare.forward(x, { training: false })).toArray();
    const steps = bare.startSteps(2);
    const stepped = [slice(x, 1, 0, 4), slice(x, 1, 4, 9)].map((rows) => steps.step(rows).toArray());
    for (const [b, n] of [
      [0, 0],
      [1, 5],
    ]) {
      const [piece, row] = n < 4 ? [stepped[0], b * 4 + n] : [stepped[1], b * 5 + n - 4];
      for (let c = 0; c < 6; c++) assert.ok(Math.abs(piece[row * 6 + c] - whole[(b * 9 + n) * 6 + c]) < 1e-12);
    }
    assert.not.ok(Object.keys(steps.state()?.tensors ?? {}).some((each) => each.startsWith('layer.')));
    steps.end();
  });

  test(`${name}: a copy of the state continues as the run itself, and one without the convolution's rows is refused`, () => {
    const piece = (begin: number, end: number) => slice(x, 1, begin, end);
    const steps = attention.startSteps(2);
    steps.step(piece(0, 4));
    const state = copyState(steps.state() as NonNullable<ReturnType<typeof steps.state>>);
    const expected = steps.step(piece(4, 6));
    const other = attention.startSteps(2, state);
    assert.equal([...other.step(piece(4, 6)).toArray()], [...expected.toArray()]);
    steps.end();
    other.end();
    if (layer?.shortConvolution === undefined) return;
    const { 'layer.values': _, ...tensors } = state.tensors;
    expectThrows(ArgumentError, 'state.layer.values', () => attention.startSteps(2, { ...state, tensors }));
  });
}

test.run();
