/** Memory-compressed attention: held to its paper written out in loops, and to full attention where nothing is shortened. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { noGrad } from '../../src/core/autograd.ts';
import { ShapeError } from '../../src/core/errors.ts';
import { concat, scale, slice } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { fromArray, randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { attend, checkInputs, drawParameters } from '../../src/variants/attend.ts';
import { attendFrom } from '../../src/variants/continue.ts';
import { full } from '../../src/variants/full.ts';
import { type MemoryCompressedOptions, memoryCompressed } from '../../src/variants/memory-compressed.ts';
import { type AttentionState, stateBytes } from '../../src/variants/state.ts';
import type { AttentionInputs, Parameters } from '../../src/variants/variant.ts';
import { effort } from '../laws/effort.ts';
import { expectClose, read } from '../laws/evaluate.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';

const cases = fc
  .record({
    length: fc.integer({ min: 1, max: 50 }),
    headDim: fc.integer({ min: 1, max: 6 }),
    stride: fc.integer({ min: 1, max: 7 }),
    kernelWidth: fc.integer({ min: 1, max: 9 }),
    causal: fc.boolean(),
    nullKey: fc.boolean(),
    masked: fc.boolean(),
    dtype: fc.constantFrom('float32' as const, 'float64' as const),
    norm: fc.constantFrom(1e-3, 0.1, 1, 10, 100),
    seed: fc.nat(),
  })
  .map((drawn) => {
    const [stride, kernelWidth] = [drawn.stride, drawn.kernelWidth].map((size) => Math.min(size, drawn.length));
    return { ...drawn, stride, kernelWidth };
  });

type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

/** Scores of up to 10³ in float32 are rounded by 10⁻⁴, and so are their exponentials. In float64, some tens of roundings. */
const toleranceOf = ({ dtype, norm }: Case) =>
  dtype === 'float64' ? 1e-11 * Math.max(1, norm) : 2e-6 * (1 + 8 * norm);

interface Run {
  inputs: AttentionInputs;
  options: Partial<MemoryCompressedOptions>;
  parameters: Parameters;
}

const HEADS = 2;

/** Inputs and random kernels, whose columns mix. */
function runOf(drawn: Case): Run {
  const { length, headDim, dtype, norm, stride, kernelWidth, causal, nullKey } = drawn;
  const random = new Random(drawn.seed);
  const draw = (name: string, shape: number[], size = 1) => {
    const x = randomNormal(shape, random.split(name), dtype);
    return fromArray(
      x.toArray().map((each) => each * size),
      shape,
      dtype,
    );
  };
  const rows = [1, HEADS, length, headDim];
  const mask = Uint8Array.from({ length }, () => (drawn.masked && random.integer(3) === 0 ? 0 : 1));
  const kernel = [HEADS, kernelWidth * headDim, headDim];
  return {
    inputs: {
      queries: draw('queries', rows, norm),
      keys: draw('keys', rows),
      values: draw('values', rows),
      ...(drawn.masked && { keyMask: fromArray(mask, [1, length], 'uint8') }),
    },
    options: { stride, kernelWidth, causal, nullKey },
    parameters: {
      W_K: draw('W_K', kernel, (kernelWidth * headDim) ** -0.5),
      W_V: draw('W_V', kernel, (kernelWidth * headDim) ** -0.5),
      ...(nullKey && { nullKey: draw('nullKey', [HEADS, 1, headDim]) }),
    },
  };
}

/** §4.2.3 in loops over numbers, one head after the other: [head][query][column], joined. */
function writtenOut(drawn: Case, { inputs, parameters }: Run): Float64Array {
  const { length, headDim: d, stride: s, kernelWidth: k, causal, nullKey } = drawn;
  const [q, x, v, W_K, W_V] = [inputs.queries, inputs.keys, inputs.values, parameters.W_K, parameters.W_V].map(numbers);
  const real = (j: number) => j >= 0 && j < length && (inputs.keyMask ? numbers(inputs.keyMask)[j] === 1 : true);
  const output: number[] = [];
  for (let h = 0; h < HEADS; h++) {
    for (let i = 0; i < length; i++) {
      const scores: number[] = [];
      const values: number[][] = [];
      const key = (column: number[]) => {
        scores.push(column.reduce((sum, each, c) => sum + each * q[(h * length + i) * d + c], 0) / Math.sqrt(d));
      };
      if (nullKey) {
        key(Array.from({ length: d }, (_, c) => numbers(parameters.nullKey)[h * d + c]));
        values.push(new Array<number>(d).fill(0));
      }
      for (let end = s; end - s < length; end += s) {
        if (causal && end - 1 > i) continue;
        const own = Array.from({ length: Math.min(s, k) }, (_, t) => end - 1 - t);
        if (!own.some(real)) continue;
        const mixed = (rows: number[], W: number[]) =>
          Array.from({ length: d }, (_, out) => {
            let sum = 0;
            for (let t = 0; t < k; t++) {
              const token = end - k + t;
              if (!real(token)) continue;
              for (let c = 0; c < d; c++) {
                sum += rows[(h * length + token) * d + c] * W[((h * k + t) * d + c) * d + out];
              }
            }
            return sum;
          });
        key(mixed(x, W_K));
        values.push(mixed(v, W_V));
      }
      const top = Math.max(...scores);
      const weights = scores.map((score) => Math.exp(score - top));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      for (let c = 0; c < d; c++) output.push(weights.reduce((sum, w, n) => sum + (w / total) * values[n][c], 0));
    }
  }
  return Float64Array.from(output);
}

const numbers = (tensor: Tensor): number[] => Array.from(tensor.toArray());

function forAll(law: (drawn: Case, run: Run) => void, runs = 60): void {
  fc.assert(
    fc.property(cases, (drawn) => scope(() => noGrad(() => law(drawn, runOf(drawn))))),
    effort(runs),
  );
}

type Attend = (run: Run) => Tensor;
const ours: Attend = ({ inputs, options, parameters }) => attend(memoryCompressed, inputs, options, { parameters });

function isThePaper(attended: Attend): void {
  forAll((drawn, run) => {
    const output = read(attended(run));
    expectClose(output, { ...output, data: writtenOut(drawn, run) }, toleranceOf(drawn), 'output');
  });
}

test('the paper written out: strides, wide and narrow kernels, masks, a null key, in both types', () => {
  isThePaper(ours);
});

test('a group that is seen a token before its end, and kernels turned around, are noticed', () => {
  const early: Attend = (run) => {
    const { queries } = run.inputs;
    const length = queries.shape[2];
    const last = slice(queries, 2, length - 1, length);
    const later = length === 1 ? queries : concat([slice(queries, 2, 1, length), last], 2);
    return ours({ ...run, inputs: { ...run.inputs, queries: later } });
  };
  const turned: Attend = (run) => ours({ ...run, parameters: { ...run.parameters, W_K: run.parameters.W_V } });
  for (const broken of [early, turned]) assert.throws(() => isThePaper(broken), /Property failed/);
});

/** With a kernel that is `factor` times the identity. */
function isFullAttention(factor: number): void {
  forAll((drawn, { inputs }) => {
    const options = { stride: 1, kernelWidth: 1, causal: drawn.causal };
    const complete = { ...memoryCompressed.defaults(drawn.length, options), ...options };
    // A kernel starts as the mean of a group, which is the identity for groups of one.
    const parameters = drawParameters(memoryCompressed, complete, checkInputs(inputs, true), 0);
    for (const name of ['W_K', 'W_V']) parameters[name] = scale(parameters[name], factor);
    const expected = read(attend(full, inputs, { causal: drawn.causal }));
    expectClose(read(ours({ inputs, options, parameters })), expected, toleranceOf(drawn), 'output');
  });
}

test('a stride of 1 with an identity kernel is full attention, whatever the norms', () => {
  isFullAttention(1);
  assert.throws(() => isFullAttention(1.01), /Property failed/);
});

test('a local layer is full attention block by block, and has no parameters', () => {
  forAll(({ length, stride: blockLength, causal, ...drawn }, { inputs }) => {
    const options = { layer: 'local', blockLength, causal } as const;
    const pieces: Tensor[] = [];
    for (let begin = 0; begin < length; begin += blockLength) {
      const end = Math.min(length, begin + blockLength);
      const cut = (x: Tensor) => slice(x, 2, begin, end);
      const { queries, keys, values, keyMask } = inputs;
      const block = { queries: cut(queries), keys: cut(keys), values: cut(values) };
      const mask = keyMask && fromArray(keyMask.toArray().slice(begin, end), [1, end - begin], 'uint8');
      pieces.push(attend(full, { ...block, ...(mask && { keyMask: mask }) }, { causal }));
    }
    const tolerance = toleranceOf({ ...drawn, length, stride: blockLength, causal });
    expectClose(read(attend(memoryCompressed, inputs, options)), read(concat(pieces, 2)), tolerance, 'output');
    const complete = { ...memoryCompressed.defaults(length, options), ...options };
    assert.equal(Object.keys(drawParameters(memoryCompressed, complete, checkInputs(inputs, true), 0)), []);
  });
});

test('token by token with trained kernels it gives the rows of one run, and keeps a row for each group', () => {
  forAll((drawn, run) => {
    const { length, stride, kernelWidth, headDim, dtype } = drawn;
    const { keyMask: _, ...inputs } = run.inputs;
    const options = { ...run.options, causal: true };
    const whole = ours({ ...run, inputs, options });
    let state: AttentionState | null = null;
    for (let at = 0; at < length; at++) {
      const token = (x: Tensor) => slice(x, 2, at, at + 1);
      const piece = { queries: token(inputs.queries), keys: token(inputs.keys), values: token(inputs.values) };
      const settings = { maxLength: length, parameters: run.parameters };
      const step: { output: Tensor; state: AttentionState } = attendFrom(
        memoryCompressed,
        piece,
        state,
        options,
        settings,
      );
      expectClose(read(step.output), read(slice(whole, 2, at, at + 1)), toleranceOf(drawn), `token ${at}`);
      state = step.state;
    }
    const rowBytes = 2 * HEADS * headDim * (dtype === 'float32' ? 4 : 8);
    const waiting = Math.max(stride, kernelWidth) - 1;
    const bytes = stateBytes(state as unknown as AttentionState);
    assert.ok(bytes <= rowBytes * (Math.floor(length / stride) + waiting), `${bytes} bytes`);
  }, 30);
});

test('values of another width than the keys are refused, as the kernel mixes their columns', () => {
  const [wide, narrow] = [5, 4].map((width) => randomNormal([1, 1, 6, width], new Random(width), 'float32'));
  const inputs = { queries: narrow, keys: narrow, values: wide };
  expectThrows(ShapeError, 'values', () => attend(memoryCompressed, inputs));
  assert.equal(attend(memoryCompressed, inputs, { layer: 'local' }).shape, wide.shape);
});

test.run();
