/** NSA: held to the paper written out in loops, to full attention where all blocks are selected, and what its choice obeys. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { noGrad } from '../../src/core/autograd.ts';
import { ArgumentError } from '../../src/core/errors.ts';
import { coarseSeen, topBlocks } from '../../src/core/ops/top-blocks.ts';
import { Random } from '../../src/core/random.ts';
import { maxAbsoluteError } from '../../src/core/reference.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, filled, fromArray, randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { attend, checkInputs, drawParameters } from '../../src/variants/attend.ts';
import { full } from '../../src/variants/full.ts';
import { type NsaOptions, nsa } from '../../src/variants/nsa.ts';
import type { AttentionInputs, Parameters } from '../../src/variants/variant.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { type Heads, nsaWrittenOut, selected, type WrittenOut } from './nsa-written-out.ts';

const cases = fc
  .record({
    length: fc.integer({ min: 1, max: 48 }),
    groups: fc.integer({ min: 1, max: 2 }),
    groupSize: fc.integer({ min: 1, max: 3 }),
    headDim: fc.integer({ min: 1, max: 6 }),
    valueDim: fc.integer({ min: 1, max: 5 }),
    compressionBlock: fc.integer({ min: 1, max: 8 }),
    stride: fc.integer({ min: 1, max: 8 }),
    selectionBlock: fc.integer({ min: 1, max: 8 }),
    selectedBlocks: fc.integer({ min: 3, max: 6 }),
    window: fc.integer({ min: 1, max: 12 }),
    compressor: fc.constantFrom('mlp' as const, 'mean' as const),
    masked: fc.boolean(),
    dtype: fc.constantFrom('float32' as const, 'float64' as const),
    norm: fc.constantFrom(1e-3, 0.1, 1, 10, 100),
    seed: fc.nat(),
  })
  .map((drawn) => {
    const most = (size: number) => Math.min(size, drawn.length);
    const { compressionBlock, stride, selectionBlock, window } = drawn;
    const sizes = { compressionBlock, stride, selectionBlock, window };
    const limited = Object.fromEntries(Object.entries(sizes).map(([name, size]) => [name, most(size)]));
    return { ...drawn, ...(limited as typeof sizes), heads: drawn.groups * drawn.groupSize };
  });

type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

interface Run {
  inputs: AttentionInputs & { gates: Record<string, Tensor> };
  options: Partial<NsaOptions>;
  parameters: Parameters;
}

/** Inputs, options and parameters of a case; parameters are random, so that φ is no mean. */
function runOf(drawn: Case): Run {
  const { length, heads, headDim, valueDim, dtype, norm, seed } = drawn;
  const random = new Random(seed);
  const draw = (name: string, width: number, size = 1) => {
    const x = randomNormal([1, heads, length, width], random.split(name), dtype);
    return fromArray(
      x.toArray().map((each) => each * size),
      x.shape,
      dtype,
    );
  };
  const gate = (name: string) => {
    const numbers = new Float64Array(heads * length);
    random.split(name).fillUniform(numbers, 0, 1);
    return fromArray(numbers, [1, heads, length], dtype);
  };
  const mask = Uint8Array.from({ length }, () => (drawn.masked && random.integer(3) === 0 ? 0 : 1));
  const inputs = {
    queries: draw('queries', headDim, norm),
    keys: draw('keys', headDim),
    values: draw('values', valueDim),
    gates: { compressed: gate('compressed'), selected: gate('selected'), window: gate('window') },
    ...(drawn.masked && { keyMask: fromArray(mask, [1, length], 'uint8') }),
  };
  const { compressionBlock, stride, selectionBlock, selectedBlocks, window, groupSize, compressor } = drawn;
  const options = { compressionBlock, stride, selectionBlock, selectedBlocks, window, groupSize, compressor };
  const complete = nsa.defaults(length, options);
  const names = Object.entries(drawParameters<NsaOptions>(nsa, complete, checkInputs(inputs), 0));
  const parameters = names.map(([name, { shape }]) => {
    const size = name === 'W1' ? 1 / Math.sqrt(shape[0]) : 0.5;
    return [
      name,
      fromArray(
        randomNormal(shape, random.split(name), dtype)
          .toArray()
          .map((x) => size * x),
        shape,
        dtype,
      ),
    ];
  });
  return { inputs, options, parameters: Object.fromEntries(parameters) };
}

/** Rows of the first batch entry. */
function headsOf({ shape, ...tensor }: Tensor, data = elements(tensor as Tensor)): Heads {
  const [, heads, length, width] = shape;
  return Array.from({ length: heads }, (_, h) =>
    Array.from({ length }, (_, t) => [...data.subarray((h * length + t) * width, (h * length + t + 1) * width)]),
  );
}

function writtenOut(drawn: Case, { inputs, parameters }: Run): Heads {
  const { length, headDim, heads } = drawn;
  const of = (tensor: Tensor) => headsOf(tensor, tensor.toArray() as Float64Array);
  const gates = ['compressed', 'selected', 'window'].map((name) =>
    Array.from({ length: heads }, (_, h) => [...inputs.gates[name].toArray().slice(h * length, (h + 1) * length)]),
  );
  const numbers = Object.fromEntries(Object.entries(parameters).map(([name, tensor]) => [name, tensor.toArray()]));
  const meanOf = (rows: number[][]) => rows[0].map((_, c) => rows.reduce((sum, row) => sum + row[c], 0) / rows.length);
  const settings: WrittenOut = {
    l: drawn.compressionBlock,
    d: drawn.stride,
    block: drawn.selectionBlock,
    n: drawn.selectedBlocks,
    w: drawn.window,
    group: drawn.groupSize,
    real: Array.from({ length }, (_, j) => inputs.keyMask === undefined || inputs.keyMask.toArray()[j] === 1),
    gates,
    compressKeys(rows, head) {
      if (drawn.compressor === 'mean') return meanOf(rows);
      const l = rows.length;
      const placed = rows.map((row, i) => row.map((x, c) => x + numbers.e[(head * l + i) * headDim + c]));
      const flat = placed.flat();
      const hidden = Array.from({ length: headDim }, (_, m) =>
        Math.max(
          0,
          flat.reduce((sum, x, at) => sum + x * numbers.W1[at * headDim + m], 0),
        ),
      );
      return meanOf(placed).map(
        (x, c) => x + hidden.reduce((sum, each, m) => sum + each * numbers.W2[m * headDim + c], 0),
      );
    },
    compressValues(rows, head) {
      if (drawn.compressor === 'mean') return meanOf(rows);
      return rows[0].map((_, c) => rows.reduce((sum, row, i) => sum + numbers.a[head * rows.length + i] * row[c], 0));
    },
  };
  return nsaWrittenOut(of(inputs.queries), of(inputs.keys), of(inputs.values), settings);
}

/**
 * Rounding of float32 keys moves scores of norm 100 by about 1e-4 of 100, and weights with them; that it turns two scores of
 * blocks around is not excluded, but needs two that agree to seven digits.
 */
const toleranceOf = ({ dtype, norm }: Case) => (dtype === 'float64' ? 1e-11 : 2e-6) * Math.max(1, 10 * norm);

function differs(drawn: Case, change: (drawn: Case) => Case = (same) => same): number {
  const run = runOf(drawn);
  const output = noGrad(() => attend(nsa, run.inputs, run.options, { parameters: run.parameters })).toArray();
  const expected = writtenOut(change(drawn), run).flat(2);
  return expected.reduce((most, x, n) => Math.max(most, Math.abs(x - output[n])), 0);
}

test('the output is that of the paper, written out in loops', () => {
  fc.assert(
    fc.property(cases, (drawn) => {
      scope(() => {
        const error = differs(drawn);
        assert.ok(error <= toleranceOf(drawn), `differs by ${error}`);
      });
    }),
    { numRuns: 120 },
  );
});

test('the same loops with another stride, block, number of blocks, window or group differ, and so does φ without positions', () => {
  const drawn: Case = {
    ...{ length: 40, groups: 2, groupSize: 2, heads: 4, headDim: 4, valueDim: 3, compressionBlock: 4, stride: 2 },
    ...{ selectionBlock: 4, selectedBlocks: 4, window: 5, compressor: 'mlp', masked: false, dtype: 'float64' },
    ...{ norm: 1, seed: 1 },
  };
  assert.ok(differs(drawn) < 1e-12);
  for (const [name, value] of Object.entries({
    stride: 3,
    selectionBlock: 5,
    selectedBlocks: 5,
    window: 6,
    groupSize: 1,
    compressor: 'mean',
  })) {
    assert.ok(differs(drawn, (same) => ({ ...same, [name]: value })) > 1e-3, name);
  }
});

test('with all blocks selected and gates 0, 1, 0 it is full causal attention', () => {
  fc.assert(
    fc.property(cases, (drawn) => {
      scope(() => {
        const { inputs, options, parameters } = runOf(drawn);
        const { gates: _, ...plain } = inputs;
        const constant = (value: number) => filled([1, drawn.heads, drawn.length], value, drawn.dtype);
        const gates = { compressed: constant(0), selected: constant(1), window: constant(0) };
        const selectedBlocks = Math.max(3, Math.ceil(drawn.length / drawn.selectionBlock));
        const all = { ...options, selectedBlocks };
        const [ours, theirs] = noGrad(() => [
          attend(nsa, { ...plain, gates }, all, { parameters }),
          attend(full, plain, { causal: true }),
        ]);
        const dense = (tensor: Tensor) => ({ shape: tensor.shape, data: tensor.toArray() });
        assert.ok(maxAbsoluteError(dense(ours), dense(theirs)) <= toleranceOf(drawn));
      });
    }),
    { numRuns: 40 },
  );
});

test('each query selects its own block, the one before, the first, and no block twice or ahead; a group selects alike', () => {
  fc.assert(
    fc.property(cases, (drawn) => {
      scope(() => {
        const { inputs, options, parameters } = runOf(drawn);
        const decide = nsa.decisions as NonNullable<typeof nsa.decisions>;
        const { lists } = decide(inputs, nsa.defaults(drawn.length, options), parameters);
        const [, heads, length, count] = lists.shape;
        const all = elements(lists);
        for (let h = 0; h < heads; h++) {
          for (let t = 0; t < length; t++) {
            const list = [...all.subarray((h * length + t) * count, (h * length + t + 1) * count)].filter(
              (j) => j >= 0,
            );
            const own = Math.floor(t / drawn.selectionBlock);
            assert.is(new Set(list).size, list.length, `query ${t}`);
            assert.is(list.length, Math.min(count, own + 1), `query ${t}`);
            assert.ok(
              Math.max(...list) === own && list.includes(0) && list.includes(Math.max(0, own - 1)),
              `query ${t}`,
            );
            const first = (h - (h % drawn.groupSize)) * length + t;
            assert.equal(
              list,
              [...all.subarray(first * count, (first + 1) * count)].filter((j) => j >= 0),
            );
          }
        }
      });
    }),
    { numRuns: 60 },
  );
});

test('a choice by sorting is the same, for probabilities that the paper’s double sum adds up', () => {
  // l = 2d and l′ = 2d: block j, from 1, gets p[2j] + 2 p[2j − 1] + p[2j − 2], of compressed blocks from 1.
  const settings = { l: 4, d: 2, block: 4, n: 4 } as WrittenOut;
  const p = [0, 0.1, 0.3, 0, 0, 0.25, 0.25, 0, 0.1];
  const sums = [1, 2, 3, 4].map((j) => (p[2 * j - 1] ?? 0) + 2 * (p[2 * j - 2] ?? 0) + (p[2 * j - 3] ?? 0));
  assert.equal(
    sums.map((sum) => Math.round(100 * sum) / 100),
    [0.1, 0.7, 0.25, 0.75],
  );
  assert.equal(
    selected(23, [p], settings).sort((a, b) => a - b),
    [0, 3, 4, 5],
  );
});

test('a group that does not divide the heads, and a choice that does not fit, are refused by name', () => {
  const x = randomNormal([1, 4, 8, 2], new Random(0), 'float64');
  expectThrows(ArgumentError, 'groupSize', () => attend(nsa, { queries: x, keys: x, values: x }, { groupSize: 3 }));
  const choice = { start: 0, span: 2, stride: 2, block: 2, count: 3, group: 1 };
  assert.is(coarseSeen(8, 2, 2), 4);
  expectThrows(ArgumentError, 'count', () => topBlocks(x, null, { ...choice, count: 2 }));
  expectThrows(ArgumentError, 'group', () => topBlocks(x, null, { ...choice, group: 3 }));
  for (const name of Object.keys(choice) as (keyof typeof choice)[]) {
    const { [name]: _, ...others } = choice;
    expectThrows(ArgumentError, name, () => topBlocks(x, null, others as typeof choice));
  }
  // @ts-expect-error
  expectThrows(ArgumentError, 'mask', () => topBlocks(x, null, { ...choice, mask: x }));
  expectThrows(ArgumentError, 'keys', () => topBlocks(x, null, choice));
});

test.run();
