/** A variant from its declaration: everything that follows from the entries is made here, once for all variants. */

import { expectDefinition } from './check-variant.ts';
import type { DeclaredInputs } from './inputs.ts';
import { type OptionSchemas, type OptionsOf, withDefaults } from './options.ts';
import { type DeclaredParameter, drawDeclared, expectParameters, shapesOf } from './parameters.ts';
import type { AttentionShape, AttentionVariant, Method } from './variant.ts';

/** The declaration of a variant, from which `defineVariant` makes one. */
export interface VariantDefinition<Schemas extends OptionSchemas> extends Method<OptionsOf<Schemas>> {
  /** Every option except `causal`, which all variants have. */
  readonly options: Schemas;
  /** The inputs of a token, if they are not just queries, keys and values. Absent: it reads these three. */
  readonly inputs?: DeclaredInputs<OptionsOf<Schemas>>;
  /** Learned and random tensors, by the paper's names. Absent: none. */
  readonly parameters?: Readonly<Record<string, DeclaredParameter<OptionsOf<Schemas>>>>;
  /** The largest intermediate tensor of `attend`. A call in which it can never fit is refused. */
  largest?(options: OptionsOf<Schemas>, shape: AttentionShape): readonly number[];
}

/**
 * Makes a variant from its declaration, for `attend` and `register`. Throws ArgumentError for a declaration that lacks a part.
 * examples/own-variant.mjs is a complete example.
 */
export function defineVariant<Schemas extends OptionSchemas>(
  definition: VariantDefinition<Schemas>,
): AttentionVariant<OptionsOf<Schemas>> {
  expectDefinition('definition', definition);
  type Options = OptionsOf<Schemas>;
  const { parameters: declared = {}, largest, inputs = {}, ...method } = definition;
  const { options, supports } = method;
  return {
    ...method,
    inputs,
    fixed: Object.keys(declared).filter((name) => declared[name].fixed),
    options: options as AttentionVariant<Options>['options'],
    defaults(sequenceLength, asked = {}) {
      const causal = asked.causal ?? supports.bidirectional === false;
      return { causal, ...withDefaults(options, sequenceLength, asked) } as Options;
    },
    sizes: (complete, shape) => ({
      parameters: shapesOf(declared, complete, shape),
      ...(largest && { largest: largest(complete, shape) }),
    }),
    parameters: (complete, shape, random) => drawDeclared(declared, complete, shape, random),
    checkParameters: (parameters, complete, shape) =>
      expectParameters(declared, parameters, complete, shape, method.handsOn?.(complete) ?? null),
  };
}
