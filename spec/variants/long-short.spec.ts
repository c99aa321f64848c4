/** Long-Short attention: held to its paper written out in loops, to its window alone, and to full attention. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { noGrad } from '../../src/core/autograd.ts';
import { ShapeError } from '../../src/core/errors.ts';
import { concat, layerNorm, slice } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { fromArray, randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { attend } from '../../src/variants/attend.ts';
import { attendFrom } from '../../src/variants/continue.ts';
import { full } from '../../src/variants/full.ts';
import { mapTokens } from '../../src/variants/inputs.ts';
import { type LongShortOptions, longShort } from '../../src/variants/long-short.ts';
import { longformer } from '../../src/variants/longformer.ts';
import { type AttentionState, stateBytes } from '../../src/variants/state.ts';
import type { AttentionInputs, Parameters } from '../../src/variants/variant.ts';
import { effort } from '../laws/effort.ts';
import { expectClose, read } from '../laws/evaluate.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';

const cases = fc
  .record({
    length: fc.integer({ min: 1, max: 40 }),
    headDim: fc.integer({ min: 2, max: 6 }),
    window: fc.integer({ min: 1, max: 9 }),
    reach: fc.integer({ min: 0, max: 9 }),
    rank: fc.integer({ min: 0, max: 4 }),
    segmentLength: fc.integer({ min: 1, max: 9 }),
    dualNorm: fc.constantFrom('both' as const, 'keys' as const, 'none' as const),
    causal: fc.boolean(),
    masked: fc.boolean(),
    dtype: fc.constantFrom('float32' as const, 'float64' as const),
    norm: fc.constantFrom(1e-3, 0.1, 1, 10, 100),
    seed: fc.nat(),
  })
  .map((drawn) => {
    const { length, window, reach, rank, segmentLength } = drawn;
    const sizes = { window, reach, rank, segmentLength };
    const limited = Object.entries(sizes).map(([name, size]) => [name, Math.min(size, length)]);
    return { ...drawn, ...(Object.fromEntries(limited) as typeof sizes) };
  });

type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

/**
 * Float32 scores of up to 10² · √6 · 2 are off by 10⁻⁴, and so are their exponentials. A norm enlarges the roundings of a row
 * whose numbers are nearly equal, by up to 1/√ε = 300.
 */
const toleranceOf = ({ dtype, norm }: Pick<Case, 'dtype' | 'norm'>) =>
  dtype === 'float64' ? 1e-10 * Math.max(1, norm) : 2e-5 * (1 + 4 * norm);

interface Run {
  inputs: AttentionInputs;
  options: LongShortOptions;
  parameters: Parameters;
}

const HEADS = 2;

/** Inputs, scores of the projection, and trained norms. */
function runOf(drawn: Case): Run {
  const { length, headDim, dtype, norm, window, reach, rank, segmentLength, dualNorm, causal } = drawn;
  const random = new Random(drawn.seed);
  const draw = (name: string, shape: number[], size = 1, more = 0) => {
    const x = randomNormal(shape, random.split(name), dtype);
    return fromArray(
      x.toArray().map((each) => more + each * size),
      shape,
      dtype,
    );
  };
  const rows = (name: string, width: number, size = 1) => draw(name, [1, HEADS, length, width], size);
  const mask = Uint8Array.from({ length }, () => (drawn.masked && random.integer(3) === 0 ? 0 : 1));
  const ofNorms = (['L', 'G'] as const).filter((kind) => dualNorm !== 'none' && (kind === 'L' || rank > 0));
  const parameters = ofNorms.flatMap((kind) => [
    [`g_${kind}`, draw(`g_${kind}`, [headDim], 0.3, 1)],
    [`b_${kind}`, draw(`b_${kind}`, [headDim], 0.3)],
  ]);
  return {
    inputs: {
      queries: rows('queries', headDim, norm),
      keys: rows('keys', headDim),
      values: rows('values', headDim),
      ...(rank > 0 && { gates: { projection: rows('projection', rank, 2) } }),
      ...(drawn.masked && { keyMask: fromArray(mask, [1, length], 'uint8') }),
    },
    options: { window, reach, rank, segmentLength, dualNorm, causal },
    parameters: Object.fromEntries(parameters),
  };
}

const numbers = (tensor: Tensor): number[] => Array.from(tensor.toArray());

/** Eqs. 3 and 6 in loops over numbers, a head and a query at a time. */
function writtenOut({ length, headDim: d, ...drawn }: Case, { inputs, options, parameters }: Run): Float64Array {
  const { window, reach, rank, segmentLength, dualNorm, causal } = options;
  const [q, k, v] = [inputs.queries, inputs.keys, inputs.values].map(numbers);
  const scores = inputs.gates ? numbers(inputs.gates.projection) : [];
  const mask = inputs.keyMask && numbers(inputs.keyMask);
  const real = (j: number) => mask === undefined || mask[j] === 1;
  const normalized = (row: number[], kind: string, isKey: boolean): number[] => {
    if (dualNorm === 'none' || (dualNorm === 'keys' && !isKey)) return row;
    const [g, b] = ['g', 'b'].map((name) => numbers(parameters[`${name}_${kind}`]));
    const mean = row.reduce((sum, x) => sum + x, 0) / d;
    const variance = row.reduce((sum, x) => sum + (x - mean) ** 2, 0) / d;
    return row.map((x, c) => ((x - mean) / Math.sqrt(variance + 1e-5)) * g[c] + b[c]);
  };
  const output: number[] = [];
  for (let h = 0; h < HEADS; h++) {
    const row = (x: number[], j: number) => x.slice((h * length + j) * d, (h * length + j + 1) * d);
    for (let i = 0; i < length; i++) {
      const [keys, values]: [number[][], number[][]] = [[], []];
      for (let j = 0; j < length; j++) {
        const home = Math.floor(i / window) * window;
        if (!real(j) || (causal && j > i) || j < home - reach || j >= home + window + reach) continue;
        keys.push(normalized(row(k, j), 'L', true));
        values.push(normalized(row(v, j), 'L', false));
      }
      const size = causal ? segmentLength : length;
      for (let first = 0; first + size <= (causal ? i + 1 : length); first += size) {
        const tokens = Array.from({ length: size }, (_, n) => first + n).filter(real);
        if (tokens.length === 0) continue;
        for (let r = 0; r < rank; r++) {
          const exps = tokens.map((j) => Math.exp(scores[(h * length + j) * rank + r]));
          const total = exps.reduce((sum, each) => sum + each, 0);
          const mixed = (x: number[]) =>
            Array.from({ length: d }, (_, c) =>
              tokens.reduce((sum, j, n) => sum + (exps[n] / total) * row(x, j)[c], 0),
            );
          keys.push(normalized(mixed(k), 'G', true));
          values.push(normalized(mixed(v), 'G', false));
        }
      }
      const products = keys.map((key) => key.reduce((sum, x, c) => sum + x * row(q, i)[c], 0) / Math.sqrt(d));
      const top = Math.max(...products);
      const weights = products.map((each) => Math.exp(each - top));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      for (let c = 0; c < d; c++) output.push(weights.reduce((sum, w, n) => sum + (w / total) * values[n][c], 0));
    }
  }
  assert.is(output.length, HEADS * length * d, String(drawn.seed));
  return Float64Array.from(output);
}

function forAll(law: (drawn: Case, run: Run) => void, runs = 60): void {
  fc.assert(
    fc.property(cases, (drawn) => scope(() => noGrad(() => law(drawn, runOf(drawn))))),
    effort(runs),
  );
}

type Attend = (run: Run) => Tensor;
const ours: Attend = ({ inputs, options, parameters }) => attend(longShort, inputs, options, { parameters });

function isThePaper(attended: Attend): void {
  forAll((drawn, run) => {
    const output = read(attended(run));
    expectClose(output, { ...output, data: writtenOut(drawn, run) }, toleranceOf(drawn), 'output');
  });
}

test('the paper written out: windows, ranks, segments, norms and masks, in both types', () => {
  isThePaper(ours);
});

test('a segment that is seen a token before its end, and a projection that is not of these tokens, are noticed', () => {
  const shifted = (x: Tensor, by: number) => {
    const length = x.shape[2];
    if (length === 1) return x;
    const cut = by > 0 ? length - 1 : 1;
    return concat([slice(x, 2, cut, length), slice(x, 2, 0, cut)], 2);
  };
  const early: Attend = (run) => {
    const inputs = { ...run.inputs, queries: shifted(run.inputs.queries, -1) };
    return shifted(ours({ ...run, inputs }), 1);
  };
  const elsewhere: Attend = (run) => {
    const gates = run.inputs.gates && { projection: shifted(run.inputs.gates.projection, 1) };
    return ours({ ...run, inputs: { ...run.inputs, ...(gates && { gates }) } });
  };
  for (const broken of [early, elsewhere]) assert.throws(() => isThePaper(broken), /Property failed/);
});

test('rank 0 is the window: with segments of one token that of Longformer, whatever the norms of queries', () => {
  const isWindow = (more: number) =>
    forAll((drawn, { inputs: { gates: _, ...inputs } }) => {
      const { reach, causal } = drawn;
      const options = {
        rank: 0,
        window: 1,
        reach: Math.min(reach + more, drawn.length),
        dualNorm: 'none',
        causal,
      } as const;
      const attentionWindow = Math.min(2 * reach + 1, 2 * drawn.length);
      const expected = read(attend(longformer, inputs, { attentionWindow, causal }));
      expectClose(read(attend(longShort, inputs, options)), expected, toleranceOf(drawn), 'output');
    });
  isWindow(0);
  assert.throws(() => isWindow(1), /Property failed/);
});

test('a window of all tokens is full attention that also meets the projected ones', () => {
  forAll((drawn, run) => {
    const options = { ...run.options, window: drawn.length };
    const wide = { ...run, options };
    const everything = { ...drawn, window: drawn.length };
    const output = read(ours(wide));
    expectClose(output, { ...output, data: writtenOut(everything, wide) }, toleranceOf(drawn), 'with projected tokens');
    const { gates: _, ...inputs } = run.inputs;
    const alone = attend(longShort, inputs, { ...options, rank: 0, dualNorm: 'none' });
    const expected = read(attend(full, inputs, { causal: drawn.causal }));
    expectClose(read(alone), expected, toleranceOf(drawn), 'without them');
  });
});

test('mixtures of one token each, met beside all tokens, count every token twice: full attention', () => {
  forAll((drawn, { inputs }) => {
    const { length, dtype } = drawn;
    // A score of 10³ above the others leaves them nothing. Masked tokens have no share, so theirs would be a mean of others.
    const hard = Array.from({ length: HEADS * length ** 2 }, (_, at) =>
      Math.floor(at / length) % length === at % length ? 1e3 : 0,
    );
    const { queries, keys, values } = inputs;
    const others = { queries, keys, values };
    const gates = { projection: fromArray(hard, [1, HEADS, length, length], dtype) };
    const options = { window: length, rank: length, dualNorm: 'none', causal: false } as const;
    const expected = read(attend(full, others));
    expectClose(read(attend(longShort, { ...others, gates }, options)), expected, toleranceOf(drawn), 'output');
  });
});

test('the options with linear values have the same weights', () => {
  forAll((drawn, run) => {
    if (drawn.dualNorm !== 'both' || drawn.rank > 0) return;
    const linear = longShort.withLinearValues?.(run.options) as LongShortOptions;
    assert.is(linear.dualNorm, 'keys');
    const { g_L, b_L } = run.parameters;
    const values = layerNorm(run.inputs.values, g_L, b_L);
    const actual = ours({ ...run, options: linear, inputs: { ...run.inputs, values } });
    expectClose(read(actual), read(ours(run)), toleranceOf(drawn), 'output');
  });
});

test('token by token with trained norms it gives the rows of one run, from a window and r rows for each segment', () => {
  forAll((drawn, run) => {
    const { length, headDim, dtype, window, reach, rank, segmentLength } = drawn;
    const { keyMask: _, ...inputs } = run.inputs;
    const options = { ...run.options, causal: true };
    const whole = ours({ ...run, inputs, options });
    let state: AttentionState | null = null;
    for (let at = 0; at < length; at++) {
      const piece = mapTokens(inputs, (x) => slice(x, 2, at, at + 1));
      const settings = { maxLength: length, parameters: run.parameters };
      const step: { output: Tensor; state: AttentionState } = attendFrom(longShort, piece, state, options, settings);
      expectClose(read(step.output), read(slice(whole, 2, at, at + 1)), toleranceOf(drawn), `token ${at}`);
      state = step.state;
    }
    const bytesOf = (columns: number) => HEADS * columns * (dtype === 'float32' ? 4 : 8);
    const projected = rank * Math.floor(length / segmentLength) * bytesOf(2 * headDim);
    const waiting = rank > 0 ? (segmentLength - 1) * bytesOf(2 * headDim + rank) : 0;
    const most = (window + reach) * bytesOf(2 * headDim) + projected + waiting;
    const bytes = stateBytes(state as unknown as AttentionState);
    assert.ok(bytes <= most, `${bytes} bytes, at most ${most} expected`);
  }, 30);
});

test('values of another width than the keys are refused where both are normalised alike', () => {
  const [wide, narrow] = [5, 4].map((width) => randomNormal([1, 1, 6, width], new Random(width), 'float32'));
  const inputs = { queries: narrow, keys: narrow, values: wide };
  expectThrows(ShapeError, 'values', () => attend(longShort, inputs));
  assert.equal(attend(longShort, inputs, { dualNorm: 'keys' }).shape, wide.shape);
});

test.run();
