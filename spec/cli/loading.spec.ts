/** `--help` of the program is quick because it loads next to nothing: counted in modules, since time is the machine's. */
import { existsSync, readFileSync } from 'node:fs';
import { relative, resolve, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadCommands } from '../../src/commands/run.ts';
import { commandNames } from '../../src/commands/summaries.ts';

const STATIC = /^(?:import|export) (?!type )(?:[^;']*? from )?'(\.[^']+)'/gm;

/** The modules of src/ that are loaded with one, itself included: what it imports at its beginning, and what they do. */
function loadedWith(entry: string): string[] {
  const seen = new Set<string>();
  const visit = (url: string): void => {
    if (seen.has(url)) return;
    seen.add(url);
    for (const [, path] of readFileSync(new URL(url), 'utf8').matchAll(STATIC)) visit(new URL(path, url).href);
  };
  visit(pathToFileURL(resolve(entry)).href);
  return [...seen].map((url) => relative('src', fileURLToPath(url)).split(sep).join('/')).sort();
}

test('the program loads no command, no variant and nothing that computes before it knows what is asked', () => {
  const loaded = loadedWith('src/cli.ts');
  assert.ok(loaded.includes('terminal/help.ts') && loaded.includes('commands/summaries.ts'));
  const others = loaded.filter((path) => !/^(cli|commands\/(run|command|summaries)|terminal\/.*)\.ts$/.test(path));
  assert.equal(others, [
    'commands/imported.ts',
    'commands/shell-word.ts',
    'compare/package-version.ts',
    'core/advice.ts',
    'core/errors.ts',
    'core/files/system-error.ts',
    'core/visible.ts',
  ]);
  assert.ok(loaded.length < 25, String(loaded.length));
});

test('what describes a comparison or a training does not load what makes it', () => {
  for (const name of ['compare', 'train']) {
    const loaded = loadedWith(`src/commands/${name === 'compare' ? 'compare-options' : 'train-command'}.ts`);
    assert.not.ok(loaded.includes(`commands/${name}.ts`), name);
    assert.equal(
      loaded.filter((path) => /^(compare\/report|training\/(trainer|checkpoint))/.test(path)),
      [],
    );
  }
});

test('every command is in the list, under its own name', async () => {
  const commands = await loadCommands();
  assert.equal(
    commands.map(({ name }) => name),
    commandNames,
  );
  for (const name of commandNames) assert.ok(existsSync(`src/commands/${name}.ts`), name);
});

test.run();
