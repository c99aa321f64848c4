/** What Kitaev et al. 2020 say of their attention, and where other implementations of it went wrong. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, noGrad } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { concat, gatherRows, scale } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import {
  maxAbsoluteError,
  type ReferenceOptions,
  referenceAttention,
  relativeFrobeniusError,
} from '../../src/core/reference.ts';
import { scope } from '../../src/core/scope.ts';
import { fromArray, randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import { attend, checkOptions, drawParameters } from '../../src/variants/attend.ts';
import { startDecoding } from '../../src/variants/decoding.ts';
import { full } from '../../src/variants/full.ts';
import { bucketFactors } from '../../src/variants/reformer/buckets.ts';
import { type ReformerOptions, reformer } from '../../src/variants/reformer.ts';
import type { Attending, AttentionInputs, AttentionShape } from '../../src/variants/variant.ts';
import { countMeetings, meetsIn } from '../core/chunks-written-out.ts';
import { effort } from '../laws/effort.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';

/** Sums of at most some hundred float64 terms near 1, grouped in another way; scores up to about 10. */
const ROUNDING = 1e-11;

interface Case {
  batch: number;
  heads: number;
  length: number;
  headDim: number;
  options: ReformerOptions;
  /** How often a token is padding. */
  padded: number;
  seed: number;
}

const cases: fc.Arbitrary<Case> = fc.integer({ min: 1, max: 70 }).chain((length) =>
  fc.record({
    batch: fc.integer({ min: 1, max: 2 }),
    heads: fc.integer({ min: 1, max: 3 }),
    length: fc.constant(length),
    headDim: fc.integer({ min: 1, max: 6 }),
    options: fc.record({
      causal: fc.boolean(),
      numHashes: fc.integer({ min: 1, max: 4 }),
      chunkLength: fc.integer({ min: 1, max: length }),
      // Few buckets, so that some are larger than their chunks, and enough for two hashes.
      numBuckets: fc.constantFrom(0, 0, 1, 2, 4, 6, 24, 66).map((n) => (n > 4 * length ? 2 : n)),
      acrossBuckets: fc.boolean(),
      countOnce: fc.boolean(),
    }),
    padded: fc.constantFrom(0, 0, 0.3),
    seed: fc.nat(),
  }),
);

function forAll(runs: number, law: (drawn: Case, inputs: AttentionInputs, random: Random) => void): void {
  const property = fc.property(cases, (drawn) => {
    scope(() => law(drawn, inputsOf(drawn), new Random(drawn.seed).split('law')));
  });
  fc.assert(property, effort(runs));
}

function inputsOf({ batch, heads, length, headDim, padded, seed }: Case): AttentionInputs {
  const random = new Random(seed).split('inputs');
  const draw = (part: string) => randomNormal([batch, heads, length, headDim], random.split(part), 'float64');
  const flags = Array.from({ length: batch * length }, () => (random.uniform() < padded ? 0 : 1));
  const keyMask = padded === 0 ? {} : { keyMask: fromArray(flags, [batch, length], 'uint8') };
  return { queries: draw('queries'), keys: draw('keys'), values: draw('values'), ...keyMask };
}

const shapeOf = ({ batch, heads, length, headDim }: Omit<Case, 'options' | 'padded' | 'seed'>): AttentionShape => {
  return { batch, heads, queryLength: length, keyLength: length, headDim, dtype: 'float64' };
};
const rotationsOf = (drawn: Case) => drawParameters(reformer, drawn.options, shapeOf(drawn), drawn.seed);
const run = (drawn: Case, inputs: AttentionInputs, parameters = rotationsOf(drawn)) =>
  noGrad(() => attend(reformer, inputs, drawn.options, { parameters }));

const dense = (tensor: Tensor) => ({ shape: tensor.shape, data: tensor.toArray() });

/** Queries as they are, and as keys of length 1, by plain division. */
function sharedQK({ queries, values }: AttentionInputs) {
  const keys = dense(queries);
  const width = queries.shape[3];
  const data = Array.from(keys.data, (value, n) => {
    const row = keys.data.slice(n - (n % width), n - (n % width) + width);
    return value / Math.sqrt(Array.from(row).reduce((sum, each) => sum + each * each, 0));
  });
  return { queries: dense(queries), keys: { ...keys, data }, values: dense(values) };
}

/** Full attention as Reformer approximates it: shared QK, and itself only where there is nobody else. */
const fullSharedQK = (inputs: AttentionInputs, options: ReferenceOptions) =>
  referenceAttention(sharedQK(inputs), { bias: (_b, _h, i, j) => (i === j ? -1e5 : 0), ...options });

function close(actual: Tensor, expected: { shape: readonly number[]; data: ArrayLike<number> }, claim: string): void {
  const error = maxAbsoluteError(dense(actual), expected);
  assert.ok(error <= ROUNDING, `${claim}: differs by ${error}`);
}

/** What each token is hashed to, [batch][head][round][position], and the number of buckets. */
function bucketsOf(drawn: Case, inputs: AttentionInputs): { group: number[][][][]; groups: number } {
  const parameters = rotationsOf(drawn);
  const flat = reformer.decisions!(inputs, drawn.options, parameters).buckets.toArray();
  const { heads, length, batch } = drawn;
  const rounds = drawn.options.numHashes;
  const list = (b: number, h: number, r: number) => {
    const start = ((b * heads + h) * rounds + r) * length;
    return Array.from(flat.slice(start, start + length));
  };
  const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);
  const groups = bucketFactors(drawn.options, length).reduce((product, factor) => product * factor, 1);
  return { group: upTo(batch).map((b) => upTo(heads).map((h) => upTo(rounds).map((r) => list(b, h, r)))), groups };
}

test('one bucket, one chunk and one round are full shared-QK attention', () => {
  forAll(60, (drawn, inputs) => {
    const options = { ...drawn.options, numBuckets: 1, numHashes: 1, chunkLength: drawn.length };
    const mask = inputs.keyMask?.toArray();
    // A token of padding takes no part: it sees nobody, where a query of full attention would.
    const isReal = (b: number, i: number) => mask === undefined || mask[b * drawn.length + i] === 1;
    const expected = fullSharedQK(inputs, {
      causal: options.causal,
      allowedIn: (b, _h, i, j) => isReal(b, i) && isReal(b, j),
    });
    close(run({ ...drawn, options }, inputs), expected, 'output');
  });
});

test('the union of the pairs of all rounds, with the weights of eqs. 14 to 16, is the dense oracle', () => {
  forAll(120, (drawn, inputs) => {
    const { causal, acrossBuckets, countOnce, chunkLength, numHashes } = drawn.options;
    const buckets = bucketsOf(drawn, inputs);
    const meets = meetsIn({ ...buckets, chunkLength, causal, acrossGroups: acrossBuckets });
    const meetings = countMeetings(meets, numHashes);
    const expected = fullSharedQK(inputs, {
      allowedIn: (b, h, i, j) => meetings(b, h, i, j) > 0,
      bias: (b, h, i, j) => {
        if (i === j) return -1e5;
        return countOnce ? 0 : Math.log(meetings(b, h, i, j));
      },
    });
    close(run(drawn, inputs), expected, 'output');
  });
});

test('buckets are argmax([xR; −xR]), of two hashes where there are many, and padding has one of its own', () => {
  forAll(40, (drawn, inputs) => {
    const { heads, length, headDim } = drawn;
    const { R1, R2 } = rotationsOf(drawn);
    const queries = inputs.queries.toArray();
    const mask = inputs.keyMask?.toArray();
    const hash = (rotation: Tensor | undefined, row: number, h: number, r: number) => {
      if (rotation === undefined) return 0;
      const n = rotation.shape[3];
      const numbers = rotation.toArray();
      const products = Array.from({ length: n }, (_, column) => {
        let sum = 0;
        for (let c = 0; c < headDim; c++) {
          sum += queries[row * headDim + c] * numbers[((h * drawn.options.numHashes + r) * headDim + c) * n + column];
        }
        return sum;
      });
      const signed = [...products, ...products.map((each) => -each)];
      return signed.indexOf(Math.max(...signed));
    };
    const { group, groups } = bucketsOf(drawn, inputs);
    assert.is(R2 !== undefined, groups > 2 * drawn.options.chunkLength && groups % 4 === 0);
    group.forEach((ofHeads, b) => {
      ofHeads.forEach((ofRounds, h) => {
        ofRounds.forEach((list, r) => {
          list.forEach((bucket, i) => {
            const row = (b * heads + h) * length + i;
            const second = R2 === undefined ? 0 : hash(R2, row, h, r);
            const own = R2 === undefined ? hash(R1, row, h, r) : hash(R1, row, h, r) * 2 * R2.shape[3] + second;
            assert.is(bucket, mask !== undefined && mask[b * length + i] === 0 ? groups : own);
          });
        });
      });
    });
  });
});

test('identical keys always share a bucket, in every round and both types; their scale does not matter', () => {
  for (const dtype of ['float32', 'float64'] as const) {
    for (let seed = 0; seed < 20; seed++) {
      scope(() => {
        const random = new Random(seed);
        const distinct = randomNormal([1, 2, 7, 5], random.split('keys'), dtype);
        const which = Int32Array.from({ length: 90 }, () => random.integer(7));
        const queries = gatherRows(distinct, which);
        const shape = { ...shapeOf({ batch: 1, heads: 2, length: 90, headDim: 5 }), dtype };
        const options = { ...reformer.defaults(90), numHashes: 3, chunkLength: 4 };
        const parameters = drawParameters(reformer, options, shape, seed);
        const inputs = { queries, keys: queries, values: queries };
        const buckets = (given: AttentionInputs) => reformer.decisions!(given, options, parameters).buckets.toArray();
        const own = buckets(inputs);
        own.forEach((bucket, n) => {
          const first = which.indexOf(which[n % 90]);
          assert.is(bucket, own[n - (n % 90) + first]);
        });
        // A power of two, so that the scaled rows are exact.
        assert.equal([...buckets({ ...inputs, queries: scale(queries, 4) })], [...own]);
      });
    }
  }
});

test('more rounds come closer to full shared-QK attention, in the mean over seeds', () => {
  const seeds = Array.from({ length: 24 }, (_, seed) => seed);
  for (const acrossBuckets of [false, true]) {
    const errorsAt = (numHashes: number) =>
      seeds.map((seed) =>
        scope(() => {
          const options = { ...reformer.defaults(96), causal: true, chunkLength: 16, acrossBuckets, numHashes };
          const drawn = { batch: 1, heads: 1, length: 96, headDim: 8, options, padded: 0, seed };
          const inputs = inputsOf(drawn);
          // Queries as long as those of trained models, so that a few keys have most of the weight.
          const sharp = { ...inputs, queries: noGrad(() => scale(inputs.queries, 8)) };
          return relativeFrobeniusError(dense(run(drawn, sharp)), fullSharedQK(sharp, { causal: true }));
        }),
      );
    const mean = (numbers: number[]) => numbers.reduce((sum, each) => sum + each, 0) / numbers.length;
    const series = [1, 2, 4, 8].map(errorsAt);
    for (let n = 1; n < series.length; n++) {
      // Paired by seed. The mean difference lies ten standard errors and more below zero; five are asked for.
      const differences = series[n].map((error, seed) => error - series[n - 1][seed]);
      const difference = mean(differences);
      const variance = mean(differences.map((each) => (each - difference) ** 2));
      const standardError = Math.sqrt(variance / (seeds.length - 1));
      assert.ok(difference < -5 * standardError, `${2 ** n} rounds: ${difference} ± ${standardError}`);
    }
    assert.ok(mean(series[3]) < 0.5 * mean(series[0]), `${series.map(mean)}`);
  }
});

test('causal: the first token attends to itself, and so does whoever has no earlier neighbour', () => {
  forAll(30, (drawn, inputs) => {
    const options = { ...drawn.options, causal: true };
    if (inputs.keyMask !== undefined) return;
    const output = run({ ...drawn, options }, inputs);
    const first = Int32Array.of(0);
    close(gatherRows(output, first), dense(gatherRows(inputs.values, first)), 'the first row');
  });
});

test('in float32 too, whoever has only itself gets its value, and passes the gradient on, whole', () => {
  for (const numHashes of [1, 4, 8]) {
    const [queries, values] = ['q', 'v'].map((name) =>
      randomNormal([1, 1, 1, 6], new Random(1).split(name)).withGrad(),
    );
    const gradient = randomNormal([1, 1, 1, 6], new Random(2));
    const output = attend(reformer, { queries, keys: queries, values }, { numHashes });
    backward(output, gradient);
    const distance = (a: Tensor, b: Tensor) => maxAbsoluteError(dense(a), dense(b));
    // A few roundings of numbers near 1, though the scores are near −10⁵, where float32 has steps of 0.008.
    assert.ok(distance(output, values) < 1e-6 && distance(values.grad!, gradient) < 1e-6, `${numHashes} rounds`);
  }
});

test('what the keys hold changes nothing, and they get no gradient', () => {
  forAll(20, (drawn, inputs, random) => {
    const others = { ...inputs, keys: randomNormal(inputs.keys.shape, random, 'float64') };
    assert.equal(run(drawn, others).toArray(), run(drawn, inputs).toArray());
    for (const leaf of [inputs.queries, inputs.keys, inputs.values]) leaf.withGrad();
    backward(attend(reformer, inputs, drawn.options, { parameters: rotationsOf(drawn) }));
    assert.ok(inputs.keys.grad === null && inputs.values.grad !== null);
  });
});

test('padding: it sees nobody, nobody sees it, and whatever it holds, the rest is as without it', () => {
  forAll(60, (drawn, inputs, random) => {
    const extra = 1 + random.integer(9);
    const { batch, heads, length, headDim } = drawn;
    const rubbish = () => scale(randomNormal([batch, heads, extra, headDim], random, 'float64'), 10);
    const flags = inputs.keyMask?.toArray() ?? new Uint8Array(batch * length).fill(1);
    const longer = Array.from({ length: batch }, (_, b) => [
      ...flags.slice(b * length, (b + 1) * length),
      ...new Array<number>(extra).fill(0),
    ]);
    const appended = {
      queries: concat([inputs.queries, rubbish()], 2),
      keys: concat([inputs.keys, rubbish()], 2),
      values: concat([inputs.values, rubbish()], 2),
      keyMask: fromArray(longer.flat(), [batch, length + extra], 'uint8'),
    };
    // With the rotations of the shorter one: the number of buckets is theirs.
    const parameters = rotationsOf(drawn);
    const output = run(drawn, appended, parameters);
    const [real, rest] = [0, length].map((begin) =>
      Int32Array.from({ length: begin === 0 ? length : extra }, (_, n) => begin + n),
    );
    close(gatherRows(output, real), dense(run(drawn, inputs, parameters)), 'real tokens');
    assert.ok(
      gatherRows(output, rest)
        .toArray()
        .every((value) => value === 0),
    );
    const rows = output.toArray();
    for (let n = 0; n < rows.length; n++) {
      const row = Math.floor(n / headDim);
      const [b, i] = [Math.floor(row / (length + extra) / heads), row % (length + extra)];
      if (longer[b][i] === 0) assert.is(rows[n], 0);
    }
  });
});

test('gradients are finite at lengths that no chunk divides, with zero, equal, huge and tiny queries', () => {
  for (const length of [1, 3, 13, 29, 67]) {
    for (const causal of [false, true]) {
      scope(() => {
        const random = new Random(length);
        const rows = Array.from({ length: length * 4 }, () => random.normal());
        rows.fill(0, 0, 4);
        if (length > 4) {
          rows.copyWithin(4, 8, 12);
          for (let c = 16; c < 20; c++) rows[c] *= 1e15;
          for (let c = 12; c < 16; c++) rows[c] *= 1e-15;
        }
        const queries = fromArray(rows, [1, 1, length, 4]).withGrad();
        const values = randomNormal([1, 1, length, 4], random).withGrad();
        const options = { causal, chunkLength: Math.min(4, length), numHashes: 3 };
        const output = attend(reformer, { queries, keys: queries, values }, options, { seed: length });
        backward(output, randomNormal(output.shape, random));
        for (const tensor of [output, queries.grad!, values.grad!]) {
          assert.ok(tensor.toArray().every(Number.isFinite), `length ${length}, causal ${causal}`);
        }
      });
    }
  }
});

test('decoding: every step is the last row of the causal run over the tokens so far', () => {
  forAll(25, (drawn, inputs) => {
    const options = { ...drawn.options, causal: true };
    const parameters = rotationsOf({ ...drawn, options });
    const { batch, heads, headDim, length } = drawn;
    const sizes = { batch, heads, headDim, dtype: 'float64' as const, maxLength: length };
    const decoder = startDecoding(reformer, sizes, options, { parameters });
    for (let position = 0; position < length; position++) {
      const last = Int32Array.of(position);
      const soFar = Int32Array.from({ length: position + 1 }, (_, n) => n);
      const pick = (index: Int32Array) => ({
        queries: gatherRows(inputs.queries, index),
        keys: gatherRows(inputs.keys, index),
        values: gatherRows(inputs.values, index),
      });
      const step = decoder.step(pick(last));
      // Not by way of the door, which would find the chunks of the finished text too long for its beginning.
      const { output } = noGrad(() => reformer.attend(pick(soFar), options, parameters)) as Attending;
      close(step, dense(gatherRows(output, last)), `token ${position}`);
    }
  });
});

test('decisions: a run with the buckets of another has its bits, and goes by them where its own would differ', () => {
  forAll(30, (drawn, inputs, random) => {
    const parameters = rotationsOf(drawn);
    const decided = reformer.decisions!(inputs, drawn.options, parameters);
    assert.equal(run(drawn, inputs, { ...parameters, ...decided }).toArray(), run(drawn, inputs, parameters).toArray());

    // Other queries with the first ones' buckets: what the oracle makes of those pairs.
    const others = { ...inputs, queries: randomNormal(inputs.queries.shape, random, 'float64') };
    const { causal, acrossBuckets, chunkLength, numHashes } = drawn.options;
    const meets = meetsIn({ ...bucketsOf(drawn, inputs), chunkLength, causal, acrossGroups: acrossBuckets });
    const meetings = countMeetings(meets, numHashes);
    const countOnce = { ...drawn, options: { ...drawn.options, countOnce: true } };
    const expected = fullSharedQK(others, { allowedIn: (b, h, i, j) => meetings(b, h, i, j) > 0 });
    close(run(countOnce, others, { ...parameters, ...decided }), expected, 'output');
  });
});

test('the number of buckets: 2L/m, even, made of one hash or of two nearly equal ones', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100_000 }), fc.integer({ min: 1, max: 300 }), (length, chunkLength) => {
      const factors = bucketFactors({ numHashes: 1, chunkLength, numBuckets: 0 }, length);
      const count = factors.reduce((product, factor) => product * factor, 1);
      const wanted = (2 * length) / chunkLength;
      assert.ok(factors.every((factor) => factor >= 2 && factor % 2 === 0));
      if (factors.length === 1) assert.ok(count <= 2 * chunkLength && count >= wanted && count < wanted + 2);
      // Two even factors near the root: their product is at most a few roots more.
      else assert.ok(count >= wanted && count <= wanted + 4 * Math.sqrt(wanted) + 8, `${factors} for ${wanted}`);
    }),
    effort(500),
  );
  const given = (numBuckets: number) => bucketFactors({ numHashes: 1, chunkLength: 32, numBuckets }, 10_000);
  assert.equal(given(1), []);
  assert.equal(given(64), [64]);
  assert.equal(given(128), [8, 16]);
  assert.equal(given(8192), [64, 128]);
  assert.equal(given(72), [6, 12]);
  // 66 = 2 · 33 is not a product of two even numbers.
  assert.equal(given(66), [66]);
});

test('cost: the pairs of eq. 5, exactly', () => {
  forAll(40, (drawn) => {
    const { length, options } = drawn;
    const chunkOf = (place: number) => Math.floor(place / options.chunkLength);
    let pairs = 0;
    for (let i = 0; i < length; i++) {
      for (let j = 0; j < length; j++) {
        const distance = chunkOf(j) - chunkOf(i);
        if (distance === 0 || distance === -1 || (distance === 1 && !options.causal)) pairs++;
      }
    }
    const shape = shapeOf({ ...drawn, batch: 1, heads: 1 });
    const perPair = full.cost({ ...shape, queryLength: 1, keyLength: 1 }, { causal: false }).flops;
    const flops = (headDim: number) => reformer.cost({ ...shape, headDim }, { ...options, numBuckets: 1 }).flops;
    // What is not for pairs: joining, 2d and 5 a token and round, and 3d a token for unit keys.
    const { headDim } = drawn;
    const others = length * (options.numHashes * (2 * headDim + 5) + 3 * headDim);
    assert.is(flops(headDim), options.numHashes * pairs * perPair + others);
  });
});

test('what cannot be right is refused by name', () => {
  const x = zeros([1, 2, 8, 4]);
  const inputs = { queries: x, keys: x, values: x };
  const shape: AttentionShape = { batch: 1, heads: 2, queryLength: 8, keyLength: 8, headDim: 4, dtype: 'float32' };
  for (const numBuckets of [3, 7, 31]) {
    expectThrows(ArgumentError, 'numBuckets', () => attend(reformer, inputs, { numBuckets }));
  }
  expectThrows(ArgumentError, 'numBuckets', () => attend(reformer, inputs, { numBuckets: 34 }));
  expectThrows(ArgumentError, 'chunkLength', () => attend(reformer, inputs, { chunkLength: 9 }));
  expectThrows(ArgumentError, 'numHashes', () => attend(reformer, inputs, { numHashes: 0 }));

  const options = checkOptions(reformer, { numHashes: 2 }, shape);
  const parameters = drawParameters(reformer, options, shape, 1);
  const refused = (type: typeof ShapeError | typeof ArgumentError, name: string, given: Record<string, Tensor>) =>
    expectThrows(type, name, () => attend(reformer, inputs, options, { parameters: given }));
  refused(ArgumentError, 'parameters.R1', {});
  refused(ShapeError, 'parameters.R1', { R1: zeros([2, 3, 4, 1]) });
  refused(ShapeError, 'parameters.R1', { R1: zeros([4, 1]) });
  refused(ArgumentError, 'parameters.R1', { R1: zeros([2, 2, 4, 1], 'float64') });
  refused(ShapeError, 'parameters.R2', { ...parameters, R2: zeros([1, 2, 4, 1]) });
  refused(ShapeError, 'parameters.buckets', { ...parameters, buckets: zeros([1, 2, 2, 7], 'int32') });
  refused(ArgumentError, 'parameters.buckets', { ...parameters, buckets: zeros([1, 2, 2, 8]) });
  expectThrows(ArgumentError, 'parameters', () =>
    attend(reformer, inputs, { ...options, numBuckets: 8 }, { parameters }),
  );
});

test.run();
