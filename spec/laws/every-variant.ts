/**
 * Every law on every registered variant. A variant added to the registry is here without another word. The work is
 * shared out over several spec files, each a process of its own, so that it takes all cores.
 */
import { test } from 'uvu';
import { allVariants } from '../../src/variants/registry.ts';
import { lawsOf } from './laws.ts';

/** Spec files that share the variants: every-variant-1.spec.ts and so on. */
export const PARTS = 4;

export function testEveryVariant(part: number): void {
  for (const [index, variant] of allVariants().entries()) {
    if (index % PARTS !== part - 1) continue;
    for (const { name, run } of lawsOf(variant)) test(`${variant.name}: ${name}`, run);
  }
  test.run();
}
