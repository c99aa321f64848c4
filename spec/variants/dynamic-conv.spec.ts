/** What Wu et al. 2019 say of dynamic convolutions (§4). */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, noGrad } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { broadcastTo, gatherRows, scatterRows, slice } from '../../src/core/ops/index.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, fromArray, ones, randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import { attend, checkOptions, drawParameters } from '../../src/variants/attend.ts';
import { startDecoding } from '../../src/variants/decoding.ts';
import { type DynamicConvOptions, dynamicConv } from '../../src/variants/dynamic-conv.ts';
import { lightConv } from '../../src/variants/light-conv.ts';
import type { AttentionInputs, Parameters } from '../../src/variants/variant.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import {
  close,
  convolutionByLoops,
  forAll,
  inputsOf,
  meanOverDraws,
  ROUNDING,
  rowOf,
  shapeOf,
  softmaxOf,
  trained,
} from './convolution-written-out.ts';

const run = (inputs: AttentionInputs, options: Partial<DynamicConvOptions>, parameters: Parameters) =>
  attend(dynamicConv, inputs, options, { parameters });

/** f(X_i)_{h,j} = Σ_c W^Q_{h,j,c} X_{i,c}, for the query of one head at one position. */
function predicted(WQ: Tensor, head: number, query: readonly number[]): number[] {
  const [, k] = WQ.shape;
  return Array.from({ length: k }, (_, j) =>
    rowOf(WQ, head * k + j).reduce((sum, weight, c) => sum + weight * query[c], 0),
  );
}

test('is the product with a banded matrix whose rows are softmax(f(X_i)), for any width, causal and padded or not', () => {
  forAll(80, ({ causal, kernelWidth, heads, length, headDim }, inputs, random) => {
    const WQ = trained([heads, kernelWidth, headDim], random);
    const kernelAt = (b: number, h: number, i: number) =>
      softmaxOf(predicted(WQ, h, rowOf(inputs.queries, (b * heads + h) * length + i)));
    close(run(inputs, { causal, kernelWidth }, { WQ }), convolutionByLoops(inputs, kernelAt, causal));
  });
});

test('a kernel of width 1 passes the values on, bit for bit, whatever the token says', () => {
  forAll(20, ({ causal, heads, headDim, masked }, inputs, random) => {
    if (masked) return;
    const output = run(inputs, { causal, kernelWidth: 1 }, { WQ: trained([heads, 1, headDim], random) });
    assert.equal(output.toArray(), inputs.values.toArray());
  });
});

test('where all tokens say the same it is LightConv with W = f(X)', () => {
  forAll(40, ({ causal, kernelWidth, heads, headDim, length, batch }, inputs, random) => {
    const WQ = trained([heads, kernelWidth, headDim], random);
    const query = randomNormal([1, heads, 1, headDim], random, 'float64');
    const queries = broadcastTo(query, [batch, heads, length, headDim]);
    const W = fromArray(
      Array.from({ length: heads }, (_, h) => predicted(WQ, h, rowOf(query, h))).flat(),
      [heads, kernelWidth],
      'float64',
    );
    const light = attend(lightConv, inputs, { causal, kernelWidth }, { parameters: { W } });
    close(run({ ...inputs, queries }, { causal, kernelWidth }, { WQ }), light);
  });
});

test('a kernel is a function of its own token alone, and keys are not read', () => {
  forAll(40, ({ causal, kernelWidth, heads, headDim, length }, inputs, random) => {
    const WQ = trained([heads, kernelWidth, headDim], random);
    const other = randomNormal(inputs.queries.shape, random, 'float64');
    const index = Int32Array.of(random.integer(length));
    const queries = scatterRows(inputs.queries, index, gatherRows(other, index));
    const output = run(inputs, { causal, kernelWidth }, { WQ });
    const changed = run({ ...inputs, queries, keys: other }, { causal, kernelWidth }, { WQ });
    // All rows but that of the other query, bit for bit.
    assert.equal(scatterRows(changed, index, gatherRows(output, index)).toArray(), output.toArray());
  });
  scope(() => {
    const inputs = inputsOf({ batch: 1, heads: 2, length: 9, headDim: 3, masked: false, seed: 1 });
    for (const leaf of [inputs.queries, inputs.keys, inputs.values]) leaf.withGrad();
    backward(attend(dynamicConv, inputs, { kernelWidth: 3 }));
    assert.is(inputs.keys.grad, null);
    assert.ok(inputs.queries.grad !== null && inputs.values.grad !== null);
  });
});

test('the weights of a token add up to 1, but for those that lie beyond the ends', () => {
  forAll(40, ({ causal, kernelWidth, heads, headDim, length, batch }, { queries, keys }, random) => {
    const WQ = trained([heads, kernelWidth, headDim], random);
    const values = ones([batch, heads, length, 1], 'float64');
    const sums = run({ queries, keys, values }, { causal, kernelWidth }, { WQ }).toArray();
    const before = causal ? kernelWidth - 1 : Math.ceil((kernelWidth + 1) / 2) - 1;
    sums.forEach((total, n) => {
      const position = n % length;
      const inside = position >= before && position - before + kernelWidth <= length;
      if (inside) assert.ok(Math.abs(total - 1) <= ROUNDING, `${total} at ${position}`);
      else assert.ok(total > 0 && total < 1 + ROUNDING, `${total} at ${position}`);
    });
  });
});

test('a token that speaks loudly picks one neighbour: large logits do not overflow', () => {
  scope(() => {
    const inputs = inputsOf({ batch: 1, heads: 1, length: 10, headDim: 1, masked: false, seed: 2 });
    const queries = fromArray(new Array(10).fill(1e4), [1, 1, 10, 1], 'float64');
    // Of five weights the first is exp(10⁴ · 1000) times the others: the value two tokens back.
    const WQ = fromArray([1000, 0, 0, 0, -1000], [1, 5, 1], 'float64');
    const values = inputs.values.toArray();
    const expected = values.map((_, i) => (i < 2 ? 0 : values[i - 2]));
    assert.equal(run({ ...inputs, queries }, { kernelWidth: 5 }, { WQ }).toArray(), expected);
  });
});

test('a generation keeps the last k − 1 values and nothing else', () => {
  scope(() => {
    const inputs = inputsOf({ batch: 2, heads: 3, length: 40, headDim: 4, masked: false, seed: 3 });
    const sizes = { batch: 2, heads: 3, headDim: 4, dtype: 'float64', maxLength: 40 } as const;
    const decoder = startDecoding(dynamicConv, sizes, { kernelWidth: 7 });
    for (let position = 0; position < 40; position++) {
      const token = (tensor: Tensor) => slice(tensor, 2, position, position + 1);
      const { queries, keys, values } = inputs;
      decoder.step({ queries: token(queries), keys: token(keys), values: token(values) });
      const held = Object.values(decoder.state?.tensors ?? {}).reduce((total, { size }) => total + size, 0);
      assert.is(held, 2 * 3 * Math.min(position + 1, 6) * 4, `after ${position + 1} tokens`);
    }
  });
});

test('WQ starts uniform in ±√(6 / (d + k)), so that unit queries give logits of about unit size', () => {
  scope(() => {
    const [heads, kernelWidth, headDim] = [4, 15, 32];
    const shape = shapeOf({ batch: 1, heads, length: 40, headDim, masked: false, seed: 4, kernelWidth });
    const { WQ } = drawParameters(dynamicConv, checkOptions(dynamicConv, { kernelWidth }, shape), shape, 4);
    assert.equal(WQ.shape, [heads, kernelWidth, headDim]);
    assert.ok(WQ.requiresGrad);
    const bound = Math.sqrt(6 / (headDim + kernelWidth));
    const entries = [...elements(WQ)];
    assert.ok(entries.every((entry) => Math.abs(entry) <= bound));
    const variance = entries.reduce((sum, entry) => sum + entry ** 2, 0) / entries.length;
    // bound²/3 within a tenth: 1920 squares, each with a standard deviation of 0.9 of their mean, average to within 2%.
    assert.ok(Math.abs((3 * variance) / bound ** 2 - 1) < 0.1);
  });
});

test('DropConnect: one D of [heads, k] for all positions, and the output stays what it was in the mean', () => {
  forAll(30, ({ causal, kernelWidth, heads, length, headDim }, inputs, random) => {
    const WQ = trained([heads, kernelWidth, headDim], random);
    const keep = Array.from({ length: heads * kernelWidth }, () => (random.integer(3) === 0 ? 0 : 2));
    const D = fromArray(keep, [heads, kernelWidth], 'float64');
    const kernelAt = (b: number, h: number, i: number) => {
      const logits = predicted(WQ, h, rowOf(inputs.queries, (b * heads + h) * length + i));
      return softmaxOf(logits).map((weight, j) => weight * keep[h * kernelWidth + j]);
    };
    const expected = convolutionByLoops(inputs, kernelAt, causal);
    close(run(inputs, { causal, kernelWidth, dropConnect: 0.5 }, { WQ, D }), expected);
  });

  noGrad(() => {
    const drawn = { batch: 2, heads: 2, length: 9, headDim: 2, masked: false, seed: 5, kernelWidth: 4 };
    const inputs = inputsOf(drawn);
    const shape = shapeOf(drawn);
    const options = checkOptions(dynamicConv, { kernelWidth: 4, dropConnect: 0.4 }, shape);
    const draw = (seed: number) => drawParameters(dynamicConv, options, shape, seed);
    const { WQ } = draw(1);
    const { mean, standardError } = meanOverDraws(1500, draw, ({ D }) => run(inputs, options, { WQ, D }));
    const expected = run(inputs, { ...options, dropConnect: 0 }, { WQ }).toArray();
    // Of 72 means, none should be five standard errors away.
    mean.forEach((each, n) => {
      assert.ok(Math.abs(each - expected[n]) <= 5 * standardError[n], `${each}, expected ${expected[n]}`);
    });
  });
});

test('parameters that do not fit are refused by name', () => {
  const inputs = inputsOf({ batch: 1, heads: 2, length: 8, headDim: 4, masked: false, seed: 6 });
  const WQ = zeros([2, 3, 4], 'float64');
  const kernelWidth = 3;
  expectThrows(ShapeError, 'parameters.WQ', () => run(inputs, { kernelWidth: 5 }, { WQ }));
  expectThrows(ArgumentError, 'parameters.WQ', () => run(inputs, { kernelWidth }, {}));
  expectThrows(ArgumentError, 'parameters.WQ', () => run(inputs, { kernelWidth }, { WQ: zeros([2, 3, 4]) }));
  expectThrows(ArgumentError, 'parameters.D', () => run(inputs, { kernelWidth, dropConnect: 0.1 }, { WQ }));
  expectThrows(ShapeError, 'parameters.D', () =>
    run(inputs, { kernelWidth, dropConnect: 0.1 }, { WQ, D: zeros([2, 4], 'float64') }),
  );
});

test.run();
