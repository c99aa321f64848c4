/**
 * Every export of the package, called with one argument of a wrong kind at a time, the others being right: each call is
 * answered by a typed error that names the argument, before any memory is taken, or by a sensible result. What is exported
 * and is in no table here fails.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as api from '../../src/index.ts';
import {
  callOfRegister,
  callsOfDeclarations,
  callsOfFiles,
  callsOfOracle,
  callsOfRandom,
  callsOfTensors,
  callsOfThreads,
  callsOfVariants,
} from './calls-core.ts';
import { callsOfComparison, callsOfPretrained, callsOfTraining } from './calls-models.ts';
import { callsOfOps } from './calls-ops.ts';
import { type Call, refusesWrongKinds } from './wrong.ts';

const calls: Readonly<Record<string, Call>> = {
  ...callsOfTensors,
  ...callsOfRandom,
  ...callsOfOracle,
  ...callsOfFiles,
  ...callsOfThreads,
  ...callsOfVariants,
  ...callsOfDeclarations,
  ...callsOfComparison,
  ...callsOfTraining,
  ...callsOfPretrained,
  ...callOfRegister,
};

const functionsIn = (exported: object) =>
  Object.entries(exported)
    .filter(([, value]) => typeof value === 'function')
    .map(([name]) => name);

test('every op is in the table', () => {
  assert.equal(Object.keys(callsOfOps).sort(), functionsIn(api.ops).sort());
});

test('every function and class is in a table, and every method that a class has', () => {
  const exported = new Map<string, { prototype?: object }>(Object.entries(api as object));
  for (const [name, { prototype }] of exported) {
    // Errors are made by the package alone.
    if (!functionsIn(api).includes(name) || prototype instanceof Error) exported.delete(name);
  }
  const methods = [...exported].flatMap(([name, { prototype }]) => {
    const own = Object.entries(Object.getOwnPropertyDescriptors(prototype ?? {}));
    const called = own.filter(([key, { value }]) => typeof value === 'function' && key !== 'constructor');
    return called.map(([key]) => `${name}.${key}`);
  });
  const missing = [...exported.keys(), ...methods].filter((name) => !Object.hasOwn(calls, name));
  assert.equal(missing, []);
});

for (const [name, call] of Object.entries(callsOfOps)) {
  test(`ops.${name}`, () => refusesWrongKinds(name, call));
}

for (const [name, call] of Object.entries(calls)) test(name, () => refusesWrongKinds(name, call));

test('every variant refuses parameters that are none of its own, and options that are no options, by name', () => {
  const shape = { batch: 1, heads: 2, queryLength: 8, keyLength: 8, headDim: 4, dtype: 'float32' as const };
  for (const variant of api.allVariants().filter(({ name }) => !name.startsWith('own '))) {
    const x = api.zeros([1, 2, 8, 4]);
    const inputs = { queries: x, keys: x, values: x };
    const refuses = (words: RegExp, attempt: () => unknown) => {
      assert.throws(
        attempt,
        (error: Error) => error instanceof api.EfficientTransformersError && words.test(error.message),
      );
    };
    const attend = (options: unknown, settings: unknown) =>
      api.attend(variant, inputs, options as object, settings as api.AttendSettings);
    for (const none of [null, 5, 'x', [], new Map(), x, Symbol('x'), 5n, () => 5]) {
      refuses(/^options: /, () => attend(none, {}));
      refuses(/^settings: /, () => attend({}, none));
      refuses(/^parameters: /, () => attend({}, { parameters: none === x ? [] : none }));
    }
    const options = api.checkOptions(variant, {}, shape);
    const parameters = api.drawParameters(variant, options, shape, 1);
    for (const name of Object.keys(parameters)) {
      for (const wrong of [undefined, null, 5, new Float32Array(3), {}]) {
        refuses(new RegExp(`^parameters\\.${name}: `), () =>
          attend(options, { parameters: { ...parameters, [name]: wrong } }),
        );
      }
      const other = api.zeros([1], 'float64');
      refuses(/./, () => attend(options, { parameters: { ...parameters, [name]: other } }));
    }
  }
});

test.run();
