/** What `npm test` prints: how far it is, how long each file took, and what came of all. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { temporaryFolder } from '../core/temporary-folder.ts';

const folder = temporaryFolder();

/** A file that ends like one of uvu's, with so many tests, of which so many fail. */
function write(name: string, total: number, failed: number): void {
  mkdirSync(folder, { recursive: true });
  const summary = `  Total:     ${total}\n  Passed:    ${total - failed}\n  Skipped:   0\n`;
  writeFileSync(
    join(folder, name),
    `console.log(${JSON.stringify(summary)}); process.exitCode = ${failed > 0 ? 1 : 0};`,
  );
}

function run(...words: string[]): { status: number | null; lines: string[] } {
  const args = ['scripts/run-tests.mjs', '--in', relative('.', folder), ...words];
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  return { status, lines: stdout.split('\n') };
}

write('a.spec.ts', 3, 0);
write('b.spec.ts', 2, 1);
write('c.spec.ts', 1, 0);

test('each file has its place among all, its counts and its time; the last line has the sums', () => {
  const { status, lines } = run();
  assert.is(status, 1);
  const files = lines.filter((line) => /^(pass|FAIL) {2}/.test(line));
  assert.equal(
    files.map((line) => / {2}\((\d) of 3\)$/.exec(line)?.[1]),
    ['1', '2', '3'],
  );
  for (const line of files) assert.match(line, /[abc]\.spec\.ts {2}\d passed(, \d failed)? {2}\d+\.\d s {2}\(/);
  assert.ok(files.some((line) => /^FAIL .*b\.spec\.ts {2}1 passed, 1 failed/.test(line)));
  assert.match(lines.at(-4) ?? '', /^3 files in \d+\.\d s$/);
  assert.equal(lines.slice(-3), ['', '5 passed, 1 failed', '']);
});

test('of some files, those are all; of none, that is said', () => {
  const { status, lines } = run('a.spec', 'c.spec');
  assert.is(status, 0);
  assert.match(lines.join('\n'), /^pass {2}.* {2}\(2 of 2\)$/m);
  assert.equal([/^2 files in /.test(lines.at(-4) ?? ''), lines.at(-2)], [true, '4 passed, 0 failed']);
  const nothing = run('nobody');
  assert.is(nothing.status, 1);
  assert.match(nothing.lines.join('\n'), /^No spec file's path contains nobody\.\n/);
  assert.is(nothing.lines.at(-2), '0 passed, 0 failed');
});

test('a spec that does not compile leaves the others to tsx, and it is said where it breaks off', () => {
  const broken = join(folder, 'broken.spec.ts');
  writeFileSync(broken, 'const one = ;\n');
  const program = `import { buildSpecs } from './scripts/build-specs.mjs'; console.log(await buildSpecs([${JSON.stringify(broken)}]));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  rmSync(broken);
  assert.is(stdout, 'null\n');
  assert.match(stderr, /broken\.spec\.ts:1:12/);
});

test('of runs that were killed nothing stays, and the folders of others do', () => {
  const ended = spawnSync(process.execPath, ['-e', '']).pid;
  const own = [`run-${process.pid}-a`, 'run-b', 'others'];
  for (const name of [`run-${ended}-a`, `run-${ended}-b`, ...own])
    mkdirSync(join(folder, 'runs', name), { recursive: true });
  const code = `import { removeLeftovers } from './scripts/build-specs.mjs'; removeLeftovers(process.argv[1]);`;
  const words = ['--input-type=module', '-e', code, join(folder, 'runs')];
  const { status, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' });
  assert.equal([status, stderr], [0, '']);
  assert.equal(readdirSync(join(folder, 'runs')).sort(), own.sort());
});

test('it helps, and refuses an unknown option in a line', () => {
  const help = run('--help');
  assert.is(help.status, 0);
  assert.match(help.lines[0], /^Usage: npm test -- /);
  const { status, stderr } = spawnSync(process.execPath, ['scripts/run-tests.mjs', '--hlep'], { encoding: 'utf8' });
  assert.is(status, 2);
  assert.match(stderr, /^Error: Unknown option '--hlep'.*\nHelp: npm test -- --help\n$/);
});

test.run();
