/** Texts by class: which are read, of which part and class, how much of them, and what is refused. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, FileFormatError } from '../../../src/core/errors.ts';
import { memoryStatistics } from '../../../src/core/memory.ts';
import { Random } from '../../../src/core/random.ts';
import { loadModel, resumeRun, saveCheckpoint } from '../../../src/training/checkpoint.ts';
import { convertModel } from '../../../src/training/conversion/learner.ts';
import { evaluate } from '../../../src/training/evaluate.ts';
import { endRun, runDefaults, startRun } from '../../../src/training/run.ts';
import { openTask } from '../../../src/training/tasks/registry.ts';
import type { Part } from '../../../src/training/tasks/task.ts';
import { temporaryFolder } from '../../core/temporary-folder.ts';
import { expectThrows } from '../../laws/laws/expect-throws.ts';

const own = temporaryFolder();
let folders = 0;

/** A folder of these files. */
function folderOf(files: Readonly<Record<string, string | Uint8Array>>): string {
  const folder = join(own, String(folders++));
  mkdirSync(folder);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

const open = (text: string, length = 16) => openTask('text-classification', { length, text });

/** What comes in many draws, as `class text`. */
function drawn(task: ReturnType<typeof open>, part: Part): Set<string> {
  const random = new Random(1);
  const texts = Array.from({ length: 200 }, () => {
    const { tokens, targets } = task.draw(part, random);
    return `${targets[0]} ${Buffer.from(Uint8Array.from(tokens)).toString()}`;
  });
  return new Set(texts);
}

const LAID_OUT = {
  'train/neg/0_2.txt': 'dull',
  'train/neg/1_1.txt': 'far too long, and dull',
  'train/pos/0_9.txt': 'good',
  'test/neg/0_3.txt': 'bad',
  'test/pos/0_8.txt': 'moving',
};

test('each text has the class of its folder and stays in its part; what else lies there is not read', () => {
  const more = {
    'train/unsup/0_0.txt': 'who knows',
    'train/pos/urls.csv': 'no text',
    README: 'none',
    'test/note.txt': 'no',
  };
  const task = open(folderOf({ ...LAID_OUT, ...more }));
  assert.is(task.classes, 2);
  assert.is(task.chance, 1 / 2);
  assert.equal([...drawn(task, 'training')].sort(), ['0 dull', '0 far too long, an', '1 good']);
  assert.equal([...drawn(task, 'held-out')].sort(), ['0 bad', '1 moving']);
});

test('classes are as many as there are folders, in the order of their names', () => {
  const names = ['b', 'a', 'Z', 'ä'];
  const files = names.flatMap((name) => ['train', 'test'].map((part) => [`${part}/${name}/1.txt`, `${part} ${name}`]));
  const task = open(folderOf(Object.fromEntries(files)));
  assert.is(task.classes, 4);
  assert.equal([...drawn(task, 'held-out')].sort(), ['0 test Z', '1 test a', '2 test b', '3 test ä']);
});

test('of a text as many whole characters are read as fit into the length', () => {
  const characters = fc.array(fc.constantFrom('a', 'é', '語', '😀'), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(characters, fc.integer({ min: 4, max: 50 }), (text, length) => {
      let expected = '';
      for (const each of text) {
        if (Buffer.byteLength(expected + each) > length) break;
        expected += each;
      }
      const task = open(folderOf({ ...LAID_OUT, 'test/pos/0_8.txt': text.join('') }), length);
      const found = [...drawn(task, 'held-out')].filter((each) => each.startsWith('1'));
      assert.equal(found, [`1 ${expected}`]);
    }),
    { numRuns: 15 },
  );
});

test('a folder that is laid out otherwise is refused by the path that is wrong, with the layout', () => {
  const without = (...gone: string[]) =>
    Object.fromEntries(Object.entries(LAID_OUT).filter(([name]) => !gone.some((each) => name.startsWith(each))));
  for (const [files, at, problem] of [
    [without('train'), 'train', 'expected a folder'],
    [without('test'), 'test', 'expected a folder'],
    [without('test/pos'), 'test', 'got 1'],
    [without('train/pos'), 'train/pos', 'as test has this class'],
    [{ ...without('train/pos'), 'train/pos/note': 'x' }, 'train/pos', 'got 0'],
  ] as const) {
    const folder = folderOf(files);
    const complaint = (error: unknown) =>
      error instanceof FileFormatError &&
      error.message.startsWith(`${join(folder, at)}: `) &&
      error.message.includes(problem) &&
      error.message.includes('train/CLASS/*.txt');
    assert.throws(() => open(folder), complaint, `${at}: ${problem}`);
  }
  expectThrows(FileFormatError, join(own, 'none'), () => open(join(own, 'none')));
});

test('a text that is empty or in another encoding is refused by its path', () => {
  for (const content of ['', '\ufeff', Uint8Array.of(0x63, 0xe9, 0x20)]) {
    const folder = folderOf({ ...LAID_OUT, 'train/pos/0_9.txt': content });
    expectThrows(FileFormatError, join(folder, 'train/pos/0_9.txt'), () => open(folder));
  }
  expectThrows(ArgumentError, 'text', () => openTask('text-classification', { length: 64, text: 7 as never }));
});

test('a model of as many classes as there were is not evaluated, resumed or converted on more', async () => {
  const folder = folderOf(LAID_OUT);
  const model = { layers: 1, modelDim: 8, heads: 2, attention: { variant: 'full' } };
  const task = { name: 'text-classification', length: 16, text: folder };
  const run = startRun({ ...runDefaults, task, model, schedule: { kind: 'constant', rate: 0 } });
  const path = join(own, 'model.safetensors');
  saveCheckpoint(path, run);
  endRun(resumeRun(path));
  for (const part of ['train', 'test']) {
    mkdirSync(join(folder, part, 'so-so'));
    writeFileSync(join(folder, part, 'so-so', '0_5.txt'), 'it was a film');
  }
  const problem = `expected one of 2 classes, as the model has, got 3 in ${folder}`;
  const says = (kind: typeof ArgumentError | typeof FileFormatError) => (error: unknown) =>
    error instanceof kind && error.message.endsWith(problem);
  const settings = { examples: 2, batch: 2, seed: 0 };
  assert.throws(() => evaluate(run.learner, open(folder), settings), says(ArgumentError));
  const trained = loadModel(path);
  const before = memoryStatistics().liveBytes;
  assert.throws(() => resumeRun(path), says(FileFormatError));
  const conversion = { steps: 0, rate: 1e-3, train: 'all', seed: 0, heldOut: 1, batch: 1 } as const;
  const refused = await convertModel(trained, { ...conversion, attention: { variant: 'longformer' } }).then(
    () => null,
    (error: unknown) => error,
  );
  assert.ok(says(ArgumentError)(refused), String(refused));
  assert.is(memoryStatistics().liveBytes, before);
  endRun(run);
});

test.run();
