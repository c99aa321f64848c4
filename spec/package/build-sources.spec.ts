/** What `npm start` runs is what the sources say now. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { temporaryFolder } from '../core/temporary-folder.ts';

const folder = temporaryFolder();
const [from, to] = [join(folder, 'src'), join(folder, 'built')];

function write(name: string, text: string): void {
  mkdirSync(join(from, 'below', 'assembly'), { recursive: true });
  writeFileSync(join(from, name), text);
}

function build(): void {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/build-sources.mjs', from, to], { encoding: 'utf8' });
  assert.equal([status, stderr], [0, '']);
}

/** What a module exports as `value`, in a process of its own. */
function exportedBy(name: string): string {
  const code = `import { value } from ${JSON.stringify(pathToFileURL(join(to, name)).href)}; console.log(value);`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' });
  assert.is(stderr, '');
  return stdout.trim();
}

test('modules import each other, statically and dynamically, and find the files beside them', () => {
  const imports = { '#five/*': { browser: './none/*.ts', default: './below/*.node.ts' } };
  write('package.json', JSON.stringify({ type: 'module', imports }));
  write('below/five.node.ts', 'export const five: number = 0;\n');
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  write('one.ts', 'export const one: number = 1;\nexport type Unused = string;\n');
  write(
    'below/two.ts',
    "import { one, type Unused } from '../one.ts';\nexport const two = one + 1 as number & Unused;\n",
  );
  write('below/entry.mjs', 'export const three = 3;\n');
  write(
    'all.ts',
    `import { readFileSync } from 'node:fs';
const { two } = await import('./below/two.ts');
const { three } = await import('./below/entry.mjs');
const { five } = await import('#five/five');
export const value = two + three + five + Number(readFileSync(new URL('./below/four.py', import.meta.url), 'utf8'));
`,
  );
  write('below/four.py', '4');
  write('below/notes.md', 'prose');
  write('below/assembly/kernel.ts', 'export const not: v128 = typescript;');
  build();
  assert.is(exportedBy('all.js'), '9');
  assert.equal(readdirSync(join(to, 'below')).sort(), ['entry.mjs', 'five.node.js', 'four.py', 'two.js']);
});

test('a change is compiled, whichever way the time goes, and nothing else is', () => {
  const before = statSync(join(to, 'below', 'two.js')).ino;
  write('one.ts', 'export const one = 10;\n');
  utimesSync(join(from, 'one.ts'), 1000, 1000);
  build();
  assert.is(exportedBy('all.js'), '18');
  assert.is(statSync(join(to, 'below', 'two.js')).ino, before);
  write('below/four.py', '40');
  utimesSync(join(from, 'below', 'four.py'), 2_000_000_000, 2_000_000_000);
  build();
  assert.is(exportedBy('all.js'), '54');
});

test('what was compiled from a source that is gone is gone too, and what others put there stays', () => {
  write('below/gone.ts', 'export const value = 1;\n');
  writeFileSync(join(to, 'below', 'own.js'), 'export const value = 2;\n');
  build();
  assert.is(exportedBy('below/gone.js'), '1');
  rmSync(join(from, 'below', 'gone.ts'));
  build();
  assert.not.ok(existsSync(join(to, 'below', 'gone.js')));
  assert.is(exportedBy('below/own.js'), '2');
  assert.is(exportedBy('all.js'), '54');
});

test('after another compiler, all is compiled anew', () => {
  const path = join(to, 'one.js');
  const time = statSync(path).mtime;
  writeFileSync(path, 'export const one = 0;');
  utimesSync(path, time, time);
  build();
  assert.match(readFileSync(path, 'utf8'), /one = 0/);
  writeFileSync(join(to, 'compiler.stamp'), 'another');
  build();
  assert.match(readFileSync(path, 'utf8'), /one = 10/);
});

test('what does not compile is named, and what was there stays', () => {
  write('all.ts', 'export const value = ;');
  const { status, stderr } = spawnSync(process.execPath, ['scripts/build-sources.mjs', from, to], { encoding: 'utf8' });
  assert.is(status, 1);
  assert.match(stderr, /all\.ts:1:21/);
  assert.ok(existsSync(join(to, 'all.js')));
  assert.is(exportedBy('all.js'), '54');
});

test.run();
