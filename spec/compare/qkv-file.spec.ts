/** What `fileInput` says of files that it cannot take. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fileInput } from '../../src/compare/inputs.ts';
import { ArgumentError, FileFormatError, ShapeError } from '../../src/core/errors.ts';
import type { ArrayToStore } from '../../src/core/files/numbers.ts';
import { arrayFile, emptyFolder, numbers, tensorFile } from './qkv-files.ts';

function assertRefused(paths: readonly string[], type: new (message: string) => Error, words: RegExp): void {
  assert.throws(
    () => fileInput(paths),
    (error: unknown) => {
      assert.instance(error, type);
      assert.match((error as Error).message, words);
      return true;
    },
  );
}

test('a file that is not there: the nearest name in its folder is asked about', () => {
  const folder = emptyFolder();
  const path = join(folder, 'attention.safetensors');
  writeFileSync(path, '');
  assertRefused(
    [join(folder, 'atention.safetensors')],
    FileFormatError,
    /atention\.safetensors: there is no such file: did you mean .*attention\.safetensors\?$/,
  );
  assertRefused([join(folder, 'zebra.npy')], FileFormatError, /zebra\.npy: there is no such file$/);
  assertRefused([join(folder, 'no', 'file.npy')], FileFormatError, /file\.npy: there is no folder .*no$/);
  assertRefused([join(path, 'file.npy')], FileFormatError, /file\.npy: there is no such file$/);
  assertRefused([''], FileFormatError, /there is no such file/);
  assertRefused([path], FileFormatError, /attention\.safetensors: expected a header's length/);
  mkdirSync(join(folder, 'folder.npy'));
  assertRefused([join(folder, 'folder.npy')], FileFormatError, /folder\.npy: expected a file, but it is a folder$/);
  assertRefused([folder], FileFormatError, /: expected a file, but it is a folder$/);
});

test('files of another kind or number', () => {
  const array = arrayFile('a.npy', numbers([3, 2, 2]));
  const tensors = tensorFile({});
  const text = join(emptyFolder(), 'weights.pt');
  writeFileSync(text, '');
  const forms = /expected one \.safetensors or \.npz file, one \.npy file of all three, or three \.npy files/;
  assertRefused([], ArgumentError, /^qkv: expected .*, got 0 files/);
  assertRefused([array, array], ArgumentError, /^qkv: expected .*, got 2 files/);
  assertRefused([text], FileFormatError, forms);
  assertRefused([tensors, tensors, tensors], FileFormatError, forms);
  assertRefused([array, array, tensors], FileFormatError, forms);
});

test('a .safetensors file without the three tensors of a layer', () => {
  const array = numbers([2, 2]);
  const refuses = (tensors: Record<string, ArrayToStore>, words: RegExp) =>
    assertRefused([tensorFile(tensors)], FileFormatError, words);
  refuses({}, /expected tensors queries, keys and values, or LAYER\.queries and so on, got none/);
  refuses({ 'q_proj.weight': array, b: array }, /got b, q_proj\.weight$/);
  const many = Object.fromEntries(Array.from({ length: 11 }, (_, n) => [`w${n}`, array]));
  refuses(many, /got w0, .* and 3 more$/);
  refuses({ 'a.q': array, 'a.k': array }, /: expected values with a\.k and a\.q, got none/);
  refuses({ '': array, q: array, k: array }, /expected values with k and q, got none/);
  refuses({ 'a.q': array, 'a.k': array, 'b.v': array }, /expected values with/);
  refuses({ q: array, queries: array, k: array, v: array }, /: expected queries once, got both q and queries/);
  const integers = { shape: [2, 2], data: Int32Array.of(1, 2, 3, 4) };
  refuses(
    { q: array, k: integers, v: array },
    /qkv\.safetensors: k: expected floating-point numbers, got I32; save them as array\.astype\(numpy\.float32\)/,
  );
});

test('arrays that do not fit each other', () => {
  const refuses = (q: number[], k: number[], v: number[], words: RegExp) => {
    assertRefused([tensorFile({ q: numbers(q), k: numbers(k), v: numbers(v) })], ShapeError, words);
  };
  refuses(
    [2, 3, 4],
    [2, 5, 4],
    [2, 5, 4],
    /: k: expected \[1, 2, 3, 4\] to match queries, for self-attention, got \[1, 2, 5, 4\]/,
  );
  refuses([2, 3, 4], [2, 3, 5], [2, 3, 4], /: k: expected \[1, 2, 3, 4\]/);
  refuses([2, 3, 4], [2, 3, 4], [1, 3, 4], /: v: expected \[1, 2, 3, 4\] to match keys, got \[1, 1, 3, 4\]/);
  refuses([2, 3, 4], [2, 3, 4], [2, 2, 4], /: v: expected \[1, 2, 3, 4\]/);
  refuses([4], [4], [4], /: q: expected \[batch, heads, length, headDim\], .*, got \[4\]/);
  refuses([1, 1, 1, 2, 2], [2, 2], [2, 2], /: q: expected .*, got \[1, 1, 1, 2, 2\]/);
  refuses([2, 0], [2, 0], [2, 0], /: q: expected .*none of them 0, got \[2, 0\]/);

  const a = numbers([1, 2, 3, 4]);
  for (const shape of [
    [2, 2, 3, 4],
    [1, 3, 3, 4],
    [1, 2, 3, 5],
  ]) {
    const b = numbers(shape);
    const path = tensorFile({ 'a.q': a, 'a.k': a, 'a.v': a, 'b.q': b, 'b.k': b, 'b.v': b });
    assertRefused([path], ShapeError, /: b\.q: expected \[1, 2, 3, 4\] to match .*: a\.q, got \[/);
  }

  for (const shape of [[3], [3, 2], [2, 2, 2], [1, 3, 2, 2], [0, 2, 2], []]) {
    assertRefused(
      [arrayFile('x.npy', numbers(shape))],
      ShapeError,
      /x\.npy: expected \[3, batch, heads, length, headDim\]/,
    );
  }
  assertRefused([arrayFile('x.npy', numbers([3, 1, 1, 1, 2, 2]))], ShapeError, /x\.npy: queries: expected \[batch/);
  const separate = [
    [2, 2],
    [3, 2],
    [3, 2],
  ].map((shape, n) => arrayFile(`${n}.npy`, numbers(shape)));
  assertRefused(separate, ShapeError, /1\.npy: keys: expected \[1, 1, 2, 2\] to match queries/);
});

const part = numbers([2, 3, 4, 5]);
const flags = (shape: number[], ...data: number[]) => ({ shape, data: Uint8Array.from(data) });
const three = { q: part, k: part, v: part };

test('masks that cannot be', () => {
  const refuses = (mask: ArrayToStore, type: new (message: string) => Error, words: RegExp) => {
    assertRefused([tensorFile({ ...three, mask })], type, words);
  };
  for (const shape of [
    [2, 3],
    [3, 4],
    [1, 1, 4],
    [2, 1, 4],
    [2, 1, 4, 4],
    [2, 3, 1, 4],
    [3, 1, 1, 4],
    [],
    [3],
    [0, 4],
  ]) {
    const size = shape.reduce((product, extent) => product * extent, 1);
    refuses(
      flags(shape, ...new Array<number>(size).fill(1)),
      ShapeError,
      /: mask: expected a mask \[2, 4\], or \[4\] for every sequence, got \[/,
    );
  }
  refuses(flags([4], 1, 1, 0, 2), FileFormatError, /: mask: expected 1 for real tokens and 0 for padding, got 2 at/);
  const additive = { shape: [4], data: Float32Array.of(0, 0, Number.NEGATIVE_INFINITY, 0) };
  refuses(
    additive,
    FileFormatError,
    /got -Infinity at element 2; of an additive mask, .*, save \(mask == 0\)\.astype\(numpy\.uint8\)/,
  );
  refuses(flags([4], 0, 0, 0, 0), FileFormatError, /expected at least one real token, got none/);
  const twice = tensorFile({ ...three, mask: flags([4], 1, 1, 1, 0), attention_mask: flags([4], 1, 1, 1, 0) });
  assertRefused([twice], FileFormatError, /expected one mask, got both .*attention_mask and mask/);
});

test('a mask of a file of its own', () => {
  const path = tensorFile(three);
  const refuses = (mask: string, words: RegExp) => {
    assert.throws(
      () => fileInput([path], { mask }),
      (error: unknown) => error instanceof FileFormatError && words.test(error.message),
    );
  };
  refuses(join(emptyFolder(), 'mask.npy'), /mask\.npy: there is no such file/);
  refuses(tensorFile({ a: flags([4], 1, 1, 1, 0), b: flags([4], 1, 1, 1, 0) }), /expected an array mask, .*, got 2/);
  refuses(tensorFile({ 'layer3.mask': flags([4], 1, 1, 1, 0) }), /expected masks of no layers, got a mask of layer3/);
  const text = join(emptyFolder(), 'mask.txt');
  writeFileSync(text, '1 1 1 0');
  refuses(text, /expected a mask in a \.npy, \.npz or \.safetensors file/);
  assert.throws(() => fileInput([path], { mask: 5 as never }), /mask: expected a text, got 5/);
  assert.throws(() => fileInput([path], { layout: 'lbhd' as never }), /layout: expected one of bhld, blhd, got 'lbhd'/);
});

test.run();
