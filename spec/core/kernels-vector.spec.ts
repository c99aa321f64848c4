/**
 * The WebAssembly loops against the plain ones that define them. Skipped, and said so, where this engine has no
 * WebAssembly vectors: there the plain loops are all that runs.
 */

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { backward } from '../../src/core/autograd.ts';
import { normalDistribution } from '../../src/core/kernels/normal-distribution.ts';
import { chooseKernelSet, kernelSet, type VectorKernels, vectorKernels } from '../../src/core/kernels/simd.ts';
import { block, multiplyTile } from '../../src/core/kernels/tile.ts';
import { allocate } from '../../src/core/memory.ts';
import * as ops from '../../src/core/ops/index.ts';
import { setKernels, setThreads, threadCount } from '../../src/core/parallel/pool.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, fromArray, randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { effort } from '../laws/effort.ts';
import { sortedSet } from './attention-written-out.ts';

const test = suite('vector kernels');
const usual = kernelSet();
if (usual === 'plain') console.log('No vector kernels here: their twins are not compared.');
const compared = usual === 'simd' ? test : test.skip;

test.after(() => setKernels(usual));

/** Float32 has 24 bits: half a unit in the last place, relative. */
const HALF_ULP = 2 ** -24;

const heap = (values: ArrayLike<number>): Float32Array => {
  const array = allocate('float32', Math.max(1, values.length)) as Float32Array;
  array.set(values);
  return array;
};

const fast = (): VectorKernels => vectorKernels() ?? assert.unreachable('no vector kernels') ?? (null as never);

/** Distance in units of the last place of the float32 nearest to `expected`. */
function ulps(actual: number, expected: number): number {
  const rounded = Math.fround(expected);
  if (Object.is(actual, rounded) || actual === rounded) return 0;
  if (!Number.isFinite(rounded) || !Number.isFinite(actual)) return Number.POSITIVE_INFINITY;
  const unit = 2 ** Math.max(-149, Math.floor(Math.log2(Math.abs(rounded))) - 23);
  return Math.abs(actual - expected) / unit;
}

const FUNCTIONS: { name: string; f: (x: number) => number; from: number; to: number; most: number }[] = [
  // The largest errors over these points are 0.94, 0.76, 1.25, 2.11, 1.42, 2.18 and 7.55 units in the last place.
  { name: 'exp', f: Math.exp, from: -87.3, to: 88.7, most: 1 },
  { name: 'log', f: (x) => Math.log(Math.exp(x)), from: -87, to: 88, most: 1 },
  { name: 'tanh', f: Math.tanh, from: -12, to: 12, most: 1.5 },
  { name: 'sigmoid', f: (x) => 1 / (1 + Math.exp(-x)), from: -80, to: 40, most: 2.5 },
  { name: 'elu', f: (x) => (x > 0 ? x : Math.expm1(x)), from: -30, to: 5, most: 1.5 },
  { name: 'log-elu-plus-one', f: (x) => (x > 0 ? Math.log1p(x) : x), from: -87, to: 1e6, most: 2.5 },
  // At −4 the rounding of x²/2 makes 8 · 2⁻²⁴ of exp.
  { name: 'gelu-exact', f: (x) => x * normalDistribution(x), from: -4, to: 8, most: 8 },
];

for (const { name, f, from, to, most } of FUNCTIONS) {
  compared(`${name} is within ${most} units in the last place`, async () => {
    const { VECTOR_FUNCTIONS } = await import('../../src/core/kernels/vector-kernels.ts');
    const count = 200_001;
    const random = new Random(1).split(name);
    const points = Float32Array.from({ length: count }, (_, n) =>
      // Evenly over the range, and as many close to 0, where relative errors would show.
      n % 2 === 0 ? from + (to - from) * random.uniform() : (n % 4 === 1 ? 1 : -1) * 2 ** (-20 * random.uniform()),
    );
    const usable = name === 'log' ? points.map((x) => Math.exp(x)) : points;
    const [x, y] = [heap(usable), heap(new Float32Array(count))];
    fast().unaryForward(VECTOR_FUNCTIONS.indexOf(name), x.byteOffset, y.byteOffset, count, 0);
    let worst = 0;
    let at = 0;
    for (let n = 0; n < count; n++) {
      const error = ulps(y[n], name === 'log' ? Math.log(x[n]) : f(x[n]));
      if (!(error <= worst)) [worst, at] = [error, n];
    }
    assert.ok(worst <= most, `${name}(${x[at]}) = ${y[at]}: ${worst} units in the last place`);
  });
}

compared('exp, log and tanh answer at the ends of the numbers, and pass a NaN on', async () => {
  const { VECTOR_FUNCTIONS } = await import('../../src/core/kernels/vector-kernels.ts');
  const at = (name: string, values: number[]) => {
    const [x, y] = [heap(values), heap(values)];
    fast().unaryForward(VECTOR_FUNCTIONS.indexOf(name), x.byteOffset, y.byteOffset, values.length, 0);
    return [...y];
  };
  const { NaN: nan, POSITIVE_INFINITY: infinity, NEGATIVE_INFINITY: minus } = Number;
  assert.equal(at('exp', [nan, infinity, minus, 89, -104, 0, -0]), [nan, infinity, 0, infinity, 0, 1, 1]);
  assert.equal(at('log', [nan, infinity, minus, 0, -1, 1]), [nan, infinity, nan, minus, nan, 0]);
  assert.equal(at('tanh', [nan, infinity, minus, 0, 50, -50]), [nan, 1, -1, 0, 1, -1]);
  // The smallest number there is.
  assert.ok(ulps(at('log', [2 ** -149])[0], Math.log(2 ** -149)) <= 2);
});

/** Strided blocks and extents, drawn together; the arrays are just large enough. */
const tiles = fc.record({
  rows: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(1, 3, 4, 5, 7, 8, 31, 32, 33)),
  columns: fc.oneof(fc.integer({ min: 1, max: 70 }), fc.constantFrom(1, 2, 3, 4, 5, 7, 8, 9, 63, 64, 65)),
  inner: fc.oneof(fc.integer({ min: 0, max: 70 }), fc.constantFrom(0, 1, 2, 3, 4, 5, 63, 64, 65)),
  transposeA: fc.boolean(),
  transposeB: fc.boolean(),
  gap: fc.integer({ min: 0, max: 3 }),
  alpha: fc.constantFrom(1, 0.125, -2),
  accumulate: fc.boolean(),
  seed: fc.nat(),
});

compared('a product of tiles is the plain one, up to rounding, and writes nothing beside it', () => {
  fc.assert(
    fc.property(tiles, ({ rows, columns, inner, transposeA, transposeB, gap, alpha, accumulate, seed }) => {
      const random = new Random(seed);
      const normal = (size: number) => random.fillNormal(new Float32Array(size));
      const [strideA, strideB, strideC] = [
        (transposeA ? rows : inner) + gap,
        (transposeB ? inner : columns) + gap,
        columns + gap,
      ];
      const a = normal(strideA * Math.max(1, transposeA ? inner : rows) + 1);
      const b = normal(strideB * Math.max(1, transposeB ? columns : inner) + 1);
      const c = normal(strideC * rows + 1);
      const run = (arrays: Float32Array[]) => {
        const left = transposeA ? { ...block(arrays[0], 1, 1), columnStride: strideA } : block(arrays[0], 1, strideA);
        const right = transposeB ? { ...block(arrays[1], 1, 1), columnStride: strideB } : block(arrays[1], 1, strideB);
        multiplyTile(block(arrays[2], 1, strideC), left, right, rows, columns, inner, alpha, accumulate);
        return arrays[2];
      };
      // Arrays outside the heap take the plain loops.
      const plain = run([a, b, c].map((array) => array.slice()));
      const vector = run([a, b, c].map(heap));
      for (let n = 0; n < c.length; n++) {
        const row = Math.floor((n - 1) / strideC);
        const column = (n - 1) % strideC;
        if (n === 0 || column >= columns) assert.is(vector[n], c[n], 'beside the block');
        else {
          let size = accumulate ? Math.abs(c[n]) : 0;
          for (let p = 0; p < inner; p++) {
            const x = a[1 + (transposeA ? p * strideA + row : row * strideA + p)];
            const y = b[1 + (transposeB ? column * strideB + p : p * strideB + column)];
            size += Math.abs(alpha * x * y);
          }
          // Each of inner + 2 operations rounds a partial sum, which is never larger than the sum of sizes.
          const bound = 2 * HALF_ULP * (inner + 2) * size;
          assert.ok(Math.abs(vector[n] - plain[n]) <= bound, `${vector[n]}, ${plain[n]} within ${bound}`);
        }
      }
    }),
    effort(300),
  );
});

// A B that lies across is packed from eight rows of A on, and read across for fewer: the order of its sums differs.
compared('where a product is cut into rows does not change a bit, in parts of eight rows where B lies across', () => {
  fc.assert(
    fc.property(tiles, fc.nat(), ({ rows, columns, inner, transposeB, seed }, cut) => {
      const random = new Random(seed);
      const a = heap(random.fillNormal(new Float32Array(rows * inner)));
      const b = heap(random.fillNormal(new Float32Array(inner * columns)));
      const right = transposeB ? { ...block(b, 0, 1), columnStride: inner } : block(b, 0, columns);
      const run = (cuts: number[]) => {
        const c = heap(new Float32Array(rows * columns));
        cuts.slice(1).forEach((end, n) => {
          const begin = cuts[n];
          multiplyTile(
            block(c, begin * columns, columns),
            block(a, begin * inner, inner),
            right,
            end - begin,
            columns,
            inner,
            1,
            false,
          );
        });
        return [...c];
      };
      const least = transposeB ? 8 : 0;
      fc.pre(rows >= 2 * least);
      const middle = least + (cut % (rows + 1 - 2 * least));
      assert.equal(run([0, middle, rows]), run([0, rows]));
    }),
    effort(100),
  );
});

compared('a product of few rows that reads B once has the bits of the product of tiles', () => {
  const few = fc.record({
    rows: fc.integer({ min: 1, max: 7 }),
    columns: fc.oneof(fc.integer({ min: 1, max: 70 }), fc.constantFrom(4, 8, 511, 512)),
    inner: fc.oneof(fc.integer({ min: 0, max: 70 }), fc.constantFrom(7, 8, 9, 255, 256)),
    gap: fc.integer({ min: 0, max: 3 }),
    norm: fc.constantFrom(1e-3, 1, 100),
    accumulate: fc.boolean(),
    seed: fc.nat(),
  });
  fc.assert(
    fc.property(few, ({ rows, columns, inner, gap, norm, accumulate, seed }) => {
      const random = new Random(seed);
      const normal = (size: number) => random.fillNormal(new Float32Array(size), 0, norm);
      const [a, b] = [heap(normal(rows * (inner + gap) + 1)), heap(normal(inner * (columns + gap) + 1))];
      const before = normal(rows * (columns + gap));
      const [c, tiles, room] = [heap(before), heap(before), heap(new Float32Array(rows * columns).fill(Number.NaN))];
      const [atA, atB] = [a.byteOffset + 4, b.byteOffset + 4];
      fast().multiplyFewRows(
        c.byteOffset,
        columns + gap,
        atA,
        inner + gap,
        atB,
        columns + gap,
        rows,
        columns,
        inner,
        accumulate ? room.byteOffset : 0,
      );
      const [left, right] = [block(a, 1, inner + gap), block(b, 1, columns + gap)];
      multiplyTile(block(tiles, 0, columns + gap), left, right, rows, columns, inner, 1, accumulate);
      assert.equal([...c], [...tiles]);
    }),
    { numRuns: 200 },
  );
});

/** Outputs and gradients of an op, in one list. */
function evaluate(f: (...inputs: Tensor[]) => Tensor, inputs: Tensor[]): number[][] {
  return scope(() => {
    for (const input of inputs) {
      input.grad = null;
      input.withGrad();
    }
    const output = f(...inputs);
    backward(output, randomNormal(output.shape, new Random(9)));
    return [output, ...inputs.map(({ grad }) => grad as Tensor)].map((tensor) => [...tensor.toArray()]);
  });
}

interface OpCase {
  name: string;
  f: (...inputs: Tensor[]) => Tensor;
  shapes: (n: number, m: number) => number[][];
  positive?: boolean;
}

/** Logarithms of decays from [batch, heads, length, 1]: every fifth is so strong that little is left of the tokens before. */
function perToken(x: Tensor): Tensor {
  const [batch, heads, length] = x.shape;
  const further = Float32Array.from({ length }, (_, at) => (at % 5 === 4 ? -30 : 0));
  const own = ops.scale(ops.square(ops.reshape(x, [batch, heads, length])), -0.1);
  return ops.add(own, fromArray(further, [length]));
}

const OPS: OpCase[] = [
  ...[ops.exp, ops.tanh, ops.sigmoid, ops.relu, ops.elu, ops.logEluPlusOne, ops.gelu, ops.geluExact, ops.square].map(
    (f) => ({
      name: f.name,
      f,
      shapes: (n: number, m: number) => [[n, m]],
    }),
  ),
  ...[ops.log, ops.sqrt, ops.reciprocal].map((f) => ({
    name: f.name,
    f,
    shapes: (n: number, m: number) => [[n, m]],
    positive: true,
  })),
  { name: 'scale', f: (x) => ops.scale(x, -1.5), shapes: (n, m) => [[n, m]] },
  { name: 'add, rows repeated', f: ops.add, shapes: (n, m) => [[n, m], [m]] },
  {
    name: 'subtract, columns repeated',
    f: ops.subtract,
    shapes: (n, m) => [
      [n, 1],
      [n, m],
    ],
  },
  {
    name: 'multiply',
    f: ops.multiply,
    shapes: (n, m) => [
      [n, m],
      [n, m],
    ],
  },
  {
    name: 'divide',
    f: ops.divide,
    shapes: (n, m) => [
      [n, m],
      [1, m],
    ],
    positive: true,
  },
  { name: 'softmax', f: ops.softmax, shapes: (n, m) => [[n, m]] },
  {
    name: 'matmul',
    f: (a, b) => ops.matmul(a, b),
    shapes: (n, m) => [
      [n, m],
      [m, n + 3],
    ],
  },
  {
    name: 'matmul, b transposed',
    f: (a, b) => ops.matmul(a, b, { transposeB: true }),
    shapes: (n, m) => [
      [2, n, m],
      [2, 7, m],
    ],
  },
  {
    name: 'matmul, a transposed',
    f: (a, b) => ops.matmul(a, b, { transposeA: true }),
    shapes: (n, m) => [
      [n, m],
      [n, 5],
    ],
  },
  { name: 'gatherRows', f: (x) => ops.gatherRows(x, Int32Array.of(0, -1, 0)), shapes: (n, m) => [[n, m]] },
  {
    name: 'attention',
    f: (q, k, v) => ops.attention(q, k, v, ops.band(q.shape[2], { before: 40, after: 3, dilation: 2 })).output,
    shapes: (n, m) => [
      [1, 2, n, m],
      [1, 2, n, m],
      [1, 2, n, m + 1],
    ],
  },
  ...[false, true].flatMap((causal) =>
    [false, true].map((once) => ({
      name: `attention by order and labels${causal ? ', causal' : ''}${once ? ', pairs once' : ''}`,
      f: (q: Tensor, k: Tensor, v: Tensor) =>
        ops.attention(
          q,
          k,
          v,
          { ...sortedSet(q.shape[2], 4, new Random(q.shape[2])), causal, once },
          { selfBias: -1e5 },
        ).output,
      shapes: (n: number, m: number) => [
        [1, 2, n, m],
        [1, 2, n, m],
        [1, 2, n, m + 1],
      ],
    })),
  ),
  {
    name: 'joinAttention',
    f: (q, k, v) => {
      const half = (begin: number, end: number) =>
        ops.runs(new Int32Array(q.shape[2]).fill(begin), new Int32Array(q.shape[2]).fill(end), k.shape[2]);
      const cut = Math.floor(k.shape[2] / 3);
      // The first part is empty for short sequences.
      const layouts = [half(0, cut), half(cut, 2 * cut), half(2 * cut, k.shape[2])];
      const joined = ops.joinAttention(layouts.map((layout) => ops.attention(q, k, v, layout)));
      return ops.multiply(joined.output, ops.expandDims(ops.exp(ops.scale(joined.logSumExp, 0.1)), 3));
    },
    shapes: (n, m) => [
      [1, 2, n, m],
      [1, 2, n, m],
      [1, 2, n, m + 1],
    ],
  },
  {
    name: 'scan',
    f: (q, k, v, g) => ops.scan(ops.scale(q, 0.1), k, v, { logDecay: ops.scale(ops.square(g), -1) }).output,
    shapes: (n, m) => [
      [1, 2, n, m],
      [1, 2, n, m],
      [1, 2, n, m + 1],
      [1, 2, n, m],
    ],
  },
  {
    name: 'scan with a decay for each token, weak and strong',
    f: (q, k, v, g) => ops.scan(ops.scale(q, 0.1), k, v, { logDecay: perToken(g) }).output,
    shapes: (n, m) => [
      [1, 2, n, m],
      [1, 2, n, m],
      [1, 2, n, m + 1],
      [1, 2, n, 1],
    ],
  },
  {
    name: 'scan with a delta rule and a decay for each token',
    f: (q, k, v, g, beta) =>
      ops.scan(q, ops.scale(k, 0.5 / Math.sqrt(k.shape[3])), v, {
        logDecay: perToken(g),
        beta: ops.reshape(ops.sigmoid(beta), beta.shape.slice(0, 3)),
      }).output,
    shapes: (n, m) => [
      [1, 2, n, m],
      [1, 2, n, m],
      [1, 2, n, m + 1],
      [1, 2, n, 1],
      [1, 2, n, 1],
    ],
  },
  {
    name: 'scan with a delta rule',
    f: (q, k, v, beta) =>
      ops.scan(q, ops.scale(k, 0.5 / Math.sqrt(k.shape[3])), v, {
        beta: ops.reshape(ops.sigmoid(beta), beta.shape.slice(0, 3)),
      }).output,
    shapes: (n, m) => [
      [1, 2, n, m],
      [1, 2, n, m],
      [1, 2, n, m + 1],
      [1, 2, n, 1],
    ],
  },
  ...(['exp', 'elu-plus-one'] as const).flatMap((map) =>
    [true, false].map((causal) => ({
      name: `featureAttention of ${map}${causal ? ', causal' : ''}`,
      f: (q: Tensor, k: Tensor, v: Tensor) => {
        const { output, logSumExp } = ops.featureAttention(q, k, v, { causal, map });
        return ops.add(output, ops.expandDims(ops.scale(logSumExp, 0.1), 3));
      },
      shapes: (n: number, m: number) => [
        [1, 2, n, m],
        [1, 2, n, m],
        [1, 2, n, m + 1],
      ],
    })),
  ),
];

for (const { name, f, shapes, positive } of OPS) {
  compared(`${name}: output and gradients agree with the plain kernels`, () => {
    const extent = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(1, 2, 3, 5, 31, 67, 130));
    fc.assert(
      fc.property(extent, extent, fc.nat(), (n, m, seed) => {
        const random = new Random(seed);
        const inputs = shapes(n, m).map((shape, index) => {
          const tensor = randomNormal(shape, random.split(`input ${index}`));
          const data = elements(tensor).map((value) => (positive ? 0.5 + Math.abs(value) : value));
          return fromArray(data, shape);
        });
        const results = (['plain', 'simd'] as const).map((set) => {
          chooseKernelSet(set);
          return evaluate(f, inputs);
        });
        results[0].forEach((plain, which) => {
          let largest = 1;
          for (const value of plain) largest = Math.max(largest, Math.abs(value));
          plain.forEach((value, at) => {
            // Sums of up to 130 float32 products, and functions within a few units of the last place.
            const close = Math.abs(results[1][which][at] - value) <= 1e-5 * largest;
            assert.ok(close, `${which === 0 ? 'output' : `gradient ${which - 1}`}: ${results[1][which][at]}, ${value}`);
          });
        });
      }),
      effort(15),
    );
  });
}

test('an unknown set of kernels is refused by name', () => {
  assert.throws(
    () => setKernels('fast'),
    (error: Error) => error.name === 'ArgumentError' && error.message.startsWith('kernels: expected plain or simd'),
  );
});

test('the plain kernels can be chosen for all threads', () => {
  const outer = threadCount();
  try {
    setThreads(2);
    setKernels('plain');
    assert.is(kernelSet(), 'plain');
    assert.is(vectorKernels(), null);
  } finally {
    setThreads(outer);
    setKernels(usual);
  }
});

// One thread: what is compared are the loops, and `chooseKernelSet` is this thread's choice alone.
setThreads(1);
test.run();
