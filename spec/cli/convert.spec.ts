/** `convert`: what it prints and writes, and what it refuses. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../src/training/checkpoint.ts';
import { attentionsOf } from '../../src/training/config.ts';
import { answerTo, outputOf, temporaryFolder } from './host.ts';

const folder = temporaryFolder();
const trained = join(folder, 'trained');
const SMALL = ['--layers', '2', '--model-dim', '16', '--heads', '2', '--evaluation-examples', '4', '--steps', '4'];
await outputOf(['train', 'copy', '--length', '16', ...SMALL, '--threads', '1', '--out', trained]);
const QUICK = ['--checkpoint', trained, '--examples', '4', '--batch', '4', '--threads', '1'];

test('the numbers of a conversion are printed, and written for programs; the model is a checkpoint like others', async () => {
  const [out, json] = [join(folder, 'out'), join(folder, 'numbers.json')];
  const words = ['convert', ...QUICK, '--to', 'local-attention', '--option', 'chunkLength=2', '--steps', '4'];
  const told = await outputOf([...words, '--out', out, '--json', json]);
  const { report: _, ...numbers } = JSON.parse(readFileSync(json, 'utf8'));
  assert.is(numbers.steps, 4);
  assert.is(numbers.stopped, false);
  assert.is(numbers.options.chunkLength, 2);
  assert.equal(
    numbers.models.map(({ model }: { model: string }) => model),
    ['original', 'swapped', 'converted'],
  );
  for (const part of ['swapped', 'matched', 'converted']) assert.is(numbers.drift[part].length, 2);
  for (const word of ['full → local-attention: 4 steps', 'nats a target', 'matched', `${out}/checkpoint.safetensors`]) {
    assert.ok(told.includes(word), `${word} in ${told}`);
  }
  const { learner, step } = loadModel(join(out, 'checkpoint.safetensors'));
  assert.is(step, 4);
  assert.equal(
    attentionsOf(learner.model.config).map(({ variant, options }) => [variant, options?.chunkLength]),
    [['local-attention', 2]],
  );
  await outputOf(['eval', '--checkpoint', out, '--examples', '4']);
  await outputOf(['train', '--resume', out, '--steps', '6', '--threads', '1']);

  const again = await answerTo([...words, '--out', out]);
  assert.is(again.code, 2);
  assert.match(again.err, /already has .* in it/);
});

test('an attention that leaves nothing out of such texts is said to be the same', async () => {
  const same = /Nothing to learn: on texts of this length the swapped attention gives what the original gives/;
  const words = ['convert', ...QUICK, '--steps', '0', '--to', 'local-attention', '--option'];
  assert.match(await outputOf([...words, 'chunkLength=16']), same);
  assert.not.match(await outputOf([...words, 'chunkLength=2']), same);
});

test('a conversion without time stops after a step and is saved; the same command continues it to the same bytes', async () => {
  const [out, whole] = ['stopped', 'unbroken'].map((name) => join(folder, name));
  const words = ['convert', ...QUICK, '--to', 'performer', '--match', 'weights', '--steps', '4', '--out'];
  const told = await outputOf([...words, out, '--minutes', '0']);
  assert.match(told, /performer: 1 of 4 steps[\s\S]*Stopped early: the same command continues/);
  const checkpoint = join(out, 'checkpoint.safetensors');
  assert.is(loadModel(checkpoint).step, 1);
  const other = await answerTo([...words, out, '--rate', '0.1']);
  assert.is(other.code, 1);
  assert.match(
    other.err,
    /unfinished\.safetensors: of another conversion: rate 0\.005, now 0\.1\. To begin again, add --overwrite$/m,
  );
  const seeded = await answerTo([...words, out, '--seed', '1']);
  assert.match(seeded.err, /of another conversion: seed 0, now 1\. To begin again/);
  const { code, err, out: said } = await answerTo([...words, out]);
  assert.is(code, 0, err);
  assert.match(err, /Continues after step 1/);
  assert.match(said, /performer: 4 steps/);
  await outputOf([...words, whole]);
  assert.equal(readFileSync(checkpoint), readFileSync(join(whole, 'checkpoint.safetensors')));
  assert.not.ok(existsSync(join(out, 'unfinished.safetensors')));
  assert.match((await answerTo([...words, out])).err, /already has .* in it/);
  // Begins again where it may replace.
  await outputOf([...words, out, '--overwrite', '--minutes', '0']);
  assert.match(await outputOf([...words, out, '--overwrite', '--rate', '0.1']), /performer: 4 steps/);
});

test('a conversion that reads a folder of texts continues with no other folder', async () => {
  const texts = ['one', 'other'].map((name) => join(folder, 'texts', name));
  for (const path of texts.flatMap((each) =>
    ['train/a', 'train/b', 'test/a', 'test/b'].map((own) => join(each, own)),
  )) {
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, 'only.txt'), `a text of ${path.at(-1)}`);
  }
  const [model, out] = ['by-class', 'stopped-by-class'].map((name) => join(folder, name));
  const small = [...SMALL, '--threads', '1', '--positions', 'learned', '--length', '12'];
  await outputOf(['train', 'text-classification', ...small, '--text', texts[0], '--out', model]);
  const few = ['--examples', '4', '--batch', '4', '--steps', '4', '--threads', '1', '--out', out];
  const words = ['convert', '--checkpoint', model, '--to', 'performer', ...few, '--text'];
  await outputOf([...words, texts[0], '--minutes', '0']);
  const { code, err } = await answerTo([...words, texts[1]]);
  assert.is(code, 1);
  assert.match(err, /unfinished\.safetensors: of another conversion: examples/);
  assert.match(await outputOf([...words, texts[0]]), /performer: 4 steps/);
});

test('a conversion that was stopped and then trained on is not replaced unless asked for', async () => {
  const out = join(folder, 'trained-on');
  const words = ['convert', ...QUICK, '--to', 'performer', '--steps', '4', '--out', out];
  await outputOf([...words, '--minutes', '0']);
  await outputOf(['train', '--resume', out, '--steps', '6', '--threads', '1']);
  const { code, err } = await answerTo(words);
  assert.is(code, 2);
  assert.match(err, /already has .* in it/);
  assert.is(loadModel(join(out, 'checkpoint.safetensors')).step, 6);
  await outputOf([...words, '--overwrite']);
});

test('what is wrong is said before anything is written', async () => {
  const out = join(folder, 'never');
  const refused = async (message: RegExp, ...words: string[]) => {
    const { code, err } = await answerTo(['convert', ...words, '--out', out]);
    assert.is(code, 2, words.join(' '));
    assert.match(err, message);
    assert.not.ok(existsSync(join(out, 'checkpoint.safetensors')));
  };
  await refused(/--to: expected the VARIANT/, ...QUICK);
  await refused(/--checkpoint: expected either a FILE/, '--to', 'performer');
  await refused(/--to: .*performer/, ...QUICK, '--to', 'performr');
  await refused(/causal/, ...QUICK, '--to', 'bigbird');
  await refused(/--option: .*window/, ...QUICK, '--to', 'full', '--option', 'window=2');
  await refused(/--text: expected none/, ...QUICK, '--to', 'performer', '--text', 'README.md');
  await refused(/--json/, ...QUICK, '--to', 'performer', '--json', join(folder, 'no', 'such', 'folder.json'));
});

test('errors name their option, and what would be lost or learn nothing is refused', async () => {
  const [short, strange, foreign] = ['short.txt', 'strange.txt', 'foreign'].map((name) => join(folder, name));
  writeFileSync(short, 'short');
  writeFileSync(strange, new Uint8Array(4096).fill(0xff));
  mkdirSync(foreign);
  writeFileSync(join(foreign, 'notes.txt'), 'mine');
  const read = ['--checkpoint', 'fixtures/byte-lm.safetensors', '--to', 'performer'];
  const refused = async (message: RegExp, ...words: string[]) => {
    const { code, out, err } = await answerTo(['convert', ...words]);
    assert.ok(code > 0);
    assert.is(out, '');
    assert.match(err, message);
  };
  await refused(/^Error: --checkpoint: nofile/, '--checkpoint', 'nofile', '--to', 'performer');
  // A path is named as it was given, or as its files are.
  for (const nowhere of ['nofile', './nofile', 'nofile/']) {
    await refused(
      /^Error: --pretrained: nofile.config\.json/,
      '--pretrained',
      nowhere,
      '--to',
      'performer',
      '--text',
      short,
    );
  }
  await refused(/^Error: --text: nofile/, ...read, '--text', 'nofile');
  await refused(/^Error: --text: expected at least/, ...read, '--text', short);
  await refused(/^Error: --text: .*strange\.txt/, ...read, '--text', strange);
  await refused(/^Error: --to: .*linformer cannot be causal/, ...QUICK, '--to', 'linformer');
  await refused(/^Error: --to: unknown variant 'glaa': did you mean 'gla'/, ...QUICK, '--to', 'glaa');
  const usual = [...QUICK, '--to', 'performer'];
  await refused(/^Error: --train: unknown choice 'some'/, ...usual, '--train', 'some');
  await refused(/^Error: --match: unknown choice 'weight': did you mean 'weights'/, ...usual, '--match', 'weight');
  const near = [...QUICK, '--to', 'local-attention', '--match', 'weights'];
  await refused(/^Error: --match: expected 'outputs', because local-attention does not give every key/, ...near);
  await refused(/^Error: --batch: expected an integer from 1 to/, ...usual, '--batch', '100000000');
  await refused(/^Error: --rate: expected a number above 0/, ...usual, '--rate', '0');
  await refused(/^Error: --overwrite: is for --out/, ...usual, '--overwrite');
  const where = /^Error: --out: expected another folder than .*trained, where the model comes from/;
  // Without --overwrite, too: to add it would not help.
  await refused(where, ...usual, '--out', trained);
  await refused(where, ...usual, '--out', trained, '--overwrite');
  const encoder = join('fixtures', 'pretrained', 'bert-model');
  await refused(
    /^Error: --out: expected another folder than .*bert-model, where/,
    '--pretrained',
    encoder,
    '--to',
    'performer',
    '--ids',
    short,
    '--out',
    encoder,
  );
  await refused(
    where,
    '--checkpoint',
    join(trained, 'checkpoint.safetensors'),
    ...usual.slice(2),
    '--out',
    trained,
    '--overwrite',
  );
  await refused(/^Error: --out: cannot write README\.md: /, ...usual, '--out', 'README.md');
  await refused(/^Error: --out: .*foreign already has notes\.txt in it, and no model/, ...usual, '--out', foreign);
  assert.equal(readdirSync(foreign), ['notes.txt']);
});

test.run();
