/**
 * The vector kernels over rows and elements against the plain ones, on numbers of all sizes: sums of squares are no float32
 * there, reciprocals of lengths are none, and what is smaller than 10⁻³⁸ has few digits. Skipped, and said so, where this
 * engine has no WebAssembly vectors.
 */

import fc from 'fast-check';
import { suite } from 'uvu';
import { kernelSet } from '../../src/core/kernels/simd.ts';
import * as ops from '../../src/core/ops/index.ts';
import { setKernels, setThreads } from '../../src/core/parallel/pool.ts';
import { Random } from '../../src/core/random.ts';
import { filled, fromArray, type Tensor } from '../../src/core/tensor.ts';
import { effort } from '../laws/effort.ts';
import { expectNear, inBothSets, largestOf, ofAllSizes, ROUNDINGS, SMALLEST_NORMAL } from './all-sizes.ts';

const test = suite('vector kernels over rows of all sizes');
const usual = kernelSet();
if (usual === 'plain') console.log('No vector kernels here: their twins are not compared.');
const compared = usual === 'simd' ? test : test.skip;

test.after(() => setKernels(usual));

interface Case {
  name: string;
  f: (x: Tensor) => Tensor;
  /** What a number of the output, and of the gradient, may be off by, from the row of x that it comes of. */
  output: (row: number[], plain: number) => number;
  gradient: (row: number[], plain: number) => number;
  /** Whether the output has an entry for a row. */
  reduces?: boolean;
}

const relative = (_row: number[], plain: number) => ROUNDINGS * Math.abs(plain) + SMALLEST_NORMAL;
const absolute = (size: number) => () => size;
const lengthOf = (row: number[]) => Math.hypot(...row);
const deviationOf = (row: number[]) => {
  const mean = row.reduce((sum, x) => sum + x / row.length, 0);
  return Math.hypot(...row.map((x) => x - mean)) / Math.sqrt(row.length);
};

/** exp of float32 differences is off by as many roundings as they are large; slopes that are written in y lose some. */
const elementwise: [name: string, f: (x: Tensor) => Tensor][] = [
  ['exp', ops.exp],
  ['relu', ops.relu],
  ['logEluPlusOne', ops.logEluPlusOne],
  ['square', ops.square],
  ['log', ops.log],
  ['sqrt', ops.sqrt],
  ['reciprocal', ops.reciprocal],
  ['scale', (x) => ops.scale(x, -1.5)],
  ['shift', (x) => ops.shift(x, 1)],
];
const bounded: [name: string, f: (x: Tensor) => Tensor][] = [
  ['tanh', ops.tanh],
  ['sigmoid', ops.sigmoid],
  ['elu', ops.elu],
  ['gelu', ops.gelu],
  ['geluExact', ops.geluExact],
];
const norm = (epsilon: number) => (x: Tensor) => {
  const columns = x.shape[1];
  return ops.layerNorm(x, filled([columns], 1.5), filled([columns], 0.25), epsilon);
};

/** Of ∂x, for normal random ∂y: (∂y − …)/σ, three of these being less than 10. */
const layerNormCase = (epsilon: number): Case => ({
  name: `layerNorm, ε = ${epsilon}`,
  f: norm(epsilon),
  output: (row) => ROUNDINGS * (1 + Math.sqrt(row.length)),
  gradient: (row) => (10 * ROUNDINGS * Math.sqrt(row.length)) / Math.hypot(deviationOf(row), Math.sqrt(epsilon)),
});

const CASES: Case[] = [
  ...elementwise.map(([name, f]) => ({ name, f, output: relative, gradient: relative })),
  ...bounded.map(([name, f]) => ({
    name,
    f,
    output: (row: number[], plain: number) => relative(row, plain) + 1e-12,
    gradient: (row: number[], plain: number) => relative(row, plain) + 1e-6,
  })),
  { name: 'softmax', f: ops.softmax, output: absolute(ROUNDINGS), gradient: absolute(10 * ROUNDINGS) },
  {
    name: 'normalizeRows',
    f: ops.normalizeRows,
    output: absolute(ROUNDINGS),
    gradient: (row) => (10 * ROUNDINGS * Math.sqrt(row.length)) / lengthOf(row),
  },
  layerNormCase(1e-5),
  layerNormCase(1e-12),
  layerNormCase(1e-90),
  {
    name: 'logSumExp',
    f: (x) => ops.logSumExp(x, 1),
    reduces: true,
    output: (row) => ROUNDINGS * Math.max(1, largestOf(row)),
    gradient: absolute(10 * ROUNDINGS),
  },
  {
    name: 'sum',
    f: (x) => ops.sum(x, 1),
    reduces: true,
    output: (row) => ROUNDINGS * row.length * largestOf(row),
    gradient: relative,
  },
  { name: 'max', f: (x) => ops.max(ops.detach(x), 1), reduces: true, output: absolute(0), gradient: absolute(0) },
];

const extents = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 21 }), fc.nat());

for (const { name, f, output, gradient, reduces = false } of CASES) {
  compared(`${name}: as the plain kernel, whatever the size of the numbers`, () => {
    fc.assert(
      fc.property(extents, ([rows, columns, seed]) => {
        const x = ofAllSizes([rows, columns], new Random(seed));
        const [plain, vector] = inBothSets(f, [x]);
        const given = [...x.toArray()];
        const rowOf = (at: number) => given.slice(at * columns, (at + 1) * columns);
        plain.output.forEach((value, at) => {
          const row = rowOf(reduces ? at : Math.floor(at / columns));
          expectNear(vector.output[at], value, output(row, value), () => `output ${at} of [${row}]`);
        });
        plain.gradients[0]?.forEach((value, at) => {
          const row = rowOf(Math.floor(at / columns));
          expectNear(vector.gradients[0][at], value, gradient(row, value), () => `gradient ${at} of [${row}]`);
        });
      }),
      effort(150),
    );
  });
}

compared('crossEntropy: as the plain kernel, whatever the size of the numbers', () => {
  fc.assert(
    fc.property(extents, ([, classes, seed]) => {
      const x = ofAllSizes([1, classes], new Random(seed));
      const target = fromArray([seed % classes], [1], 'int32');
      const f = (logits: Tensor) => ops.crossEntropy(logits, target, { reduction: 'sum' });
      const [plain, vector] = inBothSets(f, [x]);
      const row = [...x.toArray()];
      expectNear(vector.output[0], plain.output[0], ROUNDINGS * Math.max(1, largestOf(row)), () => `loss of [${row}]`);
      plain.gradients[0].forEach((value, at) => {
        expectNear(vector.gradients[0][at], value, 10 * ROUNDINGS, () => `gradient ${at} of [${row}]`);
      });
    }),
    effort(150),
  );
});

// One thread: what is compared are the loops, and the kernel set is chosen for this thread alone.
setThreads(1);
test.run();
