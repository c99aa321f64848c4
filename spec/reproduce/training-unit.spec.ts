/** Laws of units that train: stopped or killed anywhere is as unbroken; logs of recipes are read where settings are equal. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FileFormatError } from '../../src/core/errors.ts';
import type { Experiment } from '../../src/reproduce/experiment.ts';
import { readLog } from '../../src/reproduce/log.ts';
import { recordedTraining } from '../../src/reproduce/recorded-training.ts';
import { runExperiment } from '../../src/reproduce/run.ts';
import { trainingUnit } from '../../src/reproduce/training-unit.ts';
import { runsOf } from '../../src/training/recipes/recipe.ts';
import { stateTrackingRecipe } from '../../src/training/recipes/state-tracking.ts';
import { temporaryFolder } from '../cli/host.ts';
import { TOY, toyTraining } from './toy-training.ts';

const base = temporaryFolder();
const trainings = fileURLToPath(new URL('../../bench/results/training', import.meta.url));
const numbersOf = (experiment: Experiment, folder: string) =>
  readLog(experiment, 'small', folder).units.get(experiment.units('small')[0].name)?.numbers;

async function numbersIn(folder: string, experiment = toyTraining()) {
  await runExperiment(experiment, { scale: 'small', folder });
  return numbersOf(experiment, folder);
}

const unbroken = await numbersIn(join(base, 'whole'));

test('a training has its end, the size of its model, and a curve of every evaluation', () => {
  assert.equal(unbroken?.steps, [4, 8, 12]);
  const [losses, accuracies] = [unbroken?.losses, unbroken?.accuracies] as number[][];
  assert.is(unbroken?.loss, losses[2]);
  assert.is(unbroken?.accuracy, accuracies[2]);
  assert.ok(Number(unbroken?.parameters) > 0 && Number(unbroken?.['state bytes']) > 0);
});

test('stopped anywhere, any number of times, it comes to the numbers of one that is not', async () => {
  let cases = 0;
  const stops = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 3 });
  const property = fc.asyncProperty(stops, async (pauses) => {
    const folder = join(base, `stopped-${++cases}`);
    for (const pause of pauses) {
      let left = pause;
      await runExperiment(toyTraining(), { scale: 'small', folder, shouldStop: () => left-- <= 0 });
    }
    assert.equal(await numbersIn(folder), unbroken);
  });
  await fc.assert(property, { numRuns: 6 });
});

test('an error in any step, which saves nothing, costs only the steps since the checkpoint', async () => {
  for (const at of [2, 4, 5, 12, 13]) {
    const folder = join(base, `broken-${at}`);
    let left = at;
    const shouldStop = () => {
      if (left-- <= 0) throw new Error('as if killed');
      return false;
    };
    try {
      await runExperiment(toyTraining(), { scale: 'small', folder, shouldStop });
    } catch {}
    assert.equal(await numbersIn(folder), unbroken, `${at}`);
  }
});

test('a process that is killed while it trains is continued to the same bits', async () => {
  const folder = join(base, 'killed');
  const program = fileURLToPath(new URL('toy-training.ts', import.meta.url));
  const { signal, stderr } = spawnSync(process.execPath, ['--import', 'tsx', program, folder, '8'], {
    encoding: 'utf8',
  });
  assert.is(signal, 'SIGKILL', stderr);
  assert.is(numbersOf(toyTraining(), folder), undefined);
  let steps = 0;
  const count = () => ++steps < 0;
  await runExperiment(toyTraining(), { scale: 'small', folder, shouldStop: count });
  assert.equal(numbersOf(toyTraining(), folder), unbroken);
  // It went on from the checkpoint of step 6: once before the unit, and after each of six steps.
  assert.is(steps, 7);
});

test('a checkpoint of other settings is not continued, and other settings are refused', async () => {
  const folder = join(base, 'changed');
  let left = 8;
  await runExperiment(toyTraining({ seed: 5 }), { scale: 'small', folder, shouldStop: () => left-- <= 0 });
  assert.equal(await numbersIn(folder), unbroken);
  assert.throws(
    () => readLog(toyTraining({ seed: 5 }), 'small', folder),
    (error: unknown) => error instanceof FileFormatError && /other settings.*--again/.test(error.message),
  );
});

test('evaluations of other settings are none of a run that is killed before its own first', async () => {
  const folder = join(base, 'curves');
  let left = 5;
  const others = toyTraining({ seed: 5, evaluateEvery: 1 });
  await runExperiment(others, { scale: 'small', folder, shouldStop: () => left-- <= 0 });
  left = 4;
  const shouldStop = () => {
    if (left-- <= 0) throw new Error('as if killed');
    return false;
  };
  try {
    await runExperiment(toyTraining(), { scale: 'small', folder, shouldStop });
    assert.unreachable();
  } catch (error) {
    assert.is((error as Error).message, 'as if killed');
  }
  assert.equal(await numbersIn(folder), unbroken);
});

test('what a unit does to its run, and measures of it, happens once and again after an interruption', async () => {
  const calls: string[] = [];
  const own = toyTraining(
    {},
    {
      begin: ({ step }) => calls.push(`begin ${step}`),
      prepare: ({ step }) => calls.push(`prepare ${step}`),
      measure: ({ step }) => ({ 'measured at': step }),
    },
  );
  const folder = join(base, 'prepared');
  let left = 5;
  await runExperiment(own, { scale: 'small', folder, shouldStop: () => left-- <= 0 });
  const numbers = await numbersIn(folder, own);
  assert.equal(calls, ['prepare 0', 'begin 0', 'prepare 5']);
  assert.equal(numbers, { ...unbroken, 'measured at': 12 });
});

test('a unit with the settings of a recipe has the numbers of its log; others, and --again, train', async () => {
  const { settings } = runsOf(stateTrackingRecipe).find(({ name }) => name === 'full')!;
  const recorded = recordedTraining(trainings, { ...settings, seed: 2 });
  assert.ok(recorded !== null && recorded.seconds > 0);
  assert.equal(recorded.numbers.steps, [100, 200, 300]);
  const log = await runExperiment(toyTraining({ ...settings, seed: 2 }), {
    ...{ scale: 'small', folder: join(base, 'recorded'), trainings },
  });
  assert.equal(log.units.get('toy')?.numbers, recorded.numbers);
  assert.equal(log.environments, [recorded.environment]);
  for (const other of [TOY, { ...settings, seed: 77 }, { ...settings, batch: 16 }]) {
    assert.is(recordedTraining(trainings, other), null);
  }
  // What is measured of the model itself is in no log.
  assert.is(trainingUnit({ name: 'a', settings, measure: () => ({}) }).recorded, undefined);
  // Unless it was measured before, of this very run.
  const own = { name: 'a', settings: { ...settings, seed: 2 }, measure: () => ({}) };
  const found = trainingUnit({ ...own, measured: () => ({ more: 7 }) }).recorded?.(trainings);
  assert.equal(found, { ...recorded, numbers: { ...recorded.numbers, more: 7 } });
  assert.is(trainingUnit({ ...own, measured: () => null }).recorded?.(trainings), null);
  const other = { ...own, settings: { ...settings, seed: 77 }, measured: () => ({ more: 7 }) };
  assert.is(trainingUnit(other).recorded?.(trainings), null);
  const again = await runExperiment(toyTraining(), {
    scale: 'small',
    folder: join(base, 'whole'),
    again: true,
    trainings,
  });
  assert.equal(again.units.get('toy')?.numbers, unbroken);
});

test('damaged seconds are refused by name, before they come into the log', async () => {
  const folder = join(base, 'seconds');
  let left = 5;
  await runExperiment(toyTraining(), { scale: 'small', folder, shouldStop: () => left-- <= 0 });
  const path = join(folder, 'performer-figure-9/unfinished/small/toy/seconds.json');
  for (const damaged of ['{ "seconds": "1.5" }', '{}', '{ "seconds": -1 }']) {
    writeFileSync(path, damaged);
    try {
      await numbersIn(folder);
      assert.unreachable();
    } catch (error) {
      assert.instance(error, FileFormatError);
      assert.match((error as Error).message, /seconds\.json: seconds: expected a number of at least 0/);
    }
  }
  writeFileSync(path, '{ "seconds": 1.5 }');
  assert.equal(await numbersIn(folder), unbroken);
});

test('what --again began is measured anew to its end: what continues it reads no logs, either', async () => {
  const { settings } = runsOf(stateTrackingRecipe).find(({ name }) => name === 'full')!;
  const own = toyTraining({ ...settings, seed: 2 });
  const folder = join(base, 'anew');
  const begin = async (again: boolean) => {
    let left = 2;
    return await runExperiment(own, { scale: 'small', folder, trainings, again, shouldStop: () => left-- <= 0 });
  };
  assert.is((await begin(true)).units.size, 0);
  assert.is((await begin(false)).units.size, 0);
  // Only what was begun so.
  const other = await runExperiment(own, { scale: 'small', folder: join(base, 'not-anew'), trainings });
  assert.is(other.units.size, 1);
});

test('a damaged log of a recipe is refused by its file, and what is wrong there', () => {
  const { settings } = runsOf(stateTrackingRecipe).find(({ name }) => name === 'full')!;
  const place = 'state-tracking/full/seed-2';
  const folder = join(base, 'damaged-logs');
  const read = (name: string) => JSON.parse(readFileSync(join(trainings, place, name), 'utf8'));
  const [run, results] = ['run.json', 'results.json'].map(read);
  const [result] = results.results;
  const withTask = (task: unknown) => ({ ...run, settings: { ...run.settings, task } });
  const damaged: [string, unknown, RegExp][] = [
    ['run.json', withTask(undefined), /run\.json: settings\.task: expected an object/],
    ['run.json', withTask({ name: 'none' }), /run\.json: settings\.task: .*unknown task 'none'/],
    ['run.json', withTask({ name: 'state-tracking', length: 'x' }), /run\.json: settings\.task: length: expected/],
    ['results.json', { ...results, results: [{ ...result, seconds: -1 }] }, /results\.json: seconds: .*at least 0/],
  ];
  for (const [name, content, message] of damaged) {
    cpSync(join(trainings, place), join(folder, place), { recursive: true });
    writeFileSync(join(folder, place, name), JSON.stringify(content));
    assert.throws(
      () => recordedTraining(folder, { ...settings, seed: 2 }),
      (error: unknown) => error instanceof FileFormatError && message.test(error.message),
      `${message}`,
    );
  }
});

test('a damaged curve is refused by what is wrong with it', async () => {
  const folder = join(base, 'damaged');
  let left = 5;
  await runExperiment(toyTraining(), { scale: 'small', folder, shouldStop: () => left-- <= 0 });
  const own = join(folder, 'performer-figure-9/unfinished/small/toy');
  mkdirSync(own, { recursive: true });
  writeFileSync(join(own, 'curve.json'), '{ "curve": [{ "step": "4" }] }');
  try {
    await numbersIn(folder);
    assert.unreachable();
  } catch (error) {
    assert.instance(error, FileFormatError);
    assert.match((error as Error).message, /curve\.json: curve: expected a list of evaluations/);
  }
});

test.run();
