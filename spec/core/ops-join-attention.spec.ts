/** Attentions joined over disjoint sets of keys. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, noGrad } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { checkGradients } from '../../src/core/gradient-check.ts';
import {
  type Attended,
  add,
  attention,
  everything,
  joinAttention,
  multiply,
  runs,
  slice,
  softmax,
  stack,
} from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { maxAbsoluteError } from '../../src/core/reference.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, fromArray, randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import { effort } from '../laws/effort.ts';

/** Float64 sums of a few hundred terms of size up to about 10, in another order. */
const ROUNDING = 1e-11;

const lengths = fc.oneof(fc.integer({ min: 1, max: 80 }), fc.constantFrom(1, 31, 32, 33, 64, 65, 127, 128, 129));
const cases = fc.record({
  batch: fc.integer({ min: 1, max: 2 }),
  heads: fc.integer({ min: 1, max: 3 }),
  queryLength: lengths,
  keyLength: lengths,
  headDim: fc.integer({ min: 1, max: 9 }),
  valueDim: fc.integer({ min: 1, max: 9 }),
  masked: fc.boolean(),
  seed: fc.nat(),
});

type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

function draw({ batch, heads, queryLength, keyLength, headDim, valueDim, masked, seed }: Case) {
  const random = new Random(seed);
  const normal = (name: string, length: number, width: number) =>
    randomNormal([batch, heads, length, width], random.split(name), 'float64');
  const flags = Array.from({ length: batch * keyLength }, () => random.integer(4) && 1);
  return {
    queries: normal('queries', queryLength, headDim),
    keys: normal('keys', keyLength, headDim),
    values: normal('values', keyLength, valueDim),
    keyMask: masked ? fromArray(flags, [batch, keyLength], 'uint8') : undefined,
  };
}

const dense = (tensor: Tensor) => ({ shape: tensor.shape, data: tensor.toArray() });
function close(actual: Tensor, expected: { shape: readonly number[]; data: ArrayLike<number> }, claim: string): void {
  const error = maxAbsoluteError(dense(actual), expected);
  assert.ok(error <= ROUNDING, `${claim}: differs by ${error}`);
}

test('attentions over disjoint keys, joined, are the attention over all, and so are their gradients', () => {
  fc.assert(
    fc.property(cases, fc.nat(), (attentionCase, cut) => {
      scope(() => {
        const { queries, keys, values, keyMask } = draw(attentionCase);
        const [queryLength, keyLength] = [queries.shape[2], keys.shape[2]];
        const first = cut % (keyLength + 1);
        const part = (begin: number, end: number) =>
          runs(new Int32Array(queryLength).fill(begin), new Int32Array(queryLength).fill(end), keyLength);
        const joined = joinAttention([
          attention(queries, keys, values, part(0, first), { keyMask }),
          attention(queries, keys, values, part(first, keyLength), { keyMask }),
        ]);
        const whole = attention(queries, keys, values, everything(queryLength, keyLength), { keyMask });
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
    effort(60),
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
    effort(40),
  );
});

test('the gradient flows through the log-sum-exp too, as a join needs it', () => {
  const random = new Random(3);
  const normal = (name: string, length: number) => randomNormal([1, 2, length, 3], random.split(name), 'float64');
  const inputs = [normal('queries', 7), normal('keys', 9), normal('values', 9)];
  const half = (begin: number, end: number) => runs(new Int32Array(7).fill(begin), new Int32Array(7).fill(end), 9);
  const parts = (q: Tensor, k: Tensor, v: Tensor) =>
    [half(0, 4), half(4, 9)].map((layout) => attention(q, k, v, layout));
  checkGradients((q, k, v) => joinAttention(parts(q, k, v)).output, inputs);
  checkGradients((q, k, v) => joinAttention(parts(q, k, v)).logSumExp, inputs);
});

test('what cannot be right is refused by name', () => {
  const refused = (type: new (message: string) => Error, start: string, body: () => void) =>
    assert.throws(body, (error: Error) => error instanceof type && error.message.startsWith(start));
  noGrad(() => {
    refused(ArgumentError, 'parts:', () => joinAttention([]));
    const part = (heads: number) => ({ output: zeros([1, heads, 4, 3]), logSumExp: zeros([1, heads, 4]) });
    refused(ShapeError, 'parts[1].output:', () => joinAttention([part(1), part(2)]));
  });
});

test.run();
