/** Runs of recipes: whole ones are replaced only by whole ones, in the folder that was asked for. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { commandOf, fileOf, jobsOf, moveToPlace, runJob, unfinished } from '../../scripts/training-campaign.ts';
import { wordsOf } from '../../scripts/words-of.ts';
import { Stop } from '../../src/terminal/stop.ts';
import { hashesRecipe } from '../../src/training/recipes/hashes.ts';
import { temporaryFolder } from '../core/temporary-folder.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = relative(root, temporaryFolder()).replaceAll('\\', '/');
const [job] = jobsOf(hashesRecipe, [1], folder);
const path = (of: typeof job, name: string) => join(root, fileOf(of, name));

function put(of: typeof job, name: string, text: string): void {
  mkdirSync(dirname(path(of, name)), { recursive: true });
  writeFileSync(path(of, name), text);
}

class Asked extends Stop {
  override asked(): boolean {
    return true;
  }
}

test('a run that is stopped leaves the earlier one as it was', async () => {
  put(job, 'results.json', 'whole');
  assert.is(await runJob(job, new Asked()), null);
  assert.is(readFileSync(path(job, 'results.json'), 'utf8'), 'whole');
  assert.not(existsSync(path(job, 'run.json')));
  assert.ok(existsSync(path(unfinished(job), 'run.json')));
});

test('a whole run takes the place of the earlier one, with nothing left of that', () => {
  put(job, 'old.json', 'old');
  put(unfinished(job), 'results.json', 'new');
  moveToPlace(job);
  assert.is(readFileSync(path(job, 'results.json'), 'utf8'), 'new');
  assert.not(existsSync(path(job, 'old.json')));
  assert.not(existsSync(path(unfinished(job), '')));
});

test('runs go to the folder that was asked for, by default that of the published results', () => {
  assert.is(commandOf(job).at(-1), `${folder}/hashes/${job.name}/seed-1`);
  assert.ok(fileOf(jobsOf(hashesRecipe, [1])[0], 'run.json').startsWith('bench/results/training/hashes/'));
});

test('npm run hash-table says that it trains, for how long, and where', () => {
  const args = [...wordsOf('scripts/hash-table.ts'), '--help'];
  const { status, stdout } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  assert.is(status, 0);
  const text = stdout.replace(/\s+/g, ' ');
  assert.match(text, /Train 4 models .*about two minutes/);
  assert.match(text, /out\/hash-table\/.*--publish .*bench\/results\/training\//);
});

test.run();
