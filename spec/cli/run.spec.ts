import { existsSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PROGRAM } from '../../src/commands/command.ts';
import { loadCommands, run } from '../../src/commands/run.ts';
import { parseArguments } from '../../src/terminal/arguments.ts';
import { answerTo, outputOf } from './host.ts';

const commands = await loadCommands();
const names: readonly string[] = commands.map(({ name }) => name);

/** The words after the program's name, as a shell gives them. */
function wordsOf(example: string): string[] {
  assert.ok(example === 'npm start' || example.startsWith(`${PROGRAM} `), example);
  return example === 'npm start' ? [] : example.slice(PROGRAM.length).trim().split(' ');
}

async function assertRefused(args: string[], message: RegExp): Promise<void> {
  const { code, out, err } = await answerTo(args);
  assert.is(code, 2, args.join(' '));
  assert.is(out, '');
  assert.match(err, message);
  assert.match(err, /\nHelp: .*help/);
  assert.not.match(err, /\n {4}at /);
}

test('the overview names every command, however it is asked for', async () => {
  const overview = await outputOf(['--help']);
  for (const name of names) assert.match(overview, new RegExp(`^ {2}${name} `, 'm'));
  assert.match(overview, /\nExit code: 0 for success; 2 for invalid arguments/);
  assert.is(await outputOf(['-h']), overview);
  assert.is(await outputOf(['help']), overview);
  assert.ok(overview.split('\n').every((line) => line.length <= 80));
});

test('every command has a help with examples that it accepts', async () => {
  for (const command of commands) {
    const help = await outputOf([command.name, '--help']);
    assert.is(await outputOf(['help', command.name]), help);
    assert.ok(help.split('\n').every((line) => line.length <= 80));
    const examples = [...help.replaceAll(' \\\n   ', '').matchAll(/^ {2}(npm start.*)$/gm)].map(
      ([, example]) => example,
    );
    assert.ok(examples.length >= 2, command.name);
    for (const example of examples) {
      const [name, ...rest] = wordsOf(example);
      assert.is(name, command.name);
      assert.is(parseArguments(command.describe(), rest).help, null);
      for (const [file] of example.matchAll(/fixtures\S+/g)) assert.ok(existsSync(file), file);
    }
  }
});

test("the overview's examples are commands, or options of compare", async () => {
  const overview = await outputOf(['help']);
  const examples = [...overview.matchAll(/^ {2}(npm start(?: --(?: \S+)+)?)(?: {2}|$)/gm)].map(
    ([, example]) => example,
  );
  assert.ok(examples.length >= 3);
  for (const example of examples) {
    // The module is the reader's own.
    const [first, ...rest] = wordsOf(example.replace(' -- --import mine.mjs', ''));
    if (first === 'help') assert.ok(names.includes(rest[0]), example);
    else assert.is(parseArguments(commands[0].describe(), first === undefined ? [] : [first, ...rest]).help, null);
  }
});

test('the version is that of the package', async () => {
  assert.match(await outputOf(['--version']), /^\d+\.\d+\.\d+\n$/);
});

test('what is misspelt is refused with the nearest name', async () => {
  await assertRefused(['comprae'], /^Error: unknown command 'comprae': did you mean 'compare'\?/);
  await assertRefused(['help', 'doctr'], /^Error: unknown command 'doctr': did you mean 'doctor'\?/);
  await assertRefused(['--lenght', '64'], /^Error: unknown option --lenght: did you mean --length\?/);
  await assertRefused(['patterns', '--wieghts'], /^Error: unknown option --wieghts: did you mean --weights\?/);
  await assertRefused(['--variant', 'ful'], /^Error: --variant: unknown variant 'ful': did you mean 'full'\?/);
  await assertRefused(['variants', 'ful'], /unknown variant 'ful': did you mean 'full'\?/);
  await assertRefused(['--option', 'longformer.atentionWindow=2'], /did you mean 'attentionWindow'\?/);
});

test('an error in a file is not a misuse: exit code 1, and no help', async () => {
  const { code, out, err } = await answerTo(['--qkv', 'no-such-file.npy']);
  assert.is(code, 1);
  assert.is(out, '');
  assert.is(err, 'Error: no-such-file.npy: there is no such file\n');
});

test('anything unexpected shows where it came from: exit code 1', async () => {
  let err = '';
  const stderr = { write: (text: string) => (err += text) };
  const stdout = {
    write: () => {
      throw new TypeError('a made-up bug');
    },
  };
  assert.is(await run(['--version'], { stdout, stderr }), 1);
  assert.match(err, /TypeError: a made-up bug\n {4}at .*run\.spec\.ts/);
});

test('the word Error is red on a terminal only', async () => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape codes are what is looked for
  assert.match((await answerTo(['comprae'], 80)).err, /^\x1b\[31mError:\x1b\[39m unknown/);
  assert.not.ok((await answerTo(['comprae'])).err.includes('\x1b'));
});

test.run();
