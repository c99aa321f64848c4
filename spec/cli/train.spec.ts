import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { run } from '../../src/commands/run.ts';
import { trainOptions } from '../../src/commands/train-options.ts';
import { planOf } from '../../src/commands/train-plan.ts';
import { describeEvaluation } from '../../src/commands/training-report.ts';
import { parseArguments } from '../../src/terminal/arguments.ts';
import { loadModel, resumeRun, saveCheckpoint } from '../../src/training/checkpoint.ts';
import { readMetrics } from '../../src/training/metrics.ts';
import { type NamedRun, type Recipe, runsOf } from '../../src/training/recipes/recipe.ts';
import { recipes } from '../../src/training/recipes/registry.ts';
import { endRun, startRun } from '../../src/training/run.ts';
import { answerTo, outputOf, RUN_FILES, temporaryFolder } from './host.ts';

/** A run of a second. */
const TINY = [
  ...['--length', '16', '--layers', '1', '--model-dim', '16', '--heads', '2', '--batch', '4'],
  ...['--evaluation-examples', '8', '--dropout', '0.1'],
];
const tiny = (...args: string[]) => ['train', 'copy', ...TINY, ...args];
const bytes = (path: string) => readFileSync(path);

const folder = temporaryFolder();
let folders = 0;
const freshFolder = () => join(folder, String(folders++));

test('a run: what it is, a line for each look, a table, and its files', async () => {
  const out = join(freshFolder(), 'a');
  const text = await outputOf(tiny('--steps', '6', '--evaluate-every', '2', '--out', out));
  assert.match(text, /^copy: Repeat a sequence/);
  assert.match(text, /1 layer of width 16 with 2 heads, [\d.]+k parameters; 4 examples of at most 16 tokens a step/);
  assert.match(text, /To beat: accuracy [\d.]+% by the most frequent answer/);
  assert.is(text.match(/^step [246] .* held out: loss [\d.]+, accuracy [\d.]+%/gm)?.length, 3);
  assert.match(text, /^full +6 .*\n─/m);
  assert.match(text, /^most frequent .*%$/m);
  assert.equal(readdirSync(out).sort(), RUN_FILES);

  const lines = readMetrics(join(out, 'metrics.jsonl'));
  assert.equal(
    lines.flatMap(({ kind, step }) => (kind === 'evaluation' ? [step] : [])),
    [2, 4, 6],
  );
  const { task, recipe, results } = JSON.parse(readFileSync(join(out, 'results.json'), 'utf8'));
  assert.equal([task, recipe, results.length, results[0].variant, results[0].steps], ['copy', null, 1, 'full', 6]);
  assert.is(results[0].loss, lines.at(-1)?.loss);
});

test('the curves are one page without anything from elsewhere', async () => {
  const out = freshFolder();
  await outputOf(tiny('--steps', '4', '--evaluate-every', '1', '--sweep', 'full,longformer', '--out', out));
  const page = readFileSync(join(out, 'curves.html'), 'utf8');
  assert.match(page, /^<!doctype html>[\s\S]*<\/html>\s*$/);
  assert.not.match(page, /<(script|link|iframe|object|embed|base|img)\b|\son\w+=|@import|url\((?!#)/i);
  assert.is(page.match(/<figure/g)?.length, 5);
  for (const name of ['full', 'longformer', 'Loss over steps', 'Accuracy over time'])
    assert.ok(page.includes(name), name);
});

test('the curves of one run show its training and its held-out losses', async () => {
  const out = freshFolder();
  await outputOf(tiny('--steps', '4', '--evaluate-every', '1', '--out', out));
  const page = readFileSync(join(out, 'curves.html'), 'utf8');
  for (const text of [
    'held out, step 4: ',
    'training, step 4: ',
    '>loss, nats<',
    '>steps<',
    '>time<',
    'by frequencies alone',
  ])
    assert.ok(page.includes(text), text);
});

test('every option arrives in the checkpoint', async () => {
  const out = freshFolder();
  await outputOf([
    ...['train', 'duplication', '--attention', 'reformer', '--option', 'numHashes=2', '--option', 'chunkLength=4'],
    ...['--length', '12', '--symbols', '5', '--layers', '2', '--model-dim', '12', '--heads', '3', '--dropout', '0.2'],
    ...[
      '--positions',
      'axial',
      '--reversible',
      '--steps',
      '3',
      '--batch',
      '6',
      '--parts',
      '3',
      '--optimizer',
      'adafactor',
    ],
    ...[
      '--rate',
      '0.02',
      '--warmup',
      '1',
      '--decay',
      'linear',
      '--clip',
      '0.5',
      '--seed',
      '9',
      '--evaluate-every',
      '2',
    ],
    ...['--evaluation-examples', '5', '--checkpoint-every', '2', '--out', out, '--threads', '1'],
  ]);
  const { settings, step } = loadModel(join(out, 'checkpoint.safetensors'));
  assert.is(step, 3);
  assert.equal(settings, {
    task: { name: 'duplication', length: 12, symbols: 5 },
    model: {
      ...{ layers: 2, modelDim: 12, heads: 3, dropout: 0.2, positions: 'axial', residual: 'reversible' },
      attention: { variant: 'reformer', options: { numHashes: 2, chunkLength: 4 } },
    },
    optimizer: { kind: 'adafactor' },
    schedule: { kind: 'linear', peak: 0.02, warmup: 1, total: 3 },
    ...{
      steps: 3,
      batch: 6,
      parts: 3,
      clip: 0.5,
      seed: 9,
      evaluateEvery: 2,
      evaluationExamples: 5,
      checkpointEvery: 2,
    },
  });
});

test('Ctrl-C stops after the step; resumed, the run ends with the bytes of one that was not interrupted', async () => {
  const [whole, broken] = [freshFolder(), freshFolder()];
  const args = tiny('--steps', '8', '--evaluate-every', '3');
  await outputOf([...args, '--out', whole]);

  let text = '';
  const stdout = {
    write(part: string) {
      text += part;
      if (/^step 3 /.test(part)) process.emit('SIGINT');
    },
  };
  assert.is(await run([...args, '--out', broken], { stdout, stderr: stdout }), 130);
  const checkpoint = join(broken, 'checkpoint.safetensors');
  // It came while the third was looked at.
  assert.is(loadModel(checkpoint).step, 4);
  assert.match(text, /^full +4 /m);
  assert.is(process.listenerCount('SIGINT'), 0);

  const resumed = await outputOf(['train', '--resume', broken]);
  assert.match(resumed, /^From step 4 of 8\n/);
  assert.is(Buffer.compare(bytes(checkpoint), bytes(join(whole, 'checkpoint.safetensors'))), 0);
  const figures = (of: string) =>
    readMetrics(join(of, 'metrics.jsonl')).flatMap((line) =>
      line.kind === 'evaluation' ? [[line.step, line.loss]] : [],
    );
  assert.equal(
    figures(broken).filter(([step]) => step !== 4),
    figures(whole),
  );
});

test('from the checkpoint before the last, in a process that died after it', async () => {
  const out = freshFolder();
  await outputOf(tiny('--steps', '6', '--checkpoint-every', '2', '--out', out));
  const [last, previous] = ['checkpoint', 'checkpoint.previous'].map((name) => join(out, `${name}.safetensors`));
  const expected = bytes(last);
  assert.match(await outputOf(['train', '--resume', previous]), /^From step 4 of 6\n/);
  assert.is(Buffer.compare(bytes(last), expected), 0);
  assert.equal(
    readMetrics(join(out, 'metrics.jsonl')).map(({ kind, step }) => [kind, step]),
    [
      ['steps', 2],
      ['steps', 4],
      ['steps', 6],
      ['evaluation', 6],
    ],
  );
});

test('a sweep: one table, a folder for each variant, all else the same', async () => {
  const out = freshFolder();
  const text = await outputOf(tiny('--steps', '3', '--sweep', 'full,linear-transformer,light-conv', '--out', out));
  assert.is(text.match(/^(full|linear-transformer|light-conv) +3 /gm)?.length, 3);
  assert.equal(readdirSync(out).sort(), ['curves.html', 'full', 'light-conv', 'linear-transformer', 'results.json']);
  const settings = ['full', 'light-conv'].map((name) => {
    const { model, ...others } = loadModel(join(out, name, 'checkpoint.safetensors')).settings;
    return { ...others, model: { ...model, attention: null } };
  });
  assert.equal(settings[0], settings[1]);
});

test('a sweep of a task of recall draws it against the bytes of the states, and so does its page', async () => {
  const out = freshFolder();
  const text = await outputOf(tiny('--steps', '2', '--sweep', 'full,linear-transformer', '--out', out));
  assert.match(text, /^attention .* state +/m);
  // Of 16 tokens, and of one layer of width 16 with two heads.
  assert.match(text, /^full +2 .* 2\.00 KiB /m);
  assert.match(text, /^Recall against the state of all layers after 16 tokens\n +100% │/m);
  assert.match(text, /^ +A full +B linear-transformer$/m);
  const { results } = JSON.parse(readFileSync(join(out, 'results.json'), 'utf8'));
  assert.is(results[0].stateBytes, 2048);
  const page = readFileSync(join(out, 'curves.html'), 'utf8');
  for (const part of ['Recall against the size of the state', 'full, 2.00 KiB: ', 'linear-transformer, '])
    assert.ok(page.includes(part), part);
  const alone = await outputOf(tiny('--steps', '2', '--out', freshFolder()));
  assert.not.match(alone, /Recall against/);
});

test('a task whose accuracy is no recall is not drawn so, and classifiers have no state', async () => {
  const steps = ['--steps', '1', '--sweep', 'full,linformer'];
  const text = await outputOf(['train', 'listops', ...TINY, ...steps, '--out', freshFolder()]);
  assert.not.match(text, /Recall against|attention .* state/);
  const tracked = await outputOf([
    ...['train', 'state-tracking', ...TINY, '--group', 's3', '--steps', '1', '--sweep', 'full,deltanet'],
    ...['--out', freshFolder()],
  ]);
  assert.match(tracked, /^attention .* state +/m);
  assert.not.match(tracked, /Recall against/);
});

test('a recipe of layers that differ names them all, and draws its recall', async () => {
  const out = freshFolder();
  const args = ['--recipe', 'mqar', '--sweep', 'full,deltanet', '--minutes', '0.002', '--out', out];
  const text = await outputOf(['train', ...args]);
  assert.match(text, /^Recall against the state of all layers after 64 tokens\n/m);
  const { results } = JSON.parse(readFileSync(join(out, 'results.json'), 'utf8'));
  assert.equal(
    results.map(({ name, variant }: { name: string; variant: string }) => [name, variant]),
    [
      ['full', 'light-conv+full'],
      ['deltanet', 'light-conv+deltanet'],
    ],
  );
  assert.ok(readFileSync(join(out, 'curves.html'), 'utf8').includes('>deltanet</text>'));
});

test('a recipe that is gone on with is held against its goal', async () => {
  const out = freshFolder();
  const aTenth = ['--minutes', '0.002'];
  await outputOf(['train', '--recipe', 'listops', '--sweep', 'longformer', ...aTenth, '--out', out]);
  const text = await outputOf(['train', '--resume', out, ...aTenth]);
  assert.match(text, /^Recipe listops: .*\nGoal: accuracy at least 10 percentage points above /m);
  assert.match(text, /^longformer +\d+ /m);
  assert.match(text, /^The goal is checked at the end, at step 300\.$/m);
  assert.is(JSON.parse(readFileSync(join(out, 'results.json'), 'utf8')).recipe, 'listops');
});

test('a recipe that is gone on with to its end is judged by its goal', async () => {
  const recipe = recipes.find(({ name }) => name === 'listops') as Recipe;
  const { settings } = runsOf(recipe).find(({ name }) => name === 'light-conv') as NamedRun;
  const out = freshFolder();
  mkdirSync(out);
  const begun = startRun(settings);
  saveCheckpoint(join(out, 'checkpoint.safetensors'), { ...begun, step: settings.steps - 1 });
  endRun(begun);
  const text = await outputOf(['train', '--resume', out]);
  // It has taken one step.
  assert.match(text, /^The goal was not reached by light-conv\.$/m);
  assert.is(JSON.parse(readFileSync(join(out, 'results.json'), 'utf8')).results[0].reached, false);
});

test('with --minutes a run ends by the clock', async () => {
  const out = freshFolder();
  await outputOf(tiny('--minutes', '0.002', '--sweep', 'full,longformer', '--out', out));
  for (const name of ['full', 'longformer']) assert.ok(loadModel(join(out, name, 'checkpoint.safetensors')).step >= 1);
});

test('a run that meets NaN ends with the op that made it; in a sweep the others go on', async () => {
  const wild = ['--rate', '1e38', '--warmup', '0', '--optimizer', 'sgd', '--clip', '0', '--steps', '5'];
  const one = await answerTo(tiny(...wild, '--out', freshFolder()));
  assert.is(one.code, 1);
  assert.match(one.err, /^Error: (loss|gradient): .* at step \d: \S+/);
  const several = await answerTo(tiny(...wild, '--sweep', 'full,longformer', '--out', freshFolder()));
  assert.is(several.code, 1);
  assert.match(several.err, /^full: (loss|gradient): .*\nlongformer: /);
  assert.match(several.out, /^longformer .* –$/m);
});

test('a line of an evaluation breaks between values, not within one', () => {
  const evaluation = { kind: 'evaluation', step: 100, loss: 0.1, accuracy: 1, seconds: 65, examples: 8 } as const;
  const steps = {
    kind: 'steps',
    step: 100,
    loss: 2.3,
    tokensPerSecond: 9,
    seconds: 65,
    gradientNorm: 1,
    learningRate: 1,
  } as const;
  for (let width = 24; width <= 100; width++) {
    const lines = describeEvaluation(evaluation, steps, width).split('\n');
    assert.ok(
      lines.every((line) => line.length <= width),
      `${width}: ${lines.join('|')}`,
    );
    for (const value of ['loss 2.30', 'held out: loss 0.100', 'accuracy 100%', '1 min 05 s']) {
      assert.ok(
        lines.some((line) => line.includes(value)),
        `${width}: ${lines.join('|')}`,
      );
    }
  }
});

test('a checkpoint is not lost by accident', async () => {
  const out = freshFolder();
  const args = tiny('--steps', '1', '--out', out);
  await outputOf(args);
  const { code, out: shown, err } = await answerTo(args);
  assert.equal([code, shown], [2, '']);
  assert.match(
    err,
    /^Error: --out: .* already has a finished run in it: train it longer with .*--overwrite, .*another folder/,
  );
  assert.ok(err.includes(`train --resume ${out} --steps 2, replace`), err);
  await outputOf([...args, '--overwrite']);
  // Of a run that was stopped, the command goes on as it is.
  await outputOf(tiny('--steps', '2', '--checkpoint-every', '1', '--out', out, '--overwrite'));
  copyFileSync(join(out, 'checkpoint.previous.safetensors'), join(out, 'checkpoint.safetensors'));
  const stopped = await answerTo(args);
  assert.ok(
    stopped.err.includes(`already has a run in it: resume it with npm start -- train --resume ${out}, `),
    stopped.err,
  );
});

test('curves.html of another origin is not replaced, with --overwrite or by a run that goes on', async () => {
  const foreign = '<!doctype html><title>My sales</title>';
  const [out, sweep] = [freshFolder(), freshFolder()];
  await outputOf(tiny('--steps', '1', '--out', out));
  mkdirSync(sweep);
  for (const [place, args] of [
    [out, tiny('--steps', '1', '--out', out, '--overwrite')],
    [out, ['train', '--resume', out, '--steps', '2']],
    [sweep, tiny('--steps', '1', '--sweep', 'full,performer', '--out', sweep, '--overwrite')],
  ] as const) {
    const page = join(place, 'curves.html');
    writeFileSync(page, foreign);
    const { code, out: shown, err } = await answerTo(args);
    assert.equal([code, shown], [2, '']);
    assert.ok(err.startsWith(`Error: --out: ${page} exists, and this tool did not write it; move it away`), err);
    assert.is(readFileSync(page, 'utf8'), foreign);
  }
});

test('what contradicts itself, or cannot be, is refused before the first step', async () => {
  const out = freshFolder();
  const refusals: [string[], RegExp][] = [
    [['--length', '8'], /^Error: task: expected one of duplication, .* with --length, got nothing/],
    [['coppy'], /^Error: task: unknown task 'coppy': did you mean 'copy'\?/],
    [['copy', '--recipe', 'duplication'], /^Error: task: expected a task or --recipe, got both/],
    [['copy', '--resume', 'a'], /^Error: task: expected a task or --resume, got both/],
    [['--recipe', 'duplication', '--length', '8'], /^Error: --length: is set by --recipe/],
    [['--resume', 'a', '--seed', '1'], /^Error: --seed: is set by --resume/],
    [['--recipe', 'duplication', '--sweep', 'light-conv'], /^Error: --sweep: unknown run of this recipe 'light-conv'/],
    [['copy', '--attention', 'full', '--sweep', 'full'], /^Error: --attention: is set by --sweep/],
    [['copy', '--attention', 'linformer'], /^Error: causal: linformer cannot be causal/],
    [['copy', '--sweep', 'full,linformer'], /^Error: causal: linformer cannot be causal/],
    [['copy', '--option', 'attentionWindow=4'], /^Error: --option: unknown option 'attentionWindow'/],
    [['copy', '--batch', '4', '--parts', '3'], /^Error: parts: expected a divisor of batch 4, got 3/],
    [['copy', '--heads', '3', '--model-dim', '64'], /^Error: heads: expected a divisor of modelDim 64/],
    [['listops', '--symbols', '3'], /^Error: symbols: listops has no such setting/],
  ];
  for (const [args, message] of refusals) {
    const {
      code,
      out: shown,
      err,
    } = await answerTo(['train', ...args, ...(args.includes('--resume') ? [] : ['--out', out])]);
    assert.equal([code, shown], [2, ''], args.join(' '));
    assert.match(err, message);
  }
  assert.not.ok(existsSync(out));
  const { code, err } = await answerTo(['train', '--resume', join(out, 'none.safetensors')]);
  assert.is(code, 1);
  assert.match(err, /^Error: .*none\.safetensors: cannot be read: no such file/);
});

test('the metrics of a run that was resumed from any checkpoint lack no step', async () => {
  const [whole, broken] = [freshFolder(), freshFolder()];
  const args = tiny('--steps', '10', '--checkpoint-every', '3', '--evaluate-every', '100');
  for (const out of [whole, broken]) await outputOf([...args, '--out', out]);
  // As after a kill between the third checkpoint and the end.
  await outputOf(['train', '--resume', join(broken, 'checkpoint.previous.safetensors')]);
  const figures = (of: string) =>
    readMetrics(join(of, 'metrics.jsonl')).map((line) => [line.kind, line.step, line.loss]);
  assert.equal(figures(broken), figures(whole));
  assert.equal(
    figures(whole).flatMap(([kind, step]) => (kind === 'steps' ? [step] : [])),
    [3, 6, 9, 10],
  );
});

test('the folder of a sweep is no checkpoint: the runs in it are named', async () => {
  const out = freshFolder();
  await outputOf(tiny('--steps', '1', '--sweep', 'full,longformer', '--out', out));
  for (const args of [['train', '--resume', out], ...['eval', 'generate'].map((name) => [name, '--checkpoint', out])]) {
    const { code, err } = await answerTo(args);
    assert.is(code, 2);
    assert.match(
      err,
      /^Error: checkpoint: expected the folder of one run, got that of several; name one of \S+full, \S+longformer\n/,
    );
  }
  assert.match(await outputOf(['train', '--resume', join(out, 'full')]), /^From step 1 of 1\n/);
  // Around one run there is nothing to choose.
  rmSync(join(out, 'longformer'), { recursive: true });
  assert.match(await outputOf(['train', '--resume', out]), /^From step 1 of 1\n/);
});

test('after a training that was killed in its second run, each answer says how every run continues', async () => {
  const out = freshFolder();
  const args = tiny('--steps', '2', '--sweep', 'full,longformer,performer', '--out', out);
  await outputOf(args);
  // As a kill leaves it: the first run finished, the second before its first checkpoint, the third planned.
  for (const name of ['results.json', 'curves.html']) rmSync(join(out, name));
  for (const run of ['longformer', 'performer']) {
    for (const name of RUN_FILES) if (name !== 'config.json') rmSync(join(out, run, name));
  }
  const at = (...names: string[]) => join(out, ...names);
  const start = (name: string) =>
    `No checkpoint: ${name}. To start it:\n  npm start -- train --config ${at(name, 'config.json')} --out ${at(name)}\n`;
  const longer = `Finished: full. To train it longer, for twice the steps in all:\n  npm start -- train --resume ${at('full')} --steps 4\n`;
  const again = await answerTo(args);
  assert.is(again.code, 2);
  assert.match(again.err, /^Error: --out: .* already has runs in it: .*--overwrite, .*--out\n/);
  const resumed = await answerTo(['train', '--resume', out]);
  assert.is(resumed.code, 2);
  assert.match(
    resumed.err,
    /^Error: checkpoint: expected the folder of one run, got that of several; name one of \S+full\n/,
  );
  for (const { err } of [again, resumed]) {
    for (const each of [longer, start('longformer'), start('performer')]) assert.ok(err.includes(each), err);
  }
  const one = await answerTo(['train', '--resume', at('longformer')]);
  assert.is(one.code, 2);
  assert.match(
    one.err,
    /^Error: checkpoint: expected the folder of a run with a checkpoint, got \S+, which has none yet\n/,
  );
  assert.ok(one.err.includes(start('longformer')) && !one.err.includes('full'), one.err);
  // What is said works; a run that is not finished is resumed.
  await outputOf(['train', '--config', at('longformer', 'config.json'), '--out', at('longformer'), '--steps', '3']);
  const longRun = resumeRun(at('longformer', 'checkpoint.safetensors'));
  saveCheckpoint(at('longformer', 'checkpoint.safetensors'), { ...longRun, step: 1 });
  endRun(longRun);
  const { err } = await answerTo(['train', '--resume', out]);
  const resume = `longformer: Stopped at step 1 of 3. To resume, to the same bits:\n  npm start -- train --resume ${at('longformer')}\n`;
  assert.ok(err.includes(resume), err);
});

test('a folder that cannot be made is said to be so', async () => {
  const out = freshFolder();
  writeFileSync(out, '');
  for (const [where, reason] of [
    [out, 'a file of that name exists already'],
    [join(out, 'within'), 'a part of the path is not a folder'],
    // Where Node's own recursion never ends.
    ...(process.platform === 'linux' ? [['/proc/no-such-folder', 'no such file or folder']] : []),
  ]) {
    const { code, err } = await answerTo(tiny('--out', where));
    assert.is(code, 1);
    assert.is(err, `Error: ${where}: cannot be written: ${reason}\n`);
  }
});

test('options of which each layer has its own', async () => {
  const out = join(folder, 'windows');
  const sizes = ['--length', '16', '--layers', '2', '--model-dim', '8', '--heads', '2', '--steps', '1', '--batch', '2'];
  const args = ['train', 'copy', ...sizes, '--evaluation-examples', '2', '--out', out, '--attention', 'longformer'];
  await outputOf([...args, '--layer-option', 'attentionWindow=4/8']);
  const { body } = loadModel(join(out, 'checkpoint.safetensors')).learner.model;
  const windows = body.layers.map(({ attention }) => attention.mixing.options as never as Record<string, unknown>);
  assert.equal(
    windows.map(({ attentionWindow }) => attentionWindow),
    [4, 8],
  );
  for (const [written, message] of [
    ['attentionWindow=4', /perLayer\.attentionWindow: expected 2 values, one a layer, got 1/],
    ['attentionWindow=4/x', /--layer-option attentionWindow: expected a number, got 'x'/],
    ['window=4/8', /--layer-option: unknown option 'window'/],
    ['4/8', /--layer-option: expected NAME=A\/B\/…, got '4\/8'/],
  ] as const) {
    const { code, err } = await answerTo([...args, '--overwrite', '--layer-option', written]);
    assert.is.not(code, 0);
    assert.match(err, message);
  }
});

test('Ctrl-C says where it stopped, and the command that goes on is one that does', async () => {
  const out = join(freshFolder(), 'a b');
  let text = '';
  const stdout = {
    write(part: string) {
      text += part;
      if (/^step 2 /.test(part)) process.emit('SIGINT');
    },
  };
  const args = tiny('--steps', '9', '--evaluate-every', '2', '--minutes', '5', '--out', out);
  assert.is(await run(args, { stdout, stderr: stdout }), 130);
  const [, folder] =
    /\nStopped at step 3 of 9\. To resume.*:\n {2}npm start -- train --resume "(.*)" --minutes 5\n$/.exec(text) ?? [];
  assert.is(folder, out);
  const rest = await outputOf(['train', '--resume', folder, '--minutes', '5']);
  assert.match(rest, /^From step 3 of 9\n/);
  assert.match(rest, /To train it longer, .*:\n.* --steps 18\n$/);
});

test('a run that ended is trained longer: to the same bytes on a constant rate, and it says so where not', async () => {
  for (const [decay, said] of [
    ['constant', /^From step 4 of 9: to the same bits as a run that began with 9 steps\n/],
    ['cosine', /^From step 4 of 9: its learning rate so far was planned for 4 steps, .* its bits differ /],
  ] as const) {
    const [whole, longer] = [freshFolder(), freshFolder()];
    const args = tiny('--decay', decay, '--warmup', '2', '--evaluate-every', '2');
    await outputOf([...args, '--steps', '9', '--out', whole]);
    await outputOf([...args, '--steps', '4', '--out', longer]);
    assert.match(await outputOf(['train', '--resume', longer, '--steps', '9']), said);
    const [one, other] = [whole, longer].map((out) => bytes(join(out, 'checkpoint.safetensors')));
    assert.is(one.equals(other), decay === 'constant');
    const steps = readMetrics(join(longer, 'metrics.jsonl')).flatMap(({ kind, step }) =>
      kind === 'evaluation' ? [step] : [],
    );
    assert.equal(steps, [2, 4, 6, 8, 9]);
    for (const steps of ['9', '3']) {
      const { code, err } = await answerTo(['train', '--resume', longer, '--steps', steps]);
      assert.is(code, 2);
      assert.match(
        err,
        new RegExp(`^Error: steps: expected steps of the whole run, more than the 9 .*, got ${steps}\n`),
      );
    }
  }
});

test('the config.json of a run that was trained longer says what was run: the steps, and how it came to them', async () => {
  const out = freshFolder();
  const config = () => JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'));
  await outputOf(tiny('--steps', '2', '--out', out));
  const { steps, ...others } = config();
  assert.is(steps, 2);
  await outputOf(['train', '--resume', out, '--steps', '3']);
  await outputOf(['train', '--resume', out, '--steps', '5']);
  const history = [{ steps: 2 }, { 'from-step': 2, steps: 3 }, { 'from-step': 3, steps: 5 }];
  assert.equal(config(), { ...others, steps: 5, history });
  // It is a config like others, and its own history is told.
  const again = freshFolder();
  const { code, out: shown, err } = await answerTo(['train', '--config', join(out, 'config.json'), '--out', again]);
  assert.is(code, 0);
  assert.match(shown, /^step 5 /m);
  assert.ok(err.includes('its run was trained to 2, then to 3, then to 5 steps; this one takes all'), err);
  assert.equal(JSON.parse(readFileSync(join(again, 'config.json'), 'utf8')), { ...others, steps: 5 });
  writeFileSync(join(out, 'config.json'), JSON.stringify({ ...others, history: 'long' }));
  const wrong = await answerTo(['train', '--config', join(out, 'config.json'), '--out', freshFolder()]);
  assert.match(wrong.err, /^Error: --config: .*config\.json: history: expected a list of \{ steps \}, got 'long'/);
});

test('a process that died between its last checkpoint and the look that follows: the look is made', async () => {
  const out = freshFolder();
  await outputOf(tiny('--steps', '2', '--out', out));
  const metrics = join(out, 'metrics.jsonl');
  const [steps, look] = readFileSync(metrics, 'utf8').split('\n');
  writeFileSync(metrics, `${steps}\n`);
  assert.match(await outputOf(['train', '--resume', out]), /^From step 2 of 2\n[\s\S]*^step 2 .* held out: /m);
  assert.is(readFileSync(metrics, 'utf8'), `${steps}\n${look}\n`);
});

test('from its own config.json a run comes to the same bytes; from another seed to others', async () => {
  const [out, same, other] = [freshFolder(), freshFolder(), freshFolder()];
  const options = ['--attention', 'longformer', '--option', 'attentionWindow=4', '--steps', '3'];
  await outputOf(tiny(...options, '--out', out));
  const config = ['train', '--config', join(out, 'config.json')];
  await outputOf([...config, '--out', same]);
  await outputOf([...config, '--seed', '1', '--out', other]);
  const [a, b, c] = [out, same, other].map((each) => bytes(join(each, 'checkpoint.safetensors')));
  assert.ok(a.equals(b) && !a.equals(c));
  assert.equal(bytes(join(same, 'config.json')), bytes(join(out, 'config.json')));
  const { code, err } = await answerTo([...config, '--resume', out]);
  assert.is(code, 2);
  assert.match(err, /^Error: task: expected a task or --resume, got both/);
});

test('--profile shows what the ops of the steps took; the run has the same bits as one without', async () => {
  const [out, other] = [freshFolder(), freshFolder()];
  const text = await outputOf(tiny('--steps', '3', '--profile', '--out', out));
  // Which ops have a line of their own depends on the time that they took; the sum does not.
  const sum = /^a step +\S+ \S+ +100% +\S+ \S+ +(\d+) /m.exec(text);
  assert.ok(Number(sum?.[1]) > 30, `a layer has more ops: ${text}`);
  assert.match(text, /Where a step’s time goes/);
  assert.not.match(await outputOf(tiny('--steps', '3', '--out', other)), /Where a step’s time goes/);
  assert.equal(bytes(join(out, 'checkpoint.safetensors')), bytes(join(other, 'checkpoint.safetensors')));
});

test('metrics as a table, and as events: those of a run that goes on follow by themselves', async () => {
  const out = freshFolder();
  await outputOf(tiny('--steps', '4', '--evaluate-every', '2', '--decay', 'constant', '--tensorboard', '--out', out));
  const events = () => readdirSync(out).filter((name) => name.includes('tfevents'));
  assert.equal(
    events().map((name) => name.replace(/.*\.from/, 'from')),
    ['from-step-0'],
  );
  await outputOf(['train', '--resume', out, '--steps', '6']);
  assert.equal(
    events()
      .map((name) => name.replace(/.*\.from/, 'from'))
      .sort(),
    ['from-step-0', 'from-step-4'],
  );
  const [titles, ...rows] = readFileSync(join(out, 'metrics.csv'), 'utf8').trimEnd().split('\n');
  assert.match(titles, /^step,seconds,loss,.*,held_out_loss,held_out_accuracy,own_losses$/);
  assert.equal(
    rows.map((row) => row.split(',')[0]),
    ['2', '4', '6'],
  );
  const last = readMetrics(join(out, 'metrics.jsonl')).at(-1);
  assert.is(Number(rows[2].split(',')[6]), last?.loss);
});

test('without --out, tasks, sweeps and recipes all lay their runs out alike', () => {
  const folders = (word: string | undefined, args: string[]) => {
    const parsed = parseArguments({ usage: '', summary: '', options: trainOptions() }, args);
    if (parsed.help !== null) throw new Error('no help');
    const { runs, together } = planOf(word, parsed.values);
    return { runs: runs.map(({ folder }) => folder), together };
  };
  const [copy, recipe] = [join('out', 'copy'), join('out', 'recipe-copy')];
  const both = ['full', 'linear-transformer'];
  assert.equal(folders('copy', []), { runs: [join(copy, 'full')], together: null });
  assert.equal(folders('copy', ['--sweep', both.join()]), {
    runs: both.map((name) => join(copy, name)),
    together: copy,
  });
  assert.equal(folders(undefined, ['--recipe', 'copy']), {
    runs: both.map((name) => join(recipe, name)),
    together: recipe,
  });
  assert.equal(folders(undefined, ['--recipe', 'copy', '--sweep', 'full']), {
    runs: [join(recipe, 'full')],
    together: null,
  });
  // A folder that is asked for is that of the run, where there is one.
  assert.equal(folders('copy', ['--out', 'a']), { runs: ['a'], together: null });
  assert.equal(folders('copy', ['--sweep', 'full,performer', '--out', 'a']), {
    runs: [join('a', 'full'), join('a', 'performer')],
    together: 'a',
  });
});

test('tasks that take long have defaults of their own, which options replace', () => {
  const optionsOf = (task: string, ...words: string[]) => {
    const parsed = parseArguments({ usage: '', summary: '', options: trainOptions() }, words);
    if (parsed.help !== null) throw new Error('no help');
    const options = planOf(task, parsed.values).runs[0].options as Record<string, unknown>;
    const { length, layers, modelDim, heads, batch, rate } = options;
    // A picture's pixels need their places; other tasks look back by a distance, unless told otherwise.
    const places = { digits: 'learned' }[task] ?? 'rotary';
    assert.is(options.positions, words.includes('--positions') ? 'sinusoidal' : places);
    return { length, layers, modelDim, heads, batch, rate };
  };
  const pathfinder = { length: 64, layers: 2, modelDim: 32, heads: 4, batch: 32, rate: 2e-3 };
  assert.equal(optionsOf('pathfinder'), pathfinder);
  const digits = { length: 144, layers: 1, modelDim: 32, heads: 4, batch: 32, rate: 1e-2 };
  assert.equal(optionsOf('digits'), digits);
  assert.equal(optionsOf('digits', '--positions', 'sinusoidal'), digits);
  assert.equal(optionsOf('retrieval'), { length: 128, layers: 1, modelDim: 32, heads: 2, batch: 32, rate: 5e-3 });
  assert.equal(optionsOf('copy'), { length: 64, layers: 2, modelDim: 64, heads: 4, batch: 16, rate: 5e-3 });
  const given = [
    '--length',
    '144',
    '--layers',
    '3',
    '--model-dim',
    '48',
    '--heads',
    '6',
    '--batch',
    '7',
    '--rate',
    '0.5',
  ];
  assert.equal(optionsOf('pathfinder', ...given), {
    length: 144,
    layers: 3,
    modelDim: 48,
    heads: 6,
    batch: 7,
    rate: 0.5,
  });
  // A width alone takes heads that divide it; another optimiser has its own rate.
  const other = optionsOf('pathfinder', '--model-dim', '30', '--optimizer', 'sgd', '--parts', '5');
  assert.equal([other.modelDim, other.heads, other.batch, other.rate], [30, undefined, 35, 0.1]);
});

test('the page that several runs left together is not lost by accident either', async () => {
  const out = freshFolder();
  await outputOf(tiny('--steps', '1', '--sweep', 'full,longformer', '--out', out));
  const { code, err } = await answerTo(tiny('--steps', '1', '--sweep', 'performer,reformer', '--out', out));
  assert.is(code, 2);
  assert.match(err, /^Error: --out: .* already has results\.json in it: replace it with --overwrite, or /);
});

test('files of the same names that are not ours are not lost either', async () => {
  for (const [name, content] of [
    ['config.json', '{ "name": "mine" }'],
    ['config.json', 'mine'],
    ['metrics.jsonl', '{ "mine": 1 }\n'],
    ['metrics.csv', 'mine\n'],
  ]) {
    const out = freshFolder();
    mkdirSync(out);
    writeFileSync(join(out, name), content);
    const { code, err } = await answerTo(tiny('--steps', '1', '--out', out));
    assert.is(code, 2);
    assert.ok(err.startsWith(`Error: --out: ${out} already has ${name} in it: replace it with --overwrite, or`), err);
    assert.equal([readdirSync(out), readFileSync(join(out, name), 'utf8')], [[name], content]);
  }
});

test.run();
