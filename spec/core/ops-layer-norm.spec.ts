/** Layer normalisation against plain loops in float64, its laws, and its gradients against central differences. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, noGrad } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { checkGradients } from '../../src/core/gradient-check.ts';
import { layerNorm, scale, shift, transpose } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, fromArray, ones, randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { assertSameBitsOnThreads } from './on-threads.ts';
import {
  assertClose,
  assertSame,
  at,
  denseOf,
  drawn,
  floatTypes,
  forAll,
  leafOf,
  loop,
  shapes,
  tensorOf,
  ULP,
} from './tensors.ts';

/** x of any layout, and a gain and a bias for its columns. */
const cases = fc
  .record({ shape: shapes(1, 4, 9), dtype: floatTypes, epsilon: fc.constantFrom(1e-5, 1e-12, 0.1) })
  .chain(({ shape, dtype, epsilon }) => {
    const column = drawn(shape.slice(-1), fc.constant(dtype));
    return fc.record({
      x: drawn(shape, fc.constant(dtype)),
      gain: column,
      bias: column,
      epsilon: fc.constant(epsilon),
    });
  });

/** (x − μ) / √(σ² + ε) by the definition. */
function standardised(x: Tensor, index: number[], epsilon: number): number {
  const columns = x.shape[x.shape.length - 1];
  const row = Array.from({ length: columns }, (_, c) => at(x, index.with(-1, c)));
  const mean = row.reduce((sum, each) => sum + each, 0) / columns;
  const variance = row.reduce((sum, each) => sum + (each - mean) ** 2, 0) / columns;
  return (at(x, index) - mean) / Math.sqrt(variance + epsilon);
}

test('without a tape, the same bits', () =>
  forAll(cases, ({ x: drawnX, gain: ofGain, bias: ofBias, epsilon }) => {
    const [x, gain, bias] = [drawnX, ofGain, ofBias].map(tensorOf);
    const withTape = layerNorm(x, gain, bias, epsilon).toArray();
    assert.equal(noGrad(() => layerNorm(x, gain, bias, epsilon)).toArray(), withTape);
  }));

test('rows of very large numbers are as any others, in either type', () => {
  for (const [dtype, factor] of [
    ['float32', 2 ** 126],
    ['float64', 2 ** 1020],
  ] as const) {
    const data = [1.5, -1, 0.25, -1.75, 0, 1.25];
    const [gain, bias] = [ones([6], dtype), zeros([6], dtype)];
    const near = layerNorm(fromArray(data, [1, 6], dtype), gain, bias, 1e-300);
    const far = layerNorm(
      fromArray(
        data.map((each) => each * factor),
        [1, 6],
        dtype,
      ),
      gain,
      bias,
      1e-300,
    );
    assertClose(far, denseOf(near), 8 * ULP[dtype]);
  }
});

const last = (index: number[]) => index.slice(-1);

test('g (x − μ) / √(σ² + ε) + b, for any shape, layout and dtype', () => {
  forAll(cases, (drawnCase) => {
    const [x, gain, bias] = [drawnCase.x, drawnCase.gain, drawnCase.bias].map(tensorOf);
    const { epsilon } = drawnCase;
    const result = layerNorm(x, gain, bias, epsilon);
    assert.is(result.dtype, x.dtype);
    const expected = loop(x.shape, (index) => {
      return at(gain, last(index)) * standardised(x, index, epsilon) + at(bias, last(index));
    });
    // A row of one or of equal entries is its own mean but for a rounding, which 1/√ε = 10⁶ magnifies in float64 alone:
    // there 10⁻¹⁶ · 10⁶. Sums are float64; the result is rounded once.
    const tolerance = 4 * ULP[drawnCase.x.dtype] + 1e-9;
    assertClose(result, expected, tolerance, 'result', 1);
  });
});

function momentsOf(x: Tensor, row: number): { mean: number; variance: number } {
  const columns = x.shape[1];
  const entries = Array.from(elements(x).subarray(row * columns, (row + 1) * columns));
  const mean = entries.reduce((sum, each) => sum + each, 0) / columns;
  return { mean, variance: entries.reduce((sum, each) => sum + (each - mean) ** 2, 0) / columns };
}

test('rows have mean 0 and variance 1, however large their mean, and any scale of x gives the same', () => {
  forAll(
    fc.tuple(fc.integer({ min: 2, max: 70 }), fc.nat(), fc.constantFrom(0, 1e3, -1e6)),
    ([columns, seed, offset]) => {
      const x = randomNormal([3, columns], new Random(seed), 'float64');
      // ε is nothing beside a variance, however close two entries are.
      const normal = (of: Tensor) => layerNorm(of, ones([columns], 'float64'), zeros([columns], 'float64'), 1e-100);
      const y = normal(shift(x, offset));
      for (let row = 0; row < 3; row++) {
        const before = momentsOf(x, row);
        const { mean, variance } = momentsOf(y, row);
        // Adding an offset rounds x to as much as it is itself rounded; a small deviation magnifies that.
        const tolerance = (16 * ULP.float64 * (Math.abs(offset) + columns)) / Math.sqrt(before.variance) + 1e-12;
        assert.ok(Math.abs(mean) < tolerance, `mean ${mean}`);
        assert.ok(Math.abs(variance - 1) < 2 * tolerance, `variance ${variance}`);
      }
      assertClose(normal(scale(x, 1000)), denseOf(normal(x)), 1e-9, 'scaled', 1);
    },
    50,
  );
});

test('a row without variance becomes the bias', () => {
  const bias = randomNormal([5], new Random(1));
  const y = layerNorm(scale(ones([2, 5]), 7), ones([5]), bias);
  assertSame(
    y,
    loop([2, 5], ([, c]) => at(bias, [c])),
  );
});

test('gradients of x, gain and bias, and through a strided view', () => {
  forAll(
    fc.tuple(shapes(1, 3, 8), fc.nat()),
    ([shape, seed]) => {
      const columns = shape.slice(-1);
      // With ε = 0.1 a row of nearly equal entries is not steeper than a difference quotient can follow.
      const inputs = [leafOf(shape, seed), leafOf(columns, seed + 1), leafOf(columns, seed + 2)];
      checkGradients((x, gain, bias) => layerNorm(x, gain, bias, 0.1), inputs, { seed });
    },
    40,
  );
  checkGradients(
    (x, gain, bias) => layerNorm(transpose(x), gain, bias),
    [leafOf([4, 3], 1), leafOf([4], 2), leafOf([4], 3)],
  );
});

test('the gradients of gain and bias are sums over all rows, on, before and after every cut', () => {
  for (const rows of [1, 63, 64, 65, 128, 200]) {
    scope(() => {
      const random = new Random(rows);
      const x = randomNormal([rows, 3], random.split('x'), 'float64');
      const g = randomNormal([rows, 3], random.split('g'), 'float64');
      const gain = ones([3], 'float64').withGrad();
      const bias = zeros([3], 'float64').withGrad();
      backward(layerNorm(x, gain, bias), g);
      const sumOver = (term: (index: number[]) => number) =>
        loop([3], ([c]) => Array.from({ length: rows }, (_, row) => term([row, c])).reduce((a, b) => a + b, 0));
      // 200 terms, summed in another order.
      const expected = sumOver((index) => at(g, index) * standardised(x, index, 1e-5));
      assertClose(gain.grad as Tensor, expected, 1e-12, `gain, ${rows} rows`, 1);
      assertClose(
        bias.grad as Tensor,
        sumOver((index) => at(g, index)),
        1e-12,
        `bias, ${rows} rows`,
        1,
      );
    });
  }
});

test('only what is asked for gets a gradient', () => {
  const [x, gain, bias] = [zeros([2, 3]), ones([3]), zeros([3]).withGrad()];
  backward(layerNorm(x, gain, bias));
  assert.is(x.grad, null);
  assert.is(gain.grad, null);
  assertSame(bias.grad as Tensor, { shape: [3], data: [2, 2, 2] });
});

test('1, 2 and 3 threads give the same bits, forward and backward', async () => {
  const bits = () =>
    scope(() => {
      const leaf = (shape: number[], name: string) => randomNormal(shape, new Random(3).split(name)).withGrad();
      const inputs = [leaf([7, 111, 72], 'x'), leaf([72], 'gain'), leaf([72], 'bias')];
      const [x, gain, bias] = inputs;
      const result = layerNorm(x, gain, bias);
      backward(result, randomNormal(x.shape, new Random(4)));
      return [result, ...inputs.map(({ grad }) => grad as Tensor)].map((each) => each.toArray());
    });
  await assertSameBitsOnThreads(bits);
});

test('invalid arguments are refused by name', () => {
  const [x, gain, bias] = [zeros([2, 3]), ones([3]), zeros([3])];
  expectThrows(ShapeError, 'x', () => layerNorm(zeros([]), gain, bias));
  expectThrows(ArgumentError, 'x', () => layerNorm(zeros([2], 'int32'), gain, bias));
  expectThrows(ShapeError, 'gain', () => layerNorm(x, ones([2]), bias));
  expectThrows(ShapeError, 'bias', () => layerNorm(x, gain, zeros([1, 3])));
  expectThrows(ArgumentError, 'bias', () => layerNorm(x, gain, zeros([3], 'float64')));
  for (const epsilon of [0, -1, Number.NaN]) {
    expectThrows(ArgumentError, 'epsilon', () => layerNorm(x, gain, bias, epsilon));
  }
});

test('a gradient that is wanted alone has the bits that it has beside the others', () => {
  forAll(
    fc.record({
      rows: fc.constantFrom(1, 5, 64, 65, 130),
      columns: fc.integer({ min: 1, max: 40 }),
      norm: fc.constantFrom(1e-3, 1, 100),
      dtype: floatTypes,
      seed: fc.nat(),
    }),
    ({ rows, columns, norm, dtype, seed }) => {
      const random = new Random(seed);
      const draw = (name: string, shape: number[]) => randomNormal(shape, random.split(name), dtype);
      const gradientsOf = (wanted: readonly string[]) =>
        scope(() => {
          const x = scale(draw('x', [rows, columns]), norm);
          const leaves = { x, gain: draw('gain', [columns]), bias: draw('bias', [columns]) };
          for (const [name, leaf] of Object.entries(leaves)) if (wanted.includes(name)) leaf.withGrad();
          backward(layerNorm(leaves.x, leaves.gain, leaves.bias), draw('gradient', [rows, columns]));
          return Object.values(leaves).map(({ grad }) => grad?.toArray());
        });
      const together = gradientsOf(['x', 'gain', 'bias']);
      for (const [n, name] of ['x', 'gain', 'bias'].entries()) assert.equal(gradientsOf([name])[n], together[n], name);
    },
    40,
  );
});

test.run();
