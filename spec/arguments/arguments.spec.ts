/**
 * Every export of the package, called with one argument of a wrong kind at a time, the others being right: each call is
 * answered by a typed error that names the argument, before any memory is taken, or by a sensible result. What is exported
 * and is in no table here fails.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as api from '../../src/index.ts';
import { callsOfOps } from './calls-ops.ts';
import { refusesWrongKinds } from './wrong.ts';

const functionsIn = (exported: object) =>
  Object.entries(exported)
    .filter(([, value]) => typeof value === 'function')
    .map(([name]) => name);

test('every op is in the table', () => {
  assert.equal(Object.keys(callsOfOps).sort(), functionsIn(api.ops).sort());
});

for (const [name, call] of Object.entries(callsOfOps)) {
  test(`ops.${name}`, () => refusesWrongKinds(name, call));
}

test.run();
