/**
 * What the exports of src/index.ts name in their types is exported too, or on the list of the site's API page, and no more is
 * on that list: TypeDoc would refuse to write the page. Held here on the declarations that the compiler makes, without it.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PARTS } from '../site/api-parts.ts';
import { temporaryFolder } from './core/temporary-folder.ts';

/** A file of declarations. */
interface Declarations {
  /** By name, without comments. */
  own: Map<string, string>;
  /** By local name: the file and the name there. */
  from: Map<string, [file: string, name: string]>;
  exported: string[];
  /** Files of `export * from` and `export * as ops from`. */
  all: string[];
}

/** Where a name is declared: a file and the name there. */
type Place = `${string} ${string}`;

const root = fileURLToPath(new URL('../', import.meta.url));
const folder = temporaryFolder();

function declare(): Map<string, Declarations> {
  const flags = ['--declaration', '--emitDeclarationOnly', '--noCheck', '--sourceMap', 'false'];
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const words = [compiler, '-p', 'tsconfig.build.json', ...flags, '--outDir', folder];
  const { status, stdout } = spawnSync(process.execPath, words, { cwd: root, encoding: 'utf8' });
  assert.is(status, 0, stdout);
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.d.ts'));
  return new Map(files.map((file) => [join(folder, file), declarationsOf(join(folder, file))]));
}

const LIST = /^(import|export)(?: type)? \{([^}]*)\}(?: from '([^']+)')?/gm;
const ALL = /^export \*(?: as \w+)? from '([^']+)'/gm;
const STATEMENT = /^(export )?(?:declare )?(?:abstract )?(?:interface|class|type|function|const) (\w+)/;

function declarationsOf(path: string): Declarations {
  const text = readFileSync(path, 'utf8').replaceAll(/\/\*.*?\*\/|^\s*\/\/.*?$/gms, '');
  const fileOf = (target: string) => join(dirname(path), target.replace(/\.ts$/, '.d.ts'));
  const found: Declarations = { own: new Map(), from: new Map(), exported: [], all: [] };
  for (const [, kind, names, target] of text.matchAll(LIST)) {
    for (const entry of names.split(',').filter((each) => each.trim() !== '')) {
      const [name, local = name] = entry
        .trim()
        .replace(/^type /, '')
        .split(' as ');
      if (kind === 'export') found.exported.push(local);
      if (target?.startsWith('.')) found.from.set(local, [fileOf(target), name]);
    }
  }
  found.all = [...text.matchAll(ALL)].map(([, target]) => fileOf(target));
  // What begins a line begins a statement, but for the end of a block.
  for (const statement of text.split(/\n(?=[^\s}])/)) {
    const [, exported, name] = STATEMENT.exec(statement) ?? [];
    if (name === undefined) continue;
    found.own.set(name, `${found.own.get(name) ?? ''}\n${statement}`);
    if (exported) found.exported.push(name);
  }
  return found;
}

/** The place of a name that a file uses; null for one of the language or of another package. */
function placeOf(files: Map<string, Declarations>, file: string, name: string): Place | null {
  const { own, from, all } = files.get(file) as Declarations;
  if (own.has(name)) return `${file} ${name}`;
  const origin = from.get(name);
  if (origin !== undefined) return placeOf(files, ...origin);
  return all.map((each) => placeOf(files, each, name)).find((place) => place !== null) ?? null;
}

function exportsOf(files: Map<string, Declarations>, file: string): Place[] {
  const { exported, all } = files.get(file) as Declarations;
  const places = exported.map((name) => placeOf(files, file, name) as Place);
  return [...places, ...all.flatMap((each) => exportsOf(files, each))];
}

const ALIAS = /^\s*(?:export )?(?:declare )?type \w+ = /;
/** One of a list of words: shown as the words themselves, but where another alias is made of it. */
const CHOICE = new RegExp(`${ALIAS.source}\\(typeof \\w+\\)\\[number\\]`);

test('what exports name in their types is exported, or has no page by intention', () => {
  const files = declare();
  const shown = new Set(exportsOf(files, join(folder, 'index.d.ts')));
  assert.ok(shown.size > 200, `${shown.size} exports`);
  const parts = new Set<string>();
  for (const place of shown) {
    const [file, name] = place.split(' ');
    const statement = (files.get(file)?.own.get(name) ?? '')
      .replaceAll(/'[^'\n]*'/g, '')
      // What is inherited is shown in the heir.
      .replace(/^(.*interface .*?) extends [^{]*\{/m, '$1 {');
    for (const [, used] of statement.matchAll(/(?<![.\w])([A-Z]\w*)\b(?!\??:)/g)) {
      const target = placeOf(files, file, used);
      if (target === null || shown.has(target)) continue;
      const [where, what] = target.split(' ');
      if (ALIAS.test(statement) || !CHOICE.test(files.get(where)?.own.get(what) ?? '')) parts.add(what);
    }
  }
  assert.equal([...parts].sort(), [...PARTS].sort());
});

test.run();
