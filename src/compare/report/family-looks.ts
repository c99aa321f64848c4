/**
 * Variants have the colour of their family in every plot, and their own marker and dashes within it, so that fifty of them
 * can be told apart.
 */
import { allVariants, findVariant } from '../../variants/registry.ts';
import { FAMILIES, type Family } from '../../variants/variant.ts';
import type { Look } from './looks.ts';

/**
 * The look of each variant, in order: by its family and its place in it, whatever else is in the plot. A repeated name gets
 * the next free place; an unregistered name gets a colour beyond those of families.
 */
export function looksOf(variants: readonly string[]): Required<Look>[] {
  const taken = new Set<string>();
  return variants.map((name) => {
    const variant = findVariant(name);
    const tone = variant === undefined ? FAMILIES.length - 1 : FAMILIES.indexOf(variant.family) - 1;
    const kin = allVariants().filter((each) => FAMILIES.indexOf(each.family) - 1 === tone);
    let index = Math.max(
      0,
      kin.findIndex((each) => each.name === name),
    );
    const place = (): string => `${tone} ${index}`;
    // Beyond the places of the other variants of the family.
    if (taken.has(place())) index = kin.length;
    while (taken.has(place())) index++;
    taken.add(place());
    return { tone, index };
  });
}

/** `Low rank`; for a colour of no family, `Other`. */
export function familyOfTone(tone: number): string {
  const family: Family | undefined = FAMILIES[tone + 1];
  return family ? `${family[0].toUpperCase()}${family.slice(1).replaceAll('-', ' ')}` : 'Other';
}
