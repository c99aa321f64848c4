/**
 * The laws themselves on trial: a new variant takes one file (dummy-variant.ts) and the one line `register(dummy)`
 * below, and all laws hold on it; copies of it with one fault each break the laws that are there to notice.
 */
import { readdirSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { AnyVariant } from '../../src/variants/registry.ts';
import { allVariants, register } from '../../src/variants/registry.ts';
import { brokenVariants } from './broken-variants.ts';
import { dummy } from './dummy-variant.ts';
import { PARTS } from './every-variant.ts';
import { lawsOf } from './laws.ts';

register(dummy);

const registered = allVariants().find(({ name }) => name === dummy.name) as AnyVariant;

for (const { name, run } of lawsOf(registered)) test(`the dummy obeys: ${name}`, run);

for (const { fault, laws, variant } of brokenVariants) {
  test(`noticed: a variant that ${fault}`, async () => {
    const all = lawsOf(variant as unknown as AnyVariant);
    for (const part of laws) {
      const meant = all.filter(({ name }) => name.includes(part));
      assert.ok(meant.length > 0, `no law is named '${part}'`);
      for (const { name, run } of meant) {
        const failure = await failureOf(run);
        assert.ok(failure !== null, `the law '${name}' did not notice`);
        // A law that breaks down has noticed nothing.
        assert.not.match(failure, /TypeError|ReferenceError/);
      }
    }
  });
}

test('there is a spec file for every part of the variants', () => {
  const files = readdirSync(new URL('.', import.meta.url)).filter((file) => /^every-variant-\d+\.spec\.ts$/.test(file));
  assert.equal(
    files.sort(),
    Array.from({ length: PARTS }, (_, n) => `every-variant-${n + 1}.spec.ts`),
  );
});

async function failureOf(run: () => void | Promise<void>): Promise<string | null> {
  try {
    await run();
    return null;
  } catch (error) {
    return String(error);
  }
}

test.run();
