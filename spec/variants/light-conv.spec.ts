/** What Wu et al. 2019 say of lightweight convolutions (§2, §3). */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, noGrad } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { slice } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { filled, fromArray, ones, randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import { attend, checkOptions, drawParameters } from '../../src/variants/attend.ts';
import { startDecoding } from '../../src/variants/decoding.ts';
import { type LightConvOptions, lightConv } from '../../src/variants/light-conv.ts';
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

const run = (inputs: AttentionInputs, options: Partial<LightConvOptions>, parameters: Parameters) =>
  attend(lightConv, inputs, options, { parameters });

test('is the product with a banded matrix of softmax(W), for any width, causal or not, with padding or without', () => {
  forAll(120, ({ causal, kernelWidth, heads }, inputs, random) => {
    const W = trained([heads, kernelWidth], random);
    const kernels = Array.from({ length: heads }, (_, h) => softmaxOf(rowOf(W, h)));
    const expected = convolutionByLoops(inputs, (_b, h) => kernels[h], causal);
    close(run(inputs, { causal, kernelWidth }, { W }), expected);
  });
});

test('a kernel of width 1 passes the values on, bit for bit', () => {
  forAll(20, ({ causal, heads, masked }, inputs, random) => {
    if (masked) return;
    const output = run(inputs, { causal, kernelWidth: 1 }, { W: trained([heads, 1], random) });
    assert.equal(output.toArray(), inputs.values.toArray());
  });
});

test('causal is the centred convolution moved forward, by as many tokens as its kernel reached ahead', () => {
  forAll(60, ({ kernelWidth, heads, length }, inputs, random) => {
    const W = trained([heads, kernelWidth], random);
    const ahead = kernelWidth - Math.ceil((kernelWidth + 1) / 2);
    if (ahead >= length) return;
    const centred = run(inputs, { kernelWidth }, { W });
    const causal = run(inputs, { kernelWidth, causal: true }, { W });
    close(slice(causal, 2, ahead, length), slice(centred, 2, 0, length - ahead));
  });
});

test('its pattern: an odd kernel is centred, an even one reaches one further back, a causal one only back', () => {
  const shape = shapeOf({ batch: 1, heads: 1, length: 20, headDim: 1, masked: false, seed: 0, kernelWidth: 1 });
  const seenBy10 = (options: Partial<LightConvOptions>) => {
    const pattern = lightConv.pattern?.(checkOptions(lightConv, options, shape), shape);
    return Array.from({ length: 20 }, (_, key) => key).filter((key) => pattern?.(0, 10, key));
  };
  assert.equal(seenBy10({ kernelWidth: 5 }), [8, 9, 10, 11, 12]);
  assert.equal(seenBy10({ kernelWidth: 4 }), [8, 9, 10, 11]);
  assert.equal(seenBy10({ kernelWidth: 1 }), [10]);
  assert.equal(seenBy10({ kernelWidth: 4, causal: true }), [7, 8, 9, 10]);
  assert.equal(seenBy10({ kernelWidth: 5, causal: true }), [6, 7, 8, 9, 10]);
});

test('the weights of a token add up to 1, but for those that lie beyond the ends', () => {
  forAll(60, ({ causal, kernelWidth, heads, length, batch }, { queries, keys }, random) => {
    const W = trained([heads, kernelWidth], random);
    const values = ones([batch, heads, length, 1], 'float64');
    const sums = run({ queries, keys, values }, { causal, kernelWidth }, { W }).toArray();
    const before = causal ? kernelWidth - 1 : Math.ceil((kernelWidth + 1) / 2) - 1;
    const after = kernelWidth - 1 - before;
    sums.forEach((total, n) => {
      const position = n % length;
      const inside = position >= before && position + after < length;
      // Every weight of a softmax is positive, so any that is missing is missed.
      if (inside) assert.ok(Math.abs(total - 1) <= ROUNDING, `${total} at ${position}`);
      else assert.ok(total > 0 && total < 1, `${total} at ${position}`);
    });
  });
});

test('neither queries nor keys are read', () => {
  forAll(20, ({ causal, kernelWidth, heads }, inputs, random) => {
    const W = trained([heads, kernelWidth], random);
    const other = randomNormal(inputs.queries.shape, random, 'float64');
    const output = run(inputs, { causal, kernelWidth }, { W });
    const changed = run({ ...inputs, queries: other, keys: other }, { causal, kernelWidth }, { W });
    assert.equal(changed.toArray(), output.toArray());
  });
  scope(() => {
    const inputs = inputsOf({ batch: 1, heads: 2, length: 9, headDim: 3, masked: false, seed: 1 });
    for (const leaf of [inputs.queries, inputs.keys, inputs.values]) leaf.withGrad();
    backward(attend(lightConv, inputs, { kernelWidth: 3 }));
    assert.equal([inputs.queries.grad, inputs.keys.grad], [null, null]);
    assert.ok(inputs.values.grad !== null);
  });
});

test('a generation keeps the last k − 1 values and nothing else', () => {
  scope(() => {
    const inputs = inputsOf({ batch: 2, heads: 3, length: 40, headDim: 4, masked: false, seed: 2 });
    const sizes = { batch: 2, heads: 3, headDim: 4, dtype: 'float64', maxLength: 40 } as const;
    const decoder = startDecoding(lightConv, sizes, { kernelWidth: 7 });
    for (let position = 0; position < 40; position++) {
      const token = (tensor: Tensor) => slice(tensor, 2, position, position + 1);
      const { queries, keys, values } = inputs;
      decoder.step({ queries: token(queries), keys: token(keys), values: token(values) });
      const held = Object.values(decoder.state?.tensors ?? {}).reduce((total, { size }) => total + size, 0);
      assert.is(held, 2 * 3 * Math.min(position + 1, 6) * 4, `after ${position + 1} tokens`);
    }
  });
});

test('W starts uniform in ±√(6 / (k + H·k)): nearly a moving average', () => {
  scope(() => {
    const [heads, kernelWidth, length] = [8, 31, 200];
    const shape = { ...shapeOf({ batch: 1, heads, length, headDim: 4, masked: false, seed: 3, kernelWidth }) };
    const options = checkOptions(lightConv, { kernelWidth }, shape);
    const { W, ...rest } = drawParameters(lightConv, options, shape, 3);
    assert.equal(Object.keys(rest), []);
    assert.ok(W.requiresGrad);
    const bound = Math.sqrt(6 / (kernelWidth + heads * kernelWidth));
    const entries = [...W.toArray()];
    assert.ok(entries.every((entry) => Math.abs(entry) <= bound));
    // Of 248 uniform numbers, one lies in the outer tenth but for a chance of 0.9²⁴⁸ ≈ 10⁻¹¹; the seed is fixed anyway.
    assert.ok(entries.some((entry) => Math.abs(entry) > 0.9 * bound));
    for (let h = 0; h < heads; h++) {
      for (const weight of softmaxOf(rowOf(W, h))) assert.ok(Math.abs(kernelWidth * weight - 1) < 1 / 5);
    }
  });
});

test('DropConnect: D is 0 or 1/(1 − p), drops a share p, and the kernel stays what it was in the mean', () => {
  const drawn = { batch: 1, heads: 3, length: 12, headDim: 2, masked: false, seed: 4, kernelWidth: 5 };
  const inputs = inputsOf(drawn);
  const shape = shapeOf(drawn);
  const options = checkOptions(lightConv, { kernelWidth: 5, dropConnect: 0.3 }, shape);
  const draw = (seed: number) => drawParameters(lightConv, options, shape, seed);
  assert.equal(draw(1).D.toArray(), draw(1).D.toArray());
  assert.not(draw(1).D.requiresGrad);

  const W = draw(1).W;
  const draws = 2000;
  const entries = Array.from({ length: draws }, (_, seed) => scope(() => [...draw(seed).D.toArray()])).flat();
  assert.ok(entries.every((entry) => entry === 0 || entry === 1 / 0.7));
  const share = entries.filter((entry) => entry === 0).length / entries.length;
  // Five standard deviations of a share of 30 000 independent entries.
  assert.ok(Math.abs(share - 0.3) < 5 * Math.sqrt((0.3 * 0.7) / entries.length), `${share} dropped`);

  noGrad(() => {
    const { mean, standardError } = meanOverDraws(draws, draw, ({ D }) => run(inputs, options, { W, D }));
    const expected = run(inputs, { ...options, dropConnect: 0 }, { W }).toArray();
    // Of 72 means, none should be five standard errors away.
    mean.forEach((each, n) => {
      assert.ok(Math.abs(each - expected[n]) <= 5 * standardError[n], `${each}, expected ${expected[n]}`);
    });
  });
});

test('DropConnect multiplies the normalised kernel; without it D is not read', () => {
  forAll(30, ({ causal, kernelWidth, heads }, inputs, random) => {
    const W = trained([heads, kernelWidth], random);
    const keep = Array.from({ length: heads * kernelWidth }, () => (random.integer(3) === 0 ? 0 : 2));
    const D = fromArray(keep, [heads, kernelWidth], 'float64');
    const kernels = Array.from({ length: heads }, (_, h) => {
      const dropped = rowOf(D, h);
      return softmaxOf(rowOf(W, h)).map((weight, j) => weight * dropped[j]);
    });
    const expected = convolutionByLoops(inputs, (_b, h) => kernels[h], causal);
    close(run(inputs, { causal, kernelWidth, dropConnect: 0.5 }, { W, D }), expected);
    assert.equal(
      run(inputs, { causal, kernelWidth }, { W, D }).toArray(),
      run(inputs, { causal, kernelWidth }, { W }).toArray(),
    );
  });
});

test('cost counts the pairs of the pattern, exactly', () => {
  forAll(40, (drawn) => {
    const shape = shapeOf(drawn);
    const options = checkOptions(lightConv, { causal: drawn.causal, kernelWidth: drawn.kernelWidth }, shape);
    const pattern = lightConv.pattern?.(options, shape) ?? (() => false);
    let pairs = 0;
    for (let i = 0; i < drawn.length; i++) for (let j = 0; j < drawn.length; j++) if (pattern(0, i, j)) pairs++;
    assert.is(lightConv.cost(shape, options).flops, 2 * drawn.batch * drawn.heads * pairs * drawn.headDim);
  });
});

test('parameters and widths that do not fit are refused by name', () => {
  const inputs = inputsOf({ batch: 1, heads: 2, length: 8, headDim: 3, masked: false, seed: 5 });
  const W = filled([2, 3], 0, 'float64');
  const kernelWidth = 3;
  expectThrows(ArgumentError, 'kernelWidth', () => attend(lightConv, inputs, { kernelWidth: 16 }));
  expectThrows(ArgumentError, 'dropConnect', () => attend(lightConv, inputs, { dropConnect: 1 }));
  expectThrows(ShapeError, 'parameters.W', () => run(inputs, { kernelWidth: 5 }, { W }));
  expectThrows(ArgumentError, 'parameters.W', () => run(inputs, { kernelWidth }, {}));
  expectThrows(ArgumentError, 'parameters.W', () => run(inputs, { kernelWidth }, { W: zeros([2, 3]) }));
  expectThrows(ArgumentError, 'parameters.D', () => run(inputs, { kernelWidth, dropConnect: 0.1 }, { W }));
  expectThrows(ShapeError, 'parameters.D', () =>
    run(inputs, { kernelWidth, dropConnect: 0.1 }, { W, D: zeros([2, 4], 'float64') }),
  );
});

test('the same seed starts the same kernels, another one others', () => {
  const shape = shapeOf({ batch: 1, heads: 2, length: 8, headDim: 3, masked: false, seed: 5, kernelWidth: 3 });
  const [first, again, other] = [1, 1, 2].map((seed) =>
    lightConv.parameters(checkOptions(lightConv, { kernelWidth: 3 }, shape), shape, new Random(seed)).W.toArray(),
  );
  assert.equal(again, first);
  assert.not.equal(other, first);
});

test.run();
