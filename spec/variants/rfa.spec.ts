/** Random Feature Attention, held to loops over its definition and to full attention (Peng et al. 2021). */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { noGrad } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError, UnsupportedError } from '../../src/core/errors.ts';
import { normalizeRows, scale, slice } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { filled, fromArray, randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { attend, checkOptions } from '../../src/variants/attend.ts';
import { attendFrom } from '../../src/variants/continue.ts';
import { full } from '../../src/variants/full.ts';
import { type AnyVariant, findVariant } from '../../src/variants/registry.ts';
import { type RfaOptions, rfa } from '../../src/variants/rfa.ts';
import { type AttentionState, stateBytes } from '../../src/variants/state.ts';
import type { AttentionInputs } from '../../src/variants/variant.ts';
import { type AttentionCase, forAllCases, inputsOf } from '../laws/draw.ts';
import { expectClose, expectSameBits, outputOf, parametersOf, ROUNDING, read } from '../laws/evaluate.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { inAllSettings, wideFloat32 } from '../laws/settings.ts';
import { expectNoticed, squareShape } from '../laws/written-out.ts';
import { byLoops, type Definition, paper } from './rfa-written-out.ts';

const variant = findVariant('rfa') as AnyVariant;
const optionsOf = ({ options }: AttentionCase) => options as RfaOptions;

/** Parameters with a σ of its own for every dimension, which starts at 1. */
function parametersWith(attentionCase: AttentionCase, peaked = 1) {
  const { omega, sigma } = parametersOf(variant, attentionCase);
  const random = new Random(attentionCase.seed).split('sigma');
  return { omega, sigma: noGrad(() => scale(randomNormal(sigma.shape, random, sigma.dtype as 'float64'), peaked)) };
}

for (const { name, run } of inAllSettings('equals loops over its definition', ({ draw, tolerance }) => {
  draw(variant, { maxLength: 30, maxHeadDim: 8 }, 40, (drawn) => {
    const attentionCase = { ...drawn, options: fewer(drawn) };
    const inputs = inputsOf(attentionCase);
    const parameters = parametersWith(attentionCase);
    const expected = byLoops(inputs, optionsOf(attentionCase), parameters);
    expectClose(outputOf(variant, attentionCase, inputs, parameters), expected, tolerance(inputs), 'output');
  });
})) {
  test(name, run);
}

/** At most 24 random vectors: the loops are slow. */
const fewer = (drawn: AttentionCase) => {
  const { numRandomFeatures, ...options } = optionsOf(drawn);
  return { ...options, numRandomFeatures: 1 + (numRandomFeatures % 24) };
};

const caseOf = (options: Partial<RfaOptions>, length = 15): AttentionCase => {
  const complete = checkOptions(rfa, { numRandomFeatures: 5, ...options }, squareShape(length));
  const least = -4;
  const gates = { logDecay: { shape: [2, 2, length], least, most: 0 } };
  const given = complete.causal && complete.gated ? { gates } : {};
  return { shape: squareShape(length), mask: null, seed: 5, options: complete, ...given };
};

test('the loops notice other lengths, another σ, a missing or another feature, another gate and another floor', () => {
  const gated = { causal: true, gated: true };
  const broken: [Partial<RfaOptions>, Partial<Definition>][] = [
    [{}, { unit: (x) => [...x] }],
    [{}, { w: (sigma, omega) => omega / sigma }],
    [{}, { f: () => [Math.cos] }],
    [{ causal: true }, { f: () => [Math.sin, Math.sin] }],
    [gated, { write: () => 1 }],
    [gated, { keep: () => 1 }],
    [gated, { keep: (g) => 1 - g, write: (g) => g }],
    [{ numRandomFeatures: 1 }, { least: () => 1e-3 }],
    [{ kernel: 'arccosine' }, { f: () => [(u) => u] }],
    [{ kernel: 'arccosine' }, { f: () => [Math.abs] }],
    [{ kernel: 'arccosine' }, { w: (sigma, omega) => omega / sigma }],
    [{ kernel: 'arccosine', causal: true }, { f: () => [(u) => Math.max(0, u), (u) => Math.max(0, -u)] }],
    [{ kernel: 'arccosine' }, { least: () => 10 }],
  ];
  for (const [options, change] of broken) {
    const attentionCase = caseOf(options);
    expectNoticed(variant, attentionCase, byLoops, paper, change, parametersWith(attentionCase, 2));
  }
});

test('with many features it is full attention over the directions of queries and keys, times σ²', () => {
  const D = 4096;
  for (const [causal, sigma] of [
    [false, 1],
    [true, 1.3],
  ] as const) {
    const shape = { ...squareShape(12), batch: 1 };
    const options = checkOptions(rfa, { causal, numRandomFeatures: D }, shape);
    const inputs = inputsOf({ shape, options, mask: null, seed: 8 });
    const { omega } = parametersOf(variant, { shape, options, mask: null, seed: 8 });
    const parameters = { omega, sigma: filled([2, 4], sigma, 'float64') };
    const output = read(noGrad(() => attend(rfa, inputs, options, { parameters })));
    // Scores of full attention are divided by √d.
    const sized = (x: Tensor) => scale(normalizeRows(x), sigma * 4 ** 0.25);
    const given = { ...inputs, queries: sized(inputs.queries), keys: sized(inputs.keys) };
    const exact = read(noGrad(() => attend(full, given, { causal })));
    // Weights have a standard error of at most √(1/(2D)) = 0.011, of a kernel that is at least e^{−2σ²}; 5 times that, in the
    // numerator and below.
    const bound = (2 * 5 * Math.exp(2 * sigma ** 2)) / Math.sqrt(2 * D);
    const largest = Math.max(...exact.data.map(Math.abs));
    let apart = 0;
    output.data.forEach((each, n) => {
      apart = Math.max(apart, Math.abs(each - exact.data[n]));
    });
    assert.ok(apart <= bound * largest && apart < 0.3 * largest, `${apart} apart`);
  }
});

test('with many features the arc-cosine kernel is its closed form, with a σ for every dimension', () => {
  const [D, length, d] = [20_000, 9, 4];
  const shape = { ...squareShape(length), batch: 1 };
  for (const causal of [false, true]) {
    const options = checkOptions(rfa, { causal, kernel: 'arccosine', numRandomFeatures: D }, shape);
    const attentionCase = { shape, options, mask: null, seed: 3 };
    const inputs = inputsOf(attentionCase);
    const parameters = parametersWith(attentionCase);
    const output = read(noGrad(() => attend(rfa, inputs, options, { parameters }))).data;
    const [Q, K, V, S] = [inputs.queries, inputs.keys, inputs.values, parameters.sigma].map((x) => x.toArray());
    const scaled = (x: ArrayLike<number>, row: number, h: number) => {
      const own = Array.from({ length: d }, (_, c) => x[row * d + c]);
      return own.map((each, c) => (S[h * d + c] * each) / Math.hypot(...own));
    };
    for (let at = 0; at < 2 * length; at++) {
      const [h, i] = [Math.floor(at / length), at % length];
      const a = scaled(Q, at, h);
      const weights = Array.from({ length: causal ? i + 1 : length }, (_, j) => {
        const b = scaled(K, h * length + j, h);
        const sizes = Math.hypot(...a) * Math.hypot(...b);
        const cosine = Math.max(-1, Math.min(1, a.reduce((sum, each, c) => sum + each * b[c], 0) / sizes));
        const theta = Math.acos(cosine);
        return (sizes * (Math.sin(theta) + (Math.PI - theta) * cosine)) / (2 * Math.PI);
      });
      const total = weights.reduce((sum, each) => sum + each, 0);
      // A weight has a variance of at most 3‖a‖²‖b‖²/D, of E[(w·a)²(w·b)²] ≤ 3‖a‖²‖b‖²: the quotient of each key is that far off
      // five times over.
      const sizes = weights.map((_, j) => Math.hypot(...a) * Math.hypot(...scaled(K, h * length + j, h)));
      const off = sizes.map((each) => 5 * each * Math.sqrt(3 / D));
      for (let c = 0; c < d; c++) {
        const value = (j: number) => V[(h * length + j) * d + c];
        const exact = weights.reduce((sum, each, j) => sum + each * value(j), 0) / total;
        const bound = off.reduce((sum, each, j) => sum + each * Math.abs(value(j) - exact), 0) / total;
        const apart = Math.abs(output[at * d + c] - exact);
        // A first query of a causal case meets one key, and has its value.
        assert.ok(apart <= bound * 1.2 + 1e-9, `${at}, ${c}: ${apart} apart, bound ${bound}`);
      }
    }
  }
});

test('the size of σ is lost in the quotient of the arc-cosine kernel, and weights are averages', () => {
  forAllCases(variant, { dtype: 'float64', maxLength: 20, minHeadDim: 2 }, 20, (drawn) => {
    const options = { ...optionsOf(drawn), kernel: 'arccosine' } as RfaOptions;
    const attentionCase = { ...drawn, options };
    const inputs = inputsOf(attentionCase);
    const { omega, sigma } = parametersWith(attentionCase);
    const output = outputOf(variant, attentionCase, inputs, { omega, sigma });
    const larger = { omega, sigma: noGrad(() => scale(sigma, 50)) };
    expectClose(outputOf(variant, attentionCase, inputs, larger), output, ROUNDING, '50 σ');
    const largest = Math.max(...inputs.values.toArray().map(Math.abs));
    for (const each of output.data) assert.ok(Math.abs(each) <= largest * (1 + 1e-9), `${each} of ${largest}`);
  });
});

test('lengths of queries and keys change nothing, directions do', () => {
  forAllCases(variant, { dtype: 'float64', maxLength: 24, minHeadDim: 2 }, 20, (attentionCase) => {
    const inputs = inputsOf(attentionCase);
    const output = outputOf(variant, attentionCase, inputs);
    const longer = {
      ...inputs,
      queries: noGrad(() => scale(inputs.queries, 300)),
      keys: noGrad(() => scale(inputs.keys, 1e-3)),
    };
    expectClose(outputOf(variant, attentionCase, longer), output, ROUNDING, 'other lengths');
  });
});

const gatesOf = ({ shape: { batch, heads, keyLength, dtype } }: AttentionCase, logG: number) => ({
  logDecay: filled([batch, heads, keyLength], logG, dtype),
});

test('a gate that forgets almost nothing gives what no gate gives, and one that is left out is ½', () => {
  forAllCases(variant, { dtype: 'float64', causal: true, maxLength: 40 }, 25, (drawn) => {
    const gated = { ...drawn, options: { ...optionsOf(drawn), gated: true } as RfaOptions };
    const { gates: _, ...inputs } = inputsOf(drawn);
    const plain = outputOf(variant, { ...drawn, options: { ...optionsOf(drawn), gated: false } as RfaOptions }, inputs);
    const parameters = parametersOf(variant, gated);
    // Every key is kept to e^{−40 · 10⁻¹²} or better, which small sums of weights magnify.
    const slow = outputOf(variant, gated, { ...inputs, gates: gatesOf(drawn, -1e-12) }, parameters);
    expectClose(slow, plain, 1e-8, 'g near 1');
    const half = outputOf(variant, gated, { ...inputs, gates: gatesOf(drawn, Math.log(0.5)) }, parameters);
    expectSameBits(outputOf(variant, gated, inputs, parameters).data, half.data, 'no gate given');
    // Few features by relu may leave a query nothing to read, with any gate.
    const { kernel, numRandomFeatures: D } = optionsOf(drawn);
    if (drawn.mask === null && drawn.shape.keyLength > 5 && (kernel === 'gaussian' || D >= 16)) {
      assert.throws(() => expectClose(half, plain, 1e-3, 'g = ½'), 'g = ½ gave what no gate gives');
    }
  });
});

test('a gate of 0 forgets all that was before it', () => {
  const attentionCase = caseOf({ causal: true, gated: true }, 21);
  const inputs = inputsOf(attentionCase);
  const others = inputsOf(attentionCase, { name: 'others' });
  const at = 9;
  const logG = Float64Array.from({ length: 4 * 21 }, (_, n) => (n % 21 === at ? -1e4 : -0.1));
  const gates = { logDecay: fromArray(logG, [2, 2, 21], 'float64') };
  // Other tokens before `at`, the same from there on.
  const spliced = (x: Tensor, y: Tensor) => {
    const [data, other] = [x.toArray(), y.toArray()];
    return fromArray(
      data.map((each, n) => (Math.floor(n / 4) % 21 < at ? other[n] : each)),
      x.shape,
      'float64',
    );
  };
  const changed = {
    queries: inputs.queries,
    keys: spliced(inputs.keys, others.keys),
    values: spliced(inputs.values, others.values),
  };
  const parameters = parametersOf(variant, attentionCase);
  const own = outputOf(variant, attentionCase, { ...inputs, gates }, parameters);
  const after = outputOf(variant, attentionCase, { ...changed, gates }, parameters);
  const later = (_b: number, _h: number, position: number) => position >= at;
  expectClose(after, own, ROUNDING, 'the past shows through a gate of 0', later);
  assert.throws(() => expectClose(after, own, 1e-3, 'before'));
  const open = { logDecay: filled([2, 2, 21], -0.1, 'float64') };
  const [a, b] = [inputs, changed].map((each) =>
    outputOf(variant, attentionCase, { ...each, gates: open }, parameters),
  );
  assert.throws(() => expectClose(a, b, 1e-3, 'without it', later));
});

test('no output is larger than 2√(2D) times the largest value, however peaked σ is (float32, wide norms)', () => {
  wideFloat32.draw(variant, { maxLength: 30 }, 40, (drawn) => {
    const attentionCase = { ...drawn, options: fewer(drawn) };
    const inputs = inputsOf(attentionCase);
    const { data } = outputOf(variant, attentionCase, inputs, parametersWith(attentionCase, 30));
    const largest = Math.max(...inputs.values.toArray().map(Math.abs));
    const bound = 2 * Math.sqrt(2 * attentionCase.options.numRandomFeatures) * largest * (1 + 1e-4);
    for (const each of data) assert.ok(Math.abs(each) <= bound, `${each}, with values of up to ${largest}`);
  });
});

test('a state is 2D × (d + 1) numbers and one more, however long the text', () => {
  const [batch, heads, d, D] = [3, 2, 4, 5];
  const random = new Random(2);
  const drawn = (name: string) => randomNormal([batch, heads, 1, d], random.split(name));
  let state: AttentionState | null = null;
  for (let n = 0; n < 9; n++) {
    const token: AttentionInputs = { queries: drawn(`q${n}`), keys: drawn(`k${n}`), values: drawn(`v${n}`) };
    const options = { numRandomFeatures: D, gated: true };
    ({ state } = attendFrom(rfa, token, state, options, { maxLength: 9 }));
    assert.is(stateBytes(state), 4 * batch * heads * (2 * D * (d + 1) + 1));
  }
});

test('a draw, a gate without the option and a draw of another size are refused by name', () => {
  const attentionCase = caseOf({ causal: true });
  const inputs = inputsOf(attentionCase);
  const parameters = parametersOf(variant, attentionCase);
  expectThrows(ArgumentError, 'numRandomFeatures', () => void attend(rfa, inputs, { numRandomFeatures: 0 }));
  const options = { causal: true, numRandomFeatures: 6 };
  expectThrows(ShapeError, 'parameters.omega', () => void attend(rfa, inputs, options, { parameters }));
  const gates = gatesOf(attentionCase, -1);
  expectThrows(UnsupportedError, 'gates.logDecay', () => void attend(rfa, { ...inputs, gates }, { causal: true }));
  const short = { ...inputs, gates: { logDecay: noGrad(() => slice(gates.logDecay, 2, 0, 3)) } };
  expectThrows(ShapeError, 'gates.logDecay', () => void attend(rfa, short, { causal: true, gated: true }));
});

test.run();
