/** Rated sentences as texts by class: which are taken, where each goes, and where the folder is. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { layOut } from '../../scripts/film-reviews/lay-out.ts';
import { FileWriteError } from '../../src/core/errors.ts';
import { temporaryFolder } from '../core/temporary-folder.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';

const own = temporaryFolder();

const TABLE = [
  ['1', '1', 'good .'],
  ['2', '-1', ' bad . '],
  ['3', '0.99', 'so-so .'],
  ['4', '-0.99', 'so-so, too .'],
  ['5', '2.5', 'better .'],
  ['10', '-4', 'worst .'],
  ['11', '3', 'good .'],
  ['12', '3', '  '],
]
  .map((cells) => cells.join('\t'))
  .join('\r\n');

/** What lies below the folder: names and contents. */
function filesOf(folder: string): Record<string, string> {
  const paths = readdirSync(folder, { recursive: true }).map(String);
  const files = paths.filter((path) => path.endsWith('.txt')).sort();
  return Object.fromEntries(files.map((path) => [path, readFileSync(join(folder, path), 'utf8')]));
}

const EXPECTED = {
  'test/neg/10.txt': 'worst .',
  'test/pos/5.txt': 'better .',
  'train/neg/2.txt': 'bad .',
  'train/pos/1.txt': 'good .',
};

test('clear ratings are taken once each, every fifth number for the test', () => {
  for (const name of ['plain', 'with a slash/', 'parents/of/it']) {
    const folder = join(own, name);
    const counts = layOut(TABLE, folder);
    assert.equal(filesOf(folder), EXPECTED, name);
    assert.equal(
      [...counts].sort(),
      ['test/neg', 'test/pos', 'train/neg', 'train/pos'].map((kind) => [kind, 1]),
    );
  }
  assert.equal(readdirSync(own).sort(), ['parents', 'plain', 'with a slash']);
});

test('what an interrupted call left is removed; a folder that is there is not replaced', () => {
  const folder = join(own, 'again');
  mkdirSync(`${folder}.unfinished/train/pos`, { recursive: true });
  writeFileSync(`${folder}.unfinished/train/pos/7.txt`, 'old');
  layOut(TABLE, folder);
  assert.equal(filesOf(folder), EXPECTED);
  expectThrows(FileWriteError, folder, () => layOut('15\t4\tother .', folder));
  assert.equal(filesOf(folder), EXPECTED);
});

test.run();
