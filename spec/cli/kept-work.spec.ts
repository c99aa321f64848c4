/** Work that is not lost, by real processes: whatever ends a command, what it had is left behind, and the exit code tells. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { wordsOf } from '../../scripts/words-of.ts';
import { loadModel } from '../../src/training/checkpoint.ts';
import { readMetrics } from '../../src/training/metrics.ts';
import { outputOf, RUN_FILES, temporaryFolder, withoutProgress } from './host.ts';

const folder = temporaryFolder();
let folders = 0;
const freshFolder = () => join(folder, String(folders++));

/** A training of hours, which says something every few milliseconds. */
const LONG = [
  ...['train', 'copy', '--length', '16', '--layers', '1', '--model-dim', '16', '--heads', '2', '--batch', '4'],
  ...['--threads', '1', '--steps', '1000000', '--checkpoint-every', '1000000'],
  ...['--evaluate-every', '5', '--evaluation-examples', '8'],
];

type Life = ChildProcess & { stdout: NodeJS.ReadableStream & { destroy(): void }; stderr: NodeJS.ReadableStream };

function start(args: readonly string[], stdout: 'pipe' | number = 'pipe'): Life {
  return spawn(process.execPath, [...wordsOf('src/cli.ts'), ...args], { stdio: ['ignore', stdout, 'pipe'] }) as Life;
}

/** Until the process has said this; what it says after that is read and dropped. */
async function said(stream: NodeJS.ReadableStream, words: RegExp): Promise<void> {
  let heard = '';
  await new Promise<void>((found, missed) => {
    stream.on('data', (part) => {
      heard += part;
      if (words.test(heard)) found();
    });
    stream.on('end', () => missed(new Error(`${words} was not said, but:\n${heard}`)));
  });
}

/** The files of a training that was stopped: whole, of one step, and no lock among them. */
function assertKept(out: string): void {
  assert.equal(readdirSync(out).sort(), RUN_FILES);
  const { step } = loadModel(join(out, 'checkpoint.safetensors'));
  assert.ok(step >= 1);
  assert.is(readMetrics(join(out, 'metrics.jsonl')).at(-1)?.step, step);
  assert.is(JSON.parse(readFileSync(join(out, 'results.json'), 'utf8')).results[0].steps, step);
}

if (process.platform !== 'win32') {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    test(`${signal} in a training: a checkpoint, the rest of its files, and the exit code of a shell`, async () => {
      const out = freshFolder();
      const life = start([...LONG, '--out', out]);
      const errors = text(life.stderr);
      await said(life.stdout, /^step /m);
      life.kill(signal);
      const [code, by] = await once(life, 'close');
      assert.equal([code, by], [128 + constants.signals[signal], null]);
      assert.is(await errors, `${signal}: stopping after this step; once more ends at once\n`);
      assertKept(out);
    });
  }

  test('a second signal ends at once what is left to do, and loses no checkpoint', async () => {
    const out = freshFolder();
    // Its last look at held-out examples would take far longer than the test.
    const endless = ['--evaluate-every', '1000000', '--evaluation-examples', '16777216'];
    const life = start([...LONG, ...endless, '--out', out]);
    await said(life.stdout, /^To beat/m);
    life.kill('SIGTERM');
    await said(life.stderr, /SIGTERM: stopping/);
    const checkpoint = join(out, 'checkpoint.safetensors');
    while (!existsSync(checkpoint)) await new Promise((wait) => setTimeout(wait, 20));
    // Sooner it would be taken for the first, passed on.
    await new Promise((wait) => setTimeout(wait, 400));
    life.kill('SIGTERM');
    const [code, by] = await once(life, 'close');
    assert.equal([code, by], [null, 'SIGTERM']);
    assert.ok(loadModel(checkpoint).step >= 1);
  });

  test('in a sweep: the run that goes on is kept and in the table, those to come are not begun', async () => {
    const out = freshFolder();
    const life = start([...LONG, '--sweep', 'full,longformer', '--out', out]);
    const shown = text(life.stdout);
    await said(life.stdout, /^full\nstep /m);
    life.kill('SIGTERM');
    const [code] = await once(life, 'close');
    assert.is(code, 143);
    const { results } = JSON.parse(readFileSync(join(out, 'results.json'), 'utf8'));
    assert.equal(
      results.map(({ name }: { name: string }) => name),
      ['full'],
    );
    assert.is(loadModel(join(out, 'full', 'checkpoint.safetensors')).step, results[0].steps);
    assert.equal(readdirSync(join(out, 'longformer')), ['config.json']);
    assert.match(await shown, /^full +\d+ .*\n[─ ]+\nmost frequent /m);
    const [full, longformer] = ['full', 'longformer'].map((name) => join(out, name));
    const { steps } = results[0];
    assert.ok((await shown).includes(`Stopped at step ${steps} of 1000000. `), await shown);
    assert.ok((await shown).includes(`train --resume ${full}\n`), await shown);
    const begin = `train --config ${join(longformer, 'config.json')} --out ${longformer}\n`;
    assert.ok((await shown).endsWith(`Not started: longformer. To start it:\n  npm start -- ${begin}`), await shown);
  });
}

test('a reader of a training that leaves early: a checkpoint, and the exit code of a broken pipe', async () => {
  const out = freshFolder();
  const life = start([...LONG, '--out', out]);
  const errors = text(life.stderr);
  await once(life.stdout, 'data');
  life.stdout.destroy();
  const [code, by] = await once(life, 'close');
  assert.equal([code, by, withoutProgress(await errors)], [141, null, '']);
  assertKept(out);
});

test('a reader of a generation that leaves early: no more tokens are made', async () => {
  // Twenty thousand tokens would take minutes.
  const out = freshFolder();
  await outputOf([
    ...['train', 'byte-lm', '--attention', 'linear-transformer', '--length', '20000', '--layers', '1'],
    ...['--model-dim', '8', '--heads', '1', '--batch', '1', '--steps', '1', '--evaluation-examples', '1', '--out', out],
  ]);
  const life = start(['generate', '--checkpoint', out, '--prompt', 'interface']);
  const errors = text(life.stderr);
  await once(life.stdout, 'data');
  life.stdout.destroy();
  const [code, by] = await once(life, 'close');
  assert.equal([code, by, withoutProgress(await errors)], [141, null, '']);
});

test('whoever reads no errors is told none, and the work goes on', async () => {
  const out = freshFolder();
  const life = start([...LONG, '--minutes', '0.001', '--out', out]);
  life.stderr.on('data', () => {});
  (life.stderr as unknown as { destroy(): void }).destroy();
  life.stdout.resume();
  const [code] = await once(life, 'close');
  assert.is(code, 0);
  assertKept(out);
});

if (existsSync('/dev/full')) {
  const FULL = /^Error: stdout: cannot be written: no space is left on the disk\n$/;

  test('a full disk under a training’s output: a checkpoint, and one line', async () => {
    const out = freshFolder();
    const life = start([...LONG, '--out', out], openSync('/dev/full', 'w'));
    const errors = text(life.stderr);
    const [code] = await once(life, 'close');
    assert.is(code, 1);
    assert.match(await errors, FULL);
    assertKept(out);
  });

  test('a full disk under the output of any other command: one line', async () => {
    const json = join(folder, 'numbers.json');
    for (const args of [
      ['--version'],
      ['patterns', '--length', '16', '--variant', 'full'],
      ['compare', '--length', '16', '--variant', 'full', '--no-report', '--json', json],
    ]) {
      const life = start(args, openSync('/dev/full', 'w'));
      const errors = text(life.stderr);
      const [code] = await once(life, 'close');
      assert.is(code, 1, args.join(' '));
      assert.match(await errors, FULL);
    }
    // What does not go to the full disk is there.
    assert.is(JSON.parse(readFileSync(json, 'utf8')).results.length, 1);
  });
}

test('two trainings in one folder: the second is refused, and the first goes on', async () => {
  const out = freshFolder();
  const life = start([...LONG, '--out', out]);
  await said(life.stdout, /^step /m);
  for (const words of [['--overwrite'], []]) {
    const second = start([...LONG, ...words, '--out', out]);
    const [errors, shown, [code]] = await Promise.all([
      text(second.stderr),
      text(second.stdout),
      once(second, 'close'),
    ]);
    assert.equal([code, shown], [1, '']);
    assert.match(errors, new RegExp(`^Error: .*: in use by train \\(process ${life.pid} on .*\\): wait until it ends`));
  }
  life.kill('SIGKILL');
  await once(life, 'close');
  const third = start([...LONG, '--minutes', '0.001', '--out', out]);
  third.stdout.resume();
  const [errors, [code]] = await Promise.all([text(third.stderr), once(third, 'close')]);
  assert.is(code, 0);
  assert.match(errors, new RegExp(`train \\(process ${life.pid} .*\\) ended without releasing it; taken over\n$`));
  assertKept(out);
});

test.run();
