/** Attention of the oracle: numbers worked by hand, laws of attention, gradients against central differences. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import type { Dense, ReferenceInputs, ReferenceOptions } from '../../src/core/reference.ts';
import {
  referenceAttention,
  referenceAttentionGradients,
  referenceKernelWeights,
  referenceLinearAttention,
  referenceMatmul,
  referenceWeights,
} from '../../src/core/reference.ts';
import { effort } from '../laws/effort.ts';
import { assertClose, cases, changeRows, dense, denseOf, ROUNDING, reorderRows, rowSums } from './reference-cases.ts';

/*
 * By hand. Q = [2 ln 3, 0; 0, 2 ln 3], K = I, V = [4, 0; 0, 8], scale ½:
 *   S = ½ Q Kᵀ = [ln 3, 0; 0, ln 3], e^S = [3, 1; 1, 3], P = [¾, ¼; ¼, ¾], O = P V = [3, 2; 1, 6].
 * With G = I:
 *   ∂V = Pᵀ G = [¾, ¼; ¼, ¾];  ∂P = G Vᵀ = [4, 0; 0, 8];
 *   Σ_n P_in ∂P_in = 3 and 6;  ∂S = [¾(4 − 3), ¼(0 − 3); ¼(0 − 6), ¾(8 − 6)] = [¾, −¾; −3/2, 3/2];
 *   ∂Q = ½ ∂S K = [⅜, −⅜; −¾, ¾];  ∂K = ½ ∂Sᵀ Q = ln 3 · [¾, −3/2; −¾, 3/2].
 */
const ln3 = Math.log(3);
const byHand = {
  queries: dense([1, 1, 2, 2], [2 * ln3, 0, 0, 2 * ln3]),
  keys: dense([1, 1, 2, 2], [1, 0, 0, 1]),
  values: dense([1, 1, 2, 2], [4, 0, 0, 8]),
};

test('a 2 × 2 example by hand: weights, output, gradients', () => {
  const identity = dense([1, 1, 2, 2], [1, 0, 0, 1]);
  const options = { scale: 0.5 };
  assertClose(referenceWeights(byHand, options), dense([1, 1, 2, 2], [0.75, 0.25, 0.25, 0.75]), ROUNDING);
  assertClose(referenceAttention(byHand, options), dense([1, 1, 2, 2], [3, 2, 1, 6]), ROUNDING);
  const gradients = referenceAttentionGradients(byHand, identity, options);
  assertClose(gradients.values, dense([1, 1, 2, 2], [0.75, 0.25, 0.25, 0.75]), ROUNDING);
  assertClose(gradients.scores, dense([1, 1, 2, 2], [0.75, -0.75, -1.5, 1.5]), ROUNDING);
  assertClose(gradients.queries, dense([1, 1, 2, 2], [0.375, -0.375, -0.75, 0.75]), ROUNDING);
  const keys = [0.75, -1.5, -0.75, 1.5].map((factor) => factor * ln3);
  assertClose(gradients.keys, dense([1, 1, 2, 2], keys), ROUNDING);
});

test('the same example, causal, masked, biased, and with the default scale 1/√headDim', () => {
  const weights = (options: ReferenceOptions) => Array.from(referenceWeights(byHand, options).data);
  const close = (actual: number[], expected: number[]) =>
    assertClose(dense([4], actual), dense([4], expected), ROUNDING);
  close(weights({ scale: 0.5, causal: true }), [1, 0, 0.25, 0.75]);
  close(weights({ scale: 0.5, keyMask: dense([1, 2], [0, 1]) }), [0, 1, 0, 1]);
  close(weights({ scale: 0.5, causal: true, keyMask: dense([1, 2], [0, 1]) }), [0, 0, 0, 1]);
  // Adding ln 3 to key 1 gives e^S = [3, 3; 1, 9].
  close(weights({ scale: 0.5, bias: (_b, _h, _i, j) => j * ln3 }), [0.5, 0.5, 0.1, 0.9]);
  const odds = 3 ** (2 / Math.sqrt(2));
  close(weights({}), [odds / (odds + 1), 1 / (odds + 1), 1 / (odds + 1), odds / (odds + 1)]);
});

test('weights are at least 0, invisible pairs weigh 0, and rows sum to 1, or to 0 where no key is visible', () => {
  fc.assert(
    fc.property(cases(), (given) => {
      const { options } = given;
      const weights = referenceWeights(given, options);
      const [, heads, queryLength, keyLength] = weights.shape;
      rowSums(weights).forEach((sum, row) => {
        const [b, h, i] = [
          Math.floor(row / (heads * queryLength)),
          Math.floor(row / queryLength) % heads,
          row % queryLength,
        ];
        let seen = 0;
        for (let j = 0; j < keyLength; j++) {
          const visible =
            (!options.causal || j <= i) &&
            (!options.keyMask || options.keyMask.data[b * keyLength + j] === 1) &&
            (!options.allowed || options.allowed(h, i, j));
          const weight = weights.data[row * keyLength + j];
          assert.ok(visible ? weight > 0 : weight === 0);
          if (visible) seen++;
        }
        if (seen === 0) assert.is(sum, 0);
        else assert.ok(Math.abs(sum - 1) < ROUNDING);
      });
    }),
  );
});

test('scores of hundreds of thousands overflow nothing', () => {
  const queries = dense([1, 1, 1, 1], [1e3]);
  const keys = dense([1, 1, 3, 1], [1e3, 1e3, -1e3]);
  const values = dense([1, 1, 3, 1], [2, 4, 1e9]);
  assert.equal(Array.from(referenceAttention({ queries, keys, values }).data), [3]);
});

test('moving keys and values together, with their mask, changes nothing', () => {
  fc.assert(
    fc.property(cases({ causal: false }), fc.nat(), ({ queries, keys, values, options }, turn) => {
      const length = keys.shape[2];
      const order = Array.from({ length }, (_, j) => (j + turn) % length).reverse();
      const moved: ReferenceOptions = {
        ...options,
        keyMask: options.keyMask && reorderRows(options.keyMask, order),
        allowed: options.allowed && ((h, i, j) => options.allowed!(h, i, order[j])),
        bias: options.bias && ((b, h, i, j) => options.bias!(b, h, i, order[j])),
      };
      const inputs = { queries, keys: reorderRows(keys, order), values: reorderRows(values, order) };
      assertClose(referenceAttention(inputs, moved), referenceAttention({ queries, keys, values }, options), ROUNDING);
    }),
  );
});

test('moving queries moves the rows of the output and nothing else', () => {
  fc.assert(
    fc.property(cases({ causal: false }), fc.nat(), (given, turn) => {
      const length = given.queries.shape[2];
      const order = Array.from({ length }, (_, i) => (i + turn) % length).reverse();
      const { scale, keyMask } = given.options;
      const moved = referenceAttention({ ...given, queries: reorderRows(given.queries, order) }, { scale, keyMask });
      assert.equal(
        moved.data,
        Float64Array.from(reorderRows(referenceAttention(given, { scale, keyMask }), order).data),
      );
    }),
  );
});

test('equal keys average the visible values', () => {
  fc.assert(
    fc.property(denseOf([1, 1, 4, 2]), denseOf([1, 1, 4, 3]), (queries, values) => {
      const keys = dense([1, 1, 4, 2], [1, -1, 1, -1, 1, -1, 1, -1]);
      const output = referenceAttention({ queries, keys, values }, { causal: true });
      const expected = Array.from(output.data, (_, index) => {
        const [row, column] = [Math.floor(index / 3), index % 3];
        let sum = 0;
        for (let j = 0; j <= row; j++) sum += values.data[j * 3 + column];
        return sum / (row + 1);
      });
      assertClose(output, dense([1, 1, 4, 3], expected), ROUNDING);
    }),
  );
});

test('causal: what comes after token i, NaN included, does not touch rows up to i', () => {
  fc.assert(
    fc.property(cases({ causal: true }), fc.nat(5), (given, last) => {
      const later = (_b: number, row: number) => row > last;
      const changed = {
        queries: changeRows(given.queries, later, () => Number.NaN),
        keys: changeRows(given.keys, later, () => Number.NaN),
        values: changeRows(given.values, later, () => Number.NaN),
      };
      const blank = (output: Dense) => changeRows(output, later, () => 0);
      assert.equal(blank(referenceAttention(changed, given.options)), blank(referenceAttention(given, given.options)));
      const masks = { causal: true, keyMask: given.options.keyMask };
      assert.equal(
        blank(referenceLinearAttention(changed.queries, changed.keys, changed.values, masks)),
        blank(referenceLinearAttention(given.queries, given.keys, given.values, masks)),
      );
    }),
  );
});

test('a masked key has no effect on the output or any gradient, even where it holds NaN', () => {
  fc.assert(
    fc.property(cases(), (given) => {
      const { keyMask } = given.options;
      fc.pre(keyMask !== undefined);
      const masked = (b: number, j: number) => keyMask!.data[b * keyMask!.shape[1] + j] === 0;
      const keys = changeRows(given.keys, masked, () => Number.NaN);
      const values = changeRows(given.values, masked, () => Number.NaN);
      const changed = { queries: given.queries, keys, values };
      assert.equal(referenceAttention(changed, given.options), referenceAttention(given, given.options));
      assert.equal(
        referenceAttentionGradients(changed, given.outputGradient, given.options),
        referenceAttentionGradients(given, given.outputGradient, given.options),
      );
    }),
  );
});

test('one pattern said in four ways is one result: allowed, allowedIn, causal, a bias of −∞', () => {
  fc.assert(
    fc.property(cases({ causal: true }), ({ queries, keys, values, options: { scale } }) => {
      const weights = (options: ReferenceOptions) => referenceWeights({ queries, keys, values }, { scale, ...options });
      const causal = weights({ causal: true });
      assert.equal(weights({ allowed: (_h, i, j) => j <= i }), causal);
      assert.equal(weights({ allowedIn: (_b, _h, i, j) => j <= i }), causal);
      assert.equal(weights({ bias: (_b, _h, i, j) => (j <= i ? 0 : -Infinity) }), causal);
    }),
  );
  // Nothing but −∞ in a row is a row that sees nothing.
  assert.equal(referenceWeights(byHand, { bias: () => -Infinity }).data, new Float64Array(4));
});

test('callbacks are asked about the right batch entry, head, query and key', () => {
  const zero = (length: number) => dense([2, 3, length, 1], new Array<number>(6 * length).fill(0));
  const inputs = { queries: zero(2), keys: zero(4), values: zero(4) };
  const sees = (b: number, h: number, i: number) => (b * 3 + h * 2 + i) % 4;
  const weights = referenceWeights(inputs, { allowedIn: (b, h, i, j) => j === sees(b, h, i) });
  const biased = referenceWeights(inputs, { bias: (b, h, i, j) => (j === sees(b, h, i) ? 0 : -Infinity) });
  const expected = Array.from({ length: 48 }, (_, index) => {
    const [b, h, i, j] = [Math.floor(index / 24), Math.floor(index / 8) % 3, Math.floor(index / 4) % 2, index % 4];
    return j === sees(b, h, i) ? 1 : 0;
  });
  assert.equal(weights.data, Float64Array.from(expected));
  assert.equal(biased.data, Float64Array.from(expected));
  const perHead = referenceWeights(inputs, { allowed: (h, i, j) => j === sees(0, h, i) });
  assert.equal(perHead.data, Float64Array.from([...expected.slice(0, 24), ...expected.slice(0, 24)]));
});

test('adding a number to all scores of a row changes no weight', () => {
  fc.assert(
    fc.property(cases(), (given) => {
      const bias = given.options.bias ?? (() => 0);
      const shifted: ReferenceOptions = { ...given.options, bias: (b, h, i, j) => bias(b, h, i, j) + 3 * i + h };
      assertClose(referenceWeights(given, shifted), referenceWeights(given, given.options), ROUNDING);
    }),
  );
});

/**
 * With ℓ = Σ G·O and step 10⁻⁵ the truncation step² ℓ‴/6 and the rounding ε |ℓ| / step are some 10⁻⁹ each for these
 * inputs (largest difference in 4 000 random cases: 1.3·10⁻⁹). 10⁻⁷ leaves room; a wrong term is off by far more.
 */
test('gradients equal central differences', () => {
  const step = 1e-5;
  fc.assert(
    fc.property(cases(), (given) => {
      const { queries, keys, values, outputGradient, options } = given;
      const inputs = { queries, keys, values };
      const loss = (changed: ReferenceInputs, with_: ReferenceOptions) => {
        const output = referenceAttention(changed, with_).data;
        return output.reduce((sum, value, n) => sum + value * outputGradient.data[n], 0);
      };
      const gradients = referenceAttentionGradients(inputs, outputGradient, options);
      for (const name of ['queries', 'keys', 'values'] as const) {
        const differences = Array.from(inputs[name].data, (_, index) => {
          const nudge = (by: number) => {
            const data = Array.from(inputs[name].data, (value, n) => (n === index ? value + by : value));
            return loss({ ...inputs, [name]: { shape: inputs[name].shape, data } }, options);
          };
          return (nudge(step) - nudge(-step)) / (2 * step);
        });
        assertClose(gradients[name], { shape: inputs[name].shape, data: differences }, 1e-7);
      }
      const [, heads, queryLength, keyLength] = gradients.scores.shape;
      const differences = Array.from(gradients.scores.data, (_, index) => {
        const nudge = (by: number) => {
          const bias: ReferenceOptions['bias'] = (b, h, i, j) =>
            (options.bias?.(b, h, i, j) ?? 0) +
            (((b * heads + h) * queryLength + i) * keyLength + j === index ? by : 0);
          return loss(inputs, { ...options, bias });
        };
        return (nudge(step) - nudge(-step)) / (2 * step);
      });
      assertClose(gradients.scores, { shape: gradients.scores.shape, data: differences }, 1e-7);
    }),
    effort(40),
  );
});

test('arguments that do not fit are refused by name', () => {
  const zero = (...shape: number[]) =>
    dense(shape, new Array<number>(shape.reduce((n, extent) => n * extent, 1)).fill(0));
  const good = { queries: zero(1, 2, 3, 4), keys: zero(1, 2, 5, 4), values: zero(1, 2, 5, 6) };
  const refuses = (type: typeof ShapeError | typeof ArgumentError, words: RegExp, act: () => unknown) =>
    assert.throws(act, (error: unknown) => error instanceof type && words.test(error.message));
  const attend = (changes: Partial<ReferenceInputs>, options?: ReferenceOptions) => () =>
    referenceAttention({ ...good, ...changes }, options);

  refuses(ShapeError, /^queries: expected \[batch, heads/, attend({ queries: zero(3, 4) }));
  refuses(
    ShapeError,
    /^keys: expected \[1, 2, 5, 4\] to match queries, got \[1, 2, 5, 3\]/,
    attend({ keys: zero(1, 2, 5, 3) }),
  );
  refuses(
    ShapeError,
    /^values: expected \[1, 2, 5, 6\] to match keys, got \[1, 2, 4, 6\]/,
    attend({ values: zero(1, 2, 4, 6) }),
  );
  refuses(
    ShapeError,
    /^values: expected 60 numbers .* got 59/,
    attend({ values: dense([1, 2, 5, 6], new Array<number>(59).fill(0)) }),
  );
  refuses(ArgumentError, /^queries\.shape\[2\]: .* got 0/, attend({ queries: zero(1, 2, 0, 4) }));
  refuses(ShapeError, /^causal: expected as many keys as queries \(3\), got 5/, attend({}, { causal: true }));
  refuses(ShapeError, /^keyMask: expected \[1, 5\]/, attend({}, { keyMask: zero(1, 3) }));
  refuses(
    ArgumentError,
    /^keyMask: expected 0 or 1, got 0\.5 at 1/,
    attend({}, { keyMask: dense([1, 5], [1, 0.5, 1, 1, 1]) }),
  );
  refuses(ArgumentError, /^scale: expected a finite number, got NaN/, attend({}, { scale: Number.NaN }));
  refuses(ShapeError, /^outputGradient: expected \[1, 2, 3, 6\]/, () =>
    referenceAttentionGradients(good, zero(1, 2, 3, 4)),
  );
  refuses(ShapeError, /^causal: /, () =>
    referenceLinearAttention(good.queries, good.keys, good.values, { causal: true }),
  );
  refuses(ShapeError, /^phiKeys: /, () => referenceKernelWeights(good.queries, zero(1, 2, 5, 3)));
  refuses(ShapeError, /^a: expected at least 2 axes/, () => referenceMatmul(zero(3), zero(3)));
  refuses(ShapeError, /^b: expected \[3, 5\]/, () => referenceMatmul(zero(2, 3), zero(4, 5)));
  refuses(ShapeError, /^b: expected \[2, 3, 5\]/, () => referenceMatmul(zero(2, 2, 3), zero(1, 3, 5)));
});

test.run();
