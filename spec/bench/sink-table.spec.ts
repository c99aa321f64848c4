/** `npm run sink-table`: that it says of our byte model what fixtures/README.md says. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const root = fileURLToPath(new URL('../../', import.meta.url));

const table = (...args: string[]) => {
  const words = ['--import', 'tsx', 'scripts/sink-table.ts', ...args];
  return spawnSync(process.execPath, words, { cwd: root, encoding: 'utf8' });
};

test('the table of the fixtures’ README is what the command prints', () => {
  const { stdout, status, stderr } = table();
  assert.is(status, 0, stderr);
  const rows = [
    ...readFileSync(`${root}fixtures/README.md`, 'utf8').matchAll(
      /^\| (full|window \d+(?:, 4 sinks)?) +\| ([\d.]+) +\| ([\d.]+) +\|$/gm,
    ),
  ];
  assert.is(rows.length, 5);
  for (const [, name, near, far] of rows) {
    const printed = /^window \d+$/.test(name) ? `${name}, no sinks` : name;
    const line = stdout.split('\n').find((each) => each.startsWith(`${printed} `)) ?? '';
    const [within, beyond] = line.slice(printed.length).trim().split(/ +/).map(Number);
    // Other kernels round otherwise.
    assert.ok(Math.abs(within - Number(near)) < 0.002 && Math.abs(beyond - Number(far)) < 0.002, `${name}: ${line}`);
  }
});

test('a text that is shorter than the training is refused by name', () => {
  const { status, stderr } = table('--text', 'package.json', '--bytes', '1100');
  assert.is(status, 0, stderr);
  const short = table('--text', 'tsconfig.build.json');
  assert.is(short.status, 2);
  assert.match(short.stderr, /^Error: --text: expected more than 1024 bytes, got \d+/);
});

test.run();
