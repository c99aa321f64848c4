/** Recurrences beside those of other libraries: the inputs that all are given, what is printed, and what is left out. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { draw, drawBetween } from '../../bench/peers/inputs.ts';
import type { Task } from '../../bench/peers/protocol.ts';
import { RECURRENCES } from '../../bench/peers/recurrences.ts';
import { prepareRecurrence } from '../../bench/peers/us-attention.ts';
import type { PeerRow } from '../../bench/report/results.ts';
import { measureTask } from '../../bench/suites/peers/measure.ts';
import { Forecast, recurrenceTasks } from '../../bench/suites/peers/plan.ts';
import { PeerFailure } from '../../bench/suites/peers/process.ts';
import { tablesOf } from '../../bench/suites/peers/tables.ts';
import { tableOf } from '../../scripts/recurrences-table.ts';
import { wordsOf } from '../../scripts/words-of.ts';
import { displayWidth } from '../../src/terminal/width.ts';
import { checkOptions, drawParameters } from '../../src/variants/attend.ts';
import { findVariant } from '../../src/variants/registry.ts';
import { temporaryFolder } from '../cli/host.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

test('numbers between two bounds are those of draw, moved and stretched', () => {
  const least = fc.double({ min: -100, max: 100, noNaN: true });
  const width = fc.double({ min: 1e-3, max: 100, noNaN: true });
  fc.assert(
    fc.property(least, width, (from, by) => {
      const bounded = drawBetween('beta', 64, from, from + by);
      const plain = draw('beta', 64);
      // Float32 rounds either number once: at most 2^-24 of the largest.
      const rounding = (Math.abs(from) + by) * 2 ** -22;
      bounded.forEach((value, n) => {
        const expected = from + by * (plain[n] / (2 * Math.sqrt(3)) + 0.5);
        assert.ok(Math.abs(value - expected) <= rounding, `${value}, ${expected}`);
        assert.ok(value >= from - rounding && value <= from + by + rounding);
      });
    }),
  );
  assert.throws(() => drawBetween('nobody', 1, 0, 1), /no numbers are called 'nobody'/);
});

test('each recurrence has the gates and parameters that its variant declares, and gradients for all it reads', () => {
  const task = { kind: 'recurrence', heads: 2, length: 5, headDim: 4, training: true } as const;
  const shape = { batch: 1, heads: 2, queryLength: 5, keyLength: 5, headDim: 4, dtype: 'float32' } as const;
  for (const [name, { options, gates, parameters = {} }] of Object.entries(RECURRENCES)) {
    const variant = findVariant(name);
    if (variant === undefined) throw new Error(name);
    const declared = drawParameters(variant, checkOptions(variant, options, shape), shape, 1);
    assert.equal(Object.keys(gates), Object.keys(variant.inputs?.gates ?? {}), name);
    assert.equal(Object.keys(parameters), Object.keys(declared), name);
    const prepared = prepareRecurrence(name, task);
    const results = prepared.results() as Record<string, Float32Array>;
    const own = ['queries', 'keys', 'values'].filter((input) => input !== 'keys' || variant.inputs?.keys !== 'unread');
    assert.equal(
      Object.keys(results).sort(),
      ['output', ...own, ...Object.keys(gates), ...Object.keys(parameters)].sort(),
      name,
    );
    for (const [part, array] of Object.entries(results)) {
      assert.ok(array.some((value) => value !== 0) && array.every(Number.isFinite), `${name} ${part}`);
    }
    const forward = prepareRecurrence(name, { ...task, training: false });
    assert.equal((forward.results() as Record<string, Float32Array>).output, results.output, name);
    prepared.release();
    forward.release();
  }
});

test('a forward pass comes before both passes, and short lengths before long ones', () => {
  const order = recurrenceTasks(false).map((task) => task.kind === 'recurrence' && [task.training, task.length]);
  assert.equal(order, [
    [false, 1024],
    [false, 2048],
    [false, 4096],
    [true, 1024],
    [true, 2048],
    [true, 4096],
  ]);
});

test('a pass that is expected to take longer than the limit is cut, by what the same pass took at a shorter length', async () => {
  const asked: string[] = [];
  let task: Extract<Task, { kind: 'recurrence' }>;
  const ask = async (request: { do: string }) => {
    asked.push(request.do);
    return { ok: true, milliseconds: (task.training ? 2 : 0.1) * task.length };
  };
  const process = { name: 'fla', revive: async () => {}, ask };
  const described = { kind: 'recurrence', computes: 'kda', training: true, instructions: 'native' };
  const entrants = [{ process, contestant: { ...described, name: 'kda: naive_recurrent_kda' } }] as never;
  const forecast = new Forecast();
  const outcomes: string[] = [];
  for (const each of recurrenceTasks(false)) {
    if (each.kind !== 'recurrence') throw new Error(each.kind);
    task = each;
    asked.length = 0;
    const [row] = await measureTask(task, entrants, 1, { rounds: 1, milliseconds: 5000 }, forecast, () => {});
    assert.equal(asked, row.outcome === 'cut' ? [] : ['prepare', 'measure', 'release']);
    outcomes.push(row.reason ?? String(row.milliseconds));
  }
  const cut = 'about 8.19 s expected, the limit is 5.00 s';
  assert.equal(outcomes, ['102.4', '204.8', '409.6', '2048', '4096', cut]);
});

test('a task that a peer has no form for is told apart from one that it failed at', async () => {
  const task = { kind: 'attention', heads: 1, length: 512, headDim: 64, training: false } as const;
  const described = { kind: 'attention', computes: 'bigbird', training: true, instructions: 'native' };
  const outcomeOf = async (unable: boolean, fails: string) => {
    const ask = async (request: { do: string }) => {
      if (request.do === fails) throw new PeerFailure('too short', unable);
      return { ok: true, milliseconds: 1 };
    };
    const process = { name: 'transformers', revive: async () => {}, ask };
    const entrants = [{ process, contestant: { ...described, name: 'bigbird' } }] as never;
    const limits = { rounds: 2, milliseconds: 5000 };
    const [{ outcome, reason, milliseconds }] = await measureTask(task, entrants, 1, limits, new Forecast(), () => {});
    return [outcome, reason, milliseconds];
  };
  assert.equal(await outcomeOf(true, 'prepare'), ['unable', 'too short', null]);
  assert.equal(await outcomeOf(false, 'prepare'), ['failed', 'too short', null]);
  assert.equal(await outcomeOf(false, 'measure'), ['failed', 'too short', null]);
});

/** As `peers` and `recurrences` write them, without what is null. */
function rowsOf(parts: readonly Partial<PeerRow>[]): PeerRow[] {
  return parts.map((part) => ({
    peer: 'us',
    contestant: 'kda',
    computes: 'kda',
    instructions: 'native',
    threads: 1,
    task: { kind: 'recurrence', heads: 2, length: 4096, headDim: 64, training: false },
    outcome: 'measured',
    ...part,
  }));
}

const THEIRS = { peer: 'fla', contestant: 'kda: naive_recurrent_kda' } as const;
const BOTH = { kind: 'recurrence', heads: 2, length: 4096, headDim: 64, training: true } as const;

test('tables of the terminal tell ratios and what was cut, and rates only where there are some', () => {
  const nothing = { reason: null, milliseconds: null, rate: null, share: null, ratio: null, times: [] };
  const rows = rowsOf([
    { milliseconds: 10 },
    { ...THEIRS, milliseconds: 50, ratio: 5 },
    { task: BOTH, milliseconds: 30 },
  ]);
  const cut = { ...rowsOf([{ ...THEIRS, task: BOTH, outcome: 'cut' }])[0], reason: 'about 9.00 s expected' };
  const report = { rows: [...rows, cut].map((row) => ({ ...nothing, ...row })), agreements: [], versions: {} };
  const absences = [{ who: 'transformers', threads: 1, reason: 'not there' }];
  const text = tablesOf({ ...report, absences } as never);
  assert.match(text, /Recurrences forward, 2 heads of 64, 1 thread\n\n\s+4,096\n/);
  assert.match(text, /^fla kda: naive_recurrent_kda +50\.0 ms 5\.00×$/m);
  assert.match(text, /^ {2}fla kda: naive_recurrent_kda: cut from 4,096: about 9\.00 s expected$/m);
  assert.match(text, /^ {2}transformers \(1 thread\): not there$/m);
  assert.not.match(text, /GFLOP|peak|Peak|NaN|undefined|null/);
  const narrow = tablesOf({ ...report, absences } as never, 40).split('\n\n');
  for (const part of narrow.filter((each) => each.includes('─'))) {
    for (const line of part.split('\n').filter((each) => !each.startsWith('  fla')))
      assert.ok(displayWidth(line) <= 40, line);
  }
  const rated = report.rows.map((row) => ({ ...row, rate: 2e9 }));
  assert.match(tablesOf({ ...report, rows: rated, absences } as never), /GFLOP\/s {2}peak/);
});

test('the table for docs has a line for each implementation, and says what went over the limit', () => {
  const short = { kind: 'recurrence', heads: 2, length: 1024, headDim: 64, training: false } as const;
  const rows = rowsOf([
    { task: short, milliseconds: 77 },
    { milliseconds: 10 },
    { task: BOTH, milliseconds: 30 },
    { ...THEIRS, milliseconds: 50, ratio: 5 },
    { ...THEIRS, task: BOTH, outcome: 'cut' },
    { threads: 2, milliseconds: 6 },
    { ...THEIRS, threads: 2, outcome: 'failed' },
  ]);
  const table = tableOf(
    { summary: '', environment: {} as never, rows, limitSeconds: 5 },
    (_, command) => `By ${command}.`,
  );
  const head = '| recurrence | implementation | forward, 1 thread | with backward, 1 thread | forward, 2 threads |';
  assert.ok(table.startsWith(head), table);
  assert.ok(table.includes('| kda | this library | 10.0 ms | 30.0 ms | 6.00 ms |  |'), table);
  assert.ok(table.includes('| kda | fla: `naive_recurrent_kda` | 50.0 ms, 5.00× | over 5.00 s | failed |  |'), table);
  assert.ok(!table.includes('77'));
  assert.ok(table.includes('By npm run bench -- --suite recurrences --venv FOLDER --limit 5.'), table);
});

function bench(...args: string[]) {
  const command = [...wordsOf('bench/run.ts'), '--suite', 'recurrences', '--quick', '--rounds', '1', '--threads', '1'];
  const env = { ...process.env, COLUMNS: '200' };
  return spawnSync(process.execPath, [...command, ...args], { cwd: root, encoding: 'utf8', env });
}

test('without Python, ours are measured, the others are listed with the reason, and the command ends with 1', () => {
  const { status, stdout, stderr } = bench();
  assert.is(status, 1, stderr);
  for (const who of ['fla', 'transformers'])
    assert.match(stderr, new RegExp(`^Problem: ${who} \\(threads: 1\\): no --venv given`, 'm'));
  for (const name of Object.keys(RECURRENCES)) assert.match(stdout, new RegExp(`^us ${name} +[0-9]`, 'm'));
  assert.match(stdout, /fla \(1 thread\): no --venv given \(bench\/pytorch\/README\.md\)/);
  assert.match(stdout, /transformers \(1 thread\): no --venv given/);
  assert.not.match(stdout, /Raw numbers/);
});

/** A virtual environment whose Python gives numbers of the right kinds, all 0, and knows no clock. */
function strangePython(): string {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'bin'));
  const source = `#!${process.execPath}
const { createInterface } = require('node:readline');
const described = (name) => ({ name, kind: 'recurrence', computes: 'deltanet', training: true, instructions: 'native' });
const contestants = ['zeros', 'broken'].map((name) => described('deltanet: ' + name));
const absent = ['recurrence', 'product'].map((kind) => ({ name: 'kda: gone', kind, reason: 'not in this ' + kind }));
const zeros = (size) => Buffer.alloc(4 * size).toString('base64');
createInterface({ input: process.stdin }).on('line', (line) => {
  const request = JSON.parse(line);
  const results = () => ({ output: zeros(49152), queries: zeros(49152), keys: zeros(49152), values: zeros(49152), beta: zeros(768) });
  const answer = {
    hello: () => ({ ok: true, hello: { versions: { strange: '1' }, threads: 1, contestants, absent } }),
    prepare: () => ({ ok: !request.contestant.endsWith('broken'), error: 'Broken: on purpose', milliseconds: 1 }),
    results: () => ({ ok: true, results: results() }),
    release: () => ({ ok: true }),
    measure: () => ({ ok: true, milliseconds: 1 }),
  }[request.do]();
  console.log('@peer ' + JSON.stringify(answer));
});
`;
  writeFileSync(join(folder, 'bin', 'python'), source);
  chmodSync(join(folder, 'bin', 'python'), 0o755);
  return folder;
}

test('what differs from ours, fails or is absent is not measured, and ends the command with 1', () => {
  // Windows starts no script by its first line.
  if (process.platform === 'win32') return;
  const { status, stdout, stderr } = bench('--venv', strangePython());
  assert.is(status, 1, stderr);
  assert.match(stdout, /^fla deltanet: zeros +1 +us: output, queries, keys, values, beta +1\.00 +DISAGREES/m);
  assert.match(stdout, /fla deltanet: zeros \(1 thread\): not measured: its results differ from ours/);
  assert.match(stdout, /fla deltanet: broken \(1 thread\): not measured: Broken: on purpose/);
  assert.match(stderr, /Problem: fla deltanet: zeros \(threads: 1\): off by/);
  assert.match(stderr, /Problem: fla deltanet: broken \(threads: 1\): not measured: Broken: on purpose/);
  // Of another kind than this suite measures, nothing is missing.
  assert.match(stderr, /Problem: fla kda: gone \(threads: 1\): not in this recurrence/);
  assert.not.match(stderr, /not in this product/);
  const [measured] = stdout.split('Checked before');
  assert.not.match(measured, /^fla/m);
});

test('recurrences are measured on demand only', () => {
  const options = { cwd: root, encoding: 'utf8' } as const;
  const { stdout } = spawnSync(process.execPath, [...wordsOf('bench/run.ts'), '--help'], options);
  assert.match(stdout.replace(/\s+/g, ' '), /default: all but before, peers, recurrences, training and generation/);
});

test.run();
