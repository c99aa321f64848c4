/**
 * The commands of the README, in the order in which they stand and in one folder, as a newcomer would type them. What trains or
 * measures for long is shortened; what is a suite of its own (tests, benchmarks, the site) only has to exist.
 */
import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { answerTo, temporaryFolder } from './host.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** The lines of its blocks of shell commands, without comments and prompts. */
const commands = [...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/```sh\n([\s\S]*?)```/g)]
  .flatMap(([, block]) => block.split('\n'))
  .map((line) => line.replace(/\s#.*/, '').trim())
  .filter((line) => line !== '');

/** How commands are made to take less time; all that fit, in turn. */
const SHORTER: readonly [RegExp, (command: string) => string][] = [
  [/^npm start$/, () => 'npm start -- compare --length 64 --heads 1'],
  [/ compare (--all|--all-budgets|--variant \w+ .*)$/, (command) => `${command} --length 64 --heads 1`],
  [/ compare .*(minilm|--checkpoint)/, (command) => `${command} --variant longformer`],
  [/^npm run train$/, () => 'npm run train -- --recipe duplication --minutes 0.002'],
  [/ train \w|train --config/, (command) => `${command.replace(/ --steps \d+/, '')} --evaluation-examples 4 --steps 4`],
  [/ train --resume/, (command) => `${command.replace(/ --steps \d+/, '')} --steps 6`],
  [/--length 1024,4096,16384/, (command) => command.replace('1024,4096,16384', '64,128')],
  [/ generate (?!.*--count)/, (command) => `${command} --count 8`],
];

/** The arguments of this project's command, shortened; null for another suite. */
function argumentsOf(command: string): string[] | null {
  const shorter = SHORTER.reduce((text, [fits, change]) => (fits.test(command) ? change(command) : text), command);
  const script = /^npm (?:run )?([\w:-]+)(?: --(?= ))?(.*)/.exec(shorter);
  assert.ok(script, `a command of npm: ${command}`);
  const [, name, rest] = script;
  assert.ok(name in scripts, `${command}: package.json has no script ${name}`);
  const program = /(?:src\/cli\.ts|\.built\/cli\.js)(.*)/.exec(scripts[name]);
  if (program === null) return null;
  return `${program[1]} ${rest}`.trim().split(/\s+/).filter(Boolean);
}

const folder = temporaryFolder();
symlinkSync(join(root, 'fixtures'), join(folder, 'fixtures'), 'junction');
process.chdir(folder);

for (const command of commands) {
  const args = argumentsOf(command);
  if (args === null || command.includes('COMMAND')) continue;
  test(`${command}, as ${args.join(' ')}`, async () => {
    const { code, err } = await answerTo(args);
    assert.is(code, 0, err);
  });
}

test('there are commands to try', () => {
  assert.ok(commands.filter((command) => argumentsOf(command) !== null).length >= 10);
});

test.run();
