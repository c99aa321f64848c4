/** Every variant, by name. Adding one is one file, and one line in all.ts. */
import { ArgumentError } from '../core/errors.ts';
import { expectBoolean, expectFunction, expectRecord, expectText, integerOf, oneOf, optional } from '../core/expect.ts';
import * as all from './all.ts';
import { expectVariant } from './check-options.ts';
import { OPTION_KINDS } from './options.ts';
import { type AttentionVariant, type CommonOptions, FAMILIES } from './variant.ts';

/** A variant whose options are known only by their schema. */
export type AnyVariant = AttentionVariant<CommonOptions>;

const OPTIONAL = [
  ...(['sizes', 'check', 'checkParameters', 'pattern', 'decisions'] as const),
  ...(['withWholeGradient', 'sharedByLayers', 'drawnTables'] as const),
];

const registered = new Map<string, AnyVariant>();

/**
 * Adds a variant, so that compare, patterns, training and the laws find it. Throws ArgumentError for a taken name, and for
 * what lacks a part of the contract.
 */
export function register<Options extends CommonOptions>(variant: AttentionVariant<Options>): void {
  expectVariant('variant', variant);
  expectRecord('variant', variant, {
    paper: (name, paper) =>
      expectRecord(name, paper, { authors: expectText, year: integerOf(0), title: expectText, arxiv: expectText }),
    family: oneOf(...FAMILIES),
    exactness: expectText,
    complexity: expectText,
    supports: (name, supports) =>
      expectRecord(name, supports, {
        causal: expectBoolean,
        padding: expectBoolean,
        crossAttention: expectBoolean,
        incremental: expectBoolean,
      }),
    budget: (name, budget) => {
      if (budget !== null)
        expectRecord(name, budget, { symbol: expectText, option: expectText, values: expectFunction });
    },
    parameters: expectFunction,
    attend: expectFunction,
    cost: expectFunction,
    ...Object.fromEntries(OPTIONAL.map((method) => [method, optional(expectFunction)])),
  });
  const schemas = Object.entries(variant.options as Readonly<Record<string, unknown>>);
  for (const [name, schema] of schemas) {
    expectRecord(`variant.options.${name}`, schema, { kind: oneOf(...OPTION_KINDS), description: expectText });
  }
  if (registered.has(variant.name)) throw new ArgumentError(`variant: the name '${variant.name}' is taken`);
  registered.set(variant.name, variant as unknown as AnyVariant);
}

/** By family, as these leave full attention behind, then by year. */
const order = ({ family, paper, name }: AnyVariant) => `${FAMILIES.indexOf(family)} ${paper.year} ${name}`;

const own = Object.values(all) as unknown as AnyVariant[];
for (const variant of own.sort((a, b) => (order(a) < order(b) ? -1 : 1))) register(variant);

/** All variants in order of registration; full attention is the first. */
export function allVariants(): AnyVariant[] {
  return [...registered.values()];
}

/** Undefined for a name that none has. */
export function findVariant(name: string): AnyVariant | undefined {
  expectText('name', name);
  return registered.get(name);
}
