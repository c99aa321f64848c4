/** The required parts: `defineVariant` checks a declaration, and `register` checks a variant. */
import { ArgumentError } from '../core/errors.ts';
import {
  type Check,
  expectBoolean,
  expectFiniteNumber,
  expectFunction,
  expectPlain,
  expectRecord,
  expectText,
  integerOf,
  listOf,
  oneOf,
  optional,
} from '../core/expect.ts';
import { expectSchema } from './check-schema.ts';
import { ACTIVATION_NAMES, type DeclaredInputs } from './inputs.ts';
import type { LayerParts } from './layer-parts.ts';
import { EXACTNESSES, FAMILIES } from './variant.ts';

const recordOf =
  (members: Readonly<Record<string, Check>>): Check =>
  (name, value) =>
    expectRecord(name, value, members);

/** An object whose members are objects. */
const eachOf =
  (each: Check): Check =>
  (name, value) => {
    expectRecord(name, value);
    for (const [member, own] of Object.entries(value)) each(`${name}.${member}`, own);
  };

const may = optional(expectFunction);

const gate = recordOf({
  description: expectText,
  activation: oneOf(...ACTIVATION_NAMES),
  width: may,
  rank: may,
  when: may,
  timesWith: may,
  bias(name, value) {
    if (value !== undefined && typeof value !== 'function') expectFiniteNumber(name, value);
  },
  still: optional(expectBoolean),
  chooses: optional(expectBoolean),
});
const parameter = recordOf({
  learned: expectBoolean,
  fixed: optional(expectBoolean),
  shape: expectFunction,
  start: expectFunction,
});
const inputs: Check = (name, value) => {
  expectPlain(name, value);
  const { queries, keys, values } = {
    queries: optional(oneOf('unread')),
    keys: optional(oneOf('unread', 'queries')),
    values: optional(oneOf('gated')),
  } satisfies Record<Exclude<keyof DeclaredInputs, 'global' | 'gates' | 'readWith'>, Check>;
  expectRecord(name, value, {
    queries,
    keys,
    values,
    ...{ readWith: may, global: may },
    gates: optional(eachOf(gate)),
  });
};

const layer: Check = (name, value) => {
  expectPlain(name, value);
  expectRecord(name, value, {
    shortConvolution: optional(integerOf(2, 64)),
    silu: optional(listOf(oneOf('queries', 'keys', 'values'))),
    sigmoid: optional(listOf(oneOf('queries', 'keys', 'values'))),
    fromValues: optional(listOf(expectText)),
    outputNorm: optional(oneOf('head', 'layer')),
    outputGate: optional(recordOf({ activation: oneOf('silu', 'sigmoid', 'none'), first: optional(expectBoolean) })),
  });
};

const METHOD: Readonly<Record<string, Check>> = {
  name: expectText,
  paper: recordOf({ authors: expectText, year: integerOf(0), title: expectText, arxiv: expectText }),
  family: oneOf(...FAMILIES),
  exactness: oneOf(...EXACTNESSES),
  complexity: expectText,
  averages: optional(expectBoolean),
  weighsColumns: optional(expectBoolean),
  supports: recordOf({
    causal: expectBoolean,
    padding: expectBoolean,
    crossAttention: expectBoolean,
    incremental: expectBoolean,
    bidirectional: optional(expectBoolean),
  }),
  budget(name, value) {
    if (value !== null) expectRecord(name, value, { symbol: expectText, option: expectText, values: expectFunction });
  },
  options: eachOf(expectSchema),
  layer: optional(layer),
  moves: optional(eachOf(recordOf({ after: expectFunction }))),
  attend: expectFunction,
  cost: expectFunction,
  ...{
    check: may,
    pattern: may,
    decisions: may,
    ownLoss: may,
    withWholeGradient: may,
    withLinearValues: may,
    withEvenColumns: may,
    averagesWith: may,
    weighsAll: may,
    turnsRotary: may,
    layerWith: may,
    buckets: may,
    sharedByLayers: may,
    handsOn: may,
    headsShare: may,
    drawnTables: may,
  },
};

/** A layer projects from its values what there is to project, and has no other values, of global tokens. */
const withSources =
  (check: Check): Check =>
  (name, value) => {
    check(name, value);
    const { inputs = {}, layer } = value as { inputs?: DeclaredInputs<never>; layer?: LayerParts };
    if (layer?.fromValues === undefined) return;
    const projected = ['queries', 'keys', ...Object.keys(inputs.gates ?? {})];
    listOf(oneOf(...projected))(`${name}.layer.fromValues`, layer.fromValues);
    if (inputs.global === undefined) return;
    throw new ArgumentError(`${name}.layer.fromValues: expected none with global tokens, got ${layer.fromValues}`);
  };

const definition = recordOf({
  ...METHOD,
  inputs: optional(inputs),
  parameters: optional(eachOf(parameter)),
  largest: may,
});

/** Throws ArgumentError for a declaration that lacks a part, or whose parts do not fit together. */
export const expectDefinition = withSources(definition);

const whole = recordOf({
  ...METHOD,
  inputs,
  ...{
    fixed: optional(listOf(expectText)),
    defaults: expectFunction,
    parameters: expectFunction,
    sizes: may,
    checkParameters: may,
  },
});

/** Throws ArgumentError for a variant that lacks a part, or whose parts do not fit together. */
export const expectWholeVariant = withSources(whole);
