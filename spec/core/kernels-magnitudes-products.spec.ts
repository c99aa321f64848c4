/**
 * The vector kernels of two and more operands against the plain ones, on numbers of all sizes. Skipped, and said so, where
 * this engine has no WebAssembly vectors.
 */

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { chooseKernelSet, kernelSet } from '../../src/core/kernels/simd.ts';
import * as ops from '../../src/core/ops/index.ts';
import { setKernels, setThreads } from '../../src/core/parallel/pool.ts';
import { Random } from '../../src/core/random.ts';
import { elements, fromArray, randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { AdamW } from '../../src/training/optimizers/adamw.ts';
import { SGD } from '../../src/training/optimizers/sgd.ts';
import { effort } from '../laws/effort.ts';
import { expectNear, inBothSets, largestOf, ofAllSizes, ROUNDINGS, SMALLEST_NORMAL } from './all-sizes.ts';
import { sortedSet } from './attention-written-out.ts';

const test = suite('vector kernels over products of all sizes');
const usual = kernelSet();
if (usual === 'plain') console.log('No vector kernels here: their twins are not compared.');
const compared = usual === 'simd' ? test : test.skip;

test.after(() => setKernels(usual));

const extents = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 21 }), fc.nat());

for (const [name, f] of [
  ['add', ops.add],
  ['subtract', ops.subtract],
  ['multiply', ops.multiply],
  ['divide', ops.divide],
] as const) {
  compared(`${name}: the bits of the plain kernel, whatever the size of the numbers`, () => {
    fc.assert(
      fc.property(extents, ([rows, columns, seed]) => {
        const random = new Random(seed);
        const inputs = [ofAllSizes([rows, columns], random), ofAllSizes([1, columns], random)];
        const [plain, vector] = inBothSets(f, inputs);
        assert.equal(vector.output, plain.output);
      }),
      effort(100),
    );
  });
}

for (const [name, f] of [
  [
    'attention',
    (q: Tensor, k: Tensor, v: Tensor) =>
      ops.attention(q, k, v, ops.band(q.shape[2], { before: 9, after: 3, dilation: 2 })).output,
  ],
  [
    'attention by order and labels, two rounds',
    (q: Tensor, k: Tensor, v: Tensor) => {
      const set = { ...sortedSet(q.shape[2], 3, new Random(q.shape[2])), once: true };
      return ops.attention(q, k, v, set, { selfBias: -1e5 }).output;
    },
  ],
] as const) {
  compared(`${name}: as the plain kernel for keys and values of all sizes`, () => {
    fc.assert(
      fc.property(extents, ([, length, seed]) => {
        const random = new Random(seed);
        const width = 1 + random.integer(9);
        // Scores are at most 10 · width, so that their exponentials keep most of their digits.
        const q = ofAllSizes([1, 1, length, width], random, 0);
        const k = ofAllSizes([1, 1, length, width], random, 0);
        const v = ofAllSizes([1, 1, length, width], random, 18);
        const [plain, vector] = inBothSets(f, [q, k, v]);
        const [ofQ, ofK, ofV] = [q, k, v].map((each) => largestOf(each.toArray()));
        const slope = 100 * ROUNDINGS * length * width * ofV;
        const bounds = [slope * ofK + SMALLEST_NORMAL, slope * ofQ + SMALLEST_NORMAL, 100 * ROUNDINGS * length];
        plain.output.forEach((value, at) => {
          expectNear(vector.output[at], value, 100 * ROUNDINGS * ofV, () => `output ${at}`);
        });
        plain.gradients.forEach((values, which) => {
          values.forEach((value, at) => {
            expectNear(vector.gradients[which][at], value, bounds[which], () => `gradient ${which}, ${at}`);
          });
        });
      }),
      effort(60),
    );
  });
}

compared('matmul: as the plain kernel, where no sum of sizes is beyond the range', () => {
  fc.assert(
    fc.property(extents, extents, ([rows, inner, seed], [, columns]) => {
      const random = new Random(seed);
      const [a, b] = [ofAllSizes([rows, inner], random, 19), ofAllSizes([inner, columns], random, 18)];
      const product = (...factors: Tensor[]) => ops.matmul(factors[0], factors[1]);
      const [plain, vector] = inBothSets(product, [a, b]);
      const sizes = ops.matmul(
        ...([a, b].map((x) => fromArray(x.toArray().map(Math.abs), x.shape)) as [Tensor, Tensor]),
      );
      plain.output.forEach((value, at) => {
        // Each product and each sum is rounded; a product below the range is 0.
        const bound = 2 * 2 ** -24 * (inner + 2) * elements(sizes)[at] + inner * 2 ** -149;
        expectNear(vector.output[at], value, bound, () => `element ${at} of ${rows} × ${inner} × ${columns}`);
      });
    }),
    effort(150),
  );
});

for (const [name, make] of [
  ['AdamW', (parameters: ReadonlyMap<string, Tensor>) => new AdamW(parameters, { weightDecay: 0.1 })],
  ['SGD with momentum', (parameters: ReadonlyMap<string, Tensor>) => new SGD(parameters, { momentum: 0.9 })],
] as const) {
  compared(`${name}: the bits of the plain kernel, whatever the size of the gradients`, () => {
    fc.assert(
      fc.property(extents, ([rows, columns, seed]) => {
        const [plain, vector] = (['plain', 'simd'] as const).map((set) => {
          chooseKernelSet(set);
          const random = new Random(seed);
          const parameter = randomNormal([rows, columns], random).withGrad();
          const optimizer = make(new Map([['parameter', parameter]]));
          for (let step = 0; step < 2; step++) {
            parameter.grad = ofAllSizes([rows, columns], random, 30);
            optimizer.step(0.01, 1);
          }
          return [...parameter.toArray()];
        });
        assert.equal(vector, plain);
      }),
      effort(50),
    );
  });
}

// One thread: what is compared are the loops, and the kernel set is chosen for this thread alone.
setThreads(1);
test.run();
