/** Sparse Sinkhorn attention, held to loops over its definition (Tay et al. 2020), to full attention and to gathered blocks. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { noGrad } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { concat, slice } from '../../src/core/ops/index.ts';
import { causalBalance, sinkhornBalance } from '../../src/core/ops/sinkhorn.ts';
import { Random } from '../../src/core/random.ts';
import { fromArray, randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import { attend, checkOptions, drawParameters } from '../../src/variants/attend.ts';
import { full } from '../../src/variants/full.ts';
import { type AnyVariant, findVariant } from '../../src/variants/registry.ts';
import { type SinkhornOptions, sinkhorn } from '../../src/variants/sinkhorn.ts';
import type { AttentionInputs } from '../../src/variants/variant.ts';
import { type AttentionCase, forAllCases, inputsOf } from '../laws/draw.ts';
import { effort } from '../laws/effort.ts';
import { expectClose, outputOf, parametersOf, ROUNDING, read } from '../laws/evaluate.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { equalsLoops, expectNoticed, squareShape } from '../laws/written-out.ts';
import { byLoops, type Definition, paper } from './sinkhorn-written-out.ts';

const variant = findVariant('sinkhorn') as AnyVariant;
const optionsOf = ({ options }: AttentionCase) => options as SinkhornOptions;

for (const { name, run } of equalsLoops(variant, { maxLength: 30 }, 60, byLoops)) test(name, run);

const caseOf = (options: Partial<SinkhornOptions>, length = 15): AttentionCase => ({
  ...{ shape: squareShape(length), mask: null, seed: 5 },
  options: checkOptions(sinkhorn, { blockLength: 3, ...options }, squareShape(length)),
});

test('the loops notice another activation, order of steps, sum, pooling or weight of a place', () => {
  const holes = [0, 1].map((b) => Array.from({ length: 15 }, (_, i) => ((i + b) % 4 === 0 ? 0 : 1)));
  const broken: [Partial<SinkhornOptions>, Partial<Definition>][] = [
    [{}, { relu: (x) => x }],
    [{ iterations: 1 }, { columnsFirst: () => true }],
    [{ causal: true, iterations: 1 }, { columnsFirst: () => false }],
    [{ causal: true }, { lastOfSum: (_i, n) => n - 1 }],
    [{}, { pooledTo: (i, size) => i * size + 1 }],
    [{ causal: true }, { pooledTo: (i, size) => i * size }],
    [{}, { logOfPart: () => 0 }],
    [{ sortCut: 2 }, { logOfPart: () => 0 }],
  ];
  for (const [options, change] of broken)
    expectNoticed(variant, { ...caseOf(options), mask: holes }, byLoops, paper, change);
});

const sums = (matrix: readonly number[], size: number, along: 'rows' | 'columns') =>
  Array.from({ length: size }, (_, line) =>
    matrix.reduce(
      (sum, each, n) => sum + ((along === 'rows' ? Math.floor(n / size) : n % size) === line ? each : 0),
      0,
    ),
  );

test('S is doubly stochastic: columns to rounding, rows ever more nearly', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.nat(), (size, seed) => {
      const random = new Random(seed);
      const scores = fromArray(
        Array.from({ length: size * size }, () => 2 * random.uniform()),
        [1, 1, size, size],
        'float64',
      );
      const matrix = Array.from(sinkhornBalance(scores, { iterations: 40 }).toArray());
      // Of scores within 2, log ratios of four differ by 4 at most, and an iteration brings rows nearer by tanh(4/4)² = 0.58
      // (Birkhoff): 40 of them leave 10⁻⁹.
      for (const sum of sums(matrix, size, 'rows')) assert.ok(Math.abs(sum - 1) < 1e-8, `row: ${sum}`);
      for (const sum of sums(matrix, size, 'columns')) assert.ok(Math.abs(sum - 1) < 1e-13 * size, `column: ${sum}`);
    }),
    effort(40),
  );
});

test('rows and columns that are not there are zeros, and the others are doubly stochastic without them', () => {
  const size = 6;
  const kept = [0, 2, 3, 5];
  const scores = randomNormal([1, 2, size, size], new Random(3), 'float64');
  const flags = Array.from({ length: size }, (_, i) => Number(kept.includes(i)));
  const matrix = sinkhornBalance(scores, { iterations: 9, mask: fromArray(flags, [1, size], 'uint8') }).toArray();
  const numbers = scores.toArray();
  const pick = (data: ArrayLike<number>) =>
    [0, 1].flatMap((h) => kept.flatMap((i) => kept.map((j) => data[(h * size + i) * size + j])));
  const small = sinkhornBalance(fromArray(pick(numbers), [1, 2, 4, 4], 'float64'), { iterations: 9 }).toArray();
  for (const [n, each] of pick(matrix).entries()) assert.ok(Math.abs(each - small[n]) < 1e-14, `${n}: ${each}`);
  matrix.forEach((each, n) => {
    const [i, j] = [Math.floor(n / size) % size, n % size];
    if (!kept.includes(i) || !kept.includes(j)) assert.is(each, 0);
  });
});

test('scores of any size keep columns at 1: nothing overflows', () => {
  for (const size of [1e-3, 1, 1e4, 1e12]) {
    const drawn = randomNormal([1, 1, 5, 5], new Random(1), 'float64').toArray();
    const scores = fromArray(
      drawn.map((each) => each * size),
      [1, 1, 5, 5],
      'float64',
    );
    const matrix = Array.from(sinkhornBalance(scores, { iterations: 7 }).toArray());
    // The scores themselves have a rounding of 10⁻¹⁶ times their size.
    for (const sum of sums(matrix, 5, 'columns'))
      assert.ok(Math.abs(sum - 1) < 1e-13 + 1e-15 * size, `${size}: ${sum}`);
  }
});

test('causally, rows sum to 1 and do not depend on rows below, and several calls have the numbers of one', () => {
  fc.assert(
    fc.property(fc.integer({ min: 3, max: 9 }), fc.nat(), fc.integer({ min: 1, max: 5 }), (rows, seed, iterations) => {
      const scores = randomNormal([1, 1, rows, rows - 1], new Random(seed), 'float64');
      const whole = causalBalance(scores, { iterations }).weights.toArray();
      for (let i = 0; i < rows; i++) {
        const row = Array.from(whole.slice(i * (rows - 1), (i + 1) * (rows - 1)));
        const total = row.reduce((sum, each) => sum + each, 0);
        assert.ok(Math.abs(total - Math.min(i, 1)) < 1e-14, `row ${i}: ${total}`);
        for (const each of row.slice(i)) assert.is(each, 0);
      }
      const cut = 2 + (seed % (rows - 2));
      const part = (from: number, to: number) => slice(slice(scores, 2, from, to), 3, 0, to - 1);
      const above = causalBalance(part(0, cut), { iterations });
      const below = causalBalance(part(cut, rows), { iterations, first: cut, before: above.sums });
      const [top, bottom] = [above.weights.toArray(), below.weights.toArray()];
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < Math.min(i, rows - 1); j++) {
          const own = i < cut ? top[i * (cut - 1) + j] : bottom[(i - cut) * (rows - 1) + j];
          assert.is(own, whole[i * (rows - 1) + j]);
        }
      }
    }),
    effort(40),
  );
});

test('one block of all tokens: full attention, both ways', () => {
  for (const causal of [false, true]) {
    forAllCases(variant, { dtype: 'float64', causal }, 20, (drawn) => {
      const length = drawn.shape.keyLength;
      const attentionCase = { ...drawn, options: { ...optionsOf(drawn), blockLength: length, sortCut: 0 } };
      const inputs = inputsOf(attentionCase);
      const expected = read(noGrad(() => attend(full, inputs, { causal })));
      expectClose(outputOf(variant, attentionCase, inputs), expected, ROUNDING, 'full');
    });
  }
});

/** Keys of which block i sums to c e_i, and a network that sends block i to π(i). */
function hard(order: readonly number[], size: number, seed: number) {
  const count = order.length;
  const [heads, d, length] = [2, count, count * size];
  const random = new Random(seed);
  const drawn = (name: string) => randomNormal([1, heads, length, d], random.split(name), 'float64');
  const numbers = drawn('keys').toArray();
  for (let h = 0; h < heads; h++) {
    for (let i = 0; i < count; i++) {
      for (let c = 0; c < d; c++) {
        const at = (t: number) => (h * length + i * size + t) * d + c;
        let rest = 0;
        for (let t = 1; t < size; t++) rest += numbers[at(t)];
        numbers[at(0)] = (c === i ? 10 : 0) - rest;
      }
    }
  }
  const inputs = {
    queries: drawn('queries'),
    keys: fromArray(numbers, [1, heads, length, d], 'float64'),
    values: drawn('values'),
  };
  const each = (f: (row: number, column: number) => number) =>
    fromArray(
      Array.from({ length: heads * d * d }, (_, n) => f(Math.floor(n / d) % d, n % d)),
      [heads, d, d],
      'float64',
    );
  const parameters = {
    W_P: each((i, j) => Number(i === j)),
    W_B: each((i, j) => (j === order[i] ? 100 : 0)),
    b_P: zeros([heads, 1, d], 'float64'),
    b_B: zeros([heads, 1, d], 'float64'),
  };
  return { inputs, parameters };
}

const join = (parts: Tensor[]) => concat(parts, 2);

test('a hard permutation: each block meets itself and the block that was gathered for it', () => {
  fc.assert(
    fc.property(
      fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 5 }),
      fc.integer({ min: 1, max: 4 }),
      (order, size) => {
        const { inputs, parameters } = hard(order, size, size);
        const output = noGrad(() => attend(sinkhorn, inputs, { blockLength: size }, { parameters }));
        const block = (x: Tensor, i: number) => slice(x, 2, i * size, (i + 1) * size);
        const expected = noGrad(() =>
          join(
            order.map((from, i) => {
              const both = (x: Tensor) => join([block(x, i), block(x, from)]);
              const { queries, keys, values } = inputs;
              return attend(full, { queries: block(queries, i), keys: both(keys), values: both(values) });
            }),
          ),
        );
        // Scores of 10³/τ leave e^−1300 for other blocks.
        expectClose(read(output), read(expected), ROUNDING, `${order}`);
        const all = noGrad(() => attend(sinkhorn, inputs, { blockLength: size, sortCut: 5 }, { parameters }));
        expectClose(read(all), read(noGrad(() => attend(full, inputs))), ROUNDING, 'SortCut with all blocks');
        const some: AttentionInputs = {
          ...inputs,
          keys: join([block(inputs.keys, order[0]), block(inputs.keys, order[1])]),
          values: join([block(inputs.values, order[0]), block(inputs.values, order[1])]),
        };
        const two = noGrad(() => attend(sinkhorn, inputs, { blockLength: size, sortCut: 2 }, { parameters }));
        expectClose(read(two), read(noGrad(() => attend(full, some))), ROUNDING, 'SortCut with two blocks');
      },
    ),
    effort(15),
  );
});

test('padding behind the text gives the rows of the text alone, whole blocks of it too', () => {
  forAllCases(variant, { dtype: 'float64', masked: false, minLength: 2 }, 40, (drawn) => {
    const { keyLength: length, batch } = drawn.shape;
    const real = 1 + (drawn.seed % (length - 1));
    const options = { ...optionsOf(drawn), blockLength: Math.min(real, optionsOf(drawn).blockLength) };
    const attentionCase = { ...drawn, options };
    const inputs = inputsOf(attentionCase);
    const parameters = parametersOf(variant, attentionCase);
    const keyMask = fromArray(
      Array.from({ length: batch * length }, (_, n) => Number(n % length < real)),
      [batch, length],
      'uint8',
    );
    const padded = noGrad(() => slice(attend(sinkhorn, { ...inputs, keyMask }, options, { parameters }), 2, 0, real));
    const cut = (x: Tensor) => slice(x, 2, 0, real);
    const short = { queries: cut(inputs.queries), keys: cut(inputs.keys), values: cut(inputs.values) };
    const sortCut = Math.min(real, options.sortCut);
    const alone = noGrad(() => attend(sinkhorn, short, { ...options, sortCut }, { parameters }));
    expectClose(read(padded), read(alone), ROUNDING, `${real} of ${length} tokens`);
  });
});

test('Gumbel noise: drawn from a seed, with the mean and the variance of its distribution, and none where it is 0', () => {
  const shape = squareShape(2048);
  const options = checkOptions(sinkhorn, { blockLength: 16, gumbel: 1 }, shape);
  const draw = (seed: number) => Array.from(drawParameters(sinkhorn, options, shape, seed).G.toArray());
  const noise = draw(1);
  assert.equal(draw(1), noise);
  assert.not.equal(draw(2), noise);
  const n = noise.length;
  const mean = noise.reduce((sum, each) => sum + each, 0) / n;
  const variance = noise.reduce((sum, each) => sum + (each - mean) ** 2, 0) / n;
  // Euler's constant and π²/6, of 32,768 numbers: five standard errors, of the variance with the kurtosis of 5.4.
  assert.ok(Math.abs(mean - 0.5772156649) < 5 * Math.sqrt(Math.PI ** 2 / 6 / n), `${mean}`);
  assert.ok(Math.abs(variance - Math.PI ** 2 / 6) < 5 * (Math.PI ** 2 / 6) * Math.sqrt(4.4 / n), `${variance}`);
  assert.is(drawParameters(sinkhorn, { ...options, gumbel: 0 }, shape, 1).G, undefined);
});

test('cost: with blocks of √L tokens, of the order L^1.5', () => {
  for (const causal of [false, true]) {
    const flops = (length: number) => {
      const shape = { ...squareShape(length), headDim: 64 };
      return sinkhorn.cost(shape, { ...sinkhorn.defaults(length), causal }).flops;
    };
    const slope = Math.log(flops(2 ** 20) / flops(2 ** 14)) / Math.log(2 ** 6);
    // The network and sums over blocks are linear, which shows less and less.
    assert.ok(Math.abs(slope - 1.5) < 0.02, `${slope}`);
  }
});

test('what does not fit is refused by name', () => {
  const inputs = inputsOf(caseOf({}));
  expectThrows(ArgumentError, 'blockLength', () => void attend(sinkhorn, inputs, { blockLength: 0 }));
  expectThrows(ArgumentError, 'maxLength', () => void attend(sinkhorn, inputs, { maxLength: 14 }));
  expectThrows(ArgumentError, 'sortCut', () => void attend(sinkhorn, inputs, { causal: true, sortCut: 1 }));
  const parameters = parametersOf(variant, caseOf({ blockLength: 4 }));
  expectThrows(ShapeError, 'parameters.W_B', () => void attend(sinkhorn, inputs, { blockLength: 5 }, { parameters }));
  const scores = zeros([1, 2, 3, 3], 'float64');
  expectThrows(ShapeError, 'scores', () => void sinkhornBalance(zeros([1, 2, 3, 4], 'float64'), { iterations: 1 }));
  expectThrows(ArgumentError, 'settings.iterations', () => void sinkhornBalance(scores, { iterations: 0 }));
  const mask = zeros([1, 2], 'uint8');
  expectThrows(ShapeError, 'settings.mask', () => void sinkhornBalance(scores, { iterations: 1, mask }));
  expectThrows(ShapeError, 'scores', () => void causalBalance(scores, { iterations: 1 }));
  const before = zeros([1, 2, 1, 2], 'float64');
  expectThrows(ShapeError, 'settings.before', () => void causalBalance(scores, { iterations: 1, first: 1, before }));
});

test.run();
