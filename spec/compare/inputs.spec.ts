import { renameSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type ComparisonInput, fileInput, fixtureInput } from '../../src/compare/inputs.ts';
import { FileFormatError } from '../../src/core/errors.ts';
import type { ArrayToStore } from '../../src/core/files/numbers.ts';
import { readSafetensors } from '../../src/core/files/safetensors.ts';
import { maxAbsoluteError, referenceAttention } from '../../src/core/reference.ts';
import type { AttentionInputs } from '../../src/variants/variant.ts';
import { arrayFile, numbers, tensorFile } from './qkv-files.ts';

const fixture = (name: string): string => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));
const PARTS = ['queries', 'keys', 'values'] as const;
/** Each run waits for the disk a few times. */
const FEW = { numRuns: 20 };

function loaded({ cases }: ComparisonInput, index = 0) {
  const { queries, keys, values } = cases[index].load();
  const plain = (tensor: AttentionInputs['queries']) => ({ shape: [...tensor.shape], data: tensor.toArray() });
  return { queries: plain(queries), keys: plain(keys), values: plain(values) };
}

test('the fixture: two layers, in the words of a report', () => {
  const { cases, ...rest } = fixtureInput();
  assert.equal(rest, {
    name: 'MiniLM-L6 layers 1 and 4, 6 heads, 512 tokens of English',
    source: 'fixture',
    detail: 'fixtures/minilm-qkv.safetensors',
    batch: 1,
    heads: 6,
    headDim: 32,
  });
  assert.equal(
    cases.map(({ layer, length }) => [layer, length]),
    [
      ['layer1', 512],
      ['layer4', 512],
    ],
  );
});

test('full attention over the fixture gives the outputs that ship with it', () => {
  const { tensors } = readSafetensors(fixture('minilm-qkv.safetensors'));
  const { cases } = fixtureInput();
  // 96 queries and all 512 keys: a corner, because the oracle is slow.
  const [length, headDim, some] = [512, 32, 96];
  for (const { layer, load } of cases) {
    const { queries, keys, values } = load();
    const corner = (data: ArrayLike<number>, rows: number) => ({
      shape: [1, 1, rows, headDim],
      data: Float64Array.from(data).subarray(0, rows * headDim),
    });
    const inputs = {
      queries: corner(queries.toArray(), some),
      keys: corner(keys.toArray(), length),
      values: corner(values.toArray(), length),
    };
    const expected = corner(tensors.get(`${layer}.outputs`)!.load(), some);
    // The outputs are below 4 and were rounded to float32 once, by at most 2⁻²³; the arithmetic is float64.
    assert.ok(maxAbsoluteError(referenceAttention(inputs), expected) < 2 ** -23);
  }
});

test('one .npy file of all three holds a corner of the fixture', () => {
  const path = fixture('tiny-qkv.npy');
  const { cases, ...rest } = fileInput([path]);
  assert.equal(rest, {
    name: 'tiny-qkv.npy: 2 heads of width 16, 48 tokens',
    source: 'file',
    detail: path,
    batch: 1,
    heads: 2,
    headDim: 16,
  });
  assert.equal(Object.keys(cases[0]), ['length', 'placeOf', 'load']);
  const tiny = loaded(fileInput([path]));
  const whole = loaded(fixtureInput());
  for (const part of PARTS) {
    assert.equal(tiny[part].shape, [1, 2, 48, 16]);
    for (const [head, token, column] of [
      [0, 0, 0],
      [0, 47, 15],
      [1, 0, 3],
      [1, 20, 9],
    ]) {
      const expected = whole[part].data[(head * 512 + token) * 32 + column];
      assert.is(tiny[part].data[(head * 48 + token) * 16 + column], expected);
    }
  }
});

test('the same numbers in any form of file are the same inputs', () => {
  const extents = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 2, maxLength: 4 });
  const spelling = fc.constantFrom(
    ['queries', 'keys', 'values'],
    ['query', 'key', 'value'],
    ['q', 'k', 'v'],
    ['Q', 'K', 'V'],
  );
  fc.assert(
    fc.property(extents, spelling, (shape, spelled) => {
      const arrays = PARTS.map((_, n) => numbers(shape, 1000 * n));
      const all = Float32Array.from(arrays.flatMap(({ data }) => [...data]));
      const inputs = [
        fileInput([tensorFile(Object.fromEntries(spelled.map((name, n) => [name, arrays[n]])))]),
        fileInput([arrayFile('all.npy', { shape: [3, ...shape], data: all })]),
        fileInput(arrays.map((array, n) => arrayFile(`${n}.NPY`, array))),
      ];
      const four = [...[1, 1].slice(shape.length - 2), ...shape];
      for (const input of inputs) {
        assert.equal([input.batch, input.heads, input.cases[0].length, input.headDim], four);
        const parts = loaded(input);
        PARTS.forEach((part, n) => {
          assert.equal(parts[part], { shape: four, data: arrays[n].data });
        });
      }
    }),
    FEW,
  );
});

test('layers are told by what stands before the last dot, in natural order; other tensors do not matter', () => {
  const tensors: Record<string, ArrayToStore> = { outputs: numbers([7]), 'x.y': numbers([]), 'q.weight': numbers([2]) };
  for (const [layer, length] of [
    ['block.10', 3],
    ['block.9', 2],
    ['a', 5],
  ] as const) {
    tensors[`${layer}.q`] = numbers([2, length, 4], length);
    tensors[`${layer}.keys`] = numbers([2, length, 4]);
    tensors[`${layer}.value`] = numbers([2, length, 6]);
    tensors[`${layer}.probabilities`] = { shape: [1], data: Int32Array.of(1) };
  }
  const input = fileInput([tensorFile(tensors)]);
  assert.is(input.name, 'qkv.safetensors: 3 layers, 2 heads of width 4, 5 and 2 and 3 tokens');
  assert.equal(
    input.cases.map(({ layer, length }) => [layer, length]),
    [
      ['a', 5],
      ['block.9', 2],
      ['block.10', 3],
    ],
  );
  const { queries, values } = loaded(input, 2);
  assert.is(queries.data[0], 3);
  assert.equal(values.shape, [1, 2, 3, 6]);
});

test('names from a file bring no control characters to a terminal', () => {
  const [red, array] = ['\u001b[31mred', numbers([2, 2])];
  const path = tensorFile({ [`${red}.q`]: array, [`${red}.k`]: array, [`${red}.v`]: array });
  assert.is(fileInput([path]).cases[0].layer, '\\x1b[31mred');
});

test('numbers stored in other widths become float32', () => {
  const shape = [1, 2];
  const double = { shape, data: Float64Array.of(0.1, -3) };
  const { queries } = loaded(fileInput([tensorFile({ q: double, k: double, v: double })]));
  assert.equal(queries.data, Float32Array.of(0.1, -3));
});

test('a file is looked at when it is named, and read when its numbers are needed', () => {
  const file = (start: number) => tensorFile({ q: numbers([2, 2], start), k: numbers([2, 2]), v: numbers([2, 2]) });
  const path = file(1);
  const input = fileInput([path]);
  assert.is(loaded(input).queries.data[0], 1);
  renameSync(file(5), path);
  assert.throws(
    () => input.cases[0].load(),
    (error: unknown) =>
      error instanceof FileFormatError && error.message === `${path}: has changed since it was opened: read it again`,
  );
  renameSync(path, `${path}.gone`);
  assert.throws(
    () => input.cases[0].load(),
    (error: unknown) => error instanceof FileFormatError && error.message.startsWith(`${path}: `),
  );
});

test.run();
