/** Attention by BigBird's random blocks alone, against sums written out. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { noGrad } from '../../src/core/autograd.ts';
import { ArgumentError } from '../../src/core/errors.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { fromArray, randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { attendAtRandom } from '../../src/reproduce/random-blocks.ts';
import { endRun, runDefaults, startRun } from '../../src/training/run.ts';
import { bigbird } from '../../src/variants/bigbird.ts';

const HEADS = 2;
const HEAD_DIM = 4;

const runWith = (length: number, options: Record<string, number>) =>
  startRun({
    ...runDefaults,
    task: { name: 'byte-mlm', length },
    model: { layers: 1, modelDim: HEADS * HEAD_DIM, heads: HEADS, attention: { variant: 'bigbird', options } },
    schedule: { kind: 'constant', rate: 1e-3 },
  });

/** Inputs [1, heads, length, headDim], what the model's layer makes of them, and what the sums say. */
function bothWays(length: number, options: Record<string, number>, seed: number, norm: number) {
  const run = runWith(length, options);
  attendAtRandom(run.learner, options);
  const random = new Random(seed);
  const draw = (name: string, scale: number) => {
    const drawn = randomNormal([1, HEADS, length, HEAD_DIM], random.split(name)).toArray();
    return fromArray(
      Array.from(drawn, (value) => Number(value) * scale),
      [1, HEADS, length, HEAD_DIM],
    );
  };
  const [queries, keys, values] = [draw('queries', norm), draw('keys', norm), draw('values', 1)];
  const [{ attention }] = run.learner.model.body.layers;
  const ours = attention.mixing.attend({ queries, keys, values }, { training: false }).toArray();
  endRun(run);
  const shape = { batch: 1, heads: HEADS, queryLength: length, keyLength: length, headDim: HEAD_DIM };
  const complete = { ...bigbird.defaults(length), ...options };
  const meets = bigbird.pattern?.(complete, { ...shape, dtype: 'float32' });
  const blockOf = (token: number) => Math.floor(token / options.blockSize);
  const expected: number[] = [];
  for (let head = 0; head < HEADS; head++) {
    const row = (of: Tensor, token: number) =>
      Array.from(
        of
          .toArray()
          .subarray((head * length + token) * HEAD_DIM)
          .subarray(0, HEAD_DIM),
        Number,
      );
    for (let query = 0; query < length; query++) {
      const met = Array.from({ length }, (_, key) => key).filter(
        (key) => meets?.(head, query, key) && Math.abs(blockOf(query) - blockOf(key)) > 1,
      );
      const scores = met.map((key) => row(keys, key).reduce((sum, k, n) => sum + k * row(queries, query)[n], 0) / 2);
      const weights = scores.map((score) => Math.exp(score - Math.max(...scores)));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      for (let n = 0; n < HEAD_DIM; n++) {
        expected.push(met.reduce((sum, key, at) => sum + (weights[at] / total) * row(values, key)[n], 0));
      }
    }
  }
  return { ours, expected };
}

test('a token meets the keys of its random blocks, and neither its own block nor the neighbours', () => {
  fc.assert(
    fc.property(
      fc.record({
        blockSize: fc.integer({ min: 1, max: 5 }),
        randomBlocks: fc.integer({ min: 1, max: 3 }),
        blocks: fc.integer({ min: 8, max: 12 }),
        missing: fc.nat(),
        patternSeed: fc.nat(),
        seed: fc.nat(),
        norm: fc.constantFrom(1e-3, 1, 10),
      }),
      ({ blockSize, randomBlocks, blocks, missing, patternSeed, seed, norm }) => {
        // The last block may be shorter.
        const length = blocks * blockSize - (missing % blockSize);
        const options = { blockSize, randomBlocks, globalBlocks: 0, patternSeed };
        scope(() =>
          noGrad(() => {
            const { ours, expected } = bothWays(length, options, seed, norm);
            // Rounding errors of scores, which are up to about 10³ in float32, go into the exponents.
            const tolerance = norm > 1 ? 2e-3 : 1e-5;
            for (const [at, value] of ours.entries()) {
              assert.ok(Math.abs(Number(value) - expected[at]) < tolerance, `${at}: ${value}, ${expected[at]}`);
            }
          }),
        );
      },
    ),
    { numRuns: 15 },
  );
});

test('where random blocks and a window are everything, there are none alone', () => {
  const options = { blockSize: 4, randomBlocks: 3, globalBlocks: 0 };
  const run = runWith(24, options);
  attendAtRandom(run.learner, options);
  const tensor = randomNormal([1, HEADS, 24, HEAD_DIM], new Random(1));
  const [{ attention }] = run.learner.model.body.layers;
  const inputs = { queries: tensor, keys: tensor, values: tensor };
  assert.throws(
    () => attention.mixing.attend(inputs, { training: false }),
    (error: unknown) =>
      error instanceof ArgumentError && /^randomBlocks: expected fewer than .* got 3$/.test(error.message),
  );
  endRun(run);
});

test.run();
