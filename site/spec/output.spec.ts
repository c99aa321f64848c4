/** A build replaces what the site wrote before, and nothing else: no other thing is lost, whatever it is given as its folder. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { temporaryFolder } from '../../spec/cli/host.ts';
import { ArgumentError } from '../../src/core/errors.ts';
import { buildInto } from '../output.ts';

const all = temporaryFolder();
const newFolder = (): string => mkdtempSync(join(all, 'around-'));
const root = fileURLToPath(new URL('../../', import.meta.url));

type Files = Readonly<Record<string, string>>;

function write(folder: string, files: Files): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

/** Everything in a folder: the text of files, where links lead, and which folders there are. */
function contentOf(folder: string): Record<string, string> {
  const content: Record<string, string> = {};
  for (const path of (readdirSync(folder, { recursive: true }) as string[]).sort()) {
    const found = lstatSync(join(folder, path));
    if (found.isSymbolicLink()) content[path] = `link to ${readlinkSync(join(folder, path))}`;
    else content[path] = found.isDirectory() ? 'folder' : readFileSync(join(folder, path), 'utf8');
  }
  return content;
}

const building = (files: Files) => async (aside: string) => write(aside, files);

/** That it is refused before anything is built, and that all around it stays as it was. */
async function refuses(folder: string, around: string, said: RegExp): Promise<void> {
  const before = contentOf(around);
  let built = false;
  try {
    await buildInto(folder, async () => {
      built = true;
      // So that nothing would be lost if it were not refused.
      throw new Error('not refused');
    });
    assert.unreachable();
  } catch (error) {
    assert.instance(error, ArgumentError, String(error));
    assert.match((error as Error).message, said);
  }
  assert.not.ok(built);
  assert.equal(contentOf(around), before);
}

const SITE: Files = { 'index.html': 'first', 'api/index.html': 'api', 'api/old.html': 'gone later' };
const NEXT: Files = { 'index.html': 'second', 'api/index.html': 'api', 'data/new.js': 'new' };

test('a new folder, an empty one and one that was built before become the site, and nothing else stays in them', async () => {
  for (const prepare of [() => {}, (folder: string) => mkdirSync(folder)]) {
    const around = newFolder();
    const folder = join(around, 'deep', 'dist');
    mkdirSync(dirname(folder));
    prepare(folder);
    for (const files of [SITE, NEXT, {}, SITE]) {
      await buildInto(folder, building(files));
      const { '.efficient-transformers-site.json': _, ...content } = contentOf(folder);
      const folders = Object.keys(files).flatMap((path) => (path.includes('/') ? [[dirname(path), 'folder']] : []));
      assert.equal(content, { ...files, ...Object.fromEntries(folders) });
      assert.equal(readdirSync(dirname(folder)), ['dist']);
    }
  }
});

test('folders above it that are not there are made', async () => {
  const folder = join(newFolder(), 'a', 'b', 'dist');
  await buildInto(folder, building(SITE));
  assert.ok(existsSync(join(folder, 'index.html')));
});

const name = fc.constantFrom('index.html', 'notes.txt', '.git', '.hidden', 'api', 'dist', 'ä', 'a b');
const path = fc
  .array(name, { minLength: 1, maxLength: 3 })
  .map((parts) => parts.join('/'))
  .filter((each) => !each.includes('index.html/'));
/** No path leads through another. */
const someFiles = fc.uniqueArray(path, {
  minLength: 1,
  maxLength: 4,
  comparator: (a, b) => `${a}/`.startsWith(`${b}/`) || `${b}/`.startsWith(`${a}/`),
});

test('a folder with anything in it that the site did not write is refused, and stays', async () => {
  await fc.assert(
    fc.asyncProperty(someFiles, fc.boolean(), async (paths, isBuilt) => {
      const around = newFolder();
      const folder = join(around, 'dist');
      if (isBuilt) await buildInto(folder, building(SITE));
      const foreign = paths.filter((each) => !existsSync(join(folder, each)));
      fc.pre(foreign.length > 0);
      write(folder, Object.fromEntries(foreign.map((each) => [each, 'of value'])));
      await refuses(folder, around, isBuilt ? /did not write/ : /nothing says that/);
    }),
    { numRuns: 50 },
  );
});

test('a folder with nothing but folders in it is refused, too', async () => {
  const around = newFolder();
  mkdirSync(join(around, 'dist', 'empty'), { recursive: true });
  await refuses(join(around, 'dist'), around, /nothing says that the site wrote what it holds \(empty\)/);
});

test('a list that is none does not make a folder the site’s', async () => {
  for (const text of ['', '{}', 'null', '{"files":3}', '[]', '{"files":[]}']) {
    const around = newFolder();
    write(around, { 'dist/.efficient-transformers-site.json': text, 'dist/index.html': 'of value' });
    await refuses(join(around, 'dist'), around, /did not write|nothing says/);
  }
});

test('links are refused, and what they lead to stays: the folder itself, a file in it, a folder in it', async () => {
  const around = newFolder();
  const folder = join(around, 'dist');
  await buildInto(folder, building(SITE));
  symlinkSync(folder, join(around, 'link'));
  await refuses(join(around, 'link'), around, /symbolic link/);
  await refuses(`${join(around, 'link')}/`, around, /symbolic link/);
  symlinkSync(join(around, 'nowhere'), join(around, 'dangling'));
  await refuses(join(around, 'dangling'), around, /symbolic link/);

  for (const replaced of ['index.html', 'api']) {
    const other = newFolder();
    const linked = join(other, 'dist');
    write(other, { 'elsewhere/index.html': 'of value' });
    await buildInto(linked, building(replaced === 'api' ? { 'index.html': 'first' } : { 'api/index.html': 'api' }));
    symlinkSync(join(other, 'elsewhere'), join(linked, replaced));
    await refuses(linked, other, /did not write/);
  }
});

test('what is no folder, or cannot be one, is refused', async () => {
  const around = newFolder();
  write(around, { file: 'of value' });
  await refuses(join(around, 'file'), around, /no folder/);
  await refuses(join(around, 'file', 'dist'), around, /--out/);
  await refuses(join(around, 'x'.repeat(300)), around, /--out/);
  await refuses(`${around}/\0`, around, /--out/);
});

test('the repository, the folders that it is made of, the home and the root of the disk are refused', async () => {
  const quiet = newFolder();
  const folders = [root, join(root, 'site'), join(root, 'src'), dirname(dirname(root)), homedir(), '/', ''];
  for (const folder of folders.filter((each) => readdirSync(each || '.').length > 0)) {
    await refuses(folder, quiet, /nothing says that/);
  }
});

test('a build that fails leaves what was there, or nothing, and no trace', async () => {
  const around = newFolder();
  const folder = join(around, 'dist');
  const fail = async (aside: string): Promise<void> => {
    write(aside, { 'index.html': 'half' });
    throw new Error('a type error');
  };
  const failure = () =>
    buildInto(folder, fail).then(
      () => assert.unreachable(),
      (error: Error) => assert.is(error.message, 'a type error'),
    );
  await failure();
  assert.equal(contentOf(around), {});
  await buildInto(folder, building(SITE));
  const before = contentOf(around);
  await failure();
  assert.equal(contentOf(around), before);
});

test('what is put into the folder while it is built is not lost either', async () => {
  const around = newFolder();
  const folder = join(around, 'dist');
  await buildInto(folder, building(SITE));
  try {
    await buildInto(folder, async (aside) => {
      write(aside, NEXT);
      write(folder, { 'notes.txt': 'of value' });
    });
    assert.unreachable();
  } catch (error) {
    assert.instance(error, ArgumentError);
  }
  assert.equal(readdirSync(around), ['dist']);
  assert.is(readFileSync(join(folder, 'notes.txt'), 'utf8'), 'of value');
  assert.is(readFileSync(join(folder, 'index.html'), 'utf8'), 'first');
});

/** The command itself. */
function command(words: readonly string[]) {
  const child = spawn(process.execPath, ['--import', 'tsx', join('site', 'build.ts'), ...words], { cwd: root });
  let said = '';
  child.stderr.on('data', (text) => {
    said += text;
  });
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, said }));
  return { child, ended };
}

test('the command says in one line why, before it builds anything, and ends with 2', async () => {
  const around = newFolder();
  write(around, { 'dist/notes.txt': 'of value' });
  for (const [words, reason] of [
    [['--out', join(around, 'dist')], /^Error: --out .* nothing says .* \(notes\.txt\)/],
    [['--port', '65536', '--out', join(around, 'new')], /^Error: --port: expected an integer from 0 to 65535/],
  ] as const) {
    const { code, said } = await command(words).ended;
    assert.is(code, 2, said);
    assert.match(said, reason);
    assert.is(said.trimEnd().split('\n').length, 1, said);
  }
  assert.equal(contentOf(around), { dist: 'folder', 'dist/notes.txt': 'of value' });
});

test('a build that is stopped leaves what was there, and no trace', async () => {
  const around = newFolder();
  await buildInto(join(around, 'dist'), building(SITE));
  const before = contentOf(around);
  const { child, ended } = command(['--no-api', '--out', join(around, 'dist')]);
  while (readdirSync(around).length === 1 && child.exitCode === null) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  child.kill('SIGTERM');
  const { code, said } = await ended;
  // Windows ends a process at once, whatever it would do about it.
  if (process.platform === 'win32') return;
  assert.is(code, 143, said);
  assert.equal(contentOf(around), before);
});

test.run();
