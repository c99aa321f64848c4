/** Hyena, held to loops over its definition, to what it is with filters that one knows, and to what its state holds. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, noGrad } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError, UnsupportedError } from '../../src/core/errors.ts';
import { slice } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { elements, filled, fromArray, randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import { attend, drawParameters } from '../../src/variants/attend.ts';
import { attendFrom } from '../../src/variants/continue.ts';
import { longConvolutionFlops } from '../../src/variants/flops.ts';
import { type HyenaOptions, hyena } from '../../src/variants/hyena.ts';
import { implicitFilters } from '../../src/variants/hyena-filter.ts';
import { type AnyVariant, findVariant } from '../../src/variants/registry.ts';
import { type AttentionState, stateBytes } from '../../src/variants/state.ts';
import type { AttentionInputs, AttentionShape, Parameters } from '../../src/variants/variant.ts';
import { type AttentionCase, forAllCases, inputsOf } from '../laws/draw.ts';
import { expectClose, type Output, outputOf, parametersOf, ROUNDING, read } from '../laws/evaluate.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { equalsLoops } from '../laws/written-out.ts';

const variant = findVariant('hyena') as AnyVariant;
const optionsOf = ({ options }: AttentionCase) => options as HyenaOptions;

/** What of the filter's definition a copy gets wrong, for the law to notice. */
interface Filter {
  time(row: number, filterLength: number): number;
  window(alpha: number, t: number, shift: number): number;
}

const paper: Filter = {
  time: (row, filterLength) => row / Math.max(1, filterLength - 1),
  window: (alpha, t, shift) => Math.exp(-alpha * t) + shift,
};

/** h_t of filter `n`, column `column` of all `columns`, by plain sums in float64. */
function filterAt(row: number, n: number, column: number, columns: number, o: HyenaOptions, p: Parameters, f: Filter) {
  const t = f.time(row, o.filterLength);
  const frequencies = Array.from({ length: o.bands }, (_, k) =>
    o.bands === 1 ? 1e-4 : 1e-4 + ((o.bands - 1 - 1e-4) / (o.bands - 1)) * k,
  );
  const angles = frequencies.map((each) => each * ((2 * Math.PI * row) / o.filterLength));
  let x = [t, ...angles.map(Math.cos), ...angles.map((each) => -Math.sin(each))];
  const apply = (W: Tensor, from: number, count: number) => {
    const weights = elements(W);
    return Array.from({ length: count }, (_, i) =>
      x.reduce((sum, each, j) => sum + each * weights[(from + i) * x.length + j], 0),
    );
  };
  for (const layer of [1, 2, 3]) {
    const [bias, freq] = [elements(p[`b${layer}`]), elements(p.freq)];
    x = apply(p[`W${layer}`], 0, o.filterWidth).map((each, i) => Math.sin(freq[i] * (each + bias[i])));
  }
  const [made] = apply(p.W4, n * columns + column, 1);
  const [slow, fast] = [Math.log(100) / 1.5, Math.log(100) / 0.3];
  const alpha = columns === 1 ? slow : slow + ((fast - slow) * column) / (columns - 1);
  return made * f.window(alpha, t, o.windowShift);
}

/** y = q ∘ (h² ∗ (k ∘ (h¹ ∗ v))), each convolution a sum over all earlier tokens, with D at distance 0. */
function byLoops(
  { queries, keys, values, keyMask }: AttentionInputs,
  o: HyenaOptions,
  p: Parameters,
  f: Filter = paper,
): Output {
  const [batch, heads, length, d] = queries.shape;
  const [q, k, v, D] = [queries, keys, values, p.D].map(elements);
  const mask = keyMask?.toArray();
  const output = new Float64Array(queries.size);
  for (let head = 0; head < heads; head++) {
    for (let c = 0; c < d; c++) {
      const filters = Array.from({ length: o.longFilters }, (_, n) =>
        Array.from({ length }, (_, row) => filterAt(row, n, head * d + c, heads * d, o, p, f)),
      );
      for (let b = 0; b < batch; b++) {
        const at = (i: number) => ((b * heads + head) * length + i) * d + c;
        let z = Array.from({ length }, (_, i) => v[at(i)]);
        filters.forEach((h, n) => {
          if (n === o.longFilters - 1) z = z.map((each, i) => k[at(i)] * each);
          z = z.map((each, i) => (mask?.[b * length + i] === 0 ? 0 : each));
          z = z.map((each, i) => {
            let sum = D[(n * heads + head) * d + c] * each;
            for (let j = 0; j <= i; j++) sum += h[i - j] * z[j];
            return sum;
          });
        });
        z.forEach((each, i) => {
          output[at(i)] = q[at(i)] * each;
        });
      }
    }
  }
  return { shape: queries.shape, dtype: queries.dtype, data: output };
}

for (const { name, run } of equalsLoops(variant, { maxLength: 70, maxHeadDim: 5 }, 40, byLoops)) test(name, run);

test('the loops notice a filter that is not the one of the paper', () => {
  const broken: Record<string, Partial<Filter>> = {
    'time that ends at (L − 1)/L': { time: (row, length) => row / length },
    'no window': { window: () => 1 },
    'a window without its shift': { window: (alpha, t) => Math.exp(-alpha * t) },
    'a window of squares': { window: (alpha, t, shift) => Math.exp(-alpha * t * t) + shift },
  };
  const shape: AttentionShape = { batch: 1, heads: 2, queryLength: 20, keyLength: 20, headDim: 3, dtype: 'float64' };
  const options = { ...hyena.defaults(20), windowShift: 0.1 };
  const attentionCase: AttentionCase = { shape, options, mask: null, seed: 5 };
  const inputs = inputsOf(attentionCase);
  const parameters = parametersOf(variant, attentionCase);
  const output = outputOf(variant, attentionCase, inputs, parameters);
  for (const [what, change] of Object.entries(broken)) {
    const other = byLoops(inputs, options, parameters, { ...paper, ...change });
    assert.throws(() => expectClose(output, other, 1e-4, what), what);
  }
});

test('a filter of one tap is a gate alone, q ∘ D² k ∘ D¹ v: the paper’s order without the convolutions', () => {
  forAllCases(variant, { dtype: 'float64', masked: false }, 20, (attentionCase) => {
    const { shape } = attentionCase;
    const parameters = { ...parametersOf(variant, attentionCase) };
    parameters.W4 = zeros(parameters.W4.shape, 'float64');
    const inputs = inputsOf(attentionCase);
    const [q, k, v, D] = [inputs.queries, inputs.keys, inputs.values, parameters.D].map(elements);
    const { heads, keyLength, headDim: d } = shape;
    const columns = heads * d;
    const data = Float64Array.from(q, (each, n) => {
      const column = (Math.floor(n / (keyLength * d)) % heads) * d + (n % d);
      const first = optionsOf(attentionCase).longFilters === 2 ? D[column] * D[columns + column] : D[column];
      return each * k[n] * v[n] * first;
    });
    const expected = { shape: inputs.queries.shape, dtype: 'float64', data };
    expectClose(outputOf(variant, attentionCase, inputs, parameters), expected, ROUNDING, 'output');
  });
});

test('the parameters do not grow with the length, and longer texts than filterLength are read on', () => {
  const sizes = (length: number) => variant.sizes?.(hyena.defaults(length), shapeOf(length))?.parameters;
  assert.equal(sizes(10), sizes(10000));
  const [short, long] = [12, 40];
  const options = { ...hyena.defaults(short), causal: true };
  const parameters = drawParameters(hyena, options, shapeOf(long), 3);
  const inputs = inputsOf({ shape: shapeOf(long), options, mask: null, seed: 4 });
  const begin = { queries: inputs.queries, keys: inputs.keys, values: inputs.values };
  const whole = noGrad(() => attend(hyena, begin, options, { parameters }));
  const [queries, keys, values] = [inputs.queries, inputs.keys, inputs.values].map((rows) => slice(rows, 2, 0, short));
  const prefix = noGrad(() => attend(hyena, { queries, keys, values }, options, { parameters }));
  expectClose(read(slice(whole, 2, 0, short)), read(prefix), ROUNDING, 'the first rows');
});

const shapeOf = (length: number): AttentionShape => ({
  batch: 1,
  heads: 2,
  queryLength: length,
  keyLength: length,
  headDim: 4,
  dtype: 'float64',
});

test('filters made in pieces have the bits of filters made at once', () => {
  const options: HyenaOptions = { ...hyena.defaults(50), causal: true };
  const parameters = drawParameters(hyena, options, shapeOf(50), 1);
  const filters = (begin: number, end: number, dtype: 'float32' | 'float64' = 'float64') =>
    implicitFilters({ begin, end, heads: 2, width: 4, dtype }, options, parameters);
  const whole = filters(0, 50);
  assert.equal(whole.shape, [1, 4, 50, 4]);
  for (const [begin, end] of [
    [0, 1],
    [3, 20],
    [49, 50],
  ]) {
    const part = read(slice(whole, 2, begin, end));
    expectClose(read(filters(begin, end)), part, 0, `${begin} to ${end}`);
    expectClose(read(filters(begin, end, 'float32')), { ...part, dtype: 'float32' }, 2 ** -24, 'rounded once');
  }
});

test('long filters, which are made in parts, are those of short parts, and so are their gradients', () => {
  const length = 2500;
  const options: HyenaOptions = { ...hyena.defaults(length), causal: true, filterWidth: 5, bands: 2 };
  const shape = { ...shapeOf(length), headDim: 2 };
  const drawn = () => drawParameters(hyena, options, shape, 1);
  const [whole, parts] = [drawn(), drawn()];
  const filters = (begin: number, end: number, parameters: Parameters) =>
    implicitFilters({ begin, end, heads: 2, width: 2, dtype: 'float64' }, options, parameters);
  const made = filters(0, length, whole);
  const direction = randomNormal(made.shape, new Random(2), 'float64');
  backward(made, direction);
  for (let begin = 0; begin < length; begin += 700) {
    const end = Math.min(length, begin + 700);
    const part = filters(begin, end, parts);
    expectClose(read(part), read(slice(made, 2, begin, end)), 0, `${begin} to ${end}`);
    backward(part, slice(direction, 2, begin, end));
  }
  for (const [name, { grad }] of Object.entries(whole)) {
    if (name === 'D') continue;
    expectClose(read(grad as Tensor), read(parts[name].grad as Tensor), ROUNDING, `gradient of ${name}`);
  }
});

test('a state grows by the rows of filters and of what they meet: d numbers of each for a token and a filter', () => {
  for (const longFilters of [1, 2]) {
    const [batch, heads, d, length] = [3, 2, 4, 9];
    const random = new Random(2);
    const drawn = (name: string) => randomNormal([batch, heads, 1, d], random.split(name));
    let state: AttentionState | null = null;
    for (let n = 0; n < length; n++) {
      const token = { queries: drawn(`q${n}`), keys: drawn(`k${n}`), values: drawn(`v${n}`) };
      ({ state } = attendFrom(hyena, token, state, { longFilters }, { maxLength: length }));
      assert.is(stateBytes(state), 4 * longFilters * (batch + 1) * heads * (n + 1) * d);
    }
  }
});

/** A transform spreads the rounding of the largest number over all rows: in float64, 10⁻¹⁶ of it. */
test('a loud token later on leaves earlier rows as they are, to 10⁻¹⁵ of its size', () => {
  const length = 300;
  const shape: AttentionShape = { ...shapeOf(length), dtype: 'float32' };
  const options = { ...hyena.defaults(length), causal: true };
  const inputs = inputsOf({ shape, options, mask: null, seed: 7 });
  const parameters = drawParameters(hyena, options, shape, 7);
  const output = (size: number) => {
    const keys = inputs.keys.toArray();
    for (let c = 0; c < 4; c++) keys[200 * 4 + c] *= size;
    const given = { ...inputs, keys: fromArray(keys, inputs.keys.shape, 'float32') };
    return read(noGrad(() => attend(hyena, given, options, { parameters })));
  };
  const quiet = output(1);
  for (const size of [1e3, 1e6, 1e9]) {
    const before = (_b: number, head: number, position: number) => head === 0 && position < 200;
    // Some tens of products with numbers of about 30 (a filtered value by a gate), and the rounding to float32.
    expectClose(output(size), quiet, Math.max(2 ** -22, 3e-14 * size), `a key times ${size}`, before);
  }
});

test('values of another width than keys, texts far beyond the filters, and both directions are refused by name', () => {
  const inputs = { queries: zeros([1, 1, 4, 3]), keys: zeros([1, 1, 4, 3]), values: filled([1, 1, 4, 5], 1) };
  expectThrows(ShapeError, 'values', () => void attend(hyena, inputs, {}));
  const square = { ...inputs, values: inputs.keys };
  const long = zeros([1, 1, 9, 3]);
  expectThrows(ArgumentError, 'filterLength', () => {
    attend(hyena, { queries: long, keys: long, values: long }, { filterLength: 2 });
  });
  expectThrows(UnsupportedError, 'causal', () => void attend(hyena, square, { causal: false }));
});

test('cost: within O(L log L)', () => {
  const flops = (length: number) => longConvolutionFlops({ ...shapeOf(length), headDim: 64 });
  for (let length = 64; length <= 2 ** 20; length *= 2) {
    // 2L log₂ 2L of a sequence twice as long, over L log₂ L: 2 (1 + 1 / log₂ L).
    assert.ok(flops(2 * length) / flops(length) <= 2 * (1 + 1.5 / Math.log2(length)), `${length}`);
  }
});

test.run();
