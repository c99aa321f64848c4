/** Laws of checking results by a sample: every changed digit is found, nothing is left or written, threads do not matter. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FileFormatError, NumericalError } from '../../src/core/errors.ts';
import { setThreads, threadCount } from '../../src/core/parallel/pool.ts';
import { differenceBetween } from '../../src/reproduce/difference.ts';
import type { Experiment, Unit } from '../../src/reproduce/experiment.ts';
import type { Numbers } from '../../src/reproduce/results.ts';
import { runExperiment } from '../../src/reproduce/run.ts';
import { byTurn, check, type Finding, lackOf, type Sample, samplesOf } from '../../src/reproduce/spot-check.ts';
import { temporaryFolder } from '../cli/host.ts';
import { toy } from './toy.ts';
import { TOY, toyTraining } from './toy-training.ts';

const asLogged = (numbers: Numbers): Numbers => JSON.parse(JSON.stringify(numbers));
const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
const someNumbers = fc.dictionary(fc.string({ minLength: 1 }), fc.oneof(finite, fc.array(finite)));

/** The samples of an experiment that is expected to have some. */
function samples(experiment: Experiment, folder: string): Sample[] {
  const found = samplesOf(experiment, 'small', folder);
  if (!Array.isArray(found)) throw new Error(`expected samples, got ${JSON.stringify(found)}`);
  return found;
}

const filesIn = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((each) => each.isFile())
    .map(({ parentPath, name }) => [name, readFileSync(join(parentPath, name), 'utf8')]);
const leftInTemporary = () => readdirSync(tmpdir()).filter((name) => name.startsWith('efficient-transformers-unit-'));

test('numbers that were written and read again are the same; a last bit of any of them is found by its name', () => {
  const property = fc.property(someNumbers, fc.nat(), (numbers, pick) => {
    const logged = asLogged(numbers);
    assert.is(differenceBetween(logged, numbers), null);
    const places = Object.entries(logged).flatMap(([name, value]) =>
      typeof value === 'number' ? [{ name, at: -1 }] : value.map((_, at) => ({ name, at })),
    );
    if (places.length === 0) return;
    const { name, at } = places[pick % places.length];
    const value = logged[name];
    const changed = typeof value === 'number' ? next(value) : value.with(at, next(value[at]));
    const found = differenceBetween({ ...logged, [name]: changed }, numbers);
    assert.is(found?.name, name);
    assert.is(found?.count, 1);
    assert.is(found?.all, places.length);
    assert.ok((found?.relative ?? 0) > 0);
  });
  fc.assert(property);
});

/** The next float64 away from 0. */
function next(value: number): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  // Beyond the largest there is infinity, which is no number of a log.
  view.setBigUint64(0, Math.abs(value) === Number.MAX_VALUE ? bits - 1n : bits + 1n);
  return view.getFloat64(0);
}

test('the largest relative difference is that of the larger number, and what is not there or not finite is beyond all', () => {
  const before = { loss: 4, losses: [1, 2, 4], none: [] };
  assert.equal(differenceBetween(before, { ...before, losses: [1, 2.5, 5] }), {
    ...{ name: 'losses', relative: 0.2, count: 2, all: 4 },
  });
  assert.is(differenceBetween({ a: 0 }, { a: -0 }), null);
  assert.is(differenceBetween({ a: 0 }, { a: 1e-300 })?.relative, 1);
  for (const [name, changed] of [
    ['loss', { ...before, loss: Number.NaN }],
    ['loss', { ...before, loss: [4] }],
    ['losses', { ...before, losses: [1, 2] }],
    ['losses', { ...before, losses: [1, Number.POSITIVE_INFINITY, 4] }],
    ['losses', { loss: 4, none: [] }],
    ['none', { loss: 4, losses: [1, 2, 4] }],
    ['more', { ...before, more: [] }],
    // What a unit gives is not checked before.
    ['loss', { ...before, loss: null as unknown as number }],
    ['losses', { ...before, losses: [1, [2] as unknown as number, 4] }],
  ] as const) {
    const found = differenceBetween(before, changed as Numbers);
    assert.equal([found?.name, found?.relative], [name, Number.POSITIVE_INFINITY]);
  }
});

test('one unit of each kind is run, the cheapest; beyond the first of them only cheap ones', async () => {
  const folder = temporaryFolder();
  const seconds: [string, number][] = [
    ['window 8, seed 1', 30],
    ['window 16, seed 2', 25],
    ['window 0.5, seed 3', 26],
    ['full, seed 1', 90],
    ['full, seed 2', 20],
    ['gated, seed 1', 21],
    ['draws', 19],
  ];
  const units = (): Unit[] => seconds.map(([name]) => ({ name, run: () => ({ value: 1 }) }));
  const { experiment } = toy(
    { seed: 0, units: 1 },
    { units, claims: () => [], show: () => ({ titles: [], rows: [] }) },
  );
  const { path } = await runExperiment(experiment, { scale: 'small', folder });
  const log = JSON.parse(readFileSync(path, 'utf8'));
  const chosen = (own: [string, number][]) => {
    const timed = Object.fromEntries(own.map(([name, each]) => [name, { ...log.units[name], seconds: each }]));
    writeFileSync(path, JSON.stringify({ ...log, units: timed }));
    return samples(experiment, folder).map(({ unit }) => unit.name);
  };
  assert.equal(chosen(seconds), ['draws', 'full, seed 2']);
  // Each experiment has its turn before a second unit of any.
  chosen(seconds);
  const [first, second] = samples(experiment, folder);
  const slow = { ...first, seconds: 500 };
  assert.equal([second, slow, first].sort(byTurn), [first, slow, second]);
  // At least one, whatever it takes, also of an experiment that is not finished.
  assert.equal(chosen(seconds.slice(0, 4)), ['window 16, seed 2']);
});

test('results of today’s code have the same digits; a digit that was changed in them is found; nothing is written', async () => {
  const folder = temporaryFolder();
  const { experiment, ran } = toy({ seed: 3, units: 3 });
  const { path } = await runExperiment(experiment, { scale: 'small', folder });
  const before = filesIn(folder);
  const [sample, ...more] = samples(experiment, folder);
  assert.is(more.length, 0);
  assert.equal(await check(sample), { kind: 'same' });
  assert.equal(ran.slice(3), [sample.unit.name]);
  assert.equal(filesIn(folder), before);
  const log = JSON.parse(readFileSync(path, 'utf8'));
  log.units[sample.unit.name].numbers.list[1] *= 1 + 2 ** -52;
  writeFileSync(path, JSON.stringify(log));
  const found = await check(samples(experiment, folder)[0]);
  assert.is(found.kind === 'other' && found.difference.name, 'list');
});

test('results that are missing, refused or need texts that are not there are told apart', async () => {
  const folder = temporaryFolder();
  const { experiment, ran } = toy({ seed: 1, units: 2 });
  const kindAndWhy = (found: Finding | Sample[] | null) =>
    found === null || Array.isArray(found) || !('why' in found) ? '' : `${found.kind}: ${found.why}`;
  assert.match(kindAndWhy(samplesOf(experiment, 'small', folder)), /^missing: no results in .*small\.json$/);
  const { path } = await runExperiment(experiment, { scale: 'small', folder });
  const changed = toy({ seed: 1, units: 2 }, { revision: 2 }).experiment;
  assert.match(
    kindAndWhy(samplesOf(changed, 'small', folder)),
    /^refused: .*small\.json: made by revision 1 of the experiment, now 2$/,
  );
  writeFileSync(path, '{');
  assert.match(kindAndWhy(samplesOf(experiment, 'small', folder)), /^refused: .*small\.json: expected JSON/);
  assert.is(lackOf(experiment, 'small'), null);
  const lacking = toy(
    { seed: 1, units: 2 },
    {
      expectReady() {
        throw new FileFormatError('texts: expected a folder');
      },
    },
  ).experiment;
  assert.is(kindAndWhy(lackOf(lacking, 'small')), 'missing: texts: expected a folder');
  assert.is(ran.length, 2);
});

test('a unit that stops or fails leaves no folder, and other errors than ours are not hidden', async () => {
  const before = leftInTemporary();
  const run = (own: Unit['run']) =>
    check({ unit: { name: 'unit', run: own }, numbers: { a: 1 } } as unknown as Sample, () => true);
  const keeping =
    (then: () => Numbers | null): Unit['run'] =>
    ({ folder, shouldStop }) => {
      assert.is(folder(), folder());
      writeFileSync(join(folder(), 'half.txt'), '1');
      return shouldStop() ? then() : { a: 1 };
    };
  assert.equal(await run(keeping(() => null)), { kind: 'unfinished' });
  const failing = () => {
    throw new NumericalError('loss: NaN');
  };
  assert.equal(await run(keeping(failing)), { kind: 'refused', why: 'loss: NaN' });
  const broken = () => {
    throw new TypeError('a bug');
  };
  try {
    await run(keeping(broken));
    assert.unreachable();
  } catch (error) {
    assert.instance(error, TypeError);
  }
  assert.equal(leftInTemporary(), before);
});

test('a training that ran on 1 thread has the same digits on 2, and reads no log of an earlier one', async () => {
  // Products that are worth splitting.
  const large = { ...TOY.model, modelDim: 64, feedForwardDim: 128 };
  const change = { model: large, task: { ...TOY.task, length: 32 }, batch: 8, steps: 4, evaluateEvery: 2 };
  const experiment = toyTraining(change);
  const folder = temporaryFolder();
  const [before, leftBefore] = [threadCount(), leftInTemporary()];
  try {
    setThreads(1);
    await runExperiment(experiment, { scale: 'small', folder });
    setThreads(2);
    const [sample] = samples(experiment, folder);
    const recorded = () => {
      throw new Error('a log was read');
    };
    assert.equal(await check({ ...sample, unit: { ...sample.unit, recorded } }), { kind: 'same' });
    let left = 2;
    assert.equal(await check(sample, () => left-- <= 0), { kind: 'unfinished' });
    assert.equal(leftInTemporary(), leftBefore);
    // A training that is not the one of the results.
    const other = toyTraining({ ...change, seed: 1 }).units('small')[0];
    assert.is((await check({ ...sample, unit: other })).kind, 'other');
  } finally {
    setThreads(before);
  }
});

test.run();
