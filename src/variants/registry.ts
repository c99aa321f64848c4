/** Every variant, by name. Adding one is one file, and one line in all.ts. */
import { ArgumentError } from '../core/errors.ts';
import { expectText } from '../core/expect.ts';
import * as all from './all.ts';
import { expectWholeVariant } from './check-variant.ts';
import { type AttentionVariant, type CommonOptions, FAMILIES } from './variant.ts';

/** A variant whose options are known only by their schema. */
export type AnyVariant = AttentionVariant<CommonOptions>;

const registered = new Map<string, AnyVariant>();

/**
 * Adds a variant, so that compare, patterns, training and the laws find it. Throws ArgumentError for a name that is taken, and
 * for a variant that lacks a part of the contract.
 *
 * @example
 * ```ts
 * register(myVariant); // made by defineVariant
 * await compare(fixtureInput(), { variants: ['full', myVariant.name] });
 * ```
 */
export function register<Options extends CommonOptions>(variant: AttentionVariant<Options>): void {
  expectWholeVariant('variant', variant);
  if (registered.has(variant.name)) throw new ArgumentError(`variant: the name '${variant.name}' is taken`);
  registered.set(variant.name, variant as unknown as AnyVariant);
}

/** By family, in the order of FAMILIES, then by year. */
const order = ({ family, paper, name }: AnyVariant) => `${FAMILIES.indexOf(family)} ${paper.year} ${name}`;

const own = Object.values(all) as unknown as AnyVariant[];
for (const variant of own.sort((a, b) => (order(a) < order(b) ? -1 : 1))) register(variant);

/** All variants in order of registration; full attention is the first. */
export function allVariants(): AnyVariant[] {
  return [...registered.values()];
}

/**
 * The variant with this name; undefined if there is none. `allVariants` lists the names.
 *
 * @example
 * ```ts
 * const variant = findVariant('longformer');
 * if (variant !== undefined) attend(variant, { queries, keys, values });
 * ```
 */
export function findVariant(name: string): AnyVariant | undefined {
  expectText('name', name);
  return registered.get(name);
}
