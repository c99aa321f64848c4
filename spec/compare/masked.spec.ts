/** What is compared where a mask leaves tokens out, and how files say which; the order of axes in files. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { compare } from '../../src/compare/compare.ts';
import { type ComparisonInput, fileInput } from '../../src/compare/inputs.ts';
import type { BaselineResult, ComparisonResult } from '../../src/compare/result.ts';
import type { ArrayToStore } from '../../src/core/files/numbers.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { zipBytes } from '../core/zip-cases.ts';
import { arrayFile, emptyFolder, numbers, tensorFile } from './qkv-files.ts';
import { registerTestVariants } from './test-variants.ts';

registerTestVariants();

const timing = { minTurns: 1, maxTurns: 1 };
const FIGURES = ['relativeError', 'maxAbsError', 'totalVariation', 'topKRecall'] as const;
type Figures = Pick<ComparisonResult, (typeof FIGURES)[number] | 'sampledRows'>;

/** Normal numbers [heads, length, width] of a name, the first tokens of which do not depend on the length. */
function drawn(name: string, heads: number, length: number, width: number): Float32Array {
  const parts = Array.from({ length: heads }, (_, head) => {
    return new Random(3)
      .split(name)
      .split(String(head))
      .fillNormal(new Float32Array(length * width));
  });
  return Float32Array.from(parts.flatMap((part) => [...part]));
}

function qkvFile(length: number, more: Record<string, ArrayToStore> = {}, padding?: { from: number; with: number }) {
  const parts = Object.fromEntries(
    ['q', 'k', 'v'].map((name) => {
      const data = drawn(name, 2, length, 4);
      if (padding !== undefined) {
        data.forEach((_, n) => {
          if (Math.floor(n / 4) % length >= padding.from) data[n] = padding.with;
        });
      }
      return [name, { shape: [2, length, 4], data }];
    }),
  );
  return tensorFile({ ...parts, ...more });
}

async function figuresOf(input: ComparisonInput, causal = false) {
  const { results, baselines = [] } = await compare(input, {
    timing,
    variants: ['full', 'dummy', 'dense'],
    budgets: [3],
    causal,
  });
  const pick = (result: ComparisonResult | BaselineResult): Figures => {
    const { relativeError, maxAbsError, totalVariation, topKRecall, sampledRows } = result;
    return { relativeError, maxAbsError, totalVariation, topKRecall, sampledRows };
  };
  return [...results, ...baselines].map(pick);
}

const flags = (shape: number[], of: (n: number) => number) => {
  const size = shape.reduce((product, extent) => product * extent, 1);
  return { shape, data: Uint8Array.from({ length: size }, (_, n) => of(n)) };
};

for (const causal of [false, true]) {
  test(`padding behind a text changes no figure, whatever it holds${causal ? ', causally' : ''}`, async () => {
    const [short, long] = [20, 27];
    const mask = flags([long], (n) => Number(n < short));
    const expected = await figuresOf(fileInput([qkvFile(short)]), causal);
    for (const filling of [0, 5, 1e30, Number.NaN, Number.POSITIVE_INFINITY]) {
      const path = qkvFile(long, { mask }, { from: short, with: filling });
      const actual = await figuresOf(fileInput([path]), causal);
      assert.is(actual.length, expected.length);
      actual.forEach((own, n) => {
        for (const figure of FIGURES) {
          const apart = Math.abs(own[figure] - expected[n][figure]);
          assert.ok(
            apart < 1e-5,
            `${filling}: ${figure} of ${n}: ${own[figure]}, without padding ${expected[n][figure]}`,
          );
        }
        assert.is(own.sampledRows, short);
      });
    }
  });
}

test('of a long text rows are sampled among those that are real', async () => {
  const [short, long] = [40, 700];
  const mask = flags([long], (n) => Number(n < short));
  const [, dummy] = await figuresOf(fileInput([qkvFile(long, { mask })]));
  assert.is(dummy.sampledRows, short);
  // And with its own figures: these are of all real rows, so those of the short text.
  const [, alone] = await figuresOf(fileInput([qkvFile(short)]));
  assert.ok(Math.abs(alone.totalVariation - dummy.totalVariation) < 1e-5);
});

test('outputs are given with zeros where a mask is, full attention first', async () => {
  const mask = flags([20], (n) => Number(n % 3 > 0));
  const seen: string[] = [];
  await compare(fileInput([qkvFile(20, { mask })]), {
    timing,
    variants: ['dummy'],
    budgets: [1, 3],
    onOutput: ({ variant, budget, length, shape, data }) => {
      seen.push(`${variant} ${budget?.value} ${length} ${shape}`);
      for (let row = 0; row < 40; row++) {
        const isZero = data.subarray(row * 4, row * 4 + 4).every((each) => each === 0);
        assert.is(isZero, (row % 20) % 3 === 0, `${variant}, row ${row}`);
      }
    },
  });
  assert.equal(seen, ['full undefined 20 1,2,20,4', 'dummy 1 20 1,2,20,4', 'dummy 3 20 1,2,20,4']);
});

const keyMasks = ({ cases }: ComparisonInput) => {
  return cases.map(({ load }) => scope(() => [...(load().keyMask?.toArray() ?? [])].join('')));
};

test('a mask beside queries and keys, in a file of its own, of all layers or of one, in any kind of number', () => {
  const part = numbers([2, 1, 3, 2]);
  const three = { q: part, k: part, v: part };
  const [each, all] = [flags([2, 3], (n) => Number(n < 5)), flags([3], (n) => Number(n > 0))];
  const plain = tensorFile(three);
  const beside = tensorFile({ ...three, attention_mask: each });
  assert.equal(keyMasks(fileInput([plain])), ['']);
  assert.equal(keyMasks(fileInput([beside])), ['111110']);
  assert.equal(keyMasks(fileInput([beside], { mask: null })), ['']);
  const broadcast = tensorFile({ ...three, mask: { ...each, shape: [each.shape[0], 1, 1, each.shape[1]] } });
  assert.equal(keyMasks(fileInput([broadcast])), ['111110']);
  assert.equal(keyMasks(fileInput([tensorFile({ ...three, keyMask: all })])), ['011011']);
  const integers = { shape: [2, 3], data: Int32Array.of(1, 1, 1, 1, 1, 0) };
  const floats = { shape: [1, 3], data: Float64Array.of(0, 1, 1) };
  for (const path of [beside, plain]) {
    assert.equal(keyMasks(fileInput([path], { mask: arrayFile('m.npy', integers) })), ['111110']);
    assert.equal(keyMasks(fileInput([path], { mask: tensorFile({ anything: floats }) })), ['011011']);
  }
  const zip = join(emptyFolder(), 'm.npz');
  writeFileSync(zip, zipBytes([['mask.npy', readFileSync(arrayFile('a.npy', all))]], { deflated: true }));
  assert.equal(keyMasks(fileInput([plain], { mask: zip })), ['011011']);

  const layers = { 'a.q': part, 'a.k': part, 'a.v': part, 'b.q': part, 'b.k': part, 'b.v': part };
  const some = fileInput([tensorFile({ ...layers, 'b.mask': all })]);
  assert.equal(keyMasks(some), ['', '011011']);
  assert.equal(
    some.cases.map(({ isMasked }) => isMasked),
    [undefined, true],
  );
  assert.is(some.maskedTokens, 2);
  assert.match(some.name, /3 tokens, 16\.7% of them masked$/);
  assert.equal(keyMasks(fileInput([tensorFile({ ...layers, 'b.mask': all, mask: each })])), ['111110', '011011']);
  assert.equal(keyMasks(fileInput([tensorFile(layers)], { mask: tensorFile({ 'a.mask': all }) })), ['011011', '']);
  // A mask that leaves nothing out is none: every variant can do without.
  const [{ isMasked }] = fileInput([tensorFile({ ...three, mask: flags([3], () => 1) })]).cases;
  assert.is(isMasked, undefined);
});

test('names with slashes, and the arrays of numpy.savez without names', () => {
  const files = Object.fromEntries(
    ['q', 'k', 'v'].map((name, n) => [name, readFileSync(arrayFile(`${name}.npy`, numbers([2, 3, 2], n)))]),
  );
  const zip = (names: Record<string, string>) => {
    const path = join(emptyFolder(), 'a.npz');
    writeFileSync(path, zipBytes(Object.entries(names).map(([name, part]) => [`${name}.npy`, files[part]])));
    return path;
  };
  const first = ({ cases }: ComparisonInput) => {
    return cases.map(({ layer, load }) => [
      layer,
      ...scope(() => Object.values(load()).map((each) => each.toArray()[0])),
    ]);
  };
  const expected = [0, 1, 2];
  assert.equal(first(fileInput([zip({ 'a/k': 'k', 'a/q': 'q', 'a/v': 'v' })])), [['a', ...expected]]);
  assert.equal(first(fileInput([zip({ arr_1: 'k', arr_0: 'q', arr_2: 'v' })])), [[undefined, ...expected]]);
  assert.throws(() => fileInput([zip({ arr_0: 'q', arr_1: 'k' })]), /got arr_0, arr_1$/);
});

test('the other order of axes gives the same tensors, from every kind of file', () => {
  const sizes = fc.record({
    batch: fc.integer({ min: 1, max: 3 }),
    heads: fc.integer({ min: 1, max: 3 }),
    length: fc.integer({ min: 1, max: 4 }),
    axes: fc.integer({ min: 2, max: 4 }),
  });
  fc.assert(
    fc.property(sizes, ({ batch, heads, length, axes }) => {
      const [b, h] = [axes > 3 ? batch : 1, axes > 2 ? heads : 1];
      const width = 2;
      const own = numbers([b, h, length, width]);
      const other = { shape: [b, length, h, width], data: own.data.slice() };
      for (let at = 0; at < own.data.length; at++) {
        const [c, l, head, n] = [
          at % 2,
          Math.floor(at / 2) % length,
          Math.floor(at / 2 / length) % h,
          Math.floor(at / 2 / length / h),
        ];
        other.data[((n * length + l) * h + head) * width + c] = own.data[at];
      }
      const cut = ({ shape, data }: ArrayToStore) => ({ shape: shape.slice(axes === 2 ? 2 : 4 - axes), data });
      const stored = axes === 2 ? { shape: [length, width], data: own.data } : cut(other);
      const read = (paths: string[], layout: 'bhld' | 'blhd') => {
        const { cases } = fileInput(paths, { layout });
        const { queries, keys, values } = scope(() => {
          const inputs = cases[0].load();
          return { queries: inputs.queries.toArray(), keys: inputs.keys.toArray(), values: inputs.values.toArray() };
        });
        return { shape: [b, h, length, width], queries, keys, values };
      };
      const expected = read([tensorFile({ q: cut(own), k: cut(own), v: cut(own) })], 'bhld');
      assert.equal(read([tensorFile({ q: stored, k: stored, v: stored })], 'blhd'), expected);
      const one = arrayFile('x.npy', stored);
      assert.equal(read([one, one, one], 'blhd'), expected);
      const stacked = {
        shape: [3, ...stored.shape],
        data: Float32Array.from([0, 1, 2].flatMap(() => [...stored.data])),
      };
      assert.equal(read([arrayFile('s.npy', stacked)], 'blhd'), expected);
    }),
    { numRuns: 20 },
  );
});

test('more heads than tokens is told, with the option that reads them the other way', () => {
  const path = arrayFile('x.npy', numbers([3, 1, 16, 4, 2]));
  const words = /^Read as \[batch, heads, length, headDim\], which has 16 heads of 4 tokens: .*--layout blhd$/;
  assert.match(fileInput([path]).warning ?? '', words);
  const turned = fileInput([path], { layout: 'blhd' });
  assert.equal([turned.warning, turned.heads, turned.cases[0].length], [undefined, 4, 16]);
  assert.match(fileInput([arrayFile('x.npy', numbers([3, 1, 4, 16, 2]))], { layout: 'blhd' }).warning ?? '', /bhld$/);
});

test.run();
