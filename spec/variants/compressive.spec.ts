/** The Compressive Transformer's attention: held to queues in loops, and to Transformer-XL where nothing is compressed. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, noGrad } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { checkGradients } from '../../src/core/gradient-check.ts';
import { slice } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { elements, fromArray, packed, randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import { attend } from '../../src/variants/attend.ts';
import { reconstructionLoss } from '../../src/variants/compressive/reconstruction-loss.ts';
import { mostUsed } from '../../src/variants/compressive/usage.ts';
import { type CompressiveOptions, compressive } from '../../src/variants/compressive.ts';
import { attendFrom } from '../../src/variants/continue.ts';
import type { AnyVariant } from '../../src/variants/registry.ts';
import { type AttentionState, copyState, stateBytes } from '../../src/variants/state.ts';
import { meanKernel } from '../../src/variants/strided-convolution.ts';
import { transformerXL } from '../../src/variants/transformer-xl.ts';
import type { AttentionInputs, Parameters } from '../../src/variants/variant.ts';
import { type AttentionCase, forAllCases, inputsOf } from '../laws/draw.ts';
import { expectClose, outputOf, parametersOf, ROUNDING, read } from '../laws/evaluate.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { compressedBy, matrixOf, paper, rowsOf, writtenOut } from './compressive-written-out.ts';

const variant = compressive as unknown as AnyVariant;
const optionsOf = ({ options }: AttentionCase) => options as CompressiveOptions;

/** Float32 scores of up to 30 are off by 10⁻⁵, and so is their exponential. */
const TOLERANCE = { float32: 1e-4, float64: ROUNDING };

/** Short segments and memories, so that rows are compressed and leave; kernels that mix columns. */
function small(drawn: AttentionCase): { attentionCase: AttentionCase; parameters: Parameters } {
  const options = optionsOf(drawn);
  const [S, M, N, c] = [1 + (drawn.seed % 5), drawn.seed % 4, drawn.seed % 7, 1 + (drawn.seed % 3)];
  const most = (size: number) => Math.min(size, drawn.shape.keyLength);
  const sizes = { segmentLength: most(S), memoryLength: most(M), compressedLength: most(N), ratio: most(c) };
  // Long enough for a token to meet a few queries in the memory, and for more than one row to leave together.
  if (options.compression === 'most-used' && drawn.seed % 2)
    Object.assign(sizes, { segmentLength: most(6), memoryLength: most(6) });
  const attentionCase = { ...drawn, options: { ...options, ...sizes } };
  const parameters = parametersOf(variant, attentionCase);
  for (const name of ['W_K', 'W_V']) {
    const kernel = parameters[name];
    if (kernel === undefined) continue;
    parameters[name] = randomNormal(kernel.shape, new Random(drawn.seed).split(name), kernel.dtype as 'float32');
  }
  return { attentionCase, parameters };
}

const isReal =
  ({ mask }: AttentionCase) =>
  (b: number, _h: number, i: number) =>
    mask?.[b][i] !== 0;

function isThePaper(rule: typeof paper, asked: Partial<CompressiveOptions> | null = null): void {
  forAllCases(variant, { minLength: asked ? 24 : 1, maxLength: 30, maxHeadDim: 4 }, 50, (drawn) => {
    const { attentionCase, parameters } = small(asked ? { ...drawn, options: { ...drawn.options, ...asked } } : drawn);
    const inputs = inputsOf(attentionCase);
    const output = outputOf(variant, attentionCase, inputs, parameters);
    // Which are the most used is held to the loops’ own usage, and the output to what stays.
    const { chosen } = noGrad(() => compressive.decisions!(inputs, optionsOf(attentionCase), parameters));
    const data = writtenOut(inputs, parameters, optionsOf(attentionCase), rule, chosen);
    const tolerance = 10 * TOLERANCE[attentionCase.shape.dtype];
    expectClose(output, { ...output, data }, tolerance, 'output', isReal(attentionCase));
  });
}

test('queues in loops: means, maxima, convolutions and the most used, sizes that do not fit, masks, both directions, in both types', () => {
  isThePaper(paper);
});

const MISTAKES: Record<string, [Partial<typeof paper>, Partial<CompressiveOptions>]> = {
  'keeps its oldest rows': [{ keepsNewest: false }, {}],
  'counts attention in the own segment': [{ countsMemory: false }, { compression: 'most-used' }],
  'keeps the least used': [{ keepsMost: false }, { compression: 'most-used' }],
  'lets each head choose the most used': [{ headsShare: false }, { compression: 'most-used' }],
  'repeats the first row where a dilated tap has none': [
    { padsWithZeros: false },
    { compression: 'convolution', dilation: 2 },
  ],
};

for (const [what, [mistake, options]] of Object.entries(MISTAKES)) {
  test(`a compressed memory that ${what} is noticed`, () => {
    assert.throws(() => isThePaper({ ...paper, ...mistake }, options), /Property failed/);
  });
}

test('a ratio of 1 is Transformer-XL with a longer memory, and so is a compressed memory without rows', () => {
  forAllCases(variant, { minLength: 2 }, 50, (drawn) => {
    const options = optionsOf(drawn);
    const { causal, segmentLength } = options;
    const inputs = inputsOf(drawn);
    const longest = drawn.shape.keyLength;
    for (const compressedLength of [0, options.compressedLength]) {
      const memoryLength = Math.min(options.memoryLength, longest - compressedLength);
      const own = { ...options, memoryLength, compressedLength, ratio: 1 };
      const all = parametersOf(variant, { ...drawn, options: own });
      const { W_K: _, W_V: __, ...parameters } = all;
      const other = { causal, segmentLength, memoryLength: memoryLength + compressedLength };
      const expected = read(attend(transformerXL, inputs, other, { parameters }));
      const actual = read(attend(compressive, inputs, own, { parameters: all }));
      expectClose(actual, expected, TOLERANCE[drawn.shape.dtype], `${compressedLength} rows`, isReal(drawn));
    }
  });
});

test('token by token, from states that were copied, it gives the rows of one run and keeps no more than the memories', () => {
  forAllCases(variant, { causal: true, maxLength: 40, maxHeadDim: 6 }, 20, (drawn) => {
    const { attentionCase, parameters } = small(drawn);
    const { keyLength: length, batch, heads, headDim, dtype } = attentionCase.shape;
    const options = optionsOf(attentionCase);
    const inputs = inputsOf(attentionCase);
    const whole = attend(compressive, inputs, options, { parameters });
    let state: AttentionState | null = null;
    for (let at = 0; at < length; at++) {
      const token = (x: Tensor) => slice(x, 2, at, at + 1);
      const rows = { queries: token(inputs.queries), keys: token(inputs.keys), values: token(inputs.values) };
      const keyMask = inputs.keyMask && packed(slice(inputs.keyMask, 1, at, at + 1));
      const piece = { ...rows, ...(keyMask && { keyMask }) };
      const step: { output: Tensor; state: AttentionState } = noGrad(() =>
        attendFrom(compressive, piece, state, options, { maxLength: length, parameters }),
      );
      expectClose(read(step.output), read(slice(whole, 2, at, at + 1)), TOLERANCE[dtype], `token ${at}`);
      state = copyState(step.state);
    }
    const { segmentLength: S, memoryLength: M, compressedLength: N, ratio: c } = options;
    const rows = 2 * batch * (S + M + c - 1 + N) + (2 * S + M + c + N);
    const bytes = stateBytes(state as unknown as AttentionState);
    // A byte for each token and each compressed row: whether it is real. A float64 for each token in the memory.
    const masks = (inputs.keyMask ? batch * (S + M + c - 1) : 0) + batch * N;
    const usage = options.compression === 'most-used' ? 8 * batch * (M + c - 1) : 0;
    assert.ok(bytes <= usage + masks + rows * heads * headDim * (dtype === 'float32' ? 4 : 8), `${bytes} bytes`);
  });
});

test('no gradient flows into the memories or the convolutions, unless it is not stopped', () => {
  const options = {
    segmentLength: 4,
    memoryLength: 4,
    compressedLength: 3,
    ratio: 2,
    compression: 'convolution',
  } as const;
  const draw = (name: string, shape: number[]) => randomNormal(shape, new Random(1).split(name), 'float64').withGrad();
  for (const stopMemoryGradient of [true, false]) {
    const names = ['queries', 'keys', 'values'];
    const [queries, keys, values] = names.map((name) => draw(name, [1, 2, 16, 3]));
    const parameters = {
      ...{ u: draw('u', [2, 3]), v: draw('v', [2, 3]), W_kR: draw('W_kR', [2, 3, 6]) },
      ...{ W_K: draw('W_K', [2, 6, 3]), W_V: draw('W_V', [2, 6, 3]) },
    };
    const own = { ...options, causal: true, stopMemoryGradient };
    const output = attend(compressive, { queries, keys, values }, own, { parameters });
    // A loss of the last segment alone, 12 to 15: its memory is 8 to 11, and 2 to 7 are its compressed memory.
    backward(slice(output, 2, 12, 16));
    const moved = (x: Tensor | null, begin: number, end: number) =>
      x !== null &&
      slice(x, 2, begin, end)
        .toArray()
        .some((each) => each !== 0);
    for (const { grad } of [keys, values]) {
      assert.is(moved(grad, 12, 16), true);
      for (const [begin, end] of [
        [2, 8],
        [8, 12],
      ]) {
        assert.is(moved(grad, begin, end), !stopMemoryGradient);
      }
      assert.is(moved(grad, 0, 2), false);
    }
    for (const { grad } of [parameters.W_K, parameters.W_V]) {
      assert.is(grad?.toArray().some((each) => each !== 0) ?? false, !stopMemoryGradient);
    }
  }
});

/** The loss by loops: attention of each query over the tokens, and over what the kernels make of them. */
function lossByLoops({ queries, keys, values }: AttentionInputs, W_K: Tensor, W_V: Tensor, ratio: number): number {
  const [batch, heads, , d] = queries.shape;
  let total = 0;
  for (let list = 0; list < batch * heads; list++) {
    const [q, k, v] = [queries, keys, values].map((x) => rowsOf(x, list));
    const made = (rows: number[][], W: Tensor) =>
      Array.from({ length: rows.length / ratio }, (_, g) => {
        const own = rows.slice(g * ratio, (g + 1) * ratio);
        return compressedBy(
          own,
          own.map(() => true),
          matrixOf(W, list % heads),
        );
      });
    const attended = (query: number[], K: number[][], V: number[][]) => {
      const weights = K.map((key) => Math.exp(key.reduce((sum, each, c) => sum + each * query[c], 0) / Math.sqrt(d)));
      const sum = weights.reduce((all, weight) => all + weight, 0);
      return query.map((_, c) => weights.reduce((all, weight, j) => all + (weight / sum) * V[j][c], 0));
    };
    for (const query of q) {
      const [from, by] = [attended(query, k, v), attended(query, made(k, W_K), made(v, W_V))];
      total += from.reduce((sum, each, c) => sum + (each - by[c]) ** 2, 0);
    }
  }
  return total / queries.size;
}

test('reconstructionLoss: the squared difference of two attentions, with gradients for the convolutions alone', () => {
  for (const seed of [1, 2, 3]) {
    const ratio = seed;
    const draw = (name: string, shape: number[]) =>
      randomNormal(shape, new Random(seed).split(name), 'float64').withGrad();
    const queries = draw('queries', [2, 2, 5, 3]);
    const [keys, values] = ['keys', 'values'].map((name) => draw(name, [2, 2, 6, 3]));
    const [W_K, W_V] = ['W_K', 'W_V'].map((name) => draw(name, [2, ratio * 3, 3]));
    const loss = reconstructionLoss(queries, keys, values, { W_K, W_V });
    const expected = lossByLoops({ queries, keys, values }, W_K, W_V, ratio);
    assert.ok(Math.abs(loss.toArray()[0] - expected) < ROUNDING, `${loss.toArray()[0]}, expected ${expected}`);
    backward(loss);
    for (const constant of [queries, keys, values]) assert.is(constant.grad, null);
    checkGradients(
      (K, V) => reconstructionLoss(queries, keys, values, { W_K: K, W_V: V }),
      [randomNormal(W_K.shape, new Random(seed), 'float64'), randomNormal(W_V.shape, new Random(seed + 9), 'float64')],
    );
  }
});

/** Inputs of two heads whose segments of 4 tokens meet a memory of 4, of which 2 rows stay. */
function choosingCase(dtype: 'float32' | 'float64', seed: number, stopMemoryGradient: boolean) {
  const draw = (name: string, shape: number[]) => randomNormal(shape, new Random(seed).split(name), dtype).withGrad();
  const inputs = {
    ...{ queries: draw('queries', [1, 2, 12, 3]), keys: draw('keys', [1, 2, 12, 3]) },
    values: draw('values', [1, 2, 12, 3]),
  };
  const parameters = { u: draw('u', [2, 3]), v: draw('v', [2, 3]), W_kR: draw('W_kR', [2, 3, 6]) };
  const sizes = { segmentLength: 4, memoryLength: 4, compressedLength: 2, ratio: 2 };
  const options = { ...sizes, compression: 'most-used', causal: true, stopMemoryGradient } as const;
  return { inputs, parameters, options };
}

test('most used: tokens 0 to 3 leave with the second segment, and those stay that it attended to most', () => {
  for (let seed = 0; seed < 30; seed++) {
    const { inputs, parameters, options } = choosingCase('float64', seed, false);
    const complete = { ...compressive.defaults(12), ...options };
    const { chosen } = compressive.decisions!(inputs, complete, parameters);
    // A value of 1 at one token, and zeros elsewhere: an output is the weight of this token.
    const weightOf = (j: number) => {
      const values = zeros([1, 2, 12, 3], 'float64');
      for (const h of [0, 1]) elements(values)[(h * 12 + j) * 3] = 1;
      const output = attend(compressive, { ...inputs, values }, options, { parameters }).toArray();
      return [0, 1].flatMap((h) => [4, 5, 6, 7].map((i) => output[(h * 12 + i) * 3])).reduce((sum, each) => sum + each);
    };
    const usage = [0, 1, 2, 3].map(weightOf);
    const best = [0, 1, 2, 3].sort((i, j) => usage[j] - usage[i]).slice(0, 2);
    assert.equal(
      [...chosen.toArray()],
      best.sort((i, j) => i - j),
    );
    // The last segment meets them alone of the first four, and so does its gradient.
    const output = attend(compressive, inputs, options, { parameters });
    backward(slice(output, 2, 8, 12));
    for (const { grad } of [inputs.keys, inputs.values]) {
      const rows = rowsOf(grad as Tensor, 0);
      for (const j of [0, 1, 2, 3])
        assert.is(
          rows[j].some((each) => each !== 0),
          best.includes(j),
          `${seed} ${j}`,
        );
    }
  }
});

test('most used: with a gradient that is not stopped, differences are those of the tokens that stay', () => {
  const { inputs, parameters, options } = choosingCase('float64', 3, false);
  const leaves = [inputs.queries, inputs.keys, inputs.values, parameters.u];
  checkGradients(
    (queries, keys, values, u) =>
      attend(compressive, { queries, keys, values }, options, { parameters: { ...parameters, u } }),
    leaves.map((each) => fromArray(each.toArray(), each.shape, 'float64')),
  );
});

test('most used: decisions of an earlier pass are kept, and others are refused', () => {
  const { inputs, parameters, options } = choosingCase('float64', 5, true);
  const plain = attend(compressive, inputs, options, { parameters });
  const complete = { ...compressive.defaults(12), ...options };
  const { chosen } = compressive.decisions!(inputs, complete, parameters);
  assert.equal(
    attend(compressive, inputs, options, { parameters: { ...parameters, chosen } }).toArray(),
    plain.toArray(),
  );
  const [first, second] = chosen.toArray();
  const others = [0, 1, 2, 3].filter((each) => each !== first && each !== second);
  const other = { ...parameters, chosen: fromArray(others, [1, 2], 'int32') };
  assert.not.equal(attend(compressive, inputs, options, { parameters: other }).toArray(), plain.toArray());
  const far = { ...parameters, chosen: fromArray([0, 4], [1, 2], 'int32') };
  expectThrows(
    ArgumentError,
    'parameters.chosen',
    () => void attend(compressive, inputs, options, { parameters: far }),
  );
  const few = { ...parameters, chosen: fromArray([0], [1, 1], 'int32') };
  expectThrows(ShapeError, 'parameters.chosen', () => void attend(compressive, inputs, options, { parameters: few }));
});

test('mostUsed: of tokens used alike the later ones stay, and padding goes first', () => {
  const kept = (usage: number[], count: number, mask?: number[]) => [
    ...mostUsed(Float64Array.from(usage), 1, count, mask && fromArray(mask, [1, mask.length], 'uint8')).toArray(),
  ];
  assert.equal(kept([0.1, 0.5, 0.5, 0.5], 2), [2, 3]);
  // A sum in another order.
  assert.equal(kept([0.1 + 0.2, 0.3, 0.2, 0], 1), [1]);
  assert.equal(kept([0, 0, 0, 0], 2, [1, 1, 0, 0]), [0, 1]);
  assert.equal(kept([0.9, 0.1, 0.2, 0.3], 2, [0, 1, 1, 1]), [2, 3]);
});

test('a layer’s loss is that of the tokens which leave with each segment, and its mean over real queries', () => {
  for (const [seed, dilation] of [
    [1, 1],
    [2, 2],
    [3, 3],
  ]) {
    const draw = (name: string, shape: number[]) => randomNormal(shape, new Random(seed).split(name), 'float64');
    const inputs = {
      ...{ queries: draw('queries', [1, 2, 11, 3]), keys: draw('keys', [1, 2, 11, 3]) },
      values: draw('values', [1, 2, 11, 3]),
    };
    const kernels = { W_K: draw('W_K', [2, 6, 3]), W_V: draw('W_V', [2, 6, 3]) };
    const sizes = { segmentLength: 4, memoryLength: 2, compressedLength: 2, ratio: 2, dilation, reconstruction: 0.5 };
    const options = { ...compressive.defaults(11), ...sizes, compression: 'convolution' } as const;
    // Tokens 0 and 1 leave with the segment 0 to 3, tokens 2 to 5 with the segment 4 to 7, and the third is not whole.
    const part = (from: number, to: number, begin: number, end: number) => {
      const of = ({ keys, values, queries }: AttentionInputs) =>
        [slice(queries, 2, from, to), slice(keys, 2, begin, end), slice(values, 2, begin, end)] as const;
      return reconstructionLoss(...of(inputs), kernels, dilation).toArray()[0];
    };
    const expected = 0.5 * 0.5 * (part(0, 4, 0, 2) + part(4, 8, 2, 6));
    const loss = compressive.ownLoss!(inputs, options, kernels)!.toArray()[0];
    assert.ok(Math.abs(loss - expected) < ROUNDING, `${loss}, expected ${expected}`);
    // Padding at the end, and padding that holds something else.
    const keyMask = fromArray([1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0], [1, 11], 'uint8');
    assert.is(compressive.ownLoss!({ ...inputs, keyMask }, options, kernels)!.toArray()[0], loss);
    const inside = fromArray([1, 1, 1, 0, 1, 1, 0, 1, 1, 1, 1], [1, 11], 'uint8');
    const loud = mapRows(inputs, (row, i) => (inside.toArray()[i] === 1 ? row : row.map((each) => 1e3 - each)));
    const [one, other] = [inputs, loud].map(
      (each) => compressive.ownLoss!({ ...each, keyMask: inside }, options, kernels)!.toArray()[0],
    );
    assert.is(one, other);
    assert.is.not(one, loss);
    for (const none of [{ reconstruction: 0 }, { segmentLength: 11, memoryLength: 11 }]) {
      assert.is(compressive.ownLoss!(inputs, { ...options, ...none }, kernels), null);
    }
  }
});

/** The inputs with other rows, of every head alike. */
function mapRows(inputs: AttentionInputs, change: (row: number[], i: number) => number[]): AttentionInputs {
  const changed = (x: Tensor) => {
    const lists = x.shape[0] * x.shape[1];
    return fromArray(
      Array.from({ length: lists }, (_, list) => rowsOf(x, list).map(change)).flat(2),
      x.shape,
      x.dtype as 'float64',
    );
  };
  return { queries: changed(inputs.queries), keys: changed(inputs.keys), values: changed(inputs.values) };
}

test('reconstructionLoss is 0 where nothing is lost, and refuses what does not fit', () => {
  const draw = (seed: number, length: number) => randomNormal([1, 2, length, 4], new Random(seed), 'float64');
  const same = meanKernel({ extents: [2, 4, 4], dtype: 'float64' });
  const none = reconstructionLoss(draw(1, 3), draw(2, 6), draw(3, 6), { W_K: same, W_V: same });
  assert.ok(none.toArray()[0] < 1e-28);
  const pairs = meanKernel({ extents: [2, 8, 4], dtype: 'float64' });
  const kernels = { W_K: pairs, W_V: pairs };
  expectThrows(ShapeError, 'keys', () => void reconstructionLoss(draw(1, 3), draw(2, 5), draw(3, 5), kernels));
  expectThrows(ShapeError, 'values', () => void reconstructionLoss(draw(1, 3), draw(2, 6), draw(3, 4), kernels));
  const narrow = { W_K: pairs, W_V: zeros([2, 8, 3], 'float64') };
  expectThrows(ShapeError, 'kernels.W_V', () => void reconstructionLoss(draw(1, 3), draw(2, 6), draw(3, 6), narrow));
  const other = { W_K: zeros([2, 7, 4], 'float64'), W_V: pairs };
  expectThrows(ShapeError, 'kernels.W_K', () => void reconstructionLoss(draw(1, 3), draw(2, 6), draw(3, 6), other));
});

test('values of another width than the keys are refused where both are convolved', () => {
  const [wide, narrow] = [5, 4].map((width) => randomNormal([1, 1, 6, width], new Random(width), 'float32'));
  const inputs = { queries: narrow, keys: narrow, values: wide };
  expectThrows(ShapeError, 'values', () => void attend(compressive, inputs, { compression: 'convolution' }));
  assert.equal(attend(compressive, inputs).shape, wide.shape);
});

test.run();
