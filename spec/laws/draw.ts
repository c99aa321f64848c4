/**
 * Random cases for the laws: shapes, seeds, masks, and options drawn together from a variant's own schemas, so that a
 * new variant is exercised without a word here.
 */
import fc from 'fast-check';
import { noGrad } from '../../src/core/autograd.ts';
import { EfficientTransformersError } from '../../src/core/errors.ts';
import { multiply } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { fromArray, randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { checkOptions } from '../../src/variants/attend.ts';
import { gatesOf, rangeOfGate, shapeOfGate } from '../../src/variants/inputs.ts';
import type { OptionSchema } from '../../src/variants/options.ts';
import type { AnyVariant } from '../../src/variants/registry.ts';
import type { AttentionInputs, AttentionShape, CommonOptions } from '../../src/variants/variant.ts';
import { effort, SEED } from './effort.ts';

/** One drawn case. It prints as what is needed to make it again. */
export interface AttentionCase {
  shape: AttentionShape;
  options: CommonOptions;
  /** [batch][keyLength], 1 = a real key; null: no mask. */
  mask: number[][] | null;
  /** By position, what queries and keys are multiplied by; absent: 1. */
  norms?: number[];
  /** Whether all numbers in keys are negative, as after a bias: no feature of any key is large then. */
  negativeKeys?: boolean;
  /** What the variant declares beside queries, keys and values: shape, and the least and the most that is drawn. */
  gates?: Record<string, { shape: number[]; least: number; most: number }>;
  /** Of the parameters and of the numbers in queries, keys and values. */
  seed: number;
}

/** What a law asks of its cases; what it leaves out is drawn. */
export interface Wishes {
  dtype?: 'float32' | 'float64';
  causal?: boolean;
  masked?: boolean;
  /** Queries and keys of all sizes: all alike, one loud token among quiet ones, or each of its own. */
  wide?: boolean;
  minBatch?: number;
  maxBatch?: number;
  minHeads?: number;
  maxHeads?: number;
  minLength?: number;
  maxLength?: number;
  minHeadDim?: number;
  maxHeadDim?: number;
  /** As many queries as keys, even where the variant can do without. */
  selfAttention?: boolean;
}

const PRIMES = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67];

/** The share of its cases that a law draws in one run of `npm test`, others in each; `test:thorough` draws eight times as many. */
const SHARE = 0.6;

/**
 * Checks `law` on `runs` cases that the variant accepts. Cases that it rejects are drawn again; a variant that rejects
 * 50 for each one wanted fails, so no law passes by having run on nothing.
 */
export function forAllCases(
  variant: AnyVariant,
  wishes: Wishes,
  runs: number,
  law: (attentionCase: AttentionCase) => void,
): void {
  const property = fc.property(cases(variant, wishes), (attentionCase) => {
    fc.pre(accepts(variant, attentionCase.options, attentionCase.shape));
    scope(() => law(attentionCase));
  });
  fc.assert(property, { ...effort(SHARE * runs), maxSkipsPerRun: 50 });
}

/** `count` cases that the variant accepts, for laws that are too slow for many; throws if there are too few. */
export function sampleCases(variant: AnyVariant, wishes: Wishes, count: number): AttentionCase[] {
  const seed = SEED.seed ?? Math.floor(Math.random() * 2 ** 31);
  const drawn = fc.sample(cases(variant, wishes), { numRuns: count * 50, seed });
  const accepted = drawn.filter(({ options, shape }) => accepts(variant, options, shape)).slice(0, count);
  if (accepted.length < count) {
    throw new Error(`${variant.name} accepted ${accepted.length} of ${drawn.length} drawn cases, seed ${seed}`);
  }
  return accepted;
}

/** Whether, with these options, the weights of a query sum to 1. */
export function averages(variant: AnyVariant, options: CommonOptions): boolean {
  return variant.averagesWith?.(options) ?? variant.averages !== false;
}

/** The case with options for which the output is linear in the values. */
export function withLinearValues(variant: AnyVariant, attentionCase: AttentionCase): AttentionCase {
  const { options } = attentionCase;
  return { ...attentionCase, options: variant.withLinearValues?.(options) ?? options };
}

export function accepts(variant: AnyVariant, options: CommonOptions, shape: AttentionShape): boolean {
  try {
    checkOptions(variant, options, shape);
    return true;
  } catch (error) {
    if (error instanceof EfficientTransformersError) return false;
    throw error;
  }
}

function cases(variant: AnyVariant, wishes: Wishes): fc.Arbitrary<AttentionCase> {
  const drawn = shapes(variant, wishes).chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      options: optionsOf(variant, shape, wishes),
      mask: masks(variant, shape, wishes),
      ...(wishes.wide && { norms: norms(shape), negativeKeys: fc.oneof(fc.constant(false), fc.boolean()) }),
      seed: fc.nat(),
    }),
  );
  if (variant.inputs.gates === undefined) return drawn;
  return drawn.map((attentionCase) => {
    const { options, shape } = attentionCase;
    const gates = Object.entries(gatesOf(variant.inputs, options)).map(([name, gate]) => {
      // Some way into a range without an end.
      const [least, most] = rangeOfGate(gate, options);
      const ends = { least: Math.max(least, Math.min(most, 0) - 4), most: Math.min(most, Math.max(least, 0) + 4) };
      return [name, { shape: shapeOfGate(gate, options, shape), ...ends }];
    });
    return { ...attentionCase, gates: Object.fromEntries(gates) };
  });
}

function lengths({ minLength = 1, maxLength = 70 }: Wishes): fc.Arbitrary<number> {
  const primes = PRIMES.filter((prime) => prime >= minLength && prime <= maxLength);
  const any = fc.integer({ min: minLength, max: maxLength });
  const awkward = primes.length === 0 ? [] : [fc.constantFrom(...primes)];
  return fc.oneof({ arbitrary: any, weight: 2 }, fc.constant(minLength), ...awkward);
}

function shapes(variant: AnyVariant, wishes: Wishes): fc.Arbitrary<AttentionShape> {
  const { dtype, minBatch = 1, maxBatch = 3, minHeads = 1, maxHeads = 4, minHeadDim = 1, maxHeadDim = 16 } = wishes;
  const mayCross = variant.supports.crossAttention && !wishes.selfAttention && wishes.causal !== true;
  return fc
    .record({
      batch: fc.integer({ min: minBatch, max: maxBatch }),
      heads: fc.integer({ min: minHeads, max: maxHeads }),
      queryLength: lengths(wishes),
      keyLength: lengths(wishes),
      crosses: mayCross ? fc.boolean() : fc.constant(false),
      headDim: fc.integer({ min: minHeadDim, max: maxHeadDim }),
      dtype: dtype === undefined ? fc.constantFrom('float32', 'float64') : fc.constant(dtype),
    })
    .map(({ crosses, queryLength, ...shape }) => ({
      ...shape,
      queryLength: crosses ? queryLength : shape.keyLength,
    }));
}

/** All options of a variant at once: each at its default or anywhere in its range. */
export function optionsOf(variant: AnyVariant, shape: AttentionShape, { causal }: Wishes): fc.Arbitrary<CommonOptions> {
  const defaults = variant.defaults(shape.keyLength) as CommonOptions & Record<string, unknown>;
  const arbitraries: Record<string, fc.Arbitrary<unknown>> = {};
  for (const [name, schema] of Object.entries(variant.options as Record<string, OptionSchema>)) {
    const drawn = optionOf(schema, shape, defaults[name]);
    arbitraries[name] = fc.oneof(fc.constant(defaults[name]), { arbitrary: drawn, weight: 2 });
  }
  const possible = variant.supports.causal && shape.queryLength === shape.keyLength;
  if (variant.supports.bidirectional === false) arbitraries.causal = fc.constant(true);
  else arbitraries.causal = causal === undefined && possible ? fc.boolean() : fc.constant(causal ?? false);
  return fc.record(arbitraries) as fc.Arbitrary<unknown> as fc.Arbitrary<CommonOptions>;
}

function optionOf(schema: OptionSchema, shape: AttentionShape, fallback: unknown): fc.Arbitrary<unknown> {
  const length = shape.keyLength;
  if (schema.kind === 'boolean') return fc.boolean();
  if (schema.kind === 'choice') return fc.constantFrom(...schema.choices);
  if (schema.kind === 'number') {
    // 32 steps, both ends included: a double as fast-check draws it would mostly be denormal.
    return fc
      .integer({ min: 0, max: 32 })
      .map((step) => schema.minimum + ((schema.maximum - schema.minimum) * step) / 32);
  }
  if (schema.kind === 'integer') {
    const step = schema.multipleOf ?? 1;
    // Without a stated limit: some way beyond the length and the default, so that a case stays small.
    const unlimited = Math.min(2 * length, typeof fallback === 'number' ? Math.max(4, 4 * fallback) : 2 * length);
    const lowest = Math.ceil(schema.minimum / step);
    const highest = Math.floor((schema.maximum?.(length) ?? unlimited) / step);
    return fc.integer({ min: lowest, max: Math.max(lowest, highest) }).map((multiple) => multiple * step);
  }
  if (schema.per === 'head') {
    const highest = Math.max(schema.minimum, schema.maximum?.(length) ?? schema.minimum + 4);
    const entry = fc.integer({ min: schema.minimum, max: highest });
    return fc.array(entry, { minLength: shape.heads, maxLength: shape.heads });
  }
  return fc.shuffledSubarray(Array.from({ length }, (_, position) => position));
}

function masks(variant: AnyVariant, shape: AttentionShape, { masked }: Wishes): fc.Arbitrary<number[][] | null> {
  if (masked === false || !variant.supports.padding) return fc.constant(null);
  const row = fc.array(fc.constantFrom(0, 1), { minLength: shape.keyLength, maxLength: shape.keyLength });
  const drawn = fc.array(row, { minLength: shape.batch, maxLength: shape.batch });
  return masked ? drawn : fc.oneof(fc.constant(null), drawn);
}

function withoutSigns(x: Tensor): Tensor {
  const negative = x.toArray().map((each) => -Math.abs(each));
  return fromArray(negative, x.shape, x.dtype);
}

const SIZES = [1e-3, 0.03, 0.3, 1, 3, 10, 30, 100, 300];

function norms({ queryLength, keyLength }: AttentionShape): fc.Arbitrary<number[]> {
  const length = Math.max(queryLength, keyLength);
  const size = fc.constantFrom(...SIZES);
  const alike = size.map((each) => new Array<number>(length).fill(each));
  const oneLoud = fc
    .tuple(size, fc.constantFrom(10, 100, 300), fc.nat(length - 1))
    .map(([quiet, loud, at]) => new Array<number>(length).fill(Math.min(1, quiet)).with(at, loud));
  const mixed = fc.array(size, { minLength: length, maxLength: length });
  return fc.oneof(alike, oneLoud, mixed);
}

/** Queries, keys, values (as wide as the keys unless told) and mask of a case; `name` gives other numbers. */
export function inputsOf(
  { shape, mask, norms, negativeKeys = false, gates, seed }: AttentionCase,
  { valueDim = shape.headDim, name = 'inputs' } = {},
): AttentionInputs {
  const { batch, heads, queryLength, keyLength, headDim, dtype } = shape;
  const random = new Random(seed).split(name);
  const draw = (part: string, length: number, width: number) =>
    randomNormal([batch, heads, length, width], random.split(part), dtype);
  const sized = (tensor: Tensor, length: number) => {
    if (norms === undefined) return tensor;
    const sizes = fromArray(norms.slice(0, length), [length, 1], dtype);
    return noGrad(() => multiply(tensor, sizes));
  };
  const keys = sized(draw('keys', keyLength, headDim), keyLength);
  return {
    queries: sized(draw('queries', queryLength, headDim), queryLength),
    keys: negativeKeys ? withoutSigns(keys) : keys,
    values: draw('values', keyLength, valueDim),
    ...(mask === null ? {} : { keyMask: fromArray(mask.flat(), [batch, keyLength], 'uint8') }),
    ...(gates && {
      gates: Object.fromEntries(
        Object.entries(gates).map(([gate, { shape: extents, least, most }]) => {
          const numbers = new Float64Array(extents.reduce((product, extent) => product * extent, 1));
          random.split(gate).fillUniform(numbers, least, most);
          return [gate, fromArray(numbers, extents, dtype)];
        }),
      ),
    }),
  };
}
