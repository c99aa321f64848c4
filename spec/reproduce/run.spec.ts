/** Laws of running experiments: interrupted is as unbroken, other settings are refused, damaged logs too. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FileFormatError, FolderInUseError, NumericalError } from '../../src/core/errors.ts';
import { FolderLock } from '../../src/core/files/lock.ts';
import { busyShare } from '../../src/reproduce/busy.ts';
import { type Log, readLog } from '../../src/reproduce/log.ts';
import { outcomeOf } from '../../src/reproduce/outcome.ts';
import { askAgain, runExperiment } from '../../src/reproduce/run.ts';
import { temporaryFolder } from '../cli/host.ts';
import { toy } from './toy.ts';

const numbersOf = ({ units }: Log) => JSON.stringify([...units].map(([name, { numbers }]) => [name, numbers]));

/** The error of a promise that is expected to be refused. */
async function refusal(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error('expected an error');
}

test('a run that is interrupted anywhere, any number of times, leaves the log of one that is not, and repeats nothing', async () => {
  const base = temporaryFolder();
  let cases = 0;
  const property = fc.asyncProperty(
    fc.integer({ min: 0, max: 1000 }),
    fc.integer({ min: 1, max: 6 }),
    fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 4 }),
    async (seed, units, pauses) => {
      const [whole, parts] = [toy({ seed, units }), toy({ seed, units })];
      const unbroken = await runExperiment(whole.experiment, {
        scale: 'small',
        folder: join(base, `${++cases}-whole`),
      });
      const folder = join(base, `${cases}-parts`);
      for (const pause of pauses) {
        let left = pause;
        await runExperiment(parts.experiment, { scale: 'small', folder, shouldStop: () => left-- <= 0 });
      }
      const resumed = await runExperiment(parts.experiment, { scale: 'small', folder });
      assert.is(numbersOf(resumed), numbersOf(unbroken));
      // As the file says, not only what is in memory.
      assert.is(numbersOf(readLog(parts.experiment, 'small', folder)), numbersOf(unbroken));
      assert.equal(parts.ran, whole.ran);
    },
  );
  await fc.assert(property, { numRuns: 12 });
});

test('a unit that is asked to stop keeps what it has in its folder, which goes when the unit is finished', async () => {
  const folder = temporaryFolder();
  let kept = '';
  const { experiment } = toy(
    { seed: 0, units: 1 },
    {
      units: () => [
        {
          name: 'unit 0',
          run: ({ shouldStop, folder: own }) => {
            kept = join(own(), 'half.txt');
            if (shouldStop()) {
              writeFileSync(kept, '0.25');
              return null;
            }
            return { value: Number(readFileSync(kept, 'utf8')) };
          },
        },
      ],
    },
  );
  let asked = 0;
  await runExperiment(experiment, { scale: 'small', folder, shouldStop: () => asked++ > 0 });
  assert.is(outcomeOf(experiment, 'small', folder).verdict, null);
  const log = await runExperiment(experiment, { scale: 'small', folder });
  assert.equal(log.units.get('unit 0')?.numbers, { value: 0.25 });
  assert.throws(() => readFileSync(kept));
});

test('changed settings, other units and another revision are refused before any work; --again discards them', async () => {
  const folder = temporaryFolder();
  await runExperiment(toy({ seed: 1, units: 2 }).experiment, { scale: 'small', folder });
  for (const [changed, message] of [
    [toy({ seed: 2, units: 2 }), /small\.json: made with seed 1, now 2\. To begin again, add --again/],
    [toy({ seed: 1, units: 3 }), /made with units 2, now 3/],
    [toy({ seed: 1, units: 2 }, { revision: 2 }), /made by revision 1 of the experiment, now 2/],
    [toy({ seed: 1, units: 2 }, { units: () => [] }), /made with other settings/],
  ] as const) {
    const error = await refusal(runExperiment(changed.experiment, { scale: 'small', folder }));
    assert.instance(error, FileFormatError);
    assert.match(error.message, message);
    assert.equal(changed.ran, []);
  }
  const changed = toy({ seed: 2, units: 2 });
  await runExperiment(changed.experiment, { scale: 'small', folder, again: true });
  assert.equal(changed.ran, ['unit 0', 'unit 1']);
  // The other scale has results of its own.
  assert.is(readLog(changed.experiment, 'paper', folder).units.size, 0);
});

test('what is asked again keeps its results until there is time, then all of it runs once', async () => {
  const folder = temporaryFolder();
  const { experiment, ran } = toy({ seed: 1, units: 2 });
  const settings = { scale: 'small', folder } as const;
  const before = await runExperiment(experiment, settings);
  askAgain(experiment, 'small', folder);
  const without = await runExperiment(experiment, { ...settings, shouldStop: () => true });
  assert.is(numbersOf(without), numbersOf(before));
  assert.ok(outcomeOf(experiment, 'small', folder).due);
  let left = 2;
  const begun = await runExperiment(experiment, { ...settings, shouldStop: () => left-- <= 0 });
  assert.equal([...begun.units.keys()], ['unit 0']);
  const whole = await runExperiment(experiment, settings);
  assert.is(numbersOf(whole), numbersOf(before));
  assert.not(whole.due);
  assert.ok(whole.anew);
  assert.equal(ran, ['unit 0', 'unit 1', 'unit 0', 'unit 1']);
  // Where nothing was kept, too, no logs of trainings are to be read.
  const other = temporaryFolder();
  askAgain(experiment, 'small', other);
  assert.ok((await runExperiment(experiment, { scale: 'small', folder: other })).anew);
});

test('what an experiment lacks is said before anything runs or is discarded; results that are complete need nothing', async () => {
  const folder = temporaryFolder();
  let isThere = false;
  const { experiment, ran } = toy(
    { seed: 1, units: 3 },
    {
      expectReady() {
        if (!isThere) throw new FileFormatError('texts: expected a folder');
      },
    },
  );
  const settings = { scale: 'small', folder } as const;
  const refused = async (more = {}) => {
    const error = await refusal(runExperiment(experiment, { ...settings, ...more }));
    assert.instance(error, FileFormatError);
    assert.is(error.message, 'texts: expected a folder');
  };
  await refused();
  assert.equal(ran, []);
  isThere = true;
  const whole = await runExperiment(experiment, settings);
  isThere = false;
  assert.is(numbersOf(await runExperiment(experiment, settings)), numbersOf(whole));
  await refused({ again: true });
  assert.throws(() => askAgain(experiment, 'small', folder), 'texts: expected a folder');
  assert.is(numbersOf(readLog(experiment, 'small', folder)), numbersOf(whole));
  assert.is(ran.length, 3);
});

test('a machine is as busy as the share of its processors’ time that is not idle', () => {
  const reading = (...idleAndUser: [number, number][]) =>
    idleAndUser.map(([idle, user]) => ({ times: { idle, user, nice: 0, sys: 0, irq: 0 } }));
  assert.is(busyShare(reading([10, 5], [0, 0]), reading([20, 5], [0, 10])), 0.5);
  assert.is(busyShare(reading([10, 5]), reading([30, 5])), 0);
  // Some systems count nothing.
  assert.is(busyShare(reading([0, 0]), reading([0, 0])), 0);
});

test('a damaged log is refused by what is wrong with it', async () => {
  const folder = temporaryFolder();
  const { experiment, ran } = toy({ seed: 1, units: 1 });
  const { path } = await runExperiment(experiment, { scale: 'small', folder });
  const whole = JSON.parse(readFileSync(path, 'utf8'));
  const unit = whole.units['unit 0'];
  for (const [damaged, message] of [
    ['{', /expected JSON/],
    [JSON.stringify({ ...whole, experiment: 'other' }), /small\.json: made by other, not by performer-figure-9/],
    [JSON.stringify({ ...whole, scale: 'paper' }), /small\.json: made at scale paper, not at small/],
    [JSON.stringify({ ...whole, revision: 7 }), /small\.json: made by revision 7 of the experiment, now 1/],
    [JSON.stringify({ ...whole, settings: { seed: 1, units: 9 } }), /small\.json: made with units 9, now 1/],
    [JSON.stringify({ ...whole, environments: 3 }), /environments: expected a list of machines/],
    [JSON.stringify({ ...whole, units: [] }), /units: expected an object/],
    [JSON.stringify({ ...whole, units: { other: unit } }), /the experiment has no 'other'/],
    [
      JSON.stringify({ ...whole, units: { 'unit 0': { ...unit, environment: 1 } } }),
      /'unit 0': expected finite numbers/,
    ],
    [
      JSON.stringify({ ...whole, units: { 'unit 0': { ...unit, numbers: { value: '1' } } } }),
      /expected finite numbers/,
    ],
  ] as const) {
    writeFileSync(path, damaged);
    const error = await refusal(runExperiment(experiment, { scale: 'small', folder }));
    assert.instance(error, FileFormatError);
    assert.match(error.message, message);
    assert.match(error.message, /To begin again, add --again$/);
  }
  assert.is(ran.length, 1);
  writeFileSync(path, JSON.stringify({ ...whole, units: { 'unit 0': { ...unit, numbers: {} } } }));
  const lacking = /small\.json: results of 'unit 0': expected a number 'value'\. To begin again, add --again$/;
  assert.throws(() => outcomeOf(experiment, 'small', folder), lacking);
});

test('numbers that are not finite end the run, and are not kept', async () => {
  const folder = temporaryFolder();
  const { experiment } = toy(
    { seed: 0, units: 1 },
    { units: () => [{ name: 'unit 0', run: () => ({ a: Number.NaN }) }] },
  );
  const error = await refusal(runExperiment(experiment, { scale: 'small', folder }));
  assert.instance(error, NumericalError);
  assert.match(error.message, /performer-figure-9, 'unit 0': expected finite numbers/);
  assert.is(readLog(experiment, 'small', folder).units.size, 0);
});

test('two processes do not run one experiment at a time', async () => {
  const folder = temporaryFolder();
  const { experiment, ran } = toy({ seed: 0, units: 1 });
  const own = join(folder, experiment.name);
  mkdirSync(own);
  const lock = FolderLock.take(own, 'reproduce');
  assert.instance(await refusal(runExperiment(experiment, { scale: 'small', folder })), FolderInUseError);
  lock.release();
  const { path } = await runExperiment(experiment, { scale: 'small', folder });
  assert.is(dirname(path), own);
  assert.is(ran.length, 1);
});

test('what is complete is given, and nothing written, while another process holds the experiment', async () => {
  const folder = temporaryFolder();
  const { experiment, ran } = toy({ seed: 0, units: 2 });
  const before = await runExperiment(experiment, { scale: 'small', folder });
  const own = join(folder, experiment.name);
  const lock = FolderLock.take(own, 'reproduce');
  const files = readdirSync(own);
  assert.is(numbersOf(await runExperiment(experiment, { scale: 'small', folder })), numbersOf(before));
  assert.equal(readdirSync(own), files);
  assert.instance(await refusal(runExperiment(experiment, { scale: 'small', folder, again: true })), FolderInUseError);
  lock.release();
  assert.is(ran.length, 2);
});

test.run();
