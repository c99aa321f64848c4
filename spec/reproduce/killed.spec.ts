/** Experiments whose process is killed, again and again, come to the numbers of those that are not, and repeat no finished unit. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Random } from '../../src/core/random.ts';
import { readLog } from '../../src/reproduce/log.ts';
import { runExperiment } from '../../src/reproduce/run.ts';
import { temporaryFolder } from '../cli/host.ts';
import { threeExperiments } from './killed.ts';

const program = fileURLToPath(new URL('killed.ts', import.meta.url));
/** A life is cut short at one of so many calls that change files; the last one is not. */
const [LEAST_CALLS, MOST_CALLS] = [15, 90];
const MOST_LIVES = 4;

const numbersIn = (folder: string) =>
  threeExperiments().map((experiment) => {
    const { units } = readLog(experiment, 'small', folder);
    return [experiment.name, [...units].map(([name, { numbers }]) => [name, numbers])];
  });

const finishedIn = (folder: string): string[] =>
  threeExperiments().flatMap((experiment) => {
    return [...readLog(experiment, 'small', folder).units.keys()].map((unit) => `${experiment.name}, ${unit}`);
  });

test('killed while they write, remove or rename any file, they go on where they were', async () => {
  const seed = Number(process.env.LAW_SEED ?? Date.now() % 100_000);
  const random = new Random(seed).split('kills');
  const [whole, broken] = [temporaryFolder(), temporaryFolder()];
  for (const experiment of threeExperiments()) await runExperiment(experiment, { scale: 'small', folder: whole });
  const kills: number[] = [];
  let finished: string[] = [];
  for (let life = 0; life < MOST_LIVES; life++) {
    const at = life === MOST_LIVES - 1 ? 1e6 : LEAST_CALLS + random.integer(MOST_CALLS - LEAST_CALLS);
    kills.push(at);
    const begun = join(broken, 'begun.txt');
    const before = existsSync(begun) ? readFileSync(begun, 'utf8').length : 0;
    const { signal, status, stderr } = spawnSync(process.execPath, ['--import', 'tsx', program, broken, String(at)], {
      encoding: 'utf8',
    });
    const said = `LAW_SEED=${seed}, killed at ${kills.join(', ')}: ${stderr}`;
    assert.ok(signal === 'SIGKILL' || status === 0, said);
    const now = existsSync(begun) ? readFileSync(begun, 'utf8').slice(before) : '';
    const repeated = finished.filter((unit) => now.includes(`${unit}\n`));
    assert.equal(repeated, [], said);
    // What was finished stays; a log that is half written would be refused here.
    const after = finishedIn(broken);
    assert.equal(after.slice(0, finished.length), finished, said);
    finished = after;
    if (status === 0) break;
  }
  assert.ok(kills.length > 1);
  assert.equal(numbersIn(broken), numbersIn(whole), `LAW_SEED=${seed}`);
  // Neither locks nor halves of files nor checkpoints are left.
  for (const { name } of threeExperiments()) {
    const left = readdirSync(join(broken, name), { recursive: true }).map(String);
    assert.equal(
      left.filter((each) => each !== 'unfinished' && each !== 'unfinished/small'),
      ['small.json'],
      name,
    );
  }
});

test.run();
