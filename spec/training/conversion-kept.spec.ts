/** A conversion that is kept: stopped or killed anywhere it comes to the bits of one that is not; other conversions are refused. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FileFormatError } from '../../src/core/errors.ts';
import type { ArrayToStore } from '../../src/core/files/numbers.ts';
import { readSafetensors, writeSafetensors } from '../../src/core/files/safetensors.ts';
import type { NumericArray } from '../../src/core/memory.ts';
import { elements, fromArray, type Tensor } from '../../src/core/tensor.ts';
import { KeptConversion } from '../../src/training/conversion/kept.ts';
import { AdamW } from '../../src/training/optimizers/adamw.ts';
import { temporaryFolder } from '../core/temporary-folder.ts';
import { convertedEncoder, convertedModel, type Given, STEPS } from './conversion-killed.ts';

const folder = temporaryFolder();

/** Everything that came out. */
async function outcomeOf(given: Given): Promise<unknown> {
  const { tensors, report } = await (given.kind === 'encoder' ? convertedEncoder(given) : convertedModel(given));
  return { numbers: [...tensors].map(([name, tensor]) => [name, [...elements(tensor)]]), report };
}

const unbroken = {
  encoder: await outcomeOf({ kind: 'encoder' }),
  model: await outcomeOf({ kind: 'model', match: 'weights' }),
};
const matched = { encoder: 'outputs', model: 'weights' } as const;

test('stopped after any steps, any number of times, it comes to the same bits and the same distances', async () => {
  let cases = 0;
  const stops = fc.array(fc.integer({ min: 1, max: STEPS }), { minLength: 1, maxLength: 3 });
  const property = fc.asyncProperty(
    fc.constantFrom('encoder' as const, 'model' as const),
    stops,
    async (kind, pauses) => {
      const path = join(folder, `stopped-${++cases}.safetensors`);
      for (const pause of pauses) {
        let left = pause;
        await outcomeOf({ kind, match: matched[kind], path, shouldStop: () => --left <= 0 });
      }
      assert.equal(await outcomeOf({ kind, match: matched[kind], path }), unbroken[kind]);
    },
  );
  await fc.assert(property, { numRuns: 5 });
});

test('a process that is killed in each half is continued to the same bits', async () => {
  const program = fileURLToPath(new URL('conversion-killed.ts', import.meta.url));
  const path = join(folder, 'killed.safetensors');
  for (const step of [2, 5]) {
    const { signal, stderr } = spawnSync(process.execPath, ['--import', 'tsx', program, path, String(step)], {
      encoding: 'utf8',
    });
    assert.is(signal, 'SIGKILL', stderr);
  }
  const resumed: number[] = [];
  assert.equal(await outcomeOf({ kind: 'encoder', path, onResume: (step) => resumed.push(step) }), unbroken.encoder);
  // The step in which it was killed had been taken, and was not yet written.
  assert.equal(resumed, [4]);
});

test('a file of another conversion and a damaged one are refused by what is wrong, unless they may be replaced', async () => {
  const path = join(folder, 'refused.safetensors');
  await outcomeOf({ kind: 'encoder', path, shouldStop: () => true });
  const bytes = readFileSync(path);
  const refused = async (message: RegExp, change: Partial<Given>, damaged = bytes) => {
    writeFileSync(path, damaged);
    const thrown: unknown = await outcomeOf({ kind: 'encoder', path, ...change }).catch((error) => error);
    assert.instance(thrown, FileFormatError, `${message}`);
    assert.match((thrown as Error).message, message);
    assert.match((thrown as Error).message, /To begin again, remove it$/);
  };
  await refused(/of another conversion: rate 0\.01, now 0\.02/, { rate: 0.02 });
  await refused(/of another conversion: match none, now "weights"/, { match: 'weights' });
  await refused(/of another conversion: examples "drawn", now "others"/, { examples: 'others' });
  await refused(/of another conversion: attention \{.*"linear-transformer".*, now .*"performer"/, {
    variant: 'performer',
  });
  await refused(/of another conversion/, { kind: 'model' });
  const flipped = Buffer.from(bytes);
  flipped[flipped.length - 5] ^= 1;
  await refused(/damaged/, {}, flipped);
  await refused(/truncated|expected/, {}, bytes.subarray(0, bytes.length / 2));
  writeFileSync(path, flipped);
  assert.equal(await outcomeOf({ kind: 'encoder', path, replace: true }), unbroken.encoder);
  assert.ok(existsSync(path));
});

/** A file of this class with a digest that is right, after `change` to its tensors and its progress. */
function crafted(change: (tensors: Map<string, ArrayToStore>, progress: { step: number; matched: unknown }) => void) {
  const path = join(folder, 'crafted.safetensors');
  const [first, second] = [new Float32Array([1, 2, 3]), new Float32Array([4])];
  const model = new Map([
    ['a', fromArray(first, [3], 'float32')],
    ['b', fromArray(second, [1], 'float32')],
  ]);
  const keeper = () => new KeptConversion({ path, examples: 'x' }, model, { rate: 1 });
  const learning = new Map([['a', model.get('a') as Tensor]]);
  const optimizer = new AdamW(learning);
  for (let step = 1; step <= 2; step++) {
    (model.get('a') as Tensor).grad = fromArray([1, 1, 1], [3], 'float32');
    optimizer.step(0.1);
  }
  keeper().write({ step: 2, matched: null }, optimizer, true);
  const { tensors, metadata } = readSafetensors(path);
  const changed = new Map([...tensors].map(([name, { shape, load }]) => [name, { shape, data: load() }]));
  const progress = JSON.parse(metadata.get('progress') ?? '');
  change(changed, progress);
  const texts = new Map([...metadata].filter(([name]) => name !== 'digest'));
  texts.set('progress', JSON.stringify(progress));
  writeSafetensors(path, changed, texts, { digest: true });
  // As it is before anything is read.
  elements(model.get('a') as Tensor).set(first);
  const expected = { steps: 6, first: 3, layers: 2, learning: () => learning };
  return { model, read: () => keeper().read(expected) };
}

test('a file that was made up, with a digest that is right, is refused before anything is changed or made', () => {
  const numbers = (tensors: Map<string, ArrayToStore>, name: string) => tensors.get(name)?.data as Float32Array;
  const of = (array: NumericArray, shape = [array.length]): ArrayToStore => ({ shape, data: array });
  const cases: [RegExp, Parameters<typeof crafted>[0]][] = [
    [/1 missing \(optimizer\.a\.m\)/, (tensors) => tensors.delete('optimizer.a.m')],
    [/1 unexpected \(optimizer\.b\.m\)/, (tensors) => tensors.set('optimizer.b.m', of(new Float32Array(1)))],
    [/1 unexpected \(strange\)/, (tensors) => tensors.set('strange', of(new Float32Array(1)))],
    [
      /optimizer\.a\.v: expected float32 \[3\], got/,
      (tensors) => tensors.set('optimizer.a.v', of(new Float32Array(4))),
    ],
    [
      /optimizer\.a\.m: expected float32 \[3\], got/,
      (tensors) => tensors.set('optimizer.a.m', of(new Float64Array(3))),
    ],
    [/optimizer\.a\.m: expected finite/, (tensors) => numbers(tensors, 'optimizer.a.m').fill(Number.NaN, 2)],
    [/optimizer\.a\.v: expected numbers of at least 0/, (tensors) => numbers(tensors, 'optimizer.a.v').fill(-1, 2)],
    [/model\.b: expected finite/, (tensors) => numbers(tensors, 'model.b').fill(Number.POSITIVE_INFINITY)],
    [/optimizer\.step: expected 2, got 3/, (tensors) => numbers(tensors, 'optimizer.step').fill(3)],
    [/optimizer\.step: expected 1, got 2/, (_, progress) => Object.assign(progress, { step: 4, matched: [1, 1] })],
    [/matched: expected null/, (_, progress) => Object.assign(progress, { matched: [1, 1] })],
    [/matched: expected 2 distances/, (_, progress) => Object.assign(progress, { step: 4, matched: [1] })],
    [/step: expected an integer from 1 to 6/, (_, progress) => Object.assign(progress, { step: 7 })],
  ];
  for (const [message, change] of cases) {
    const { model, read } = crafted(change);
    let thrown: unknown;
    try {
      read();
    } catch (error) {
      thrown = error;
    }
    assert.instance(thrown, FileFormatError, `${message}`);
    assert.match((thrown as Error).message, message);
    assert.equal(
      [...model.values()].map((tensor) => [...elements(tensor)]),
      [[1, 2, 3], [4]],
      `${message}`,
    );
  }
  // As it was written it is taken, and the optimiser has its state.
  const { model, read } = crafted(() => {});
  const before = read();
  assert.is(before?.step, 2);
  assert.not.equal([...elements(model.get('a') as Tensor)], [1, 2, 3]);
  const optimizer = new AdamW(new Map([['a', model.get('a') as Tensor]]));
  before?.into(optimizer);
  assert.is(optimizer.state().get('step')?.item(), 2);
});

test.run();
