/** The families in the order in which they leave full attention behind: their names, their ideas, and the variants in them. */
import { type AnyVariant, allVariants } from '../../src/variants/registry.ts';
import { FAMILIES as ORDER } from '../../src/variants/variant.ts';

export type Family = AnyVariant['family'];

/** The idea in one line. */
export const FAMILIES: Record<Exclude<Family, 'full'>, { title: string; idea: string }> = {
  sparse: { title: 'Sparse', idea: 'Compute only the pairs on a fixed pattern, and leave out the rest.' },
  hashing: { title: 'Hashing', idea: 'Let the tokens choose the pairs: tokens with the same hash meet.' },
  'low-rank': { title: 'Low rank', idea: 'Replace all keys by a few mixtures of keys, or by a few landmarks.' },
  kernel: { title: 'Kernel', idea: 'Write a weight as a product of features, and sum keys and values only once.' },
  recurrence: {
    title: 'Recurrence',
    idea: 'Read the text in order, and carry a state of fixed size, or the segment before.',
  },
  convolution: {
    title: 'Convolution',
    idea: 'Compare no tokens: mix each token with its neighbours by weights that do not depend on them.',
  },
};

export function familyTitle(family: Family): string {
  return family === 'full' ? 'Full attention' : FAMILIES[family].title;
}

/** Full attention first; no family without a variant. */
export function variantsByFamily(): { family: Family; title: string; variants: AnyVariant[] }[] {
  return ORDER.map((family) => {
    const variants = allVariants().filter((variant) => variant.family === family);
    return { family, title: familyTitle(family), variants };
  }).filter(({ variants }) => variants.length > 0);
}
