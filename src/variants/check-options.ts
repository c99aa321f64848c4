/**
 * The options of a call: checked one by one, completed by defaults that do not contradict them, and checked against the
 * sequence, against each other and against the memory that they need, before anything is drawn.
 */
import { bytesPerElement, expectDType } from '../core/dtype.ts';
import {
  ArgumentError,
  describe,
  formatShape,
  MemoryError,
  ShapeError,
  UnsupportedError,
  wrongKind,
} from '../core/errors.ts';
import { expectFunction, expectPlain, expectRecord, expectText, integerOf } from '../core/expect.ts';
import { memoryLimit } from '../core/memory.ts';
import { causalOption, checkOption, type OptionSchema } from './options.ts';
import type { AttentionShape, AttentionVariant, CommonOptions } from './variant.ts';

/**
 * Completes a variant's options by their defaults and checks them against a shape. An option that is undefined counts as not
 * given. Throws ArgumentError, ShapeError or UnsupportedError for invalid options, MemoryError for options that can never fit.
 */
export function checkOptions<Options extends CommonOptions>(
  variant: AttentionVariant<Options>,
  options: Partial<Options>,
  shape: AttentionShape,
): Options {
  return checkFor(variant, options, shape, bytesOfAttention);
}

/** The same for generation up to a length, which never needs the memory of attention over the whole sequence. */
export function checkDecodingOptions<Options extends CommonOptions>(
  variant: AttentionVariant<Options>,
  options: Partial<Options>,
  shape: AttentionShape,
): Options {
  return checkFor(variant, options, shape, bytesOfParameters);
}

function checkFor<Options extends CommonOptions>(
  variant: AttentionVariant<Options>,
  options: Partial<Options>,
  shape: AttentionShape,
  bytesOf: BytesOf,
): Options {
  expectVariant('variant', variant);
  expectAttentionShape('shape', shape);
  const asked = checkAsked(variant, options, shape.keyLength);
  const complete = { ...variant.defaults(shape.keyLength, asked), ...asked };
  expectSupported(variant, complete, shape);
  variant.check?.(complete, shape);
  expectFits(variant, asked, complete, shape, bytesOf);
  return complete;
}

/** All options: the given ones, each checked by itself, and for the others defaults that fit them. */
export function completeOptions<Options extends CommonOptions>(
  variant: AttentionVariant<Options>,
  options: Partial<Options>,
  sequenceLength: number,
): Options {
  const asked = checkAsked(variant, options, sequenceLength);
  return { ...variant.defaults(sequenceLength, asked), ...asked };
}

function checkAsked<Options extends CommonOptions>(
  variant: AttentionVariant<Options>,
  options: Partial<Options>,
  sequenceLength: number,
): Partial<Options> {
  expectPlain('options', options);
  const asked = Object.entries(options).filter(([, value]) => value !== undefined);
  const schemas = { causal: causalOption, ...variant.options } as Record<string, OptionSchema>;
  for (const [name, value] of asked) {
    if (!Object.hasOwn(schemas, name)) {
      throw new ArgumentError(`${name}: ${variant.name} has no such option; it has ${Object.keys(schemas).join(', ')}`);
    }
    checkOption(name, value, schemas[name], sequenceLength);
  }
  return Object.fromEntries(asked) as Partial<Options>;
}

function expectSupported(
  { name, supports, paper }: AttentionVariant<never>,
  { causal }: CommonOptions,
  { queryLength, keyLength }: AttentionShape,
): void {
  if (causal && !supports.causal) {
    expectRecord('variant.paper', paper);
    throw new UnsupportedError(`causal: ${name} cannot be causal (${paper.authors} ${paper.year})`);
  }
  if (!causal && supports.bidirectional === false) {
    throw new UnsupportedError(`causal: expected true for ${name}, which reads in one direction, got false`);
  }
  if (queryLength === keyLength) return;
  if (!supports.crossAttention) {
    throw new UnsupportedError(`queries: ${name} needs as many queries as keys, got ${queryLength} and ${keyLength}`);
  }
  if (causal) {
    throw new ShapeError(`causal: expected as many queries as keys, got ${queryLength} and ${keyLength}`);
  }
}

/** The least number of bytes that options imply for a shape. */
type BytesOf = <Options extends CommonOptions>(
  variant: AttentionVariant<Options>,
  options: Options,
  shape: AttentionShape,
) => number;

const bytesOfParameters: BytesOf = (variant, options, shape) => {
  const { parameters = {} } = variant.sizes?.(options, shape) ?? {};
  return Object.values(parameters).reduce((sum, extents) => sum + bytesOfTensor(extents, shape), 0);
};

const bytesOfAttention: BytesOf = (variant, options, shape) => {
  const { largest } = variant.sizes?.(options, shape) ?? {};
  return bytesOfParameters(variant, options, shape) + (largest === undefined ? 0 : bytesOfTensor(largest, shape));
};

const bytesOfTensor = (extents: readonly number[], { dtype }: AttentionShape): number =>
  extents.reduce((bytes, extent) => bytes * extent, bytesPerElement[dtype]);

/** Throws MemoryError if this is more than all tensors can have, and names the options that cause it. */
function expectFits<Options extends CommonOptions>(
  variant: AttentionVariant<Options>,
  asked: Partial<Options>,
  complete: Options,
  shape: AttentionShape,
  bytesOf: BytesOf,
): void {
  const limit = memoryLimit();
  const bytes = bytesOf(variant, complete, shape);
  if (bytes <= limit) return;
  // The options without which it would fit. If there are none, the sequence itself is too long.
  const guilty = Object.keys(asked).filter((name) => {
    const others = Object.fromEntries(Object.entries(asked).filter(([each]) => each !== name)) as Partial<Options>;
    return bytesOf(variant, { ...variant.defaults(shape.keyLength, others), ...others }, shape) <= limit;
  });
  const assigned = guilty.map((name) => `${name} = ${String(asked[name as keyof Options])}`).join(', ');
  const { batch, heads, keyLength, headDim } = shape;
  throw new MemoryError(
    `${guilty.length > 0 ? guilty.join(', ') : 'length'}: ${variant.name}${assigned === '' ? '' : ` with ${assigned}`} takes at ` +
      `least ${gibibytes(bytes)} for inputs of ${formatShape([batch, heads, keyLength, headDim])}, more than the ` +
      `${gibibytes(limit)} that tensors can have`,
  );
}

/** `4.00 GiB`. */
export const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toPrecision(3)} GiB`;

/** Throws ArgumentError unless it has the parts of a variant that checking options needs. */
export function expectVariant(name: string, variant: unknown): asserts variant is AttentionVariant<never> {
  if (typeof variant === 'string') {
    throw wrongKind(name, 'a variant', variant, `import it by its name, or take findVariant(${describe(variant)})`);
  }
  if (typeof variant !== 'object' || variant === null) {
    throw wrongKind(name, 'a variant, as findVariant gives for a name that is registered', variant);
  }
  if ('queries' in variant) throw wrongKind(name, 'a variant', variant, 'the inputs come after it');
  expectRecord(name, variant, {
    name: expectText,
    options: expectRecord,
    supports: expectRecord,
    inputs: expectPlain,
    defaults: expectFunction,
  });
}

export function expectAttentionShape(name: string, shape: unknown): asserts shape is AttentionShape {
  const extent = integerOf(1);
  expectRecord(name, shape, {
    batch: extent,
    heads: extent,
    queryLength: extent,
    keyLength: extent,
    headDim: extent,
    dtype: (each, dtype) => expectDType(each, dtype, ['float32', 'float64']),
  });
}
