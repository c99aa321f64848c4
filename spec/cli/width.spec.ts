/** What the commands say fits the terminal, wide or narrow; in a pipe nothing is left out. */
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { commandNames } from '../../src/commands/summaries.ts';
import { displayWidth } from '../../src/terminal/width.ts';
import { outputOf, temporaryFolder } from './host.ts';

const folder = temporaryFolder();
const SMALL = ['--layers', '1', '--model-dim', '8', '--heads', '2', '--evaluation-examples', '4', '--steps', '2'];
const QUICK = ['--length', '16', '--threads', '1'];

/** Lines without the codes of colours; a path of the temporary folder is as long as it is. */
function linesOf(text: string): string[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the codes of colours
  return text.replace(/\x1b\[[\d;]*m/g, '').split('\n');
}

async function assertFits(args: readonly string[], columns: number): Promise<void> {
  for (const line of linesOf(await outputOf(args, columns))) {
    if (line.includes(folder)) continue;
    assert.ok(displayWidth(line) <= columns, `${args.join(' ')} at ${columns}, ${displayWidth(line)}: ${line}`);
  }
}

for (const columns of [80, 60]) {
  test(`${columns} columns: the help of every command, and what quick ones say`, async () => {
    await assertFits(['--help'], columns);
    for (const name of commandNames) await assertFits([name, '--help'], columns);
    await assertFits(['variants'], columns);
    await assertFits(['variants', 'longformer'], columns);
  });

  test(`${columns} columns: comparisons and patterns`, async () => {
    await assertFits(['compare', ...QUICK, '--no-report'], columns);
    await assertFits(['compare', '--length', '16,32', '--budget', '4', '--threads', '1', '--no-report'], columns);
    await assertFits(['compare', '--all', ...QUICK, '--no-report'], columns);
    await assertFits(['patterns', ...QUICK, '--weights'], columns);
  });

  test(`${columns} columns: a training, and an evaluation of it`, async () => {
    const out = join(folder, `run-${columns}`);
    await assertFits(['train', 'copy', ...QUICK, ...SMALL, '--sweep', 'full,performer', '--out', out], columns);
    await assertFits(['eval', '--checkpoint', join(out, 'full'), '--examples', '2', '--ablate'], columns);
  });
}

test('a table that loses columns says which, and in a pipe it has all', async () => {
  const narrow = linesOf(await outputOf(['variants'], 80)).join(' ');
  const [, lost] = /Left out to fit 80 columns: (.*?)\. All of them need \d+\./.exec(narrow) ?? [];
  const [titles] = (await outputOf(['variants'])).split('\n');
  assert.ok(lost?.split(', ').length > 0);
  for (const title of lost?.split(', ') ?? []) assert.ok(titles.split(/ +/).includes(title), title);
});

test.run();
