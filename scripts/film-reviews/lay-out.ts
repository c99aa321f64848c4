/** Writes rated sentences as a folder of texts by class, which `train text-classification --text` reads. */
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { makeFolder } from '../../src/core/files/folder.ts';
import { writing } from '../../src/core/files/system-error.ts';

const LEAST_RATING = 1;
const TEST_EVERY = 5;

/**
 * Writes the sentences of a table, whose lines are `number⇥rating⇥sentence`, to `folder`, whole or not at all. Those whose rating is
 * at least 1 are `pos`, those of at most −1 `neg`, and the rest is left out; one that occurs twice is taken once. Every fifth number
 * is in `test`. Returns how many sentences each folder has. Throws FileWriteError.
 */
export function layOut(table: string, folder: string): Map<string, number> {
  // Beside the folder, also where its name ends with a slash.
  const unfinished = `${resolve(folder)}.unfinished`;
  writing(unfinished, () => rmSync(unfinished, { recursive: true, force: true }));
  const counts = new Map<string, number>();
  const seen = new Set<string>();
  for (const line of table.split(/\r?\n/)) {
    if (line === '') continue;
    const [number, rating, text] = line.split('\t');
    const sentence = text.trim();
    if (Math.abs(Number(rating)) < LEAST_RATING || sentence === '' || seen.has(sentence)) continue;
    seen.add(sentence);
    const kind = join(Number(number) % TEST_EVERY === 0 ? 'test' : 'train', Number(rating) > 0 ? 'pos' : 'neg');
    const own = join(unfinished, kind);
    if (!counts.has(kind)) makeFolder(own);
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
    const path = join(own, `${number}.txt`);
    writing(path, () => writeFileSync(path, sentence));
  }
  writing(folder, () => renameSync(unfinished, resolve(folder)));
  return counts;
}
