/** The files about the project that people and tools read: the changelog, the citation and how to contribute. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const { name, version, license } = JSON.parse(read('package.json')) as Record<string, string>;

/** The keys at the left of a YAML file, with what stands behind each on its line. */
function keysOf(yaml: string): Map<string, string> {
  return new Map([...yaml.matchAll(/^([\w-]+): ?(.*)$/gm)].map(([, key, value]) => [key, value]));
}

test('the citation has what CFF 1.2.0 requires, and the version of the package', () => {
  const keys = keysOf(read('CITATION.cff'));
  const allowed = ['cff-version', 'message', 'type', 'title', 'version', 'date-released', 'license', 'authors'];
  allowed.push('abstract', 'keywords', 'references');
  assert.equal([...keys.keys()].sort(), allowed.sort());
  assert.is(keys.get('cff-version'), '1.2.0');
  assert.is(keys.get('type'), 'software');
  assert.is(keys.get('version'), version);
  assert.match(keys.get('date-released') ?? '', /^20\d\d-[01]\d-[0-3]\d$/);
  assert.is(keys.get('license'), license);
  assert.match(keys.get('title') ?? '', `"${name}: `);
  assert.match(read('CITATION.cff'), `\nauthors:\n  - name: The ${name} developers\n`);
});

test('the changelog keeps its form', () => {
  const changelog = read('CHANGELOG.md');
  assert.match(changelog, /^# Changelog\n/);
  const versions = [...changelog.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading);
  assert.is(versions[0], '[Unreleased]');
  for (const heading of versions.slice(1)) assert.match(heading, /^\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d$/);
  const kinds = ['Added', 'Changed', 'Deprecated', 'Removed', 'Fixed', 'Security'];
  for (const [, heading] of changelog.matchAll(/^### (.*)$/gm)) assert.ok(kinds.includes(heading), heading);
});

for (const path of ['CHANGELOG.md', 'CONTRIBUTING.md', 'docs/design.md', 'docs/pretrained.md', 'docs/reliability.md']) {
  test(`${path} leads to files that are there`, () => {
    for (const [, link] of read(path).matchAll(/\]\(([^)#]+?)(?:#[^)]*)?\)/g)) {
      if (/^https:/.test(link)) continue;
      assert.ok(existsSync(join(root, dirname(path), link)), link);
    }
  });
}

test('commands and paths that CONTRIBUTING.md names exist', () => {
  const text = read('CONTRIBUTING.md');
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  for (const [, script] of text.matchAll(/npm run ([\w:]+)/g)) assert.ok(script in scripts, script);
  for (const [, path] of text.matchAll(/`((?:src|spec|examples|docs)\/[\w/.-]+)`/g)) {
    if (!path.includes('NAME')) assert.ok(existsSync(join(root, path)), path);
  }
});

test.run();
