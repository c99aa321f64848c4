/** A variant from its declaration: what follows from the entries is made here, once for all variants. */

import type { DeclaredInputs } from './inputs.ts';
import { type OptionSchemas, type OptionsOf, withDefaults } from './options.ts';
import { type DeclaredParameters, drawDeclared, expectParameters, shapesOf } from './parameters.ts';
import type { AttentionShape, AttentionVariant, Method } from './variant.ts';

/** What the file of a variant says. */
export interface VariantDefinition<Schemas extends OptionSchemas> extends Method<OptionsOf<Schemas>> {
  /** Every option but `causal`, which all have. */
  readonly options: Schemas;
  /** What it needs of a token that differs from queries, keys and values, all of which it reads. */
  readonly inputs?: DeclaredInputs<OptionsOf<Schemas>>;
  /** Learned and random tensors, by the paper's names. Absent: none. */
  readonly parameters?: DeclaredParameters<OptionsOf<Schemas>>;
  /** The largest tensor that `attend` makes on the way: what can never fit is refused by it. */
  largest?(options: OptionsOf<Schemas>, shape: AttentionShape): readonly number[];
}

export function defineVariant<Schemas extends OptionSchemas>({
  parameters: declared = {},
  largest,
  inputs = {},
  ...method
}: VariantDefinition<Schemas>): AttentionVariant<OptionsOf<Schemas>> {
  type Options = OptionsOf<Schemas>;
  const { options, supports } = method;
  return {
    ...method,
    inputs,
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
    checkParameters: (parameters, complete, shape) => expectParameters(declared, parameters, complete, shape),
  };
}
