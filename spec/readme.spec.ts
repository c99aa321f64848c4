/** What the README says to do: its code samples run as they stand, its links lead somewhere, its commands exist. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { allVariants } from '../src/variants/registry.ts';

const root = fileURLToPath(new URL('../', import.meta.url));
const names = [
  'README.md',
  'docs/comparison.md',
  'docs/variants.md',
  'docs/survey.md',
  'docs/reproduced.md',
  'docs/speed.md',
  'docs/when-one-machine-is-not-enough.md',
];
const texts = names.map((name) => ({ name, text: readFileSync(join(root, name), 'utf8') }));
const readme = texts[0].text;

test('samples of TypeScript run as they stand', () => {
  const samples = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, sample]) => sample);
  assert.ok(samples.length > 0);
  const folder = mkdtempSync(join(tmpdir(), 'readme-'));
  try {
    for (const sample of samples) {
      assert.match(sample, "from 'efficient-transformers'", 'a sample says what it imports');
      const file = join(folder, 'sample.mts');
      const entry = new URL('../src/index.ts', import.meta.url).href;
      writeFileSync(file, sample.replaceAll("'efficient-transformers'", JSON.stringify(entry)));
      const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', file], {
        cwd: root,
        encoding: 'utf8',
      });
      assert.is(status, 0, stderr);
      assert.is.not(stdout, '');
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('it is short: within 200 lines', () => {
  assert.ok(readme.split('\n').length <= 201, `${readme.split('\n').length - 1} lines`);
});

test('links within the repository lead to files', () => {
  for (const { name, text } of texts) {
    const folder = name.includes('/') ? join(root, 'docs') : root;
    for (const [, target] of text.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)) {
      if (!/^https?:/.test(target)) assert.ok(existsSync(join(folder, target)), `${name}: ${target}`);
    }
  }
});

test('every npm script that is named exists', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  for (const { name, text } of texts) {
    for (const [, script] of text.matchAll(/npm run (?:-s )?([\w:-]+)/g)) {
      assert.ok(script in scripts, `${name}: npm run ${script}`);
    }
  }
});

test('the README and the table of exports have every variant', () => {
  const exports = texts.find(({ name }) => name.includes('one-machine'))?.text ?? '';
  for (const { name } of allVariants()) {
    assert.ok(readme.includes(`[${name}](src/variants/${name}.ts)`), `README.md: ${name}; npm run readme`);
    assert.match(
      exports,
      new RegExp(`^\\| [\\w.-]+ \\| ${name} \\|`, 'm'),
      `${name}: scripts/make-exports.ts, then npm run readme`,
    );
  }
});

test.run();
