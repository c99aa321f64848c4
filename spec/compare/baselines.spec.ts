/** Zeros and the mean of the values, against the oracle: its softmax over scores that are all equal is that mean. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { BASELINES, baselineOutput, baselineRows } from '../../src/compare/baselines.ts';
import { compare } from '../../src/compare/compare.ts';
import type { ComparisonInput } from '../../src/compare/inputs.ts';
import { meanOf, meanRecall, topKRecalls, totalVariations } from '../../src/compare/metrics.ts';
import type { BaselineResult } from '../../src/compare/result.ts';
import { Random } from '../../src/core/random.ts';
import {
  type Dense,
  maxAbsoluteError,
  referenceAttention,
  referenceWeights,
  relativeFrobeniusError,
} from '../../src/core/reference.ts';
import { scope } from '../../src/core/scope.ts';
import { fromArray, randomNormal } from '../../src/core/tensor.ts';
import * as library from '../../src/index.ts';
import { allVariants } from '../../src/variants/registry.ts';
import type { AttentionInputs } from '../../src/variants/variant.ts';
import { read } from '../laws/evaluate.ts';
import { settledBytes } from './settled-bytes.ts';

const timing = { minTurns: 1, maxTurns: 1 };

const cases = fc.record({
  batch: fc.integer({ min: 1, max: 3 }),
  heads: fc.integer({ min: 1, max: 3 }),
  length: fc.integer({ min: 1, max: 24 }),
  width: fc.integer({ min: 1, max: 8 }),
  causal: fc.boolean(),
  padded: fc.boolean(),
  seed: fc.integer({ min: 0, max: 1000 }),
});
type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

function draw({ batch, heads, length, width, padded, seed }: Case): AttentionInputs {
  const random = new Random(seed);
  const shape = [batch, heads, length, width];
  const part = (name: string) => randomNormal(shape, random.split(name));
  const inputs = { queries: part('queries'), keys: part('keys'), values: part('values') };
  if (!padded) return inputs;
  const own = random.split('mask');
  const mask = Uint8Array.from({ length: batch * length }, () => own.integer(3)).map((kept) => Math.min(kept, 1));
  return { ...inputs, keyMask: fromArray(mask, [batch, length], 'uint8') };
}

/** Full attention by the oracle, and what has the same weight for every key that is seen. */
function oracle(inputs: AttentionInputs, causal: boolean) {
  const [queries, keys, values] = [inputs.queries, inputs.keys, inputs.values].map(read);
  const masks = { causal, ...(inputs.keyMask === undefined ? {} : { keyMask: read(inputs.keyMask) }) };
  const even = { queries: { ...queries, data: new Float64Array(queries.data.length) }, keys, values };
  return {
    full: referenceAttention({ queries, keys, values }, masks),
    fullRows: referenceWeights({ queries, keys, values }, masks),
    mean: referenceAttention(even, masks),
    meanRows: referenceWeights(even, masks),
  };
}

function near(actual: Dense, expected: Dense, tolerance: number): void {
  assert.equal(actual.shape, expected.shape);
  for (let n = 0; n < expected.data.length; n++) {
    assert.ok(Math.abs(actual.data[n] - expected.data[n]) <= tolerance, `${n}: ${actual.data[n]}, ${expected.data[n]}`);
  }
}

test('the mean of the values is what softmax makes of equal scores, with and without masks; zeros are zeros', () => {
  fc.assert(
    fc.property(cases, (drawn) => {
      scope(() => {
        const inputs = draw(drawn);
        const { mean, meanRows } = oracle(inputs, drawn.causal);
        // A mean of float32 values of about 1, rounded to float32 in the end; weights are float64.
        near(read(baselineOutput('mean of values', inputs, drawn.causal)), mean, 1e-6);
        const positions = Array.from({ length: drawn.length }, (_, position) => position);
        near(baselineRows('mean of values', inputs, drawn.causal, positions), meanRows, 1e-12);
        const nothing = read(baselineOutput('zeros', inputs, drawn.causal));
        near(nothing, { ...mean, data: new Float64Array(mean.data.length) }, 0);
      });
    }),
  );
});

test('what padding holds is not read', () => {
  const keyMask = fromArray([1, 0, 1], [1, 3], 'uint8');
  const of = (padding: number) => fromArray([1, padding, 4], [1, 1, 3, 1]);
  const inputs = (padding: number) => ({ queries: of(padding), keys: of(padding), values: of(padding), keyMask });
  assert.equal([...baselineOutput('mean of values', inputs(Number.NaN), false).toArray()], [2.5, 2.5, 2.5]);
  assert.equal([...baselineOutput('mean of values', inputs(1e30), true).toArray()], [1, 1, 2.5]);
});

function inputOf(drawn: Case, inputs: AttentionInputs): ComparisonInput {
  const { batch, heads, length, width: headDim } = drawn;
  return {
    name: 'drawn',
    source: 'synthetic',
    detail: '',
    batch,
    heads,
    headDim,
    cases: [{ length, load: () => inputs }],
  };
}

test('their errors are those of the oracle’s output replaced by zeros and by means; that of zeros is exactly 1', async () => {
  await fc.assert(
    fc.asyncProperty(cases, async (drawn) => {
      const inputs = draw(drawn);
      const { causal } = drawn;
      const { full, fullRows, mean, meanRows } = oracle(inputs, causal);
      // Where no key is seen by anyone, full attention is zeros itself.
      fc.pre(full.data.some((number) => number !== 0));
      const { baselines = [] } = await compare(inputOf(drawn, inputs), { variants: ['full'], causal, timing });
      assert.equal(
        baselines.map(({ baseline }) => baseline),
        [...BASELINES],
      );
      const [zeros, means] = baselines;
      assert.is(zeros.relativeError, 1);
      const none = (of: Dense) => ({ ...of, data: new Float64Array(of.data.length) });
      // Rows of masked tokens do not count.
      const real = inputs.keyMask?.toArray();
      const kept = ({ shape: [, heads, length, width], data }: Dense): Dense => {
        const numbers = Float64Array.from(data).filter((_, n) => {
          const [row, sequence] = [Math.floor(n / width) % length, Math.floor(n / (heads * length * width))];
          return real === undefined || real[sequence * length + row] === 1;
        });
        return { shape: [numbers.length / width, width], data: numbers };
      };
      const expected = (output: Dense, rows: Dense): Partial<BaselineResult> => ({
        relativeError: relativeFrobeniusError(kept(output), kept(full)),
        maxAbsError: maxAbsoluteError(kept(output), kept(full)),
        totalVariation: meanOf(totalVariations(kept(rows), kept(fullRows))),
        topKRecall: meanRecall(topKRecalls(kept(rows), kept(fullRows))),
      });
      for (const [row, by] of [
        [zeros, expected(none(full), none(fullRows))],
        [means, expected(mean, meanRows)],
      ] as const) {
        for (const [figure, value] of Object.entries(by) as [keyof BaselineResult, number][]) {
          // Full attention itself is float32.
          const error = Math.abs((row[figure] as number) - value);
          assert.ok(error < 1e-5, `${row.baseline}, ${figure}: ${row[figure]}, by the oracle ${value}`);
        }
        assert.ok(row.milliseconds >= 0 && row.fullMilliseconds > 0);
        const output = 4 * drawn.batch * drawn.heads * drawn.length * drawn.width;
        assert.ok(row.peakBytes >= output && row.peakBytes <= output + 1024, `${row.peakBytes} for ${output}`);
      }
    }),
    { numRuns: 60 },
  );
});

test('a baseline for every layer and length, and no tensor is left', async () => {
  const drawn = { batch: 2, heads: 2, length: 8, width: 4, causal: false, padded: true, seed: 3 };
  const inputs = draw(drawn);
  const before = await settledBytes();
  const { cases, ...input } = inputOf(drawn, inputs);
  const layers = ['first', 'second'].map((layer) => ({ ...cases[0], layer }));
  const { baselines = [] } = await compare({ ...input, cases: layers }, { variants: ['full'], timing });
  assert.equal(
    baselines.map(({ layer, baseline, length }) => [layer, baseline, length]),
    ['first', 'second'].flatMap((layer) => BASELINES.map((baseline) => [layer, baseline, 8])),
  );
  assert.is(await settledBytes(), before);
});

test('they are no variants, and the library does not export them', () => {
  const names = allVariants().map(({ name }) => name);
  for (const baseline of BASELINES) assert.not.ok(names.includes(baseline));
  assert.not.ok(Object.keys(library).some((name) => /baselineOutput|baselineRows|^zerosVariant|^BASELINES/.test(name)));
});

test.run();
