/** Where random features get into trouble: long vectors, tiny denominators, keys of very different lengths. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward } from '../../src/core/autograd.ts';
import { scale, slice } from '../../src/core/ops/index.ts';
import { referenceLinearAttention, relativeFrobeniusError } from '../../src/core/reference.ts';
import { elements, fromArray, type Tensor } from '../../src/core/tensor.ts';
import { attend } from '../../src/variants/attend.ts';
import { startDecoding } from '../../src/variants/decoding.ts';
import { performer } from '../../src/variants/performer.ts';
import { forAllCases } from '../laws/draw.ts';
import { parametersOf, ROUNDING } from '../laws/evaluate.ts';
import { anyPerformer, dense, lengthened, oneHead, phi, rowsOf } from './performer-cases.ts';

test('queries and keys 10 to a million times as long: no overflow, forward or backward, in any kernel', () => {
  for (const factor of [10, 30, 1e4, 1e6]) {
    forAllCases(anyPerformer, { maxLength: 30 }, 25, (drawn) => {
      const inputs = lengthened(drawn, factor);
      const leaves = [inputs.queries, inputs.keys, inputs.values].map((leaf) => leaf.withGrad());
      const output = attend(performer, inputs, drawn.options, { parameters: parametersOf(anyPerformer, drawn) });
      backward(output);
      for (const tensor of [output, ...leaves.map((leaf) => leaf.grad as Tensor)]) {
        assert.ok(elements(tensor).every(Number.isFinite), `factor ${factor}`);
      }
    });
  }
});

test('relu: sums of products of features do not overflow, however long the vectors', () => {
  // Products of 10⁴⁰ are beyond float32. Without ε the weights do not depend on the lengths.
  for (const causal of [false, true]) {
    const { inputs, options, parameters } = oneHead('float32', 20);
    const settings = { ...options, causal, kernel: 'relu', epsilon: 0 } as const;
    const longer = { ...inputs, queries: scale(inputs.queries, 1e20), keys: scale(inputs.keys, 1e20) };
    const [output, expected] = [longer, inputs].map((each) => dense(attend(performer, each, settings, { parameters })));
    assert.ok(relativeFrobeniusError(output, expected) < 1e-5);
  }
});

test('ε does not bias tiny denominators', () => {
  const { inputs, options, parameters } = oneHead('float64', 12);
  // Queries near v and keys near −v: every similarity is about exp(−‖v‖²/√d) = 10⁻¹⁴.
  const far = (tensor: Tensor, sign: number) => tensor.toArray().map((value) => sign * 4 + 0.3 * value);
  const queries = fromArray(far(inputs.queries, 1), inputs.queries.shape, 'float64');
  const keys = fromArray(far(inputs.keys, -1), inputs.keys.shape, 'float64');
  const raised = (x: Tensor, epsilon: number) => {
    const features = dense(phi(scale(x, Math.SQRT1_2), parameters.omega, options));
    return { ...features, data: Array.from(features.data, (value) => value + epsilon) };
  };
  const withEpsilon = (epsilon: number) =>
    referenceLinearAttention(raised(queries, epsilon), raised(keys, epsilon), dense(inputs.values));
  const output = dense(attend(performer, { ...inputs, queries, keys }, options, { parameters }));
  assert.ok(relativeFrobeniusError(output, withEpsilon(0)) < 1e-12);
  // The usual ε would be seen here.
  assert.ok(relativeFrobeniusError(withEpsilon(1e-6), withEpsilon(0)) > 0.01);
});

test('the stabiliser of the keys does not leak: later keys of another length leave earlier outputs as they are', () => {
  for (const kernel of ['softmax-positive', 'softmax-hyperbolic'] as const) {
    const { inputs, options, parameters } = oneHead('float64', 20);
    // Early keys are long, with features of e^−30; then the largest feature is that of a late key, or is not.
    const keysWith = (late: number) => {
      const keys = inputs.keys.toArray().map((value, n) => value * (n < 40 ? 6 : late));
      return fromArray(keys, inputs.keys.shape, 'float64');
    };
    const [short, long] = [0.1, 6].map((late) => {
      const settings = { ...options, kernel, causal: true };
      return attend(performer, { ...inputs, keys: keysWith(late) }, settings, { parameters }).toArray();
    });
    for (let n = 0; n < 40; n++) assert.ok(Math.abs(short[n] - long[n]) < ROUNDING, `${kernel}, ${n}`);
  }
});

test('padded keys do not decide the stabiliser', () => {
  // Were it taken from the padding, all real features would vanish in float32.
  for (const [kernel, real, padded] of [
    ['softmax-positive', 20, 0],
    ['softmax-hyperbolic', 20, 0],
    ['softmax-trigonometric', 1, 20],
  ] as const) {
    const { inputs, options, parameters } = oneHead('float32', 10);
    const keys = inputs.keys.toArray().map((value, n) => value * (n < 24 ? real : padded));
    const settings = { ...options, kernel };
    const keyMask = fromArray([1, 1, 1, 1, 1, 1, 0, 0, 0, 0], [1, 10], 'uint8');
    const given = { ...inputs, keys: fromArray(keys, inputs.keys.shape) };
    const shorter = {
      queries: inputs.queries,
      keys: fromArray(keys.slice(0, 24), [1, 1, 6, 4]),
      values: fromArray(inputs.values.toArray().slice(0, 24), [1, 1, 6, 4]),
    };
    const output = attend(performer, { ...given, keyMask }, settings, { parameters });
    const expected = attend(performer, shorter, settings, { parameters });
    assert.ok(relativeFrobeniusError(dense(output), dense(expected)) < 1e-5, kernel);
  }
});

test('decoding with keys of growing and shrinking length gives the rows of eq. 4', () => {
  for (const kernel of ['softmax-positive', 'softmax-hyperbolic', 'softmax-trigonometric'] as const) {
    const length = 14;
    const { inputs, shape, options, parameters } = oneHead('float64', length);
    // The stabiliser rises by up to 30 in a step, and stays while the keys that follow are small.
    const keys = inputs.keys.toArray().map((value, n) => value * [0.1, 1, 4, 0.3, 5, 0.2, 3][Math.floor(n / 4) % 7]);
    const given = { ...inputs, keys: fromArray(keys, inputs.keys.shape, 'float64') };
    const settings = { ...options, kernel, causal: true };
    const whole = rowsOf(attend(performer, given, settings, { parameters }));
    const decoder = startDecoding(performer, { ...shape, maxLength: length }, settings, { parameters });
    for (let i = 0; i < length; i++) {
      const token = (tensor: Tensor) => slice(tensor, 2, i, i + 1);
      const row = decoder.step({
        queries: token(given.queries),
        keys: token(given.keys),
        values: token(given.values),
      });
      Array.from(elements(row)).forEach((value, c) => {
        const close = Math.abs(value - whole[i][c]) < ROUNDING * Math.max(1, Math.abs(whole[i][c]));
        assert.ok(close, `${kernel}, token ${i}: ${value}, ${whole[i][c]}`);
      });
    }
  }
});

test.run();
