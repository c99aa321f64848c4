/** `--import FILE` brings variants of the user's own to every command, in whatever form the program runs. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { wordsOf } from '../../scripts/words-of.ts';
import { answerTo, outputOf, temporaryFolder } from './host.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const example = join(root, 'examples', 'own-variant.mjs');
const folder = temporaryFolder();

function module(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

async function refused(args: string[], message: RegExp): Promise<void> {
  const { code, out, err } = await answerTo(args);
  assert.is(code, 2, err);
  assert.is(out, '');
  assert.match(err, message);
  assert.not.match(err, /\n {4}at /);
}

test('a file that is missing, or that cannot be loaded, is refused before the command', async () => {
  await refused(['--import', join(folder, 'none.mjs')], /^Error: --import: .*none\.mjs: no such file\n/);
  await refused(['variants', '--import'], /^Error: --import: expected a file after it\n/);
  await refused(['--import', '--causal'], /^Error: --import: expected a file after it, got the option --causal\n/);
  const throwing = module('throwing.mjs', "throw new Error('by intention');");
  await refused(['variants', '--import', throwing], /throwing\.mjs cannot be loaded: Error: by intention\n/);
  const malformed = module('malformed.mjs', 'const const');
  await refused([`--import=${malformed}`, 'variants'], /malformed\.mjs cannot be loaded: SyntaxError: /);
  const taken = module('taken.mjs', "import { full, register } from 'efficient-transformers';\nregister(full);");
  await refused(['--import', taken], /taken\.mjs cannot be loaded: ArgumentError: variant: the name 'full' is taken\n/);
});

test('a variant that a module registers is found by the commands, wherever the module lies', async () => {
  // Not in this package's folder: what it imports is the package that runs all the same.
  const copy = module('copied.mjs', readFileSync(example, 'utf8'));
  assert.match(await outputOf(['--import', copy, 'variants', 'nearby']), /^nearby\n.*reach +r /s);
  assert.match(await outputOf(['patterns', '--variant', 'nearby', '--length', '16']), /nearby/);
  const json = join(folder, 'compared.json');
  const words = ['--variant', 'nearby', '--length', '32', '--head-dim', '8', '--report', join(folder, 'report.html')];
  await outputOf(['compare', ...words, '--json', json]);
  const { results } = JSON.parse(readFileSync(json, 'utf8'));
  assert.ok(results.some(({ variant }: { variant: string }) => variant === 'nearby'));
  assert.ok(existsSync(join(folder, 'report.html')));
});

test('what is trained with a variant of the user says how it goes on, and what is missing without the module', async () => {
  const out = join(folder, 'run');
  const sizes = ['--length', '8', '--layers', '1', '--model-dim', '8', '--heads', '1', '--batch', '2', '--steps', '2'];
  const copy = module('own.mjs', readFileSync(example, 'utf8').replaceAll("name: 'nearby'", "name: 'near'"));
  const args = ['train', 'copy', '--attention', 'near', ...sizes, '--evaluation-examples', '2', '--out', out];
  const ended = await outputOf(['--import', copy, ...args]);
  assert.match(ended, /train --resume \S+ --steps 4 --import \S*own\.mjs\n/);
  const again = await answerTo([...args, '--import', copy]);
  assert.match(again.err, /train it longer with .* --steps 4 --import \S*own\.mjs,/);
  // Registered in this process by now; the words are those of this run.
  assert.match((await answerTo(args)).err, /train it longer with .* --steps 4,/);
  for (const words of [
    ['train', '--resume', out, '--steps', '4'],
    ['generate', '--checkpoint', out],
    ['export', out, '--out', join(folder, 'exported')],
    ['eval', '--checkpoint', out],
    ['compare', '--checkpoint', out, '--no-report'],
  ]) {
    const { status, stderr } = spawnSync(process.execPath, [...wordsOf('src/cli.ts'), ...words], {
      cwd: root,
      encoding: 'utf8',
    });
    assert.ok(status === 1 || status === 2, words.join(' '));
    assert.match(stderr, /^Error: .*unknown variant 'near'.* by --import FILE$/m, words.join(' '));
  }
});

test('the program takes it from a shell, also with what is compiled', () => {
  const run = (...words: string[]) => spawnSync(process.execPath, words, { cwd: root, encoding: 'utf8' });
  // Packages are found from a folder of this repository alone.
  const compiled = run(join('scripts', 'build-sources.mjs'));
  assert.is(compiled.status, 0, compiled.stderr);
  const { status, stdout, stderr } = run(join('.built', 'cli.js'), '--import', example, 'variants', 'nearby');
  assert.is(status, 0, stderr);
  assert.match(stdout, /^nearby\n/);
});

test.run();
