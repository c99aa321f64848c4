/** Pooling by attention, held to loops over its equations (Lee et al. 2019, eqs. 6, 7, 11). */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { noGrad } from '../../src/core/autograd.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { fromArray, randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { completeConfig } from '../../src/training/config.ts';
import type { Linear, Norm } from '../../src/training/linear.ts';
import { type AttentionPooling, poolByAttention, poolingParameters } from '../../src/training/pooling.ts';
import { ROUNDING } from '../laws/evaluate.ts';

const cases = fc.record({
  ...{ batch: fc.integer({ min: 1, max: 3 }), length: fc.integer({ min: 1, max: 9 }) },
  ...{ heads: fc.integer({ min: 1, max: 3 }), headDim: fc.integer({ min: 1, max: 4 }) },
  ...{ modelDim: fc.integer({ min: 2, max: 8 }), seed: fc.nat() },
  mask: fc.array(fc.boolean(), { minLength: 27, maxLength: 27 }),
});
type Case = typeof cases extends fc.Arbitrary<infer Drawn> ? Drawn : never;

function drawn({ batch, length, heads, headDim, modelDim, seed, mask }: Case) {
  const random = new Random(seed);
  const settings = { vocabulary: 2, length: 9, heads, headDim, modelDim, dtype: 'float64' } as const;
  const parts = poolingParameters(completeConfig(settings), random);
  const flags = mask.slice(0, batch * length).map((each) => (each ? 1 : 0));
  const y = randomNormal([batch, length, modelDim], random.split('y'), 'float64');
  return { parts, y, flags, keyMask: fromArray(flags, [batch, length], 'uint8') };
}

const rowsOf = (x: Tensor): number[][] => {
  const width = x.shape[x.shape.length - 1];
  return Array.from({ length: x.size / width }, (_, i) => Array.from(x.toArray().slice(i * width, (i + 1) * width)));
};
const dot = (a: number[], b: number[]) => a.reduce((sum, each, c) => sum + each * b[c], 0);
const linear = (row: number[], { weight, bias }: Linear) => {
  const W = rowsOf(weight);
  return W[0].map((_, c) => W.reduce((sum, each, n) => sum + row[n] * each[c], (bias as Tensor).toArray()[c]));
};
const relu = (row: number[]) => row.map((each) => Math.max(0, each));
const plus = (a: number[], b: number[]) => a.map((each, c) => each + b[c]);
function norm(row: number[], { gain, bias }: Norm): number[] {
  const mean = row.reduce((sum, each) => sum + each, 0) / row.length;
  const variance = row.reduce((sum, each) => sum + (each - mean) ** 2, 0) / row.length;
  return row.map((each, c) => (gain.toArray()[c] * (each - mean)) / Math.sqrt(variance + 1e-5) + bias.toArray()[c]);
}

/** One text: rows of real tokens. */
function byLoops(rows: number[][], p: AttentionPooling, heads: number): number[] {
  const [S] = rowsOf(p.seed);
  const X = rows.map((row) => relu(linear(row, p.tokens)));
  const [q, keys, values] = [linear(S, p.query), X.map((x) => linear(x, p.key)), X.map((x) => linear(x, p.value))];
  const width = q.length / heads;
  const mixed = q.map((_, c) => {
    const head = Math.floor(c / width) * width;
    const part = (row: number[]) => row.slice(head, head + width);
    const scores = keys.map((key) => dot(part(q), part(key)) / Math.sqrt(width));
    const weights = scores.map((each) => Math.exp(each - Math.max(...scores)));
    const total = weights.reduce((sum, each) => sum + each, 0);
    return values.reduce((sum, value, j) => sum + (weights[j] / total) * value[c], 0);
  });
  const O = norm(plus(S, linear(mixed, p.output)), p.attentionNorm);
  return norm(plus(O, relu(linear(O, p.feedForward))), p.norm);
}

test('equals loops over its definition, with masks, and for texts without a token', () => {
  fc.assert(
    fc.property(cases, (each) =>
      scope(() => {
        const { parts, y, flags, keyMask } = drawn(each);
        const pooled = rowsOf(noGrad(() => poolByAttention(y, keyMask, parts, each.heads)));
        const all = rowsOf(y);
        pooled.forEach((row, b) => {
          const real = Array.from({ length: each.length }, (_, i) => b * each.length + i).filter((i) => flags[i] === 1);
          const expected = byLoops(
            real.map((i) => all[i]),
            parts,
            each.heads,
          );
          row.forEach((actual, c) => {
            assert.ok(Math.abs(actual - expected[c]) <= ROUNDING, `${actual}, expected ${expected[c]}`);
          });
        });
      }),
    ),
    { numRuns: 60 },
  );
});

test('the order of tokens makes no difference', () => {
  fc.assert(
    fc.property(cases, (each) =>
      scope(() => {
        const { parts, y } = drawn(each);
        const rows = rowsOf(y);
        const turned = Array.from({ length: each.batch }, (_, b) =>
          rows.slice(b * each.length, (b + 1) * each.length).reverse(),
        );
        const backwards = fromArray(turned.flat(2), y.shape, 'float64');
        const [one, other] = [y, backwards].map((x) =>
          noGrad(() => poolByAttention(x, undefined, parts, each.heads)).toArray(),
        );
        one.forEach((value, n) => {
          assert.ok(Math.abs(value - other[n]) <= ROUNDING, `${value}, turned around ${other[n]}`);
        });
      }),
    ),
    { numRuns: 40 },
  );
});

test.run();
