/** A checkpoint that is not what was written: a bit that flipped, metadata of another kind, other kernels, an old version. */
import { readFileSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FileFormatError } from '../../src/core/errors.ts';
import type { ArrayToStore } from '../../src/core/files/numbers.ts';
import { readSafetensors, writeSafetensors } from '../../src/core/files/safetensors.ts';
import { KERNEL_BUILDS, kernelBuild } from '../../src/core/kernels/simd.ts';
import { memoryStatistics } from '../../src/core/memory.ts';
import { setKernels } from '../../src/core/parallel/pool.ts';
import { kernelsOf, loadModel, previousOf, resumeRun, saveCheckpoint } from '../../src/training/checkpoint.ts';
import { endLearner, endRun, type RunSettings } from '../../src/training/run.ts';
import { train } from '../../src/training/trainer.ts';
import { freshPath, tinyRun } from './runs.ts';

async function someCheckpoint(settings: Partial<RunSettings> = {}): Promise<string> {
  const path = freshPath();
  const run = tinyRun({ steps: 2, ...settings });
  await train(run, { onCheckpoint: (each) => saveCheckpoint(path, each) });
  endRun(run);
  return path;
}

const checkpoint = await someCheckpoint();
const whole = readFileSync(checkpoint);

function refusal(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    assert.instance(error, FileFormatError, String((error as Error).stack));
    return (error as Error).message;
  }
  throw new Error('expected a FileFormatError, got none');
}

test('any bit that flipped is noticed, whoever reads the file', () => {
  const path = freshPath();
  const bits = fc.oneof(fc.nat(8 * whole.length - 1), fc.nat(8 * 2000));
  fc.assert(
    fc.property(bits, fc.boolean(), (bit, alone) => {
      const bytes = Buffer.from(whole);
      bytes[bit >> 3] ^= 1 << (bit & 7);
      writeFileSync(path, bytes);
      const message = refusal(() => (alone ? loadModel(path) : resumeRun(path)));
      assert.ok(message.startsWith(`${path}: `), message);
    }),
    { numRuns: 1500 },
  );
});

test('of a damaged number the message says so, and names the checkpoint before', () => {
  const path = freshPath();
  const bytes = Buffer.from(whole);
  bytes[bytes.length - 1] ^= 0x40;
  writeFileSync(path, bytes);
  const words = 'damaged: its bytes do not match the digest in its metadata';
  assert.is(
    refusal(() => loadModel(path)),
    `${path}: ${words}`,
  );
  writeFileSync(previousOf(path), whole);
  assert.is(
    refusal(() => resumeRun(path)),
    `${path}: ${words}; the checkpoint before it is ${previousOf(path)}`,
  );
});

/** A copy with other metadata, whose digest is right: from somebody who means harm, not from a bad disk. */
function withMetadata(change: (metadata: Map<string, string>) => void, path = freshPath()): string {
  const { tensors, metadata } = readSafetensors(checkpoint);
  const texts = new Map(metadata);
  texts.delete('digest');
  change(texts);
  const arrays = [...tensors].map(([name, { shape, load }]): [string, ArrayToStore] => [name, { shape, data: load() }]);
  writeSafetensors(path, arrays, texts, { digest: texts.get('version') === '2' });
  return path;
}

test('a checkpoint of the version before, which has no digest and no kernels, is read', () => {
  const old = withMetadata((metadata) => {
    metadata.set('version', '1');
    metadata.delete('kernels');
  });
  assert.not.ok(readSafetensors(old).metadata.has('digest'));
  const [model, run, now] = [loadModel(old), resumeRun(old), loadModel(checkpoint)];
  assert.equal([model.isVerified, run.isVerified, now.isVerified], [false, false, true]);
  assert.equal([model.kernels, run.kernels, now.kernels, kernelsOf(old)], [null, null, kernelBuild(), null]);
  assert.is(run.step, 2);
  endLearner(model.learner);
  endLearner(now.learner);
  endRun(run);
});

test('a digest cannot be left out of a version that has one', () => {
  const path = freshPath();
  const { tensors, metadata } = readSafetensors(checkpoint);
  const arrays = [...tensors].map(([name, { shape, load }]): [string, ArrayToStore] => [name, { shape, data: load() }]);
  writeSafetensors(
    path,
    arrays,
    [...metadata].filter(([key]) => key !== 'digest'),
  );
  assert.match(
    refusal(() => loadModel(path)),
    /damaged: expected a digest in the metadata, got none$/,
  );
});

test('the kernels of the last steps are kept', async () => {
  const usual = kernelBuild();
  try {
    for (const build of new Set(['plain', usual] as const)) {
      setKernels(build);
      assert.is(kernelBuild(), build);
      assert.is(kernelsOf(await someCheckpoint()), build);
    }
  } finally {
    setKernels(usual);
  }
  assert.ok(KERNEL_BUILDS.includes(usual));
});

/** Any JSON in place of any part of the metadata. */
const HOSTILE = [
  null,
  true,
  0,
  -1,
  0.5,
  1e308,
  2 ** 31,
  2 ** 53,
  '',
  'x',
  '__proto__',
  [],
  ['a'],
  [[]],
  {},
  { a: 1 },
  'constructor',
];
const NAMES = ['settings', 'step', 'random', 'kind', 'alphabet', 'model', 'kernels'];

/** All paths in a value, its own (the empty one) among them. */
function pathsIn(value: unknown): (string | number)[][] {
  if (typeof value !== 'object' || value === null) return [[]];
  return [[], ...Object.entries(value).flatMap(([key, inner]) => pathsIn(inner).map((path) => [key, ...path]))];
}

function replaced(value: unknown, [key, ...rest]: readonly (string | number)[], by: unknown): unknown {
  if (key === undefined) return by;
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<string | number, unknown>;
  copy[key] = replaced(copy[key], rest, by);
  return copy;
}

test('metadata of a wrong kind, anywhere in it: a typed error, or a checkpoint that is read', () => {
  const texts = readSafetensors(checkpoint).metadata;
  const places = NAMES.flatMap((name) => pathsIn(JSON.parse(texts.get(name)!)).map((path) => ({ name, path })));
  const path = freshPath();
  let refused = 0;
  fc.assert(
    fc.property(fc.constantFrom(...places), fc.constantFrom(...HOSTILE), ({ name, path: at }, value) => {
      const text = JSON.stringify(replaced(JSON.parse(texts.get(name)!), at, value));
      withMetadata((metadata) => metadata.set(name, text), path);
      for (const read of [loadModel, resumeRun]) {
        const before = memoryStatistics().liveBytes;
        try {
          const loaded = read(path);
          if ('optimizer' in loaded) endRun(loaded);
          else endLearner(loaded.learner);
        } catch (error) {
          assert.instance(error, FileFormatError, (error as Error).stack);
          refused++;
        }
        assert.is(memoryStatistics().liveBytes, before, 'what was made is released');
      }
    }),
    { numRuns: 500 },
  );
  assert.ok(refused > 500, `${refused} of 1000`);
});

test('what is wrong in metadata is named', () => {
  const refusals: [name: string, text: string, words: RegExp][] = [
    ['settings', 'null', /settings: expected an object( with options)?, got null$/],
    ['settings', '[]', /settings: expected an object( with options)?, got an empty list$/],
    ['settings', `${'['.repeat(5000)}${']'.repeat(5000)}`, /settings: expected JSON of at most 32 levels/],
    [
      'settings',
      `{"task":${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}}`,
      /settings: expected JSON of at most 32 levels/,
    ],
    ['settings', '{', /settings: expected JSON, got a text that is not/],
    ['step', '"2"', /step: expected an integer of at least 0, got '2'; without quotes it is a number$/],
    ['random', '{}', /random: expected a list, got an object$/],
    ['kind', '"constructor"', /kind: expected one of causal, masked/],
    ['alphabet', '["bytes"]', /alphabet: expected one of bytes, numbers, got a list of 1$/],
    ['model', 'true', /model: expected an object( with options)?, got true$/],
  ];
  for (const [name, text, words] of refusals) {
    assert.match(
      refusal(() => loadModel(withMetadata((metadata) => metadata.set(name, text)))),
      words,
    );
  }
  const settings = JSON.parse(readSafetensors(checkpoint).metadata.get('settings')!) as RunSettings;
  const task = { ...settings.task, text: ['a'] };
  const path = withMetadata((metadata) => metadata.set('settings', JSON.stringify({ ...settings, task })));
  assert.match(
    refusal(() => loadModel(path)),
    /settings\.task: |text: expected a text, got a list of 1$/,
  );
});

test.run();
