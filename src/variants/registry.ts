/** Every variant, by name. Adding one is one file, one line here, and one in index.ts to export it. */
import { ArgumentError } from '../core/errors.ts';
import { expectBoolean, expectFunction, expectRecord, expectText, integerOf, oneOf, optional } from '../core/expect.ts';
import { bigbird } from './bigbird.ts';
import { expectVariant } from './check-options.ts';
import { dynamicConv } from './dynamic-conv.ts';
import { full } from './full.ts';
import { lightConv } from './light-conv.ts';
import { linearTransformer } from './linear-transformer.ts';
import { linformer } from './linformer.ts';
import { localAttention } from './local-attention.ts';
import { longformer } from './longformer.ts';
import { nystromformer } from './nystromformer.ts';
import { OPTION_KINDS } from './options.ts';
import { performer } from './performer.ts';
import { reformer } from './reformer.ts';
import { sparseTransformer } from './sparse-transformer.ts';
import { transformerXL } from './transformer-xl.ts';
import type { AttentionVariant, CommonOptions } from './variant.ts';

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
    family: expectText,
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

register(full);
register(longformer);
register(bigbird);
register(sparseTransformer);
register(linformer);
register(nystromformer);
register(performer);
register(linearTransformer);
register(reformer);
register(localAttention);
register(transformerXL);
register(lightConv);
register(dynamicConv);

/** All variants in order of registration; full attention is the first. */
export function allVariants(): AnyVariant[] {
  return [...registered.values()];
}

/** Undefined for a name that none has. */
export function findVariant(name: string): AnyVariant | undefined {
  expectText('name', name);
  return registered.get(name);
}
