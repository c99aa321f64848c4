/** `reproduce` on the command line: the list, what it refuses, and that it continues after being cut short. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { wordsOf } from '../../scripts/words-of.ts';
import { noteOn } from '../../src/commands/reproduce-text.ts';
import { type Outcome, outcomeOf } from '../../src/reproduce/outcome.ts';
import { experiments } from '../../src/reproduce/registry.ts';
import { displayWidth } from '../../src/terminal/width.ts';
import { answerTo, outputOf, temporaryFolder } from './host.ts';

// biome-ignore lint/suspicious/noControlCharactersInRegex: the codes of colours
const CODES = /\x1b\[[\d;]*m/g;

/** So little that nothing is measured. */
const NO_TIME = ['--minutes', '1e-9'];

test('the list has every experiment, with its minutes and the last verdict, and fits the terminal', async () => {
  const folder = temporaryFolder();
  const text = await outputOf(['reproduce', '--list', '--folder', folder]);
  for (const { paper, table, minutes } of experiments) {
    const line =
      text.split('\n').find((each) => each.startsWith(`${paper.name} `) && each.includes(` ${table} `)) ?? '';
    assert.match(line, new RegExp(`not run +${minutes.small}\\b`));
  }
  for (const line of (await outputOf(['reproduce', '--list'], 60)).split('\n'))
    assert.ok(displayWidth(line.replace(CODES, '')) <= 60, line);
});

test('invalid words are refused before any work', async () => {
  const folder = join(temporaryFolder(), 'none');
  for (const [words, message] of [
    [[], /PAPER: missing; expected the name of a paper, --all, --timed, --list or --spot-check/],
    [['--list', '--all'], /--list: shows all experiments without --all/],
    [['perfomer'], /unknown paper 'perfomer': did you mean 'performer'/],
    [['performer', '--all'], /expected one of PAPER, --all and --timed, got several/],
    [['performer', '--minutes', '0'], /--minutes: expected a number above 0, at most 100000, got 0/],
    [['performer', '--again', '--minutes', '-1'], /--minutes: expected a number above 0, .*got -1/],
    [['performer', '--scale', 'large'], /--scale: unknown scale 'large'/],
    [['performer', '--report', join(folder, 'page.html')], /--report: cannot write/],
  ] as const) {
    const { code, err } = await answerTo(['reproduce', ...words, '--folder', folder]);
    assert.is(code, 2, err);
    assert.match(err, message);
  }
  assert.not(existsSync(folder));
  // Below /proc, Node's own recursion never ends.
  for (const place of ['README.md', 'README.md/x', ...(process.platform === 'linux' ? ['/proc/x/y'] : [])]) {
    const { code, err } = await answerTo(['reproduce', 'performer', 'theorem-2', '--folder', place]);
    assert.is(code, 2, err);
    assert.ok(err.includes(`--folder: cannot write ${place}: `), err);
  }
});

test('a run of more than an hour says before it begins how long it takes, and how it is stopped', async () => {
  const folder = temporaryFolder();
  const told = async (...words: string[]) =>
    (await answerTo(['reproduce', ...words, ...NO_TIME, '--folder', folder])).err;
  const long = await told('lra', 'table-1-pathfinder', '--scale', 'paper');
  const [{ minutes }] = experiments.filter(({ name }) => name === 'lra-table-1-pathfinder');
  const days = Math.round(minutes.paper / (24 * 60));
  assert.match(
    long,
    new RegExp(
      `^About ${days} days on two cores, at scale paper\\. This call stops after 0 minutes, and the same command continues\\.$`,
      'm',
    ),
  );
  assert.not.match(await told('lra', 'table-1-pathfinder'), /two cores/);
  // What is there already is not counted.
  assert.not.match(await told('performer', '--scale', 'small'), /two cores/);
  const all = await told('--all', '--again');
  assert.match(all, /^About \d+ hours on two cores, at scale small\. .* without --again continues\.$/m);
  const list = await outputOf([
    'reproduce',
    'lra',
    'table-1-pathfinder',
    '--list',
    '--scale',
    'paper',
    '--folder',
    folder,
  ]);
  assert.match(list, new RegExp(`1 experiment, about ${days} days on two cores, at scale paper`));
});

test('time that runs out leaves finished units, and the same command continues to a verdict and a page', async () => {
  const folder = temporaryFolder();
  const page = join(folder, 'page.html');
  const words = ['reproduce', 'performer', 'figure-2', '--folder', folder, '--threads', '1'];
  const first = await outputOf([...words, ...NO_TIME]);
  assert.match(first, /0 of 1 experiments are finished\. The same command continues\./);
  // Asked again where there was nothing: these are no earlier results.
  await outputOf([...words, '--again', ...NO_TIME]);
  assert.not.match(await outputOf([...words, ...NO_TIME]), /earlier results/);
  const second = await outputOf([...words, '--report', page]);
  assert.match(second, /^holds /m);
  assert.match(second, /Verdict: holds\./);
  // Where the folder had none, they are compared with those of the repository.
  assert.match(second, /^4 verdicts, as in bench\/results\/reproduce\.$/m);
  assert.match(readFileSync(page, 'utf8'), /<h1>Does it hold\?<\/h1>[\s\S]*<svg /);
  // Finished: nothing runs again.
  assert.match(await outputOf([...words, ...NO_TIME]), /Verdict: holds\.[\s\S]*Nothing was run/);
  await expectTable(folder);
  // Asked again, and there is no time: the results stay, and what continues it knows.
  assert.match(await outputOf([...words, '--again', ...NO_TIME]), /0 of 1 .* The same command without --again/);
  const due = await outputOf([...words, ...NO_TIME]);
  assert.match(due, /Verdict: holds\.[\s\S]*to be measured anew\.\s+0 of 1 experiments are finished/);
  assert.match(await outputOf(words), /^4 verdicts, as before\.$/m);
});

test('the first results of the usual folder are compared with nothing, not with themselves', () => {
  const root = temporaryFolder();
  mkdirSync(join(root, 'bench/results'), { recursive: true });
  const words = [...wordsOf('src/cli.ts'), 'reproduce', 'performer', 'figure-2', '--threads', '1'];
  const run = () => spawnSync(process.execPath, words, { cwd: root, encoding: 'utf8' }).stdout;
  assert.not.match(run(), /verdicts, as/);
  assert.match(run(), /Nothing was run/);
  words.push('--again');
  assert.match(run(), /^4 verdicts, as before\.$/m);
});

test('a verdict that is another than before is named, with the folder of those that it is compared with', () => {
  const [experiment] = experiments;
  const now = outcomeOf(experiment, 'small', 'bench/results/reproduce');
  const [first, ...others] = now.judged;
  const outcome: Outcome = { ...now, judged: [{ ...first, verdict: 'does not hold here' }, ...others] };
  const end = `: does not hold here, now: ${first.verdict}. ${first.claim.says}`;
  assert.equal(noteOn(now, { outcome }, 1), [`Before${end}`]);
  assert.equal(noteOn(now, { outcome, folder: 'kept' }, 1), [`In kept${end}`]);
  assert.equal(noteOn(now, { outcome: now, folder: 'kept' }, 1), [`${now.judged.length} verdicts, as in kept.`]);
  assert.equal(noteOn(now, { outcome: null }, 1), []);
});

test('an experiment that fails keeps no other from being run or shown; without time nothing is discarded', async () => {
  const folder = temporaryFolder();
  const damaged = join(folder, 'performer-figure-4');
  mkdirSync(damaged);
  writeFileSync(join(damaged, 'small.json'), '{');
  const words = ['reproduce', 'performer', '--folder', folder];
  const { code, out, err } = await answerTo([...words, ...NO_TIME, '--details']);
  assert.is(code, 1);
  assert.match(err, /small\.json: expected JSON[\s\S]*Failed: performer-figure-4\n.*small\.json: expected JSON/);
  assert.not.match(out, /unfinished|units are finished: /);
  for (const name of ['performer-figure-2', 'performer-theorem-2']) assert.ok(out.includes(`${name}: `), out);
  // No table where nothing is shown.
  const nothing = await outputOf([...words, '--again', ...NO_TIME]);
  assert.match(nothing, /^0 of 4 experiments are finished\. The same command without --again continues\.$/m);
  assert.not.match(nothing, /^Of 0 claims/m);
  // No claim was tried yet.
  assert.match((await answerTo([...words, ...NO_TIME])).out, /units\n\nClaims and numbers of one/);
  assert.is(readFileSync(join(damaged, 'small.json'), 'utf8'), '{');
});

/** Several experiments are a line each, with the counts of their verdicts; --details shows them in full. */
async function expectTable(folder: string): Promise<void> {
  const words = ['reproduce', 'performer', '--folder', folder, ...NO_TIME];
  const lines = (await outputOf(words)).split('\n');
  const own = experiments.filter(({ paper }) => paper.name === 'performer');
  const rows = lines.filter((line) => line.startsWith('performer '));
  // In the order of the list, whatever they cost.
  assert.equal(
    rows.map((row) => row.split(/ +/)[1]),
    own.map(({ table }) => table),
  );
  assert.match(rows.find((row) => row.includes('figure-2')) ?? '', /^performer +figure-2 +4 +\d+\.\d$/);
  assert.match(rows.find((row) => row.includes('theorem-2')) ?? '', / 0\.0 +0 of \d+ units$/);
  assert.ok(lines.includes('Of 4 claims, 4 hold, 0 hold in direction and 0 do not hold here.'), lines.join('\n'));
  assert.ok(lines.length < own.length + 10);
  const full = await outputOf([...words, '--details']);
  assert.match(full, /^performer-figure-2: [\s\S]*Verdict: holds\./);
  for (const line of (await outputOf(words, 60)).split('\n')) {
    assert.ok(displayWidth(line.replace(CODES, '')) <= 60, line);
  }
}

test.run();
