/** The judge of `npm run fuzz` sees what it is there to see, and a case is the same whenever it is drawn. */
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fuzz, replay, streamOf, TARGETS } from '../../scripts/fuzz/campaign.ts';
import type { Target } from '../../scripts/fuzz/target.ts';
import { ArgumentError } from '../../src/core/errors.ts';
import { keep, scope } from '../../src/core/scope.ts';
import { zeros } from '../../src/core/tensor.ts';
import { temporaryFolder } from '../core/temporary-folder.ts';

const folder = temporaryFolder();
const held: unknown[] = [];

/** Reads what `fault` makes of every tenth case. */
function targetThat(fault: () => unknown): Target {
  return {
    name: 'test',
    summary: 'a reader with a fault',
    share: 1,
    releases: true,
    tensorBytes: 2 ** 20,
    prepare: () => ({
      draw: (random) => ({ files: new Map([['a/file', Buffer.from([random.integer(10)])]]), words: ['word'] }),
      read: (at) => (readFileSync(join(at, 'a/file'))[0] === 7 ? fault() : undefined),
    }),
  };
}

const problemsOf = async (fault: () => unknown, kept: string | null = null) => {
  const { failures, accepted, cases } = await fuzz({
    target: targetThat(fault),
    seed: 1,
    from: 0,
    cases: 60,
    keep: kept,
  });
  return { failures, accepted, cases };
};

test('errors of ours are as it should be; every other one is a failure, and so is what is kept or too large', async () => {
  const refuse = () => {
    throw new ArgumentError('refused');
  };
  const { failures, accepted, cases } = await problemsOf(refuse);
  assert.equal(failures, []);
  assert.ok(accepted < cases);
  const faults: [() => unknown, RegExp][] = [
    [() => (null as never as { x: number }).x, /^TypeError/],
    [() => Promise.reject(new RangeError('later')), /^RangeError: later/],
    [
      () => {
        throw 'text';
      },
      /^thrown: text/,
    ],
    [() => held.push(keep(zeros([8]))), /^keeps \d+ bytes of tensors/],
    [() => scope(() => void zeros([2 ** 19])), /^tensors of \d+ bytes at once/],
  ];
  for (const [fault, words] of faults) {
    const found = (await problemsOf(fault)).failures;
    assert.match(found[0].problem, words);
    assert.ok(found[0].times > 1, 'the same again and again is told once');
  }
});

test('a failing case is kept, and fails again when it is replayed', async () => {
  const fault = () => {
    throw new TypeError('again');
  };
  const { failures } = await problemsOf(fault, folder);
  const [{ kept, number }] = failures;
  assert.ok(kept !== null && existsSync(join(kept, 'files', 'a', 'file')));
  const record = JSON.parse(readFileSync(join(kept as string, 'case.json'), 'utf8'));
  assert.equal([record.target, record.seed, record.number, record.words], ['test', 1, number, ['word']]);
  let thrown: unknown;
  await replay(kept as string, targetThat(fault), record.words).catch((error) => {
    thrown = error;
  });
  assert.is((thrown as Error).message, 'again');
});

test('a case is a function of its number: the same whatever was drawn before it', async () => {
  for (const target of TARGETS) {
    const prepared = await target.prepare(mkdtempSync(join(folder, 'samples-')));
    const draw = (number: number) => {
      const { files, words } = prepared.draw(streamOf(target.name, 3, number));
      return JSON.stringify([[...files].map(([name, bytes]) => [name, Buffer.from(bytes).toString('base64')]), words]);
    };
    const numbers = Array.from({ length: 60 }, (_, n) => n);
    const forwards = numbers.map(draw);
    assert.equal(numbers.toReversed().map(draw).toReversed(), forwards, target.name);
    assert.ok(new Set(forwards).size > 40, target.name);
  }
});

test('the targets have distinct names, and all readers are among them', () => {
  const names = TARGETS.map(({ name }) => name);
  assert.is(new Set(names).size, names.length);
  for (const name of [
    'npy',
    'safetensors',
    'qkv',
    'text',
    'checkpoint',
    'import',
    'pretrained',
    'tokenizer',
    'command-line',
  ]) {
    assert.ok(names.includes(name), name);
  }
});

test.run();
