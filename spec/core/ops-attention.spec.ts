/** Streaming attention over any layout against the dense oracle, and attentions joined over disjoint sets of keys. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, noGrad } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { checkGradients } from '../../src/core/gradient-check.ts';
import {
  type Attended,
  type AttentionLayout,
  add,
  band,
  everything,
  joinAttention,
  multiply,
  runs,
  slice,
  softmax,
  stack,
  streamingAttention,
} from '../../src/core/ops/index.ts';
import { poolReady, setThreads, threadCount } from '../../src/core/parallel/pool.ts';
import { Random } from '../../src/core/random.ts';
import { maxAbsoluteError, referenceAttention, referenceAttentionGradients } from '../../src/core/reference.ts';
import { elements, fromArray, randomNormal, scope, type Tensor, zeros } from '../../src/core/tensor.ts';

/** Float64 sums of a few hundred terms of size up to about 10, in another order. */
const ROUNDING = 1e-11;

const cases = fc.record({
  batch: fc.integer({ min: 1, max: 2 }),
  heads: fc.integer({ min: 1, max: 3 }),
  // Around the tiles of 32 queries and 64 keys, and far from their multiples.
  queryLength: fc.oneof(fc.integer({ min: 1, max: 80 }), fc.constantFrom(1, 31, 32, 33, 64, 65, 127, 128, 129)),
  keyLength: fc.oneof(fc.integer({ min: 1, max: 80 }), fc.constantFrom(1, 31, 32, 33, 64, 65, 127, 128, 129)),
  headDim: fc.integer({ min: 1, max: 9 }),
  valueDim: fc.integer({ min: 1, max: 9 }),
  kind: fc.constantFrom('everything', 'band', 'runs'),
  masked: fc.boolean(),
  scale: fc.constantFrom(undefined, 0.3, 2),
  seed: fc.nat(),
});

type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

interface Drawn {
  queries: Tensor;
  keys: Tensor;
  values: Tensor;
  keyMask: Tensor | undefined;
  layout: AttentionLayout;
}

function draw({ batch, heads, queryLength, keyLength, headDim, valueDim, kind, masked, seed }: Case): Drawn {
  const random = new Random(seed);
  const rows = kind === 'band' ? keyLength : queryLength;
  const normal = (name: string, length: number, width: number) =>
    randomNormal([batch, heads, length, width], random.split(name), 'float64');
  const flags = Array.from({ length: batch * keyLength }, () => random.integer(4) && 1);
  return {
    queries: normal('queries', rows, headDim),
    keys: normal('keys', keyLength, headDim),
    values: normal('values', keyLength, valueDim),
    keyMask: masked ? fromArray(flags, [batch, keyLength], 'uint8') : undefined,
    layout: layoutOf(kind, rows, keyLength, heads, random),
  };
}

function layoutOf(kind: string, rows: number, keyLength: number, heads: number, random: Random): AttentionLayout {
  if (kind === 'everything') return everything(rows, keyLength);
  if (kind === 'band') {
    const reach = () => random.integer(keyLength + 2);
    const step = () => 1 + random.integer(5);
    const dilation = random.integer(2) ? step() : Array.from({ length: heads }, step);
    return band(keyLength, { before: reach(), after: reach(), dilation });
  }
  const ends = Array.from({ length: rows }, () => [random.integer(keyLength + 1), random.integer(keyLength + 1)]);
  return runs(
    Int32Array.from(ends, ([begin]) => begin),
    Int32Array.from(ends, ([, end]) => end),
    keyLength,
  );
}

/** A layout as the oracle understands it. */
function allowedBy({ heads }: AttentionLayout): (head: number, query: number, key: number) => boolean {
  return (head, query, key) => {
    const { dilation, begin, end } = heads[heads.length === 1 ? 0 : head];
    if (key % dilation !== query % dilation) return false;
    const place = Math.floor(key / dilation);
    return place >= begin[query] && place < end[query];
  };
}

const dense = (tensor: Tensor) => ({ shape: tensor.shape, data: tensor.toArray() });
const denseInputs = ({ queries, keys, values }: Drawn) => ({
  queries: dense(queries),
  keys: dense(keys),
  values: dense(values),
});
const optionsOf = ({ layout, keyMask }: Drawn, { scale }: Case) => ({
  allowed: allowedBy(layout),
  ...(keyMask && { keyMask: dense(keyMask) }),
  ...(scale && { scale }),
});

function close(actual: Tensor, expected: { shape: readonly number[]; data: ArrayLike<number> }, claim: string): void {
  const error = maxAbsoluteError(dense(actual), expected);
  assert.ok(error <= ROUNDING, `${claim}: differs by ${error}`);
}

test('the output is dense attention under the layout', () => {
  fc.assert(
    fc.property(cases, (attentionCase) => {
      scope(() => {
        const drawn = draw(attentionCase);
        const { queries, keys, values, layout, keyMask } = drawn;
        const { output } = streamingAttention(queries, keys, values, layout, { keyMask, scale: attentionCase.scale });
        close(output, referenceAttention(denseInputs(drawn), optionsOf(drawn, attentionCase)), 'output');
      });
    }),
    { numRuns: 150 },
  );
});

test('the log-sum-exp is that of the visible scores, and −∞ where there is none', () => {
  fc.assert(
    fc.property(cases, (attentionCase) => {
      scope(() => {
        const drawn = draw(attentionCase);
        const { queries, keys, values, layout, keyMask } = drawn;
        const [batch, heads, queryLength, headDim] = queries.shape;
        const keyLength = keys.shape[2];
        const scale = attentionCase.scale ?? 1 / Math.sqrt(headDim);
        const { logSumExp } = streamingAttention(queries, keys, values, layout, { keyMask, scale });
        const allowed = allowedBy(layout);
        const [q, k, lse, mask] = [queries, keys, logSumExp, keyMask].map((tensor) => tensor?.toArray());
        for (let row = 0; row < batch * heads * queryLength; row++) {
          const head = Math.floor(row / queryLength);
          let sum = 0;
          for (let j = 0; j < keyLength; j++) {
            if (!allowed(head % heads, row % queryLength, j)) continue;
            if (mask && !mask[Math.floor(head / heads) * keyLength + j]) continue;
            let dot = 0;
            for (let c = 0; c < headDim; c++) dot += q![row * headDim + c] * k![(head * keyLength + j) * headDim + c];
            sum += Math.exp(scale * dot);
          }
          const expected = Math.log(sum);
          assert.ok(lse![row] === expected || Math.abs(lse![row] - expected) <= ROUNDING, `${lse![row]}, ${expected}`);
        }
      });
    }),
    { numRuns: 60 },
  );
});

test('a mask for each head is what separate calls with their masks give', () => {
  fc.assert(
    fc.property(cases, (attentionCase) => {
      scope(() => {
        const { queries, keys, values } = draw({ ...attentionCase, kind: 'everything' });
        const [batch, heads, queryLength] = queries.shape;
        const keyLength = keys.shape[2];
        const random = new Random(attentionCase.seed).split('mask');
        const flags = Uint8Array.from({ length: batch * heads * keyLength }, () => random.integer(3) && 1);
        const keyMask = fromArray(flags, [batch, heads, keyLength], 'uint8');
        const layout = everything(queryLength, keyLength);
        const together = streamingAttention(queries, keys, values, layout, { keyMask }).output;
        for (let head = 0; head < heads; head++) {
          const one = (tensor: Tensor) => slice(tensor, 1, head, head + 1);
          const own = fromArray(one(keyMask).toArray(), [batch, keyLength], 'uint8');
          const alone = streamingAttention(one(queries), one(keys), one(values), layout, { keyMask: own }).output;
          assert.equal(one(together).toArray(), alone.toArray());
        }
      });
    }),
    { numRuns: 30 },
  );
});

test('gradients of queries, keys and values are those of the oracle', () => {
  fc.assert(
    fc.property(cases, (attentionCase) => {
      scope(() => {
        const drawn = draw(attentionCase);
        const { queries, keys, values, layout, keyMask } = drawn;
        for (const leaf of [queries, keys, values]) leaf.withGrad();
        const { output } = streamingAttention(queries, keys, values, layout, { keyMask, scale: attentionCase.scale });
        const gradient = randomNormal(output.shape, new Random(attentionCase.seed).split('gradient'), 'float64');
        backward(output, gradient);
        const expected = referenceAttentionGradients(
          denseInputs(drawn),
          dense(gradient),
          optionsOf(drawn, attentionCase),
        );
        close(queries.grad!, expected.queries, 'gradient of queries');
        close(keys.grad!, expected.keys, 'gradient of keys');
        close(values.grad!, expected.values, 'gradient of values');
      });
    }),
    { numRuns: 80 },
  );
});

test('attentions over disjoint keys, joined, are the attention over all, and so are their gradients', () => {
  fc.assert(
    fc.property(cases, fc.nat(), (attentionCase, cut) => {
      scope(() => {
        const { queries, keys, values, keyMask } = draw({ ...attentionCase, kind: 'everything' });
        const [queryLength, keyLength] = [queries.shape[2], keys.shape[2]];
        const first = cut % (keyLength + 1);
        const part = (begin: number, end: number) =>
          runs(new Int32Array(queryLength).fill(begin), new Int32Array(queryLength).fill(end), keyLength);
        const joined = joinAttention([
          streamingAttention(queries, keys, values, part(0, first), { keyMask }),
          streamingAttention(queries, keys, values, part(first, keyLength), { keyMask }),
        ]);
        const whole = streamingAttention(queries, keys, values, everything(queryLength, keyLength), { keyMask });
        close(joined.output, dense(whole.output), 'joined output');
        const [ours, theirs] = [joined.logSumExp.toArray(), whole.logSumExp.toArray()];
        ours.forEach((value, n) => {
          assert.ok(
            value === theirs[n] || Math.abs(value - theirs[n]) <= ROUNDING,
            `log-sum-exp: ${value}, ${theirs[n]}`,
          );
        });
      });
    }),
    { numRuns: 60 },
  );
});

/** What a join is, in ops of its own for each step. */
function joinByOps(parts: readonly Attended[]): Tensor {
  const shares = softmax(
    stack(
      parts.map(({ logSumExp }) => logSumExp),
      -1,
    ),
  );
  const last = shares.shape.length - 1;
  const weighted = parts.map(({ output }, part) => multiply(slice(shares, last, part, part + 1), output));
  return weighted.reduce((sum, each) => add(sum, each));
}

test('a join is the softmax over the log-sum-exps, and so are its gradients', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 17 }), fc.nat(), fc.boolean(), (count, seed, hidden) => {
      scope(() => {
        const random = new Random(seed);
        const parts = Array.from({ length: count }, (_, part) => ({
          output: randomNormal([1, 2, 7, 3], random.split(`output ${part}`), 'float64').withGrad(),
          logSumExp: randomNormal([1, 2, 7], random.split(`sum ${part}`), 'float64').withGrad(),
        }));
        // A part that has no key for some queries.
        if (hidden) elements(parts[0].logSumExp).fill(Number.NEGATIVE_INFINITY, 0, 5);
        const weights = randomNormal([1, 2, 7, 3], random.split('weights'), 'float64');
        const leaves = parts.flatMap(({ output, logSumExp }) => [output, logSumExp]);
        const [ours, theirs] = [joinAttention, joinByOps].map((join) => {
          const joined = join(parts);
          const output = 'output' in joined ? joined.output : joined;
          backward(output, weights);
          const results = [output, ...leaves.map(({ grad }) => grad as Tensor)].map((tensor) => [...tensor.toArray()]);
          for (const leaf of leaves) leaf.grad = null;
          return results.flat();
        });
        ours.forEach((value, n) => {
          assert.ok(Math.abs(value - theirs[n]) <= ROUNDING, `${value}, ${theirs[n]} at ${n}`);
        });
      });
    }),
    { numRuns: 40 },
  );
});

test('the gradient flows through the log-sum-exp too, as a join needs it', () => {
  const random = new Random(3);
  const normal = (name: string, length: number) => randomNormal([1, 2, length, 3], random.split(name), 'float64');
  const inputs = [normal('queries', 7), normal('keys', 9), normal('values', 9)];
  const half = (begin: number, end: number) => runs(new Int32Array(7).fill(begin), new Int32Array(7).fill(end), 9);
  const parts = (q: Tensor, k: Tensor, v: Tensor) =>
    [half(0, 4), half(4, 9)].map((layout) => streamingAttention(q, k, v, layout));
  checkGradients((q, k, v) => joinAttention(parts(q, k, v)).output, inputs);
  checkGradients((q, k, v) => joinAttention(parts(q, k, v)).logSumExp, inputs);
});

test('large scores neither overflow nor lose the small ones', () => {
  scope(() => {
    const queries = fromArray([1000, -1000], [1, 1, 2, 1]);
    const keys = fromArray([1, 0.999, -1], [1, 1, 3, 1]);
    const values = fromArray([1, 2, 3], [1, 1, 3, 1]);
    const { output } = streamingAttention(queries, keys, values, everything(2, 3), { scale: 1 });
    // Scores 1000, 999 and −1000: weights e/(1 + e), 1/(1 + e) and 0; then all on the last key.
    const share = Math.E / (1 + Math.E);
    const [first, second] = output.toArray();
    // Float32 holds 999 as 999.00006, which moves the weights by 10⁻⁵.
    assert.ok(Math.abs(first - (share + 2 * (1 - share))) < 1e-4, `${first}`);
    assert.is(second, 3);
  });
});

test('the same bits on 1, 2, 3 and 8 threads, on layouts of unequal rows', async () => {
  const outer = threadCount();
  try {
    const random = new Random(5);
    const [queries, keys, values] = ['q', 'k', 'v'].map((name) => randomNormal([1, 3, 301, 16], random.split(name)));
    for (const leaf of [queries, keys, values]) leaf.withGrad();
    const layouts = [
      band(301, { before: 301, after: 0 }),
      band(301, { before: 20, after: 10, dilation: [1, 2, 7] }),
      everything(301, 301),
    ];
    const bits = () =>
      layouts.map((layout) =>
        scope(() => {
          for (const leaf of [queries, keys, values]) leaf.grad = null;
          const { output } = streamingAttention(queries, keys, values, layout);
          backward(output);
          return [output, queries.grad!, keys.grad!, values.grad!].map((tensor) => [...tensor.toArray()]);
        }),
      );
    setThreads(1);
    const alone = bits();
    for (const threads of [2, 3, 8]) {
      setThreads(threads);
      await poolReady();
      assert.equal(bits(), alone, `${threads} threads`);
    }
  } finally {
    setThreads(outer);
  }
});

test('what cannot be right is refused by name', () => {
  const x = randomNormal([1, 2, 4, 3], new Random(1));
  const refused = (type: new (message: string) => Error, start: string, body: () => void) =>
    assert.throws(body, (error: Error) => error instanceof type && error.message.startsWith(start));
  noGrad(() => {
    refused(ShapeError, 'queries:', () => streamingAttention(x, x, x, everything(5, 4)));
    refused(ShapeError, 'keys:', () => streamingAttention(x, x, x, everything(4, 5)));
    refused(ShapeError, 'layout:', () =>
      streamingAttention(x, x, x, band(4, { before: 1, after: 1, dilation: [1, 2, 3] })),
    );
    const keyMask = fromArray([1, 1], [1, 2], 'uint8');
    refused(ShapeError, 'keyMask:', () => streamingAttention(x, x, x, everything(4, 4), { keyMask }));
    refused(ArgumentError, 'before:', () => band(4, { before: -1, after: 0 }));
    refused(ArgumentError, 'dilation[1]:', () => band(4, { before: 1, after: 0, dilation: [1, 0] }));
    refused(ArgumentError, 'end[1]:', () => runs(Int32Array.of(0, 0), Int32Array.of(1, 5), 4));
    refused(ShapeError, 'end:', () => runs(Int32Array.of(0, 0), Int32Array.of(1), 4));
    refused(ArgumentError, 'parts:', () => joinAttention([]));
    const part = (heads: number) => ({ output: zeros([1, heads, 4, 3]), logSumExp: zeros([1, heads, 4]) });
    refused(ShapeError, 'parts[1].output:', () => joinAttention([part(1), part(2)]));
  });
});

test.run();
