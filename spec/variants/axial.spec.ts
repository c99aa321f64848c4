/** Axial attention: held to its definition on a grid in loops, and to full attention on grids of one row or one column. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { noGrad } from '../../src/core/autograd.ts';
import { slice } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { referenceAttention } from '../../src/core/reference.ts';
import { scope } from '../../src/core/scope.ts';
import { filled, fromArray, packed, randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { attend } from '../../src/variants/attend.ts';
import { type AxialOptions, axial } from '../../src/variants/axial.ts';
import { attendFrom } from '../../src/variants/continue.ts';
import { full } from '../../src/variants/full.ts';
import { type AttentionState, stateBytes } from '../../src/variants/state.ts';
import type { AttentionInputs } from '../../src/variants/variant.ts';
import { effort } from '../laws/effort.ts';
import { expectClose, read } from '../laws/evaluate.ts';

const cases = fc
  .record({
    length: fc.integer({ min: 1, max: 50 }),
    headDim: fc.integer({ min: 1, max: 5 }),
    columns: fc.integer({ min: 1, max: 9 }),
    rows: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 4 })),
    causal: fc.boolean(),
    masked: fc.boolean(),
    dtype: fc.constantFrom('float32' as const, 'float64' as const),
    norm: fc.constantFrom(1e-3, 0.1, 1, 10, 100),
    seed: fc.nat(),
  })
  .map((drawn) => {
    const [columns, rows] = [drawn.columns, drawn.rows].map((size) => Math.min(size, drawn.length));
    return { ...drawn, columns, rows };
  });

type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

/** Scores of up to 10³ in float32 are rounded by 10⁻⁴, and so are their exponentials. In float64, some tens of roundings. */
const toleranceOf = ({ dtype, norm }: Case) =>
  dtype === 'float64' ? 1e-11 * Math.max(1, norm) : 2e-6 * (1 + 8 * norm);

const HEADS = 2;

function inputsOf({ length, headDim, dtype, norm, masked, seed }: Case): AttentionInputs {
  const random = new Random(seed);
  const draw = (name: string, size = 1) => {
    const x = randomNormal([1, HEADS, length, headDim], random.split(name), dtype);
    return fromArray(
      x.toArray().map((each) => each * size),
      x.shape,
      dtype,
    );
  };
  const mask = Uint8Array.from({ length }, () => (masked && random.integer(3) === 0 ? 0 : 1));
  return {
    queries: draw('queries', norm),
    keys: draw('keys'),
    values: draw('values'),
    ...(masked && { keyMask: fromArray(mask, [1, length], 'uint8') }),
  };
}

const numbers = (tensor: Tensor): number[] => Array.from(tensor.toArray());

/** What a copy of the definition may get wrong, causally: which tokens of the rows above are read. */
type Above = 'whole' | 'up to the token';

/** The definition, token by token in float64: recursion over axes, [head][query][column] joined. Padding has no row of its own. */
function byLoops(drawn: Case, inputs: AttentionInputs, above: Above = 'whole'): Float64Array {
  const { length, headDim: d, columns: C, rows: R, causal } = drawn;
  const [q, k, v] = [inputs.queries, inputs.keys, inputs.values].map(numbers);
  const mask = inputs.keyMask && numbers(inputs.keyMask);
  const placeOf = (i: number) => {
    const row = Math.floor(i / C);
    return R === 0 ? [i % C, row, 0] : [i % C, row % R, Math.floor(row / R)];
  };
  const axes = R === 0 ? 2 : 3;
  const meets = (axis: number, i: number, j: number) => {
    const [a, b] = [placeOf(i), placeOf(j)];
    return (mask === undefined || mask[j] === 1) && a.every((at, n) => n === axis || at === b[n]);
  };
  const output: number[] = [];
  for (let h = 0; h < HEADS; h++) {
    const at = (x: number[], i: number, c: number) => x[(h * length + i) * d + c];
    const known = new Map<string, number[]>();
    const once = (name: string, make: () => number[]) => {
      const row = known.get(name) ?? make();
      known.set(name, row);
      return row;
    };
    const average = (i: number, js: number[], rowOf: (j: number) => number[]) => {
      const scores = js.map((j) => {
        let score = 0;
        for (let c = 0; c < d; c++) score += at(q, i, c) * at(k, j, c);
        return score / Math.sqrt(d);
      });
      const top = Math.max(...scores);
      const weights = scores.map((score) => Math.exp(score - top));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      const rows = js.map(rowOf);
      return Array.from({ length: d }, (_, c) => weights.reduce((sum, w, n) => sum + (w / total) * rows[n][c], 0));
    };
    const places = Array.from({ length }, (_, j) => j);
    const whole = (axis: number, i: number): number[] =>
      once(`whole ${axis} ${i}`, () => {
        if (axis < 0) return Array.from({ length: d }, (_, c) => at(v, i, c));
        const js = places.filter((j) => meets(axis, i, j));
        return average(i, js, (j) => whole(axis - 1, j));
      });
    const masked = (axis: number, i: number): number[] =>
      once(`masked ${axis} ${i}`, () => {
        if (axis < 0) return whole(axis, i);
        const js = places.filter((j) => j <= i && meets(axis, i, j));
        return average(i, js, (j) => (j === i || above !== 'whole' ? masked : whole)(axis - 1, j));
      });
    for (let i = 0; i < length; i++) output.push(...(causal ? masked : whole)(axes - 1, i));
  }
  return Float64Array.from(output);
}

function forAll(law: (drawn: Case, inputs: AttentionInputs) => void, runs = 60): void {
  fc.assert(
    fc.property(cases, (drawn) => scope(() => noGrad(() => law(drawn, inputsOf(drawn))))),
    effort(runs),
  );
}

const optionsOf = ({ columns, rows, causal }: Case): Partial<AxialOptions> => ({ columns, rows, causal });

/** Whether a token is real; the rows of others are not compared. */
const realOf = ({ keyMask }: AttentionInputs) => {
  const mask = keyMask?.toArray();
  return (_batch: number, _head: number, i: number) => mask?.[i] !== 0;
};

function isTheDefinition(above: Above): void {
  forAll((drawn, inputs) => {
    const output = read(attend(axial, inputs, optionsOf(drawn)));
    const expected = { ...output, data: byLoops(drawn, inputs, above) };
    expectClose(output, expected, toleranceOf(drawn), 'output', realOf(inputs));
  });
}

test('the definition in loops: two and three axes, both directions, short last rows, masks, in both types', () => {
  isTheDefinition('whole');
});

test('rows above that are read only up to the column are noticed', () => {
  assert.throws(() => isTheDefinition('up to the token'), /Property failed/);
});

test('a grid of one row, of one column, or of planes of one token, is full attention', () => {
  forAll((drawn, inputs) => {
    const { causal, length } = drawn;
    const expected = read(attend(full, inputs, { causal }));
    const grids = [
      { columns: length, rows: 0 },
      { columns: length, rows: 1 },
      { columns: 1, rows: 0 },
      { columns: 1, rows: 1 },
    ];
    for (const grid of grids) {
      const output = read(attend(axial, inputs, { ...grid, causal }));
      expectClose(output, expected, toleranceOf(drawn), JSON.stringify(grid), realOf(inputs));
    }
  }, 40);
});

test('a layer along one axis is attention under its pattern; planes are tokens alone where there are none', () => {
  forAll((drawn, inputs) => {
    const shape = {
      batch: 1,
      heads: HEADS,
      queryLength: drawn.length,
      keyLength: drawn.length,
      headDim: drawn.headDim,
    };
    for (const layer of ['rows', 'columns', 'planes'] as const) {
      const options = { ...axial.defaults(drawn.length), ...optionsOf(drawn), layer };
      const dense = (tensor: Tensor) => ({ shape: tensor.shape, data: tensor.toArray() });
      const { queries, keys, values, keyMask } = inputs;
      const expected = referenceAttention(
        { queries: dense(queries), keys: dense(keys), values: dense(values) },
        {
          causal: drawn.causal,
          ...(keyMask && { keyMask: dense(keyMask) }),
          allowed: axial.pattern?.(options, { ...shape, dtype: drawn.dtype }) ?? (() => false),
        },
      );
      const output = read(attend(axial, inputs, options));
      expectClose(output, { ...output, data: expected.data as Float64Array }, toleranceOf(drawn), layer);
    }
  }, 40);
});

test('every token up to itself has some weight, on a full grid every token, and the weights add up to 1', () => {
  forAll((drawn) => {
    const { length, headDim, dtype, causal } = drawn;
    const isFull = length % (drawn.columns * Math.max(1, drawn.rows)) === 0;
    const { queries, keys } = inputsOf({ ...drawn, masked: false, norm: 1 });
    const ones = filled([1, HEADS, length, headDim], 1, dtype);
    const output = read(attend(axial, { queries, keys, values: ones }, optionsOf(drawn)));
    expectClose(output, { ...output, data: output.data.map(() => 1) }, 1e-5, 'values of 1');
    const at = drawn.seed % length;
    const one = fromArray(
      Float64Array.from({ length }, (_, j) => Number(j === at)),
      [1, 1, length, 1],
      dtype,
    );
    const part = { queries: slice(queries, 1, 0, 1), keys: slice(keys, 1, 0, 1), values: one };
    const weights = attend(axial, part, optionsOf(drawn)).toArray();
    for (let i = 0; i < length; i++) {
      if (causal && i < at) assert.is(weights[i], 0, `token ${i} and a later one`);
      else if (causal || isFull) assert.ok(weights[i] > 0, `token ${i} does not reach ${at}`);
    }
  });
});

test('token by token it gives the rows of one run, and keeps two rows for each token and a group of others', () => {
  forAll((drawn, inputs) => {
    const { length, columns, rows, headDim, dtype } = drawn;
    const options = { ...optionsOf(drawn), causal: true };
    const whole = attend(axial, inputs, options);
    let state: AttentionState | null = null;
    for (let at = 0; at < length; at++) {
      const token = (x: Tensor) => slice(x, 2, at, at + 1);
      const keyMask = inputs.keyMask && packed(slice(inputs.keyMask, 1, at, at + 1));
      const piece = { queries: token(inputs.queries), keys: token(inputs.keys), values: token(inputs.values) };
      const step: { output: Tensor; state: AttentionState } = attendFrom(
        axial,
        { ...piece, ...(keyMask && { keyMask }) },
        state,
        options,
        { maxLength: length },
      );
      // Rows of padding too, before a row of the grid has ended as after it.
      expectClose(read(step.output), read(slice(whole, 2, at, at + 1)), toleranceOf(drawn), `token ${at}`);
      state = step.state;
    }
    const bytes = stateBytes(state as unknown as AttentionState);
    const row = HEADS * headDim * (dtype === 'float32' ? 4 : 8);
    // Keys and rows that have ended; queries and values of a row, or queries and rows of a plane and values of a row.
    const most = rows === 0 ? 2 * length + 2 * columns : 2 * length + columns * (2 * rows + 1);
    // A byte of the mask for each token.
    const masks = inputs.keyMask ? length : 0;
    assert.ok(bytes <= row * most + masks, `${bytes} bytes for ${length} tokens`);
  }, 30);
});

test('the cost grows with the power 1.5 of the length', () => {
  const flops = (length: number, causal: boolean) => {
    const shape = {
      batch: 1,
      heads: 1,
      queryLength: length,
      keyLength: length,
      headDim: 64,
      dtype: 'float32' as const,
    };
    return axial.cost(shape, { ...axial.defaults(length), causal }).flops;
  };
  for (const causal of [false, true]) {
    const slope = Math.log2(flops(2 ** 16, causal) / flops(2 ** 12, causal)) / 4;
    // Tokens themselves are counted beside the pairs, which for short texts are more.
    assert.ok(slope > 1.47 && slope < 1.51, `${slope}`);
  }
});

test('by default rows are as long as columns, in planes too', () => {
  const of = (length: number, rows = 0) => axial.defaults(length, { rows });
  assert.equal([of(4096).columns, of(4097).columns, of(4096).rows], [64, 65, 0]);
  assert.is(of(4096, 16).columns, 16);
});

test.run();
