/** The texts of lra table-1-text: what is refused before earlier results are discarded. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import { FileFormatError } from '../../src/core/errors.ts';
import { expectReviews } from '../../src/reproduce/lra-table-1-text.ts';
import { temporaryFolder } from '../cli/host.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';

test('reviews have both parts and the classes neg and pos, and each is a text', () => {
  const folder = join(temporaryFolder(), 'reviews');
  const add = (kind: string, text = 'a film') => {
    mkdirSync(join(folder, kind), { recursive: true });
    writeFileSync(join(folder, kind, '1.txt'), text);
  };
  expectThrows(FileFormatError, folder, () => expectReviews(folder, 16));
  add('train/neg');
  add('train/pos');
  expectThrows(FileFormatError, join(folder, 'test'), () => expectReviews(folder, 16));
  add('test/neg');
  add('test/pos');
  expectReviews(folder, 16);
  add('train/pos', '');
  expectThrows(FileFormatError, join(folder, 'train/pos/1.txt'), () => expectReviews(folder, 16));
  add('train/pos');
  add('train/so-so');
  // As the unlabelled ones of Maas et al. 2011.
  expectReviews(folder, 16);
  add('test/so-so');
  expectThrows(FileFormatError, folder, () => expectReviews(folder, 16));
  for (const part of ['train', 'test']) rmSync(join(folder, part, 'neg'), { recursive: true });
  expectThrows(FileFormatError, folder, () => expectReviews(folder, 16));
});

test.run();
