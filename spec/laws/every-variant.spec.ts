/** Every law on every registered variant. A variant added to the registry is here without another word. */
import { test } from 'uvu';
import { allVariants } from '../../src/variants/registry.ts';
import { lawsOf } from './laws.ts';

for (const variant of allVariants()) {
  for (const { name, run } of lawsOf(variant)) test(`${variant.name}: ${name}`, run);
}

test.run();
