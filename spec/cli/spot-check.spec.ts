/** `reproduce --spot-check` on the command line: what it says of results, its exit code, and that it leaves nothing behind. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { wordsOf } from '../../scripts/words-of.ts';
import { experiments } from '../../src/reproduce/registry.ts';
import { answerTo, outputOf, temporaryFolder } from './host.ts';

const shipped = fileURLToPath(new URL('../../bench/results/reproduce', import.meta.url));

const contentsOf = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true }).map(({ parentPath, name }) => {
    const path = join(parentPath, name);
    return [path, path.endsWith('.json') ? readFileSync(path, 'utf8') : ''];
  });

test('the same digits, a changed one, too little time and damaged results each have their line and exit code', async () => {
  const folder = temporaryFolder();
  const words = ['reproduce', 'performer', 'figure-2', '--folder', folder, '--threads', '1'];
  const check = [...words, '--spot-check'];
  const none = await answerTo(check);
  assert.is(none.code, 1);
  assert.match(none.out, /^performer figure-2: not here: no results in /m);
  assert.match(none.err, /^--spot-check: nothing was compared$/m);
  assert.equal(readdirSync(folder), []);
  await outputOf(words);
  const path = join(folder, 'performer-figure-2/small.json');
  const log = JSON.parse(readFileSync(path, 'utf8'));
  // On a busy machine no unit beyond the first may be cheap.
  for (const unit of Object.values<{ seconds: number }>(log.units)) unit.seconds = 1;
  writeFileSync(path, JSON.stringify(log));
  const before = contentsOf(folder);
  const same = await outputOf([...check.slice(0, -3), '--threads', '2', '--spot-check']);
  assert.match(same, /^performer +figure-2 +length [\d.]+ +\d+\.\d +the same digits$/m);
  assert.match(same, /^performer +figure-2 +draws +\d+\.\d +the same digits$/m);
  assert.match(same, /^Of 2 units that ran, 2 gave the same digits, 0 gave others\.$/m);
  assert.equal(contentsOf(folder), before);
  const short = await answerTo([...check, '--minutes', '1e-9']);
  assert.is(short.code, 1);
  assert.match(short.out, /^Of 0 units that ran, 0 gave the same digits, 0 gave others; 2 not run to the end\.$/m);

  const { numbers } = log.units.draws;
  numbers[Object.keys(numbers)[0]] *= 1 + 1e-12;
  writeFileSync(path, JSON.stringify(log));
  const other = await answerTo(check);
  assert.is(other.code, 1);
  assert.match(
    other.out,
    / draws +\d+\.\d +other digits in 1 of \d+ numbers: largest relative difference \d\.\d+e-1[23] in /,
  );
  assert.match(other.out, /^Of 2 units that ran, 1 gave the same digits, 1 gave others\.$/m);
  assert.match(other.err, /^--spot-check: other digits than the results have$/m);
  assert.match(other.out, /^Made on .*\. Here: .*, 1 thread, /m);

  // The digits of units that are not there are not checked, and that is said.
  const { draws: _, ...rest } = log.units;
  writeFileSync(path, JSON.stringify({ ...log, units: rest }));
  const partial = await answerTo(check);
  assert.is(partial.code, 1);
  assert.match(partial.out, /^performer figure-2: refused: of \d+ units “draws” is not in the results$/m);
  assert.match(partial.out, /^Of 1 unit that ran, 1 gave the same digits, 0 gave others; 1 refused\.$/m);

  writeFileSync(path, JSON.stringify({ ...log, revision: 0 }));
  const refused = await answerTo(check);
  assert.is(refused.code, 1);
  assert.match(refused.out, /refused: .*small\.json: made by revision 0 of the experiment, now \d\n/);
});

test('without a paper all are checked, but those that measure time; what says something else is refused', async () => {
  const folder = temporaryFolder();
  const { code, out } = await answerTo(['reproduce', '--spot-check', '--folder', folder]);
  assert.is(code, 1);
  const [timed, others] = [true, false].map((isTimed) => experiments.filter((each) => each.timed === isTimed));
  assert.match(out, new RegExp(`^Of 0 units that ran, .*; ${others.length} not here\\.$`, 'm'));
  assert.ok(out.includes(`Left out, because they measure time: ${timed.map(({ name }) => name).join(', ')}.`), out);
  for (const [words, message] of [
    [['linformer', 'table-3'], /--spot-check: linformer-table-3: measures time/],
    [['performer', '--again'], /--again: expected without --spot-check/],
    [['--list'], /--list: expected without --spot-check/],
    [['--timed'], /--timed: expected without --spot-check/],
    [['performer', '--report', 'page.html'], /--report: expected without --spot-check/],
    [['performer', '--all'], /expected one of PAPER, --all and --timed, got several/],
    [['performer', '--minutes', '0'], /--minutes: expected a number above 0, at most 100000, got 0/],
  ] as const) {
    const refused = await answerTo(['reproduce', ...words, '--spot-check', '--folder', folder]);
    assert.is(refused.code, 2, refused.err);
    assert.match(refused.err, message);
  }
  assert.not(existsSync('page.html'));
  assert.equal(readdirSync(folder), []);
});

test('an interruption in the middle of a training leaves nothing behind', async () => {
  const [results, temporary] = [join(temporaryFolder(), 'results'), join(temporaryFolder(), 'temporary')];
  const name = 'gated-deltanet-table-2';
  cpSync(join(shipped, name), join(results, name), { recursive: true });
  mkdirSync(temporary);
  const before = contentsOf(results);
  const args = ['reproduce', 'gated-deltanet', 'table-2', '--spot-check', '--folder', results, '--threads', '1'];
  const child = spawn(process.execPath, [...wordsOf('src/cli.ts'), ...args], {
    env: { ...process.env, TMPDIR: temporary, TEMP: temporary, TMP: temporary },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [out, err, ended] = [text(child.stdout), text(child.stderr), once(child, 'close')];
  const own = () => readdirSync(temporary).filter((each) => each.startsWith('efficient-transformers-'));
  while (own().length === 0 && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 20));
  child.kill('SIGINT');
  const [code] = await ended;
  assert.is(code, 130, await err);
  assert.match(await err, /SIGINT: stopping soon/);
  assert.match(await out, /^Of 0 units that ran, .* not run to the end\.$/m);
  assert.equal(own(), []);
  assert.equal(contentsOf(results), before);
});

test.run();
