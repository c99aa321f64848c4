/** Fifty variants, in Node and in the engine of a page: those that are, and copies of them. */
import { allVariants, register } from '../../src/variants/registry.ts';

export const COUNT = 50;

const originals = allVariants();
for (let n = 0; allVariants().length < COUNT; n++) {
  const original = originals[1 + (n % (originals.length - 1))];
  register({ ...original, name: `${original.name}-${2 + Math.floor(n / (originals.length - 1))}` });
}
