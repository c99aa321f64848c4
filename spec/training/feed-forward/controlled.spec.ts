/** The layer of Scaling Transformers: one unit of each block in evaluation, and what training does in its place. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward } from '../../../src/core/autograd.ts';
import { ArgumentError } from '../../../src/core/errors.ts';
import { checkGradients } from '../../../src/core/gradient-check.ts';
import { Random } from '../../../src/core/random.ts';
import { elements, randomNormal, type Tensor } from '../../../src/core/tensor.ts';
import { languageModel } from '../../../src/training/language-model.ts';
import { assertClose, forAll } from '../../core/tensors.ts';
import { expectThrows } from '../../laws/laws/expect-throws.ts';
import { maskOf } from '../modules.ts';
import { callOf, dot, layerOf, rowsOf } from './draw.ts';

/** Float64 sums of some hundred terms near 1, in another order. */
const ROUNDING = 1e-11;

const cases = fc.record({
  batch: fc.integer({ min: 1, max: 2 }),
  length: fc.integer({ min: 1, max: 6 }),
  width: fc.integer({ min: 1, max: 5 }),
  blocks: fc.integer({ min: 1, max: 4 }),
  blockSize: fc.integer({ min: 1, max: 4 }),
  lowRank: fc.integer({ min: 0, max: 3 }),
  masked: fc.boolean(),
  seed: fc.nat(),
});

type Parameters = Readonly<Record<string, Tensor>>;

/** Shares p of each unit in its block, [tokens][hidden], in plain loops. */
function sharesOf(x: Tensor, { C1, C2 }: Parameters, blockSize: number): number[][] {
  const [width, rank] = C1.shape;
  const hidden = C2.shape[1];
  const [first, second] = [rowsOf(C1, rank), rowsOf(C2, hidden)];
  return rowsOf(x, width).map((row) => {
    const low = Array.from({ length: rank }, (_, r) => row.reduce((sum, each, c) => sum + each * first[c][r], 0));
    const scores = Array.from({ length: hidden }, (_, u) => low.reduce((sum, each, r) => sum + each * second[r][u], 0));
    return scores.map((score, u) => {
      const begin = u - (u % blockSize);
      const own = scores.slice(begin, begin + blockSize);
      return 1 / own.reduce((sum, each) => sum + Math.exp(each - score), 0);
    });
  });
}

/** (max(0, x W₁ + b₁) ∘ mask) W₂ + b₂ in plain loops. */
function masked(x: Tensor, { W1, b1, W2, b2 }: Parameters, mask: readonly (readonly number[])[]): number[][] {
  const [hidden, width] = W1.shape;
  const [first, second] = [rowsOf(W1, width), rowsOf(W2, width)];
  const [[bias1], [bias2]] = [rowsOf(b1, hidden), rowsOf(b2, width)];
  return rowsOf(x, width).map((row, t) => {
    const inner = first.map((own, u) => Math.max(0, dot(row, own) + bias1[u]) * mask[t][u]);
    return bias2.map((bias, c) => inner.reduce((sum, each, u) => sum + each * second[u][c], bias));
  });
}

/** 1 at the best unit of each block, the first of equals. */
const bestOf = (shares: readonly number[], blockSize: number) =>
  shares.map((share, u) => {
    const begin = u - (u % blockSize);
    const own = shares.slice(begin, begin + blockSize);
    return Number(share === Math.max(...own) && own.indexOf(share) === u - begin);
  });

test('in evaluation the best unit of each block, and zeros for padding', () => {
  forAll(cases, (drawn) => {
    const { batch, length, width, blocks, blockSize, lowRank } = drawn;
    const sizes = { batch, length, width, hidden: blocks * blockSize, seed: drawn.seed };
    const layer = layerOf('controlled', { blockSize, lowRank }, sizes);
    assert.is(layer.parameters.C1.shape[1], lowRank === 0 ? Math.ceil(width / blockSize) : lowRank);
    const shares = sharesOf(layer.x, layer.parameters, blockSize);
    const own = Array.from({ length: batch }, (_, b) => (drawn.masked ? (b + drawn.seed) % (length + 1) : length));
    const isReal = (t: number) => t % length < own[Math.floor(t / length)];
    const mask = shares.map((each) => bestOf(each, blockSize));
    const expected = masked(layer.x, layer.parameters, mask).flatMap((row, t) =>
      row.map((each) => (isReal(t) ? each : 0)),
    );
    const call = callOf({ training: false, ...(drawn.masked && { keyMask: maskOf(own, length) }) });
    assertClose(layer.apply(call), { shape: layer.x.shape, data: expected }, ROUNDING, 'output', 1);
    const [{ choices, perToken }] = call.noted;
    assert.is(perToken, blocks);
    const units = mask.flatMap((each, t) => each.flatMap((flag, u) => (flag === 0 ? [] : [isReal(t) ? u : -1])));
    assert.equal([...choices], units);
  });
});

test('while training a step multiplies by single units, or by shares; blocks of one unit are the dense layer in both', () => {
  forAll(
    cases,
    (drawn) => {
      const { batch, length, width, blocks, blockSize } = drawn;
      const sizes = { batch, length, width, hidden: blocks * blockSize, seed: drawn.seed };
      for (const hardShare of [0, 1]) {
        const layer = layerOf('controlled', { blockSize, hardShare, temperature: 0 }, sizes);
        const shares = sharesOf(layer.x, layer.parameters, blockSize);
        const mask = hardShare === 0 ? shares : shares.map((each) => bestOf(each, blockSize));
        const expected = masked(layer.x, layer.parameters, mask).flat();
        assertClose(layer.apply(callOf()), { shape: layer.x.shape, data: expected }, ROUNDING, 'output', 1);
        if (blockSize > 1) continue;
        const all = shares.map((each) => each.map(() => 1));
        const dense = masked(layer.x, layer.parameters, all).flat();
        assertClose(layer.apply(callOf()), { shape: layer.x.shape, data: dense }, ROUNDING, 'dense', 1);
      }
    },
    60,
  );
});

test('gradients agree with central differences, of shares and of evaluation', () => {
  const sizes = { batch: 2, length: 4, width: 3, hidden: 6, seed: 4 };
  const { kind, options, parameters, x } = layerOf('controlled', { blockSize: 3, lowRank: 2, hardShare: 0 }, sizes);
  const names = Object.keys(parameters);
  for (const training of [true, false]) {
    checkGradients(
      (input, ...given) => {
        const own = Object.fromEntries(names.map((each, n) => [each, given[n]]));
        return kind.apply(input, options, own, callOf({ training, keyMask: maskOf([4, 3], 4) }));
      },
      [x, ...Object.values(parameters)],
      { maxEntries: 12 },
    );
  }
});

test('with single units the controller gets the gradient of the shares in their place', () => {
  const sizes = { batch: 1, length: 5, width: 3, hidden: 6, seed: 9 };
  const { parameters, x, apply } = layerOf(
    'controlled',
    { blockSize: 3, lowRank: 2, hardShare: 1, temperature: 0 },
    sizes,
  );
  const output = apply(callOf());
  const direction = randomNormal(output.shape, new Random(3), 'float64');
  backward(output, direction);
  const gradient = Array.from(parameters.C2.grad?.toArray() ?? []);
  const before = sharesOf(x, parameters, 3);
  const hard = before.map((each) => bestOf(each, 3));
  const weights = rowsOf(direction, 3);
  // The function whose gradient it is: units times hard + p − p before.
  const valueNow = () => {
    const mask = sharesOf(x, parameters, 3).map((each, t) => each.map((p, u) => hard[t][u] + p - before[t][u]));
    return masked(x, parameters, mask).reduce((sum, row, t) => sum + dot(row, weights[t]), 0);
  };
  const numbers = elements(parameters.C2);
  const h = 1e-5;
  for (let i = 0; i < numbers.length; i++) {
    const kept = numbers[i];
    numbers[i] = kept + h;
    const above = valueNow();
    numbers[i] = kept - h;
    const below = valueNow();
    numbers[i] = kept;
    const expected = (above - below) / (2 * h);
    // A quotient's own error is of order h² + 1e-16/h.
    assert.ok(
      Math.abs(gradient[i] - expected) < 1e-7 * Math.max(1, Math.abs(expected)),
      `${i}: ${gradient[i]} ${expected}`,
    );
  }
  assert.ok(gradient.some((each) => Math.abs(each) > 1e-3));
});

test('noise chooses a unit in proportion to its share where τ is 1, and the share of hard steps is that of the option', () => {
  const sizes = { batch: 1, length: 4000, width: 2, hidden: 3, seed: 2 };
  const { x, parameters, apply } = layerOf('controlled', { blockSize: 3, lowRank: 1, temperature: 1 }, sizes);
  const call = callOf();
  apply(call);
  const [{ choices }] = call.noted;
  const shares = sharesOf(x, parameters, 3);
  for (let unit = 0; unit < 3; unit++) {
    const chances = shares.map((each) => each[unit]);
    const expected = chances.reduce((sum, each) => sum + each, 0);
    const variance = chances.reduce((sum, each) => sum + each * (1 - each), 0);
    const found = choices.filter((each) => each === unit).length;
    // Five standard deviations of a sum of independent draws.
    assert.ok(Math.abs(found - expected) < 5 * Math.sqrt(variance), `${unit}: ${found} of ${expected}`);
  }
  const few = layerOf('controlled', { blockSize: 3, lowRank: 1, temperature: 0 }, { ...sizes, length: 2 });
  const soft = masked(few.x, few.parameters, sharesOf(few.x, few.parameters, 3)).flat();
  let hard = 0;
  for (let seed = 0; seed < 400; seed++) {
    const output = few.apply(callOf({ random: new Random(seed) })).toArray();
    hard += Number(soft.some((each, n) => Math.abs(each - output[n]) > 1e-9));
  }
  // 400 draws of 0.3: a standard deviation of 9.2.
  assert.ok(Math.abs(hard - 120) < 46, `${hard}`);
});

test('blocks that do not divide the hidden layer are refused by name', () => {
  const settings = { vocabulary: 5, length: 8, feedForward: { kind: 'controlled', blockSize: 7 } };
  expectThrows(ArgumentError, 'feedForward.blockSize', () => languageModel(settings, 1));
});

test.run();
