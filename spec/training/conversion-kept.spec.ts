/** A conversion that is kept: stopped or killed anywhere it comes to the bits of one that is not; other conversions are refused. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FileFormatError } from '../../src/core/errors.ts';
import { elements } from '../../src/core/tensor.ts';
import { temporaryFolder } from '../core/temporary-folder.ts';
import { convertedEncoder, convertedModel, type Given, STEPS } from './conversion-killed.ts';

const folder = temporaryFolder();

/** Everything that came out. */
async function outcomeOf(given: Given): Promise<unknown> {
  const { tensors, report } = await (given.kind === 'encoder' ? convertedEncoder(given) : convertedModel(given));
  return { numbers: [...tensors].map(([name, tensor]) => [name, [...elements(tensor)]]), report };
}

const unbroken = {
  encoder: await outcomeOf({ kind: 'encoder' }),
  model: await outcomeOf({ kind: 'model' }),
};

test('stopped after any steps, any number of times, it comes to the same bits and the same distances', async () => {
  let cases = 0;
  const stops = fc.array(fc.integer({ min: 1, max: STEPS }), { minLength: 1, maxLength: 3 });
  const property = fc.asyncProperty(fc.constantFrom('encoder', 'model'), stops, async (kind, pauses) => {
    const path = join(folder, `stopped-${++cases}.safetensors`);
    for (const pause of pauses) {
      let left = pause;
      await outcomeOf({ kind, path, shouldStop: () => --left <= 0 });
    }
    assert.equal(await outcomeOf({ kind, path }), unbroken[kind]);
  });
  await fc.assert(property, { numRuns: 5 });
});

test('a process that is killed in each half is continued to the same bits', async () => {
  const program = fileURLToPath(new URL('conversion-killed.ts', import.meta.url));
  const path = join(folder, 'killed.safetensors');
  for (const step of [2, 5]) {
    const { signal, stderr } = spawnSync(process.execPath, ['--import', 'tsx', program, path, String(step)], {
      encoding: 'utf8',
    });
    assert.is(signal, 'SIGKILL', stderr);
  }
  const resumed: number[] = [];
  assert.equal(await outcomeOf({ kind: 'encoder', path, onResume: (step) => resumed.push(step) }), unbroken.encoder);
  // The step in which it was killed had been taken, and was not yet written.
  assert.equal(resumed, [4]);
});

test('a file of another conversion and a damaged one are refused by what is wrong, unless they may be replaced', async () => {
  const path = join(folder, 'refused.safetensors');
  await outcomeOf({ kind: 'encoder', path, shouldStop: () => true });
  const bytes = readFileSync(path);
  const refused = async (message: RegExp, change: Partial<Given>, damaged = bytes) => {
    writeFileSync(path, damaged);
    const thrown: unknown = await outcomeOf({ kind: 'encoder', path, ...change }).catch((error) => error);
    assert.instance(thrown, FileFormatError, `${message}`);
    assert.match((thrown as Error).message, message);
    assert.match((thrown as Error).message, /To begin again, remove it$/);
  };
  await refused(/of another conversion: rate 0\.01, now 0\.02/, { rate: 0.02 });
  await refused(/of another conversion: examples "drawn", now "others"/, { examples: 'others' });
  await refused(/of another conversion: attention \{.*"linear-transformer".*, now .*"performer"/, {
    variant: 'performer',
  });
  await refused(/of another conversion/, { kind: 'model' });
  const flipped = Buffer.from(bytes);
  flipped[flipped.length - 5] ^= 1;
  await refused(/damaged/, {}, flipped);
  await refused(/truncated|expected/, {}, bytes.subarray(0, bytes.length / 2));
  writeFileSync(path, flipped);
  assert.equal(await outcomeOf({ kind: 'encoder', path, replace: true }), unbroken.encoder);
  assert.ok(existsSync(path));
});

test.run();
