/** What holds for every optimiser, whatever its formula; and clipping. */
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, zeroGrad } from '../../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../../src/core/errors.ts';
import { memoryStatistics } from '../../../src/core/memory.ts';
import { multiply, scale, square, sum } from '../../../src/core/ops/index.ts';
import { poolReady, setThreads, threadCount } from '../../../src/core/parallel/pool.ts';
import { Random } from '../../../src/core/random.ts';
import { scope } from '../../../src/core/scope.ts';
import { fromArray, ones, randomNormal, type Tensor, zeros } from '../../../src/core/tensor.ts';
import { Adafactor } from '../../../src/training/optimizers/adafactor.ts';
import { AdamW } from '../../../src/training/optimizers/adamw.ts';
import type { Optimizer } from '../../../src/training/optimizers/optimizer.ts';
import { clipScale, gradientNorm } from '../../../src/training/optimizers/optimizer.ts';
import { SGD } from '../../../src/training/optimizers/sgd.ts';
import { hyena } from '../../../src/variants/hyena.ts';
import { mamba } from '../../../src/variants/mamba.ts';
import { forAll } from '../../core/tensors.ts';
import { expectThrows } from '../../laws/laws/expect-throws.ts';

type Parameters = Map<string, Tensor>;

const optimizers: Record<string, (parameters: Parameters) => Optimizer> = {
  SGD: (parameters) => new SGD(parameters),
  'SGD with momentum': (parameters) => new SGD(parameters, { momentum: 0.9, nesterov: true, weightDecay: 0.1 }),
  AdamW: (parameters) => new AdamW(parameters),
  Adafactor: (parameters) => new Adafactor(parameters, { weightDecay: 0.1 }),
};

const SHAPES: Record<string, number[]> = { matrix: [5, 3], vector: [4], scalar: [], heads: [2, 3, 2, 2] };

function drawParameters(seed: number, shapes = SHAPES, dtype: 'float32' | 'float64' = 'float32'): Parameters {
  const random = new Random(seed).split('parameters');
  const entries = Object.entries(shapes).map(([name, shape]): [string, Tensor] => {
    return [name, randomNormal(shape, random.split(name), dtype).withGrad()];
  });
  return new Map(entries);
}

function drawGradients(parameters: Parameters, seed: number, factor = 1): void {
  zeroGrad(parameters.values());
  for (const [name, parameter] of parameters) {
    const gradient = randomNormal(parameter.shape, new Random(seed).split(name), parameter.dtype as 'float32');
    parameter.grad = scale(gradient, factor);
  }
}

const valuesOf = (tensors: Map<string, Tensor>) => Array.from(tensors, ([name, tensor]) => [name, tensor.toArray()]);

for (const [name, make] of Object.entries(optimizers)) {
  test(`${name}: a state that was written and read goes on with the same bits`, () => {
    const whole = drawParameters(1);
    const optimizer = make(whole);
    let written = new Map<string, Tensor>();
    let resumed: Parameters = new Map();
    for (let step = 0; step < 6; step++) {
      if (step === 3) {
        const copies = (tensors: Map<string, Tensor>) =>
          new Map(Array.from(tensors, ([key, each]) => [key, fromArray(each.toArray(), each.shape, each.dtype)]));
        written = copies(optimizer.state());
        resumed = copies(whole);
      }
      drawGradients(whole, step);
      optimizer.step(0.01);
    }
    const other = make(resumed);
    other.load(written);
    for (let step = 3; step < 6; step++) {
      drawGradients(resumed, step);
      other.step(0.01);
    }
    assert.equal(valuesOf(resumed), valuesOf(whole));
    assert.equal(valuesOf(other.state()), valuesOf(optimizer.state()));
    assert.is(other.state().get('step')?.item(), 6);
  });

  test(`${name}: scaling gradients in a step is scaling them before`, () => {
    // A power of two rounds nothing.
    const [before, within] = [drawParameters(2), drawParameters(2)];
    const [first, second] = [make(before), make(within)];
    for (let step = 0; step < 3; step++) {
      drawGradients(before, step, 0.25);
      drawGradients(within, step);
      first.step(0.02);
      second.step(0.02, 0.25);
    }
    assert.equal(valuesOf(within), valuesOf(before));
  });

  test(`${name}: a parameter without a gradient stays, and so does its state`, () => {
    const parameters = drawParameters(3);
    const optimizer = make(parameters);
    drawGradients(parameters, 1);
    optimizer.step(0.1);
    const { matrix } = Object.fromEntries(parameters);
    const [value, state] = [matrix.toArray(), optimizer.state()];
    const stateOfMatrix = () => valuesOf(new Map([...state].filter(([key]) => key.startsWith('matrix.'))));
    const before = stateOfMatrix();
    drawGradients(parameters, 2);
    zeroGrad([matrix]);
    optimizer.step(0.1);
    assert.equal(matrix.toArray(), value);
    assert.equal(stateOfMatrix(), before);
  });

  test(`${name}: several backward passes before a step are one pass of the sum`, () => {
    const [parts, whole] = [drawParameters(4, SHAPES, 'float64'), drawParameters(4, SHAPES, 'float64')];
    const [first, second] = [make(parts), make(whole)];
    const loss = (parameters: Parameters, weight: number) =>
      [...parameters.values()].map((each) => sum(scale(square(each), weight))).reduce((a, b) => multiply(a, b));
    for (let step = 0; step < 2; step++) {
      scope(() => {
        // 1⁴ and 2⁴ as weights of a product of four sums: 1 + 16 = 17, exactly.
        backward(loss(parts, 1));
        backward(loss(parts, 2));
        backward(scale(loss(whole, 1), 17));
      });
      first.step(0.001, 1 / 17);
      second.step(0.001, 1 / 17);
      for (const each of [parts, whole]) zeroGrad(each.values());
    }
    for (const [key, value] of parts) {
      const [one, other] = [value.toArray(), (whole.get(key) as Tensor).toArray()];
      // Sums rounded in another order, in float64.
      one.forEach((entry, n) => {
        assert.ok(
          Math.abs(entry - other[n]) <= 1e-12 * Math.max(1, Math.abs(entry)),
          `${key}: ${entry} and ${other[n]}`,
        );
      });
    }
  });

  test(`${name}: finds the minimum of a bowl`, () => {
    const parameters = new Map([['x', fromArray([3, -2, 1, 5, -4, 0.5], [2, 3]).withGrad()]]);
    const optimizer = make(parameters);
    const lossOf = () => scope(() => sum(square(parameters.get('x') as Tensor)).item());
    const before = lossOf();
    for (let step = 1; step <= 200; step++) {
      scope(() => backward(sum(square(parameters.get('x') as Tensor))));
      // Adam and Adafactor move by the rate, whatever the gradient: it has to shrink for them to come to rest.
      optimizer.step(0.3 / Math.sqrt(step));
      zeroGrad(parameters.values());
    }
    assert.ok(lossOf() < 0.01 * before, `${lossOf()} after ${before}`);
  });

  test(`${name}: a rate of 0 changes no parameter; zero gradients and zero parameters give numbers`, () => {
    const still = drawParameters(5);
    const optimizer = make(still);
    const before = valuesOf(still);
    drawGradients(still, 1);
    optimizer.step(0);
    assert.equal(valuesOf(still), before);
    const parameters = new Map([
      ['a', zeros([3, 2]).withGrad()],
      ['b', zeros([3]).withGrad()],
    ]);
    const another = make(parameters);
    for (let step = 0; step < 3; step++) {
      for (const parameter of parameters.values()) parameter.grad = zeros(parameter.shape);
      another.step(0.1);
    }
    assert.equal(valuesOf(parameters), [
      ['a', new Float32Array(6)],
      ['b', new Float32Array(3)],
    ]);
  });

  test(`${name}: memory is flat, and all that it holds is its state`, () => {
    const parameters = drawParameters(6);
    const empty = memoryStatistics().liveBytes;
    const optimizer = make(parameters);
    const state = [...optimizer.state().values()].reduce((bytes, { block }) => bytes + block.bytes, 0);
    assert.is(memoryStatistics().liveBytes - empty, state);
    drawGradients(parameters, 1);
    const before = memoryStatistics().liveBytes;
    for (let step = 0; step < 50; step++) optimizer.step(0.01);
    assert.is(memoryStatistics().liveBytes, before);
  });

  test(`${name}: 1, 2 and 3 threads give the same bits`, async () => {
    const outer = threadCount();
    const bits = () => {
      const parameters = drawParameters(7, { large: [300, 401], long: [70_001], heads: [3, 90, 81] });
      const optimizer = make(parameters);
      let norm = 0;
      for (let step = 0; step < 2; step++) {
        drawGradients(parameters, step);
        norm = gradientNorm(parameters);
        optimizer.step(0.01, clipScale(norm, 1));
      }
      return [norm, valuesOf(parameters), valuesOf(optimizer.state())];
    };
    try {
      const byThreads = [];
      for (const threads of [1, 2, 3]) {
        setThreads(threads);
        await poolReady();
        byThreads.push(scope(bits));
      }
      assert.equal(byThreads[1], byThreads[0]);
      assert.equal(byThreads[2], byThreads[0]);
    } finally {
      setThreads(outer);
    }
  });

  test(`${name}: a state that does not fit is refused, and nothing of it is taken`, () => {
    const optimizer = make(drawParameters(8));
    const before = valuesOf(optimizer.state());
    const changed = (change: (state: Map<string, Tensor>) => void) => {
      const state = new Map(
        Array.from(optimizer.state(), ([key, each]) => [key, ones(each.shape, each.dtype as 'float32')]),
      );
      change(state);
      return () => optimizer.load(state);
    };
    expectThrows(
      ArgumentError,
      'state',
      changed((state) => state.delete('step')),
    );
    expectThrows(
      ArgumentError,
      'state',
      changed((state) => state.set('other', zeros([1]))),
    );
    expectThrows(
      ShapeError,
      'state',
      changed((state) => state.set('step', zeros([2], 'int32'))),
    );
    expectThrows(
      ArgumentError,
      'state',
      changed((state) => state.set('step', zeros([]))),
    );
    assert.equal(valuesOf(optimizer.state()), before);
  });

  test(`${name}: rates, scales and parameters that cannot be right are refused by name`, () => {
    const parameters = drawParameters(9);
    const optimizer = make(parameters);
    for (const rate of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expectThrows(ArgumentError, 'learningRate', () => optimizer.step(rate));
    }
    expectThrows(ArgumentError, 'gradientScale', () => optimizer.step(1, Number.NaN));
    expectThrows(ArgumentError, 'w', () => make(new Map([['w', zeros([2], 'int32')]])));
    expectThrows(ArgumentError, 'w', () => make(new Map([['w', scale(zeros([2]).withGrad(), 2)]])));
    assert.is(optimizer.state().get('step')?.item(), 0);
  });
}

test('weight decay is for matrices, unless told otherwise', () => {
  for (const make of [
    (parameters: Parameters) => new SGD(parameters, { weightDecay: 0.5 }),
    (parameters: Parameters) => new AdamW(parameters, { weightDecay: 0.5 }),
    (parameters: Parameters) => new Adafactor(parameters, { weightDecay: 0.5 }),
    (parameters: Parameters) => new AdamW(parameters, { weightDecay: 0.5, decays: (name) => name === 'matrix' }),
  ]) {
    const parameters = new Map(
      ['vector', 'matrix'].map((name) => [name, ones(name === 'vector' ? [2] : [2, 2]).withGrad()]),
    );
    for (const parameter of parameters.values()) parameter.grad = zeros(parameter.shape);
    make(parameters).step(0.5);
    assert.equal(valuesOf(parameters), [
      ['vector', Float32Array.of(1, 1)],
      ['matrix', Float32Array.of(0.75, 0.75, 0.75, 0.75)],
    ]);
  }
});

test('weight decay leaves alone what a variant spares, and nothing else of it', () => {
  const shape = { batch: 1, heads: 2, queryLength: 4, keyLength: 4, headDim: 3, dtype: 'float64' } as const;
  const options = { ...hyena.defaults(4), causal: true };
  for (const make of [
    (parameters: Parameters) => new SGD(parameters, { weightDecay: 0.5 }),
    (parameters: Parameters) => new AdamW(parameters, { weightDecay: 0.5 }),
    (parameters: Parameters) => new Adafactor(parameters, { weightDecay: 0.5 }),
  ]) {
    // All of Mamba's are matrices or larger; of Hyena's, the network of filters is spared and the skip is not.
    const own = { ...mamba.parameters({ causal: true }, shape, new Random(1)) };
    const { W1, D: skip } = hyena.parameters(options, shape, new Random(1));
    const parameters = new Map(Object.entries({ ...own, W1, skip }));
    const before = new Map(valuesOf(parameters) as [string, Float64Array][]);
    for (const parameter of parameters.values()) parameter.grad = zeros(parameter.shape, 'float64');
    make(parameters).step(0.5);
    const moved = valuesOf(parameters).filter(([name, values]) => !isDeepStrictEqual(values, before.get(String(name))));
    assert.equal(
      moved.map(([name]) => name),
      ['skip'],
    );
  }
});

test("Adam's first step moves every entry by the rate, against its gradient", () => {
  forAll(fc.nat(), (seed) => {
    const parameters = drawParameters(seed, SHAPES, 'float64');
    const before = new Map(valuesOf(parameters) as [string, Float64Array][]);
    drawGradients(parameters, seed);
    new AdamW(parameters, { weightDecay: 0, epsilon: 0 }).step(0.125);
    for (const [name, parameter] of parameters) {
      const gradient = (parameter.grad as Tensor).toArray();
      parameter.toArray().forEach((value, n) => {
        const expected = (before.get(name) as Float64Array)[n] - 0.125 * Math.sign(gradient[n]);
        assert.ok(Math.abs(value - expected) < 1e-14);
      });
    }
  });
});

test('Adafactor holds a number for each row and column, and updates of one rank are scaled exactly', () => {
  const parameters = new Map([['matrix', randomNormal([20, 30], new Random(1), 'float64').withGrad()]]);
  const optimizer = new Adafactor(parameters, { relativeToParameter: false, clippingThreshold: 10 });
  const numbers = [...optimizer.state()].filter(([name]) => name !== 'step').map(([, { size }]) => size);
  assert.equal(numbers, [20, 30]);
  // G = a bᵀ has G² of rank one: V̂ = G², so U = sign(G).
  const before = parameters.get('matrix')?.toArray() as Float64Array;
  const [a, b] = [randomNormal([20, 1], new Random(2), 'float64'), randomNormal([1, 30], new Random(3), 'float64')];
  const gradient = multiply(a, b);
  (parameters.get('matrix') as Tensor).grad = gradient;
  optimizer.step(0.5);
  const signs = gradient.toArray();
  parameters
    .get('matrix')
    ?.toArray()
    .forEach((value, n) => {
      assert.ok(Math.abs(value - (before[n] - 0.5 * Math.sign(signs[n]))) < 1e-12);
    });
});

test('to Adafactor a parameter is of size ε₂ at least, and of its own size beyond', () => {
  for (const [value, size] of [
    [0, 0.125],
    [-0.5, 0.5],
  ]) {
    const parameter = fromArray([value, value, value], [3], 'float64').withGrad();
    const optimizer = new Adafactor(new Map([['x', parameter]]), { epsilon2: 0.125 });
    parameter.grad = fromArray([1, -2, 3], [3], 'float64');
    optimizer.step(0.25);
    // The first update is the sign of the gradient.
    parameter.toArray().forEach((after, n) => {
      assert.ok(Math.abs(after - value + 0.25 * size * [1, -1, 1][n]) < 1e-14, `${after} from ${value}`);
    });
  }
});

test('the norm is that of all gradients as one vector, and clipping brings it to the maximum', () => {
  forAll(fc.tuple(fc.nat(), fc.double({ min: 0.01, max: 100, noNaN: true })), ([seed, maximum]) => {
    const parameters = drawParameters(seed, { ...SHAPES, long: [9000] }, 'float64');
    assert.is(gradientNorm(parameters), 0);
    drawGradients(parameters, seed);
    zeroGrad([parameters.get('vector') as Tensor]);
    const all = [...parameters.values()].flatMap(({ grad }) => Array.from(grad?.toArray() ?? []));
    const expected = Math.sqrt(all.reduce((total, each) => total + each * each, 0));
    const norm = gradientNorm(parameters);
    // 9000 terms summed in another order.
    assert.ok(Math.abs(norm - expected) < 1e-12 * expected);
    const clipped = norm * clipScale(norm, maximum);
    assert.ok(Math.abs(clipped - Math.min(norm, maximum)) < 1e-12 * norm);
    if (norm <= maximum) assert.is(clipScale(norm, maximum), 1);
  });
  expectThrows(ArgumentError, 'norm', () => clipScale(Number.NaN, 1));
  expectThrows(ArgumentError, 'maximum', () => clipScale(1, 0));
});

test('a gradient that is not a number shows in the norm', () => {
  const parameters = drawParameters(1);
  drawGradients(parameters, 1);
  (parameters.get('vector') as Tensor).grad = fromArray([1, Number.NaN, 0, 0], [4]);
  assert.ok(Number.isNaN(gradientNorm(parameters)));
});

test('invalid settings are refused by name', () => {
  const parameters = drawParameters(1);
  for (const momentum of [-0.1, 1, Number.NaN]) {
    expectThrows(ArgumentError, 'momentum', () => new SGD(parameters, { momentum }));
  }
  for (const beta of [-0.1, 1, Number.NaN]) {
    expectThrows(ArgumentError, 'beta1', () => new AdamW(parameters, { beta1: beta }));
    expectThrows(ArgumentError, 'beta2', () => new AdamW(parameters, { beta2: beta }));
  }
  expectThrows(ArgumentError, 'weightDecay', () => new AdamW(parameters, { weightDecay: -1 }));
  expectThrows(ArgumentError, 'epsilon1', () => new Adafactor(parameters, { epsilon1: 0 }));
  expectThrows(ArgumentError, 'clippingThreshold', () => new Adafactor(parameters, { clippingThreshold: 0 }));
});

test.run();
