/**
 * Every law on every registered variant. A variant added to the registry is here without another word. The work is
 * shared out over several spec files, each a process of its own, so that it takes all cores.
 */
import { test } from 'uvu';
import { allVariants } from '../../src/variants/registry.ts';
import { shareThreads } from './laws/resources.ts';
import { lawsOf } from './laws.ts';

/** Spec files that share the variants: every-variant-1.spec.ts and so on. */
export const PARTS = 4;

export function testEveryVariant(part: number): void {
  const variants = allVariants().filter((_, index) => index % PARTS === part - 1);
  shareThreads(variants);
  for (const variant of variants) {
    for (const { name, run } of lawsOf(variant)) test(`${variant.name}: ${name}`, run);
  }
  test.run();
}
