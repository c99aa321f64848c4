/**
 * The WebAssembly loops over rows, updates and strided blocks against the plain ones that define them. Skipped, and said
 * so, where this engine has no WebAssembly vectors.
 */

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { backward } from '../../src/core/autograd.ts';
import { featureDeltasKernel } from '../../src/core/kernels/feature-attention.ts';
import { chooseKernelSet, kernelSet, type VectorKernels, vectorKernels } from '../../src/core/kernels/simd.ts';
import { allocate } from '../../src/core/memory.ts';
import * as ops from '../../src/core/ops/index.ts';
import { rotate } from '../../src/core/ops/rotate.ts';
import { parallelFor, setKernels, setThreads } from '../../src/core/parallel/pool.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, fromArray, randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { Adafactor } from '../../src/training/optimizers/adafactor.ts';
import { AdamW } from '../../src/training/optimizers/adamw.ts';
import type { Optimizer } from '../../src/training/optimizers/optimizer.ts';
import { sumOfSquares } from '../../src/training/optimizers/optimizer.ts';
import { SGD } from '../../src/training/optimizers/sgd.ts';
import { effort } from '../laws/effort.ts';

const test = suite('vector kernels over rows');
const usual = kernelSet();
if (usual === 'plain') console.log('No vector kernels here: their twins are not compared.');
const compared = usual === 'simd' ? test : test.skip;

test.after(() => setKernels(usual));

const SETS = ['plain', 'simd'] as const;
/** Less than a vector, not a multiple of one, primes, and more than a block of columns. */
const extent = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(1, 2, 3, 5, 7, 8, 31, 64, 67, 130));

const fast = (): VectorKernels => vectorKernels() ?? assert.unreachable('no vector kernels') ?? (null as never);

const heap = (values: ArrayLike<number>): Float32Array => {
  const array = allocate('float32', Math.max(1, values.length)) as Float32Array;
  array.set(values);
  return array;
};

type Op = (...inputs: Tensor[]) => Tensor;

/** The output and the gradients of all inputs, weighted by fixed random numbers. */
function evaluate(f: Op, inputs: readonly Tensor[], withGradients: boolean): number[][] {
  return scope(() => {
    const leaves = inputs.map((input) => fromArray(elements(input), input.shape).withGrad());
    const result = f(...leaves);
    const output = [...result.toArray()];
    if (!withGradients) return [output];
    backward(result, randomNormal(result.shape, new Random(7)));
    return [output, ...leaves.map(({ grad }) => (grad === null ? [] : [...grad.toArray()]))];
  });
}

function inBothSets(f: Op, inputs: readonly Tensor[], withGradients = true): number[][][] {
  return SETS.map((set) => {
    chooseKernelSet(set);
    return evaluate(f, inputs, withGradients);
  });
}

interface Case {
  name: string;
  f: Op;
  shapes: (n: number, m: number) => number[][];
  /** To the last bit; else within rounding. */
  exact?: boolean;
  differentiable?: boolean;
}

/** Far enough apart along rows, and from 0, that their length and deviation, which are divided by, are about 1 or more. */
function spread(x: Tensor): Tensor {
  const columns = x.shape[x.shape.length - 1];
  const places = Float32Array.from({ length: columns }, (_, column) => (column % 2 === 0 ? 4 : -4));
  return ops.add(x, fromArray(places, [columns]));
}

const pair = (n: number, m: number): number[][] => [[n, m]];
const cube = (n: number, m: number): number[][] => [[2, n, m]];

const CASES: Case[] = [
  { name: 'layerNorm', f: (x, g, b) => ops.layerNorm(spread(x), g, b), shapes: (n, m) => [[n, m], [m], [m]] },
  { name: 'sum along columns', f: (x) => ops.sum(x, 1), shapes: cube, exact: true },
  { name: 'sum along rows', f: (x) => ops.sum(x, 2), shapes: cube },
  { name: 'mean of everything', f: (x) => ops.mean(x), shapes: cube },
  { name: 'max along rows', f: (x) => ops.max(x, 1), shapes: pair, exact: true, differentiable: false },
  { name: 'logSumExp along rows', f: (x) => ops.logSumExp(x, 1), shapes: pair },
  { name: 'logSumExp along columns', f: (x) => ops.logSumExp(x, 0), shapes: pair },
  { name: 'softmax', f: (x) => ops.softmax(x), shapes: pair },
  { name: 'normalizeRows', f: (x) => ops.normalizeRows(spread(x)), shapes: pair },
  { name: 'gelu', f: (x) => ops.gelu(ops.scale(x, 4)), shapes: pair },
  {
    name: 'crossEntropy',
    f: (x) => {
      const [rows, classes] = x.shape;
      const targets = Int32Array.from({ length: rows }, (_, row) => (row % 5 === 4 ? -7 : (row * 3) % classes));
      return ops.crossEntropy(x, fromArray(targets, [rows], 'int32'), { ignoreIndex: -7, reduction: 'sum' });
    },
    shapes: pair,
  },
  {
    name: 'a copy with axes changed',
    f: (x) => ops.contiguous(ops.transpose(x, [0, 2, 1, 3])),
    shapes: heads,
    exact: true,
  },
  { name: 'a copy transposed', f: (x) => ops.contiguous(ops.transpose(x)), shapes: cube, exact: true },
  {
    // The plain loop rounds once.
    name: 'rotate, heads side by side',
    f: (x) => {
      const [, length, , width] = x.shape;
      const table = (seed: number) => randomNormal([length, Math.floor(width / 2)], new Random(seed));
      return rotate(ops.transpose(x, [0, 2, 1, 3]), table(1), table(2));
    },
    shapes: (n, m) => [[2, n, 3, m + 1]],
  },
  {
    name: 'concat',
    f: (x, y) => ops.concat([x, y], 2),
    shapes: (n, m) => [
      [2, n, m],
      [2, n, 3],
    ],
    exact: true,
  },
  { name: 'slice', f: (x) => ops.add(ops.slice(x, 2, 0, 1), ops.slice(x, 1, 0, 1)), shapes: cube },
  {
    name: 'add, a row to each',
    f: ops.add,
    shapes: (n, m) => [
      [3, n, m],
      [3, 1, m],
    ],
  },
  {
    name: 'subtract, a column from each',
    f: ops.subtract,
    shapes: (n, m) => [
      [3, n, m],
      [n, 1],
    ],
  },
  {
    name: 'multiply, rows by columns',
    f: ops.multiply,
    shapes: (n, m) => [
      [n, 1],
      [1, m],
    ],
  },
  {
    name: 'divide, of transposed',
    f: (x, y) => ops.divide(ops.transpose(x), ops.shift(ops.square(y), 1)),
    shapes: (n, m) => [
      [2, m, n],
      [2, n, 1],
    ],
  },
];

function heads(n: number, m: number): number[][] {
  return [[2, n, 3, m]];
}

for (const { name, f, shapes, exact = false, differentiable = true } of CASES) {
  compared(`${name}: agrees with the plain kernels`, () => {
    fc.assert(
      fc.property(extent, extent, fc.nat(), (n, m, seed) => {
        const random = new Random(seed);
        const inputs = shapes(n, m).map((shape, index) => randomNormal(shape, random.split(`input ${index}`)));
        const [plain, vector] = inBothSets(f, inputs, differentiable);
        if (exact) return assert.equal(vector, plain);
        plain.forEach((values, which) => {
          const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
          values.forEach((value, at) => {
            // A dozen roundings of terms up to 40 times the largest result, and sums in float32 over at most 64 rows.
            const close = Math.abs(vector[which][at] - value) <= 1e-5 * largest;
            assert.ok(close, `${which === 0 ? 'output' : `gradient ${which - 1}`}: ${vector[which][at]}, ${value}`);
          });
        });
      }),
      effort(20),
    );
  });
}

compared('layerNorm of rows far from 0 is as exact as of rows near it', () => {
  fc.assert(
    fc.property(extent, extent, fc.constantFrom(1e3, -3e4, 1e6), fc.nat(), (n, m, centre, seed) => {
      const x = ops.shift(randomNormal([n, m + 1], new Random(seed)), centre);
      const [gain, bias] = [
        fromArray(new Float32Array(m + 1).fill(1), [m + 1]),
        fromArray(new Float32Array(m + 1), [m + 1]),
      ];
      const [[plain], [vector]] = inBothSets(
        (...each) => ops.layerNorm(each[0], each[1], each[2]),
        [x, gain, bias],
        false,
      );
      plain.forEach((value, at) => {
        // Four roundings of what is left of x after its mean, none of x itself: that would be an error of 0.06 at 10⁶.
        assert.ok(Math.abs(vector[at] - value) <= 1e-6 * Math.max(1, Math.abs(value)), `${vector[at]}, ${value}`);
      });
    }),
    effort(20),
  );
});

compared('gelu keeps its digits where 1 + tanh would cancel', () => {
  const points = Array.from({ length: 4001 }, (_, n) => -6 + n / 400);
  const x = heap(points);
  chooseKernelSet('simd');
  const y = elements(ops.gelu(fromArray(x, [points.length])));
  points.forEach((_, n) => {
    const v = Math.sqrt(2 / Math.PI) * (x[n] + 0.044715 * x[n] ** 3);
    const expected = x[n] / (1 + Math.exp(-2 * v));
    // 2v is up to 25 there and rounded thrice, which e^2v turns into as many relative errors: 25 · 3 · 2⁻²⁴.
    const bound = 3 * 2 ** -24 * (4 + 2 * Math.abs(v)) * Math.abs(expected);
    assert.ok(Math.abs(y[n] - expected) <= bound, `gelu(${x[n]}) = ${y[n]}, expected ${expected}`);
  });
});

compared('largest entries, their sums of exponentials and cross entropies pass on NaN and infinities', () => {
  const { NaN: nan, POSITIVE_INFINITY: infinity, NEGATIVE_INFINITY: minus } = Number;
  const special = fc.constantFrom(nan, infinity, minus, 0, -0, 1, 3e38, -3e38, 1e-45);
  fc.assert(
    fc.property(fc.array(special, { minLength: 1, maxLength: 19 }), (values) => {
      const x = fromArray(values, [1, values.length]);
      const targets = fromArray([0], [1], 'int32');
      for (const f of [(a) => ops.max(a, 1), (a) => ops.logSumExp(a, 1), (a) => ops.crossEntropy(a, targets)] as Op[]) {
        const [[[plain]], [[vector]]] = inBothSets(f, [x], false);
        // One rounding at this size.
        const close = Object.is(plain, vector) || Math.abs(plain - vector) <= 2 ** -23 * Math.abs(plain);
        assert.ok(close || plain === vector, `[${values}]: ${vector}, ${plain}`);
      }
    }),
    effort(300),
  );
});

compared('a run of none has no largest entry and sums that are 0', () => {
  const x = heap([5]);
  assert.is(fast().largestOfRun(x.byteOffset, 0), Number.NEGATIVE_INFINITY);
  assert.is(fast().sumOfExponentials(x.byteOffset, 0, 0), 0);
  assert.is(fast().sumOfSquares(x.byteOffset, 0), 0);
});

const OPTIMIZERS: Record<string, (parameters: ReadonlyMap<string, Tensor>) => Optimizer> = {
  AdamW: (parameters) => new AdamW(parameters, { weightDecay: 0.1 }),
  SGD: (parameters) => new SGD(parameters),
  'SGD with momentum': (parameters) => new SGD(parameters, { momentum: 0.9, weightDecay: 0.1 }),
  "SGD with Nesterov's momentum": (parameters) => new SGD(parameters, { momentum: 0.9, nesterov: true }),
};

/** A parameter after three steps on gradients that are drawn anew. */
function stepped(make: (typeof OPTIMIZERS)[string], shape: readonly number[], seed: number): number[] {
  const random = new Random(seed);
  const parameter = randomNormal(shape, random.split('parameter')).withGrad();
  const optimizer = make(new Map([['parameter', parameter]]));
  for (let step = 0; step < 3; step++) {
    parameter.grad = randomNormal(shape, random.split(`gradient ${step}`));
    optimizer.step(0.01, 0.7);
  }
  return [...parameter.toArray(), ...[...optimizer.state().values()].flatMap((state) => [...state.toArray()])];
}

for (const [name, make] of Object.entries(OPTIMIZERS)) {
  compared(`${name} moves parameters to the bits of the plain kernel`, () => {
    fc.assert(
      fc.property(extent, extent, fc.nat(), (n, m, seed) => {
        const [plain, vector] = SETS.map((set) => {
          chooseKernelSet(set);
          return stepped(make, [n, m], seed);
        });
        assert.equal(vector, plain);
      }),
      effort(20),
    );
  });
}

compared('Adafactor moves parameters as the plain kernel, up to a sum in another order', () => {
  fc.assert(
    fc.property(extent, extent, fc.nat(), (n, m, seed) => {
      const [plain, vector] = SETS.map((set) => {
        chooseKernelSet(set);
        return stepped((parameters) => new Adafactor(parameters, { weightDecay: 0.1 }), [2, n, m], seed);
      });
      plain.forEach((value, at) => {
        // Float64 sums differ far below a float32: what is stored is rounded to a neighbour at most, three times.
        assert.ok(Math.abs(vector[at] - value) <= 3 * 2 ** -23 * Math.abs(value), `${vector[at]}, ${value}`);
      });
    }),
    effort(20),
  );
});

compared('a sum of squares is the plain one, up to the order of float64 sums', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9000 }), fc.nat(), (count, seed) => {
      const x = randomNormal([count], new Random(seed));
      const [plain, vector] = SETS.map((set) => {
        chooseKernelSet(set);
        return sumOfSquares(x);
      });
      assert.ok(Math.abs(vector - plain) <= count * 2 ** -53 * plain, `${vector}, ${plain}`);
    }),
    effort(30),
  );
});

compared('dropout gives the bits of the plain kernel', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3000 }),
      fc.double({ min: 0.01, max: 0.99, noNaN: true }),
      fc.nat(),
      (n, rate, seed) => {
        const x = randomNormal([n], new Random(seed));
        const [[plain], [vector]] = inBothSets((each) => ops.dropout(each, rate, new Random(seed)), [x], false);
        assert.equal(vector, plain);
      },
    ),
    effort(30),
  );
});

compared('the nearest of directions is the first of equal ones, with any number of them', () => {
  const smallInteger = fc.integer({ min: -2, max: 2 });
  fc.assert(
    fc.property(
      extent,
      fc.integer({ min: 1, max: 150 }),
      fc.array(smallInteger, { minLength: 7, maxLength: 99 }),
      (n, count, pool) => {
        // Products of small integers are exact, and many of them are equal.
        const drawn = (size: number, step: number) =>
          Float32Array.from({ length: size }, (_, at) => pool[(at * step) % pool.length]);
        const x = fromArray(drawn(2 * n * 3, 1), [1, 2, n, 3]);
        const directions = fromArray(drawn(2 * 3 * count, 5), [2, 1, 3, count]);
        const [plain, vector] = SETS.map((set) => {
          chooseKernelSet(set);
          return [...ops.directionHash(x, directions).toArray()];
        });
        assert.equal(vector, plain);
      },
    ),
    effort(60),
  );
});

compared('what queries write back is what the plain kernel says, with rows that are not there', () => {
  fc.assert(
    fc.property(extent, extent, fc.nat(), (rows, n, seed) => {
      const random = new Random(seed);
      const draw = (size: number) => heap(randomNormal([size], random.split(`${size}`)).toArray());
      const [output, gradient, ofLogSum] = [draw(rows * n), draw(rows * n).slice(), draw(rows)];
      const doubles = () => allocate('float64', rows) as Float64Array;
      const logSum = doubles();
      for (let row = 0; row < rows; row++) {
        const kind = random.integer(4);
        logSum[row] = kind === 0 ? Number.NEGATIVE_INFINITY : 100 * random.normal();
        // Nothing depends on some, and on some only by one number, or by one that is none.
        if (kind > 1) ofLogSum[row] = 0;
        if (kind > 1) gradient.fill(0, row * n, (row + 1) * n);
        if (kind === 3) gradient[row * n + random.integer(n)] = random.integer(2) === 0 ? 1 : Number.NaN;
      }
      const [plain, vector] = SETS.map((set) => {
        chooseKernelSet(set);
        const results = { shifts: doubles(), weights: draw(rows) };
        const arrays = { output, logSum, gradient: heap(gradient), logSumGradient: ofLogSum, ...results };
        parallelFor(featureDeltasKernel, rows, arrays, { n }, { costPerItem: 1 });
        return results;
      });
      assert.equal([...vector.shifts], [...plain.shifts]);
      for (const [row, weight] of vector.weights.entries()) {
        if (Object.is(weight, plain.weights[row])) continue;
        // Sums of n products in float64, in another order.
        assert.ok(Math.abs(weight - plain.weights[row]) <= 2 ** -23 * Math.abs(plain.weights[row]) + n * 2 ** -50);
      }
    }),
    effort(100),
  );
});

compared('one number that is not finite is found wherever it stands, and no other', () => {
  fc.assert(
    fc.property(extent, fc.nat(), fc.constantFrom(Number.NaN, Infinity, -Infinity), (count, place, number) => {
      const x = heap(new Float32Array(count).fill(-3.4e38));
      assert.ok(fast().allFinite(x.byteOffset, count));
      x[place % count] = number;
      assert.not(fast().allFinite(x.byteOffset, count));
    }),
    effort(100),
  );
});

// One thread: what is compared are the loops, and `chooseKernelSet` is this thread's choice alone.
setThreads(1);
test.run();
