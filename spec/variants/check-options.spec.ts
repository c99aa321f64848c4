/**
 * Options as they are asked for: one alone, or any number of them. What is refused is refused for what was asked, never
 * for a default; and what can never fit the memory is refused before anything is drawn.
 */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, EfficientTransformersError, MemoryError } from '../../src/core/errors.ts';
import { measureMemory, memoryStatistics } from '../../src/core/memory.ts';
import { scope } from '../../src/core/scope.ts';
import { zeros } from '../../src/core/tensor.ts';
import { attend, checkInputs, checkOptions, drawParameters } from '../../src/variants/attend.ts';
import { completeOptions } from '../../src/variants/check-options.ts';
import { startDecoding } from '../../src/variants/decoding.ts';
import { largestOf, type OptionSchema } from '../../src/variants/options.ts';
import { performer } from '../../src/variants/performer.ts';
import { type AnyVariant, allVariants } from '../../src/variants/registry.ts';
import { sparseTransformer } from '../../src/variants/sparse-transformer.ts';
import type { AttentionShape, CommonOptions } from '../../src/variants/variant.ts';
import { forAllCases, inputsOf } from '../laws/draw.ts';
import { effort } from '../laws/effort.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';

const schemasOf = (variant: AnyVariant) => variant.options as Record<string, OptionSchema>;

const shapeOf = (length: number, headDim = 4): AttentionShape => {
  return { batch: 1, heads: 2, queryLength: length, keyLength: length, headDim, dtype: 'float32' };
};

/** Any value that the schema has at this length: also the ends of its range. */
function valueFor(schema: OptionSchema, length: number): fc.Arbitrary<unknown> {
  if (schema.kind === 'boolean') return fc.boolean();
  if (schema.kind === 'choice') return fc.constantFrom(...schema.choices);
  if (schema.kind === 'number') return fc.double({ min: schema.minimum, max: schema.maximum, noNaN: true });
  if (schema.kind === 'integer') {
    const [least, most] = [schema.minimum, largestOf(schema, length) ?? Number.MAX_SAFE_INTEGER];
    return fc.oneof(
      fc.integer({ min: least, max: Math.min(most, 4 * length) }),
      fc.integer({ min: least, max: most }),
      fc.constantFrom(least, most),
    );
  }
  if (schema.per === 'head')
    return fc.array(fc.integer({ min: schema.minimum, max: length }), { minLength: 2, maxLength: 2 });
  return fc.subarray(Array.from({ length }, (_, position) => position));
}

const lengths = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 5000 }));

function errorOf(variant: AnyVariant, options: object, length: number): EfficientTransformersError | null {
  try {
    checkOptions(variant, options as Partial<CommonOptions>, shapeOf(length));
    return null;
  } catch (error) {
    if (error instanceof EfficientTransformersError) return error;
    throw error;
  }
}

for (const variant of allVariants()) {
  const names = Object.keys(schemasOf(variant));

  test(`${variant.name}: defaults are right at any length`, () => {
    fc.assert(fc.property(lengths, (length) => assert.is(errorOf(variant, {}, length), null)));
  });

  if (names.length === 0) continue;

  test(`${variant.name}: any number of options is taken, or one of them is named; a default never is`, () => {
    let taken = 0;
    const asked = fc.tuple(lengths, fc.subarray(names, { minLength: 1 })).chain(([length, chosen]) => {
      const drawn = Object.fromEntries(chosen.map((name) => [name, valueFor(schemasOf(variant)[name], length)]));
      return fc.record({ length: fc.constant(length), options: fc.record(drawn) });
    });
    fc.assert(
      fc.property(asked, ({ length, options }) => {
        const error = errorOf(variant, options, length);
        if (error === null) {
          taken++;
          const complete = checkOptions(variant, options as Partial<CommonOptions>, shapeOf(length));
          // Nothing asked for is changed, and what comes out is accepted as a whole.
          assert.equal({ ...complete, ...options }, complete);
          assert.is(errorOf(variant, complete, length), null);
          return;
        }
        const [named] = error.message.split(/[:,[]/);
        assert.ok(named in options, error.message);
      }),
      effort(200),
    );
    assert.ok(taken > 20, `${taken} taken`);
  });

  test(`${variant.name}: one option alone is taken, or refused for its value at that length`, () => {
    for (const name of names) {
      const cases = lengths.chain((length) =>
        fc.tuple(fc.constant(length), valueFor(schemasOf(variant)[name], length)),
      );
      fc.assert(
        fc.property(cases, ([length, value]) => {
          const error = errorOf(variant, { [name]: value }, length);
          if (error === null) return;
          assert.ok(error.message.startsWith(`${name}: `), error.message);
          // Justified by the value alone: no choice of the other options would have made it right.
          for (const [other, schema] of Object.entries(schemasOf(variant))) {
            if (other === name || schema.kind !== 'choice') continue;
            for (const choice of schema.choices)
              assert.ok(errorOf(variant, { [name]: value, [other]: choice }, length));
          }
        }),
        effort(50),
      );
    }
  });

  test(`${variant.name}: every number is bounded, by the length or else by a limit`, () => {
    for (const [name, schema] of Object.entries(schemasOf(variant))) {
      if (schema.kind !== 'integer' || SEEDS_AND_COUNTS.includes(name)) continue;
      assert.type(largestOf(schema, 100), 'number', name);
    }
  });
}

/** Of BigBird: a seed, and blocks of which there are never more than the sequence has. */
const SEEDS_AND_COUNTS = ['patternSeed', 'globalBlocks', 'randomBlocks'];

test('sparse transformer: stride and columns are held against each other only where both were asked for and are used', () => {
  const length = 100;
  for (const options of [{ stride: 4 }, { summaryColumns: 50 }, { stride: 4, summaryColumns: 50 }]) {
    assert.is(errorOf(sparseTransformer as unknown as AnyVariant, options, length), null);
  }
  const fixed = (options: object) =>
    completeOptions(sparseTransformer, { pattern: 'fixed', ...options }, length) as unknown as Record<string, number>;
  assert.is(fixed({ stride: 4 }).summaryColumns, 4);
  assert.is(fixed({ summaryColumns: 50 }).stride, 50);
  assert.is(fixed({}).summaryColumns, 8);
  expectThrows(ArgumentError, 'summaryColumns', () =>
    checkOptions(sparseTransformer, { pattern: 'fixed', stride: 4, summaryColumns: 5 }, shapeOf(length)),
  );
});

test('an option that is undefined is not given; options are an object, with known names', () => {
  assert.equal(checkOptions(performer, { kernel: undefined }, shapeOf(8)), checkOptions(performer, {}, shapeOf(8)));
  for (const options of [[], 5, null, 'causal', new Map(), Symbol('x'), () => ({})]) {
    expectThrows(ArgumentError, 'options', () => checkOptions(performer, options as object, shapeOf(8)));
  }
  for (const name of ['toString', 'constructor', '__proto__', 'hasOwnProperty', '']) {
    const options = Object.defineProperty({}, name, { value: 1, enumerable: true });
    expectThrows(ArgumentError, name, () => checkOptions(performer, options, shapeOf(8)));
  }
});

test('what options imply for the memory is refused before anything is drawn, and named', () => {
  const queries = zeros([1, 1, 8, 64]);
  const inputs = { queries, keys: queries, values: queries };
  const before = memoryStatistics();
  expectThrows(ArgumentError, 'numRandomFeatures', () => attend(performer, inputs, { numRandomFeatures: 2 ** 31 - 2 }));
  // A mebibyte for each feature.
  const large: AttentionShape = { ...shapeOf(2 ** 14, 64), heads: 16 };
  expectThrows(MemoryError, 'numRandomFeatures', () => checkOptions(performer, { numRandomFeatures: 8192 }, large));
  expectThrows(MemoryError, 'numRandomFeatures, kernel', () =>
    checkOptions(performer, { numRandomFeatures: 2100, kernel: 'softmax-hyperbolic' }, large),
  );
  expectThrows(MemoryError, 'length', () => checkOptions(performer, {}, { ...large, batch: 64 }));
  expectThrows(MemoryError, 'numRandomFeatures', () =>
    drawParameters(
      performer,
      { ...performer.defaults(8), numRandomFeatures: 65536 },
      { ...shapeOf(8), headDim: 2 ** 15 },
      1,
    ),
  );
  assert.is(memoryStatistics().liveBytes, before.liveBytes);
  // A generation holds the features of one token at a time.
  const { batch, heads, headDim, dtype } = large;
  startDecoding(performer, { batch, heads, headDim, dtype, maxLength: 2 ** 20 }, { numRandomFeatures: 8192 });
});

for (const variant of allVariants()) {
  if (variant.sizes === undefined) continue;
  const sizes = variant.sizes.bind(variant);

  test(`${variant.name}: the parameters have the sizes that were said before, and attention takes what was said`, () => {
    forAllCases(variant, { maxLength: 40 }, 20, (attentionCase) => {
      const { shape, options, seed } = attentionCase;
      const { parameters: said = {}, largest = [0] } = sizes(options, shape);
      const parameters = drawParameters(variant, options, shape, seed);
      const drawn = Object.fromEntries(Object.entries(parameters).map(([name, tensor]) => [name, [...tensor.shape]]));
      assert.equal(drawn, Object.fromEntries(Object.entries(said).map(([name, extents]) => [name, [...extents]])));
      const inputs = inputsOf(attentionCase);
      assert.equal(checkInputs(inputs), shape);
      const { peakBytes } = measureMemory(() => scope(() => void attend(variant, inputs, options, { parameters })));
      const bytes = largest.reduce((product, extent) => product * extent, shape.dtype === 'float64' ? 8 : 4);
      assert.ok(peakBytes >= bytes, `${peakBytes} bytes were held, ${bytes} were said`);
    });
  });
}

test.run();
