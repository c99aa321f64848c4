/**
 * Settings that a file has, any of their numbers drawn from what somebody could write there to do harm: the model is made,
 * or refused by a typed error that names the file, in memory of the order of the file's own, and nothing is left of it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FileFormatError, MemoryError } from '../../src/core/errors.ts';
import { measureMemory, memoryStatistics } from '../../src/core/memory.ts';
import { loadModel, resumeRun, saveCheckpoint } from '../../src/training/checkpoint.ts';
import { exportModel, ORIGIN } from '../../src/training/export/export.ts';
import { importRun } from '../../src/training/export/import.ts';
import { loaderVariants } from '../../src/training/export/pieces.ts';
import { endLearner, endRun, type Run, type RunSettings, startRun } from '../../src/training/run.ts';
import { comparesTokens } from '../../src/variants/inputs.ts';
import { allVariants } from '../../src/variants/registry.ts';
import { temporaryFolder } from '../core/temporary-folder.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { freshPath, tinySettings } from './runs.ts';

type Plain = Record<string, unknown>;

const hostile = fc.oneof(
  fc.constantFrom<unknown>(0, -1, 0.5, 1e300, 65536, 14000, 1e6, 1e8, 2 ** 31 - 2, 2 ** 31, 2 ** 32, 2 ** 53 - 1),
  fc.integer({ min: -2, max: 64 }),
  fc.integer({ min: 64, max: 2 ** 40 }),
  fc.constantFrom<unknown>(null, true, '8', [], {}, [[1e9]]),
);
const variantNames = allVariants().map(({ name }) => name);
const positions = fc.constantFrom('learned', 'rotary', 'sinusoidal', 'axial', 'none');

/** Bytes of a run beside those of its tensors: see within-file.ts. */
const ROOM = 2 ** 19;

const runs = new Map<string, Run>();
/** One for each form of a model, with settings that say all there is to say. */
function runOf(variant: string, kind: string): Run {
  const key = `${variant} ${kind}`;
  const known = runs.get(key);
  if (known !== undefined) return known;
  const named = allVariants().find(({ name }) => name === variant)!;
  const settings = tinySettings({
    task: named.supports.causal ? { name: 'copy', length: 16 } : { name: 'listops', length: 16 },
    model: { layers: 2, positions: kind as 'none', attention: { variant, redrawEvery: 1 } },
  });
  // A variant that compares no tokens has nothing to turn.
  const fits = kind !== 'rotary' || comparesTokens(named);
  const run = startRun(fits ? settings : { ...settings, model: { ...settings.model, positions: 'none' } });
  const { causal: _, ...options } = run.learner.model.body.layers[0].attention.mixing.options as unknown as Plain;
  const { attention, ...model } = run.settings.model;
  const complete = {
    ...run.settings,
    model: {
      ...{ headDim: 8, feedForwardDim: 64, feedForwardChunk: 0, axialLengths: [4, 4] as const },
      ...model,
      attention: { ...attention, variant, options },
    },
  };
  runs.set(key, { ...run, settings: complete as RunSettings });
  return runs.get(key)!;
}

/** The places of all numbers in it. */
function numbersIn(value: unknown, path: readonly string[] = []): string[][] {
  if (typeof value === 'number') return [[...path]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, each]) => numbersIn(each, [...path, name]));
}

function withValue<T>(value: T, path: readonly string[], given: unknown): T {
  const copy = structuredClone(value);
  let inside = copy as Plain;
  for (const name of path.slice(0, -1)) inside = inside[name] as Plain;
  inside[path[path.length - 1]] = given;
  return copy;
}

function expectHarmless(path: string, run: Run, load: () => void): void {
  const live = memoryStatistics().liveBytes;
  const stored = [...run.learner.model.tensors().values(), ...run.optimizer.state().values()];
  const numbers = stored.reduce((total, { size }) => total + size, 0);
  const { peakBytes } = measureMemory(() => {
    try {
      load();
    } catch (error) {
      assert.instance(error, FileFormatError, String((error as Error).stack));
      assert.ok((error as Error).message.startsWith(path), (error as Error).message);
    }
  });
  assert.is(memoryStatistics().liveBytes, live);
  assert.ok(peakBytes <= 32 * numbers + ROOM, `${peakBytes} bytes for ${numbers} numbers`);
}

const drawnOf = (names: readonly string[]) => fc.tuple(fc.constantFrom(...names), positions, fc.nat(), hostile);
const drawn = drawnOf(variantNames);

test('a step that can never fit is refused before it draws an example, and keeps nothing', () => {
  const { liveBytes } = memoryStatistics();
  for (const [length, batch, parts, fits] of [
    [2 ** 20, 2 ** 10, 1, false],
    [2 ** 20, 2 ** 10, 2, false],
    [2 ** 20, 2 ** 10, 2 ** 10, true],
    [2 ** 10, 2 ** 20, 1, false],
  ] as const) {
    const start = () => startRun(tinySettings({ task: { name: 'copy', length }, batch, parts }));
    if (fits) endRun(start());
    else expectThrows(MemoryError, 'length, batch', start);
    assert.is(memoryStatistics().liveBytes, liveBytes);
  }
});

test('a checkpoint to resume: any number of its settings', () => {
  fc.assert(
    fc.property(drawn, ([variant, kind, at, value]) => {
      const run = runOf(variant, kind);
      const places = numbersIn(run.settings);
      const path = freshPath();
      saveCheckpoint(path, { ...run, settings: withValue(run.settings, places[at % places.length], value) });
      expectHarmless(path, run, () => endRun(resumeRun(path)));
    }),
    { numRuns: 80 },
  );
});

test('a checkpoint of a model: any number of its config', () => {
  fc.assert(
    fc.property(drawn, ([variant, kind, at, value]) => {
      const run = runOf(variant, kind);
      const { learner, settings, task } = run;
      const config = { ...learner.model.config, ...settings.model, classes: task.classes };
      const places = numbersIn(config);
      const altered = Object.create(learner.model, {
        config: { value: withValue(config, places[at % places.length], value) },
      });
      const path = freshPath();
      saveCheckpoint(path, { ...run, learner: { ...learner, model: altered } });
      expectHarmless(path, run, () => endLearner(loadModel(path).learner));
    }),
    { numRuns: 80 },
  );
});

test('an exported folder: any number of its settings', () => {
  const root = temporaryFolder();
  fc.assert(
    fc.property(drawnOf(loaderVariants()), fc.nat(), ([variant, kind, at, value], n) => {
      const run = runOf(variant, kind);
      const folder = join(root, `${n}`);
      exportModel({ ...run, alphabet: run.task.alphabet }, folder);
      const path = join(folder, 'config.json');
      const config = JSON.parse(readFileSync(path, 'utf8'));
      const places = numbersIn(config[ORIGIN].settings, [ORIGIN, 'settings']);
      writeFileSync(path, JSON.stringify(withValue(config, places[at % places.length], value)));
      expectHarmless(folder, run, () => endRun(importRun(folder)));
    }),
    { numRuns: 30 },
  );
});

test('what was found once: layers, lengths and widths that a small file says', () => {
  for (const [kind, change] of [
    ['learned', { layers: 65536 }],
    ['rotary', { length: 1e8 }],
    ['sinusoidal', { length: 1e8 }],
    ['learned', { modelDim: 14000 }],
    ['learned', { heads: 1e9 }],
    ['axial', { axialLengths: [2 ** 26, 2 ** 26] }],
  ] as const) {
    const run = runOf('full', kind);
    const { learner, settings, task } = run;
    const config = { ...learner.model.config, ...settings.model, classes: task.classes, ...change };
    const path = freshPath();
    saveCheckpoint(path, {
      ...run,
      learner: { ...learner, model: Object.create(learner.model, { config: { value: config } }) },
    });
    expectHarmless(path, run, () => endLearner(loadModel(path).learner));
  }
});

test.run();
