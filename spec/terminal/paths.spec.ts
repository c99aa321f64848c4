/** Paths with commas between them, some with commas of their own. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError } from '../../src/core/errors.ts';
import { paths } from '../../src/terminal/options.ts';
import { splitPaths } from '../../src/terminal/paths.ts';
import { temporaryFolder } from '../core/temporary-folder.ts';

const root = temporaryFolder();
const files = paths('FILE', 'Files');
const read = (...texts: string[]) => files.parse(texts, '--qkv');

test('files that are there are found, however many commas are in their names', () => {
  const name = fc
    .array(fc.constantFrom(',', 'a', 'b', '.'), { minLength: 1, maxLength: 5 })
    .map((each) => each.join(''));
  fc.assert(
    fc.property(fc.uniqueArray(name, { minLength: 1, maxLength: 3 }), (names) => {
      const folder = mkdtempSync(join(root, 'with,comma-'));
      // A prefix keeps `.` and names of nothing but commas from being something else.
      const there = names.map((each) => join(folder, `n${each}n`));
      for (const path of there) writeFileSync(path, '');
      for (const path of read(...there)) assert.ok(there.includes(path), path);
      assert.equal(read(...there), there);
      // Joined, each piece that is read is a file that is there.
      const joined = read(there.join(','));
      assert.is(joined.join(','), there.join(','));
      for (const path of joined) assert.ok(there.includes(path), path);
    }),
    { numRuns: 50 },
  );
});

test('of what is not there, every comma separates, unless only the folder of the whole is there', () => {
  const exists = (...known: string[]) => {
    return (path: string) => known.includes(path);
  };
  assert.equal(splitPaths('q,k,v', exists('.')), ['q', 'k', 'v']);
  assert.equal(splitPaths('q,k,v', exists('.', 'q', 'v')), ['q', 'k', 'v']);
  assert.equal(splitPaths('q,k', exists('.', 'q,k', 'q', 'k')), ['q,k']);
  assert.equal(splitPaths('my,data/q.npy', exists('.', 'my,data')), ['my,data/q.npy']);
  assert.equal(splitPaths('my,data/q.npy,my,data/k.npy', exists('.', 'my,data', 'my,data/q.npy')), [
    'my,data/q.npy',
    'my,data/k.npy',
  ]);
  assert.equal(splitPaths('q,', exists('.', 'q')), ['q', '']);
  let asked = 0;
  assert.is(splitPaths(','.repeat(1000), () => ++asked > 0).length, 1001);
  assert.is(asked, 0);
});

test('given several times, each text is a path of its own, or files that are there', () => {
  const folder = join(root, 'several');
  mkdirSync(folder);
  const [q, k] = ['q', 'k'].map((name) => join(folder, name));
  for (const path of [q, k]) writeFileSync(path, '');
  assert.equal(read(`${q},${k}`, 'v,w'), [q, k, 'v,w']);
  assert.throws(
    () => read(q, ''),
    (error: unknown) => error instanceof ArgumentError && /--qkv: expected FILE, got an empty text/.test(error.message),
  );
  assert.throws(() => read(`${q},`), /--qkv: expected FILE, got an empty text/);
});

test.run();
