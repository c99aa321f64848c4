/** Attention among sorted and chunked tokens, against the dense oracle and a pair-by-pair account of who meets whom. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, noGrad } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { checkGradients } from '../../src/core/gradient-check.ts';
import { measureMemory } from '../../src/core/memory.ts';
import { type ChunkedOptions, chunkedAttention, joinAttention, sortIntoChunks } from '../../src/core/ops/index.ts';
import { poolReady, setThreads, threadCount } from '../../src/core/parallel/pool.ts';
import { Random } from '../../src/core/random.ts';
import {
  maxAbsoluteError,
  type ReferenceOptions,
  referenceAttention,
  referenceAttentionGradients,
  referenceWeights,
} from '../../src/core/reference.ts';
import { fromArray, randomNormal, scope, type Tensor } from '../../src/core/tensor.ts';
import { expectSameBits } from '../laws/evaluate.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { countMeetings, type Meets, meetsIn } from './chunks-written-out.ts';

/** Float64 sums of at most some hundred terms of size up to about 10, in another order. */
const ROUNDING = 1e-11;

const cases = fc.record({
  batch: fc.integer({ min: 1, max: 2 }),
  heads: fc.integer({ min: 1, max: 2 }),
  rounds: fc.integer({ min: 1, max: 4 }),
  // Around the tiles of 32 and 64 places, and far from their multiples.
  length: fc.oneof(fc.integer({ min: 1, max: 70 }), fc.constantFrom(1, 31, 32, 33, 63, 64, 65, 97, 129)),
  headDim: fc.integer({ min: 1, max: 7 }),
  valueDim: fc.integer({ min: 1, max: 7 }),
  groups: fc.integer({ min: 1, max: 9 }),
  chunkLength: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(1, 31, 32, 33, 64, 200)),
  causal: fc.boolean(),
  acrossGroups: fc.boolean(),
  countOnce: fc.boolean(),
  selfBias: fc.constantFrom(0, -1.5, -1e5),
  scale: fc.constantFrom(undefined, 0.3, 2),
  /** How often a token takes no part. */
  absent: fc.constantFrom(0, 0.2),
  seed: fc.nat(),
});

type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

interface Drawn {
  queries: Tensor;
  keys: Tensor;
  values: Tensor;
  group: Tensor;
  meets: Meets;
  options: ChunkedOptions;
}

function draw(drawnCase: Case): Drawn {
  const { batch, heads, rounds, length, groups, absent, seed } = drawnCase;
  const random = new Random(seed);
  const normal = (name: string, width: number) =>
    randomNormal([batch, heads, length, width], random.split(name), 'float64');
  // A token that takes no part does so in every round, as padding does.
  const isAbsent = Array.from({ length: batch }, () => Array.from({ length }, () => random.uniform() < absent));
  const list = (b: number) => isAbsent[b].map((gone) => (gone ? groups : random.integer(groups)));
  const group = Array.from({ length: batch }, (_, b) =>
    Array.from({ length: heads }, () => Array.from({ length: rounds }, () => list(b))),
  );
  const { causal, acrossGroups, countOnce, selfBias, scale } = drawnCase;
  return {
    queries: normal('queries', drawnCase.headDim),
    keys: normal('keys', drawnCase.headDim),
    values: normal('values', drawnCase.valueDim),
    group: fromArray(group.flat(3), [batch, heads, rounds, length], 'int32'),
    meets: meetsIn({ ...drawnCase, group }),
    options: { causal, acrossGroups, countOnce, selfBias, ...(scale && { scale }) },
  };
}

const dense = (tensor: Tensor) => ({ shape: tensor.shape, data: tensor.toArray() });
const denseInputs = ({ queries, keys, values }: Drawn) => ({
  queries: dense(queries),
  keys: dense(keys),
  values: dense(values),
});

/** What the oracle is told of one round. */
function oracleOf({ meets, options }: Drawn, { rounds }: Case, round: number): ReferenceOptions {
  const meetings = countMeetings(meets, rounds);
  return {
    allowedIn: (b, h, i, j) => meets(b, h, round, i, j),
    bias: (b, h, i, j) => {
      if (i === j) return options.selfBias;
      return options.countOnce ? -Math.log(meetings(b, h, i, j)) : 0;
    },
    ...(options.scale && { scale: options.scale }),
  };
}

function forAll(runs: number, law: (drawn: Drawn, drawnCase: Case) => void): void {
  const property = fc.property(cases, (drawnCase) => {
    scope(() => law(draw(drawnCase), drawnCase));
  });
  fc.assert(property, { numRuns: runs });
}

function close(actual: Tensor, expected: { shape: readonly number[]; data: ArrayLike<number> }, claim: string): void {
  const error = maxAbsoluteError(dense(actual), expected);
  assert.ok(error <= ROUNDING, `${claim}: differs by ${error}`);
}

const attended = ({ queries, keys, values, group, options }: Drawn, { groups, chunkLength }: Case, round: number) =>
  chunkedAttention(queries, keys, values, sortIntoChunks(group, groups, chunkLength), round, options);

test('each round is dense attention among the pairs that meet in it', () => {
  forAll(120, (drawn, drawnCase) => {
    for (let round = 0; round < drawnCase.rounds; round++) {
      const { output } = attended(drawn, drawnCase, round);
      close(output, referenceAttention(denseInputs(drawn), oracleOf(drawn, drawnCase, round)), `round ${round}`);
    }
  });
});

test('the log-sum-exp is that of the pairs that meet, and −∞ where there is none', () => {
  forAll(60, (drawn, drawnCase) => {
    const round = drawnCase.seed % drawnCase.rounds;
    const { logSumExp } = attended(drawn, drawnCase, round);
    const { batch, heads, length, headDim } = drawnCase;
    const { allowedIn, bias, scale = 1 / Math.sqrt(headDim) } = oracleOf(drawn, drawnCase, round);
    const [q, k] = [drawn.queries.toArray(), drawn.keys.toArray()];
    logSumExp.toArray().forEach((value, row) => {
      const head = Math.floor(row / length);
      const [b, h, i] = [Math.floor(head / heads), head % heads, row % length];
      assert.ok(b < batch);
      const scores: number[] = [];
      for (let j = 0; j < length; j++) {
        if (!allowedIn!(b, h, i, j)) continue;
        let dot = 0;
        for (let c = 0; c < headDim; c++) dot += q[row * headDim + c] * k[(head * length + j) * headDim + c];
        scores.push(scale * dot + bias!(b, h, i, j));
      }
      const largest = Math.max(Number.NEGATIVE_INFINITY, ...scores);
      const sum = scores.reduce((total, score) => total + Math.exp(score - largest), 0);
      const expected = scores.length === 0 ? largest : largest + Math.log(sum);
      // At a self score of −10⁵ a float64 has 10⁻¹¹ left.
      const tolerance = ROUNDING * Math.max(1, Math.abs(largest) / 1e3);
      assert.ok(value === expected || Math.abs(value - expected) <= tolerance, `${value}, expected ${expected}`);
    });
  });
});

test('rounds that count each pair once, joined, are dense attention over the union of their pairs', () => {
  forAll(80, (drawn, drawnCase) => {
    drawn.options = { ...drawn.options, countOnce: true, selfBias: -1e5 };
    const rounds = Array.from({ length: drawnCase.rounds }, (_, round) => attended(drawn, drawnCase, round));
    const meetings = countMeetings(drawn.meets, drawnCase.rounds);
    const union = {
      ...oracleOf(drawn, drawnCase, 0),
      allowedIn: (b: number, h: number, i: number, j: number) => meetings(b, h, i, j) > 0,
      bias: (_b: number, _h: number, i: number, j: number) => (i === j ? -1e5 : 0),
    };
    close(joinAttention(rounds).output, referenceAttention(denseInputs(drawn), union), 'joined rounds');
  });
});

test('rounds that do not, joined, weigh a pair by the number of rounds in which it meets', () => {
  forAll(40, (drawn, drawnCase) => {
    drawn.options = { ...drawn.options, countOnce: false, selfBias: 0 };
    const rounds = Array.from({ length: drawnCase.rounds }, (_, round) => attended(drawn, drawnCase, round));
    const meetings = countMeetings(drawn.meets, drawnCase.rounds);
    const counted = {
      ...oracleOf(drawn, drawnCase, 0),
      allowedIn: (b: number, h: number, i: number, j: number) => meetings(b, h, i, j) > 0,
      bias: (b: number, h: number, i: number, j: number) => Math.log(meetings(b, h, i, j)),
    };
    close(joinAttention(rounds).output, referenceAttention(denseInputs(drawn), counted), 'joined rounds');
  });
});

test('gradients of queries, keys and values are those of the oracle', () => {
  forAll(60, (drawn, drawnCase) => {
    const { queries, keys, values } = drawn;
    for (const leaf of [queries, keys, values]) leaf.withGrad();
    const round = drawnCase.seed % drawnCase.rounds;
    const { output } = attended(drawn, drawnCase, round);
    const gradient = randomNormal(output.shape, new Random(drawnCase.seed).split('gradient'), 'float64');
    backward(output, gradient);
    const oracle = oracleOf(drawn, drawnCase, round);
    const expected = referenceAttentionGradients(denseInputs(drawn), dense(gradient), oracle);
    close(queries.grad!, expected.queries, 'gradient of queries');
    close(keys.grad!, expected.keys, 'gradient of keys');
    close(values.grad!, expected.values, 'gradient of values');
  });
});

test('the gradient flows through the log-sum-exp too, as joining the rounds needs it', () => {
  forAll(12, (drawn, drawnCase) => {
    if (drawnCase.length > 20) return;
    // A self score of −10⁵ would leave a difference quotient of the log-sum-exp no digits.
    drawn.options = { ...drawn.options, selfBias: -1.5 };
    const join = (queries: Tensor, keys: Tensor, values: Tensor) =>
      joinAttention(
        Array.from({ length: drawnCase.rounds }, (_, round) =>
          attended({ ...drawn, queries, keys, values }, drawnCase, round),
        ),
      );
    const leaves = [drawn.queries, drawn.keys, drawn.values];
    checkGradients((q, k, v) => join(q, k, v).output, leaves, { maxEntries: 8, seed: drawnCase.seed });
  });
});

test('a token without company attends to itself, even where that costs −10⁵, and otherwise not at all', () => {
  scope(() => {
    const queries = randomNormal([1, 1, 5, 3], new Random(1));
    const values = randomNormal([1, 1, 5, 2], new Random(2));
    const group = fromArray([0, 1, 0, 0, 2], [1, 1, 1, 5], 'int32');
    const chunks = sortIntoChunks(group, 3, 4);
    const options = { causal: true, acrossGroups: false, countOnce: true, selfBias: -1e5 };
    const { output } = chunkedAttention(queries, queries, values, chunks, 0, options);
    const [rows, v] = [output.toArray(), values.toArray()];
    // Token 0 is the first of its group, 1 and 4 are alone in theirs, and 2 has only 0 before it.
    for (const [row, source] of [0, 1, 0, -1, 4].entries()) {
      if (source < 0) continue;
      assert.equal([...rows.slice(2 * row, 2 * row + 2)], [...v.slice(2 * source, 2 * source + 2)], `token ${row}`);
    }
    const weights = referenceWeights(
      { queries: dense(queries), keys: dense(queries), values: dense(values) },
      { allowed: (_h, i, j) => i === 3 && (j === 0 || j === 2) },
    ).data.slice(15, 20);
    for (let c = 0; c < 2; c++) {
      const expected = weights[0] * v[c] + weights[2] * v[4 + c];
      // Float32, a few operations.
      assert.ok(Math.abs(rows[6 + c] - expected) < 1e-6, `token 3: ${rows[6 + c]}, expected ${expected}`);
    }
  });
});

test('memory: a chunk as long as the sequence is held neither in scores nor in sorted copies', () => {
  const peak = (length: number) =>
    scope(() => {
      const x = randomNormal([1, 1, length, 8], new Random(1));
      const group = fromArray(new Int32Array(length), [1, 1, 1, length], 'int32');
      const chunks = sortIntoChunks(group, 1, length);
      const options = { causal: false, acrossGroups: false, countOnce: true, selfBias: -1e5 };
      return measureMemory(() => noGrad(() => chunkedAttention(x, x, x, chunks, 0, options))).peakBytes;
    });
  // Output of 8 numbers a token and one log-sum-exp.
  assert.ok(peak(1024) <= 1.1 * 4 * 9 * 1024, `${peak(1024)} bytes`);
});

test('the same bits on 1, 2, 3 and 8 threads, forward and backward', async () => {
  const outer = threadCount();
  try {
    const random = new Random(5);
    const [queries, keys, values] = ['q', 'k', 'v'].map((name) => randomNormal([1, 2, 301, 16], random.split(name)));
    for (const leaf of [queries, keys, values]) leaf.withGrad();
    const groups = Int32Array.from({ length: 2 * 2 * 301 }, () => random.integer(7));
    const group = fromArray(groups, [1, 2, 2, 301], 'int32');
    const bits = () =>
      [false, true].map((acrossGroups) =>
        scope(() => {
          for (const leaf of [queries, keys, values]) leaf.grad = null;
          const options = { causal: false, acrossGroups, countOnce: true, selfBias: -1e5 };
          const chunks = sortIntoChunks(group, 7, 40);
          const { output } = joinAttention(
            [0, 1].map((round) => chunkedAttention(queries, keys, values, chunks, round, options)),
          );
          backward(output);
          return [output, queries.grad!, keys.grad!, values.grad!].map((tensor) => tensor.toArray());
        }),
      );
    setThreads(1);
    const alone = bits();
    for (const threads of [2, 3, 8]) {
      setThreads(threads);
      await poolReady();
      const arrays = bits().flat();
      alone.flat().forEach((array, which) => {
        expectSameBits(arrays[which], array, `array ${which} on ${threads} threads`);
      });
    }
  } finally {
    setThreads(outer);
  }
});

test('what cannot be right is refused by name', () => {
  const x = randomNormal([1, 2, 4, 3], new Random(1));
  const options = { causal: false, acrossGroups: false, countOnce: true, selfBias: 0 };
  const group = fromArray(new Int32Array(8), [1, 2, 1, 4], 'int32');
  const chunks = sortIntoChunks(group, 2, 2);
  const other = randomNormal([1, 2, 5, 3], new Random(1));
  expectThrows(ShapeError, 'keys', () => chunkedAttention(x, other, x, chunks, 0, options));
  expectThrows(ShapeError, 'values', () => chunkedAttention(x, x, other, chunks, 0, options));
  expectThrows(ShapeError, 'chunks.group', () => chunkedAttention(other, other, other, chunks, 0, options));
  expectThrows(ArgumentError, 'round', () => chunkedAttention(x, x, x, chunks, 1, options));
  expectThrows(ArgumentError, 'queries', () => chunkedAttention(group, x, x, chunks, 0, options));
  const flat = fromArray([0, 1], [2], 'int32');
  expectThrows(ShapeError, 'group', () => sortIntoChunks(flat, 2, 1));
  expectThrows(ArgumentError, 'groups', () => sortIntoChunks(group, 0, 1));
  expectThrows(ArgumentError, 'chunkLength', () => sortIntoChunks(group, 1, 0));
  const stray = fromArray([0, 1, 2, 4], [1, 1, 1, 4], 'int32');
  expectThrows(ArgumentError, 'group', () => sortIntoChunks(stray, 3, 1));
});

test.run();
