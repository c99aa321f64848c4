/** What cannot be right is refused before any work, by a typed error whose message begins with the argument's name. */
import { ArgumentError, ShapeError } from '../../../src/core/errors.ts';
import { type DType, memoryStatistics } from '../../../src/core/memory.ts';
import { reshape } from '../../../src/core/ops/index.ts';
import { filled, fromArray } from '../../../src/core/tensor.ts';
import { attend } from '../../../src/variants/attend.ts';
import type { OptionSchema } from '../../../src/variants/options.ts';
import type { AnyVariant } from '../../../src/variants/registry.ts';
import type { AttentionInputs, CommonOptions } from '../../../src/variants/variant.ts';
import { type AttentionCase, forAllCases, inputsOf, sampleCases } from '../draw.ts';
import { type Law, parametersOf } from '../evaluate.ts';
import { expectThrows } from './expect-throws.ts';

const NAMES = ['queries', 'keys', 'values'] as const;

export function badInput(variant: AnyVariant): Law[] {
  return [
    { name: 'bad input: wrong rank and mismatched shapes', run: () => refusesShapes(variant) },
    { name: 'bad input: NaN, infinities and wrong types', run: () => refusesNumbers(variant) },
    { name: 'bad input: unknown options and options out of range', run: () => refusesOptions(variant) },
    { name: 'bad input: NaN let in on purpose does not crash', run: () => survivesNaN(variant) },
  ];
}

function refusesShapes(variant: AnyVariant): void {
  const { attentionCase, inputs } = anyCase(variant);
  const refuses = (argument: string, changed: Partial<AttentionInputs>) =>
    expectThrows(ShapeError, argument, () => attend(variant, { ...inputs, ...changed }, attentionCase.options));

  const { batch, heads, keyLength, headDim } = attentionCase.shape;
  for (const name of NAMES) {
    const [, , length, width] = inputs[name].shape;
    refuses(name, { [name]: reshape(inputs[name], [batch, heads, length * width]) });
  }
  for (const name of ['keys', 'values'] as const) {
    refuses(name, { [name]: filled([batch + 1, heads, keyLength, headDim], 0) });
    refuses(name, { [name]: filled([batch, heads + 1, keyLength, headDim], 0) });
  }
  refuses('keys', { keys: filled([batch, heads, keyLength, headDim + 1], 0) });
  refuses('values', { values: filled([batch, heads, keyLength + 1, headDim], 0) });
  refuses('keyMask', { keyMask: filled([batch, keyLength + 1], 1, 'uint8') });
  refuses('keyMask', { keyMask: filled([batch, 1, keyLength], 1, 'uint8') });
}

function refusesNumbers(variant: AnyVariant): void {
  const { attentionCase, inputs } = anyCase(variant);
  const { batch, keyLength } = attentionCase.shape;
  const refuses = (argument: string, changed: Partial<AttentionInputs>) =>
    expectThrows(ArgumentError, argument, () => attend(variant, { ...inputs, ...changed }, attentionCase.options));

  for (const name of NAMES) {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      refuses(name, { [name]: withLastElement(inputs[name], value) });
    }
    // All three of one type that is not a float are refused by the first.
    refuses('queries', Object.fromEntries(NAMES.map((each) => [each, filled(inputs[each].shape, 1, 'int32')])));
    const other: DType = name === 'queries' ? 'int32' : 'float64';
    refuses(name, { [name]: filled(inputs[name].shape, 1, other) });
  }
  refuses('keyMask', { keyMask: filled([batch, keyLength], 1, 'float32') });
  refuses('keyMask', { keyMask: filled([batch, keyLength], 255, 'uint8') });
}

function refusesOptions(variant: AnyVariant): void {
  const { attentionCase, inputs } = anyCase(variant);
  const refuses = (name: string, value: unknown) => {
    const options = { ...attentionCase.options, [name]: value } as CommonOptions;
    const before = memoryStatistics().liveBytes;
    expectThrows(ArgumentError, name, () => attend(variant, inputs, options));
    if (memoryStatistics().liveBytes !== before) throw new Error(`${name}: memory was taken before the refusal`);
  };
  refuses('noSuchOption', 1);
  refuses('causal', 'yes');
  for (const [name, schema] of Object.entries(variant.options as Record<string, OptionSchema>)) {
    for (const value of wrongValues(schema, attentionCase.shape.keyLength)) refuses(name, value);
  }
}

function wrongValues(schema: OptionSchema, length: number): unknown[] {
  const never = [null, {}, Number.NaN];
  if (schema.kind === 'boolean') return [...never, 1, 'true'];
  if (schema.kind === 'choice') return [...never, 0, 'no such choice'];
  if (schema.kind === 'number')
    return [...never, '1', schema.minimum - 1, schema.maximum + 1, Number.POSITIVE_INFINITY];
  const below = schema.minimum - 1;
  const ofLength = schema.kind === 'integers' && schema.per === 'position' ? length - 1 : schema.maximum?.(length);
  const limit = ofLength ?? (schema.kind === 'integer' ? schema.limit : undefined);
  const above = limit === undefined ? [] : [limit + 1];
  if (schema.kind === 'integer') {
    const step = schema.multipleOf ?? 1;
    const between = step === 1 ? [] : [Math.ceil(schema.minimum / step) * step + 1];
    return [...never, '1', 1.5, Number.POSITIVE_INFINITY, below, ...above, ...between];
  }
  const twice = schema.per === 'position' ? [[0, 0]] : [];
  return [...never, 1, [1.5], ['1'], [below], ...above.map((value) => [value]), ...twice];
}

function survivesNaN(variant: AnyVariant): void {
  forAllCases(variant, { maxLength: 40 }, 15, (attentionCase) => {
    const inputs = inputsOf(attentionCase);
    for (const name of NAMES) {
      const poisoned = { ...inputs, [name]: withLastElement(inputs[name], Number.NaN) };
      const parameters = parametersOf(variant, attentionCase);
      const output = attend(variant, poisoned, attentionCase.options, { parameters, checkFinite: false });
      if (output.size !== inputs.queries.size) throw new Error(`${name}: got ${output.size} numbers`);
    }
  });
}

function anyCase(variant: AnyVariant): { attentionCase: AttentionCase; inputs: AttentionInputs } {
  const wishes = { dtype: 'float32', causal: false, masked: false, selfAttention: true, minLength: 8 } as const;
  const [attentionCase] = sampleCases(variant, wishes, 1);
  return { attentionCase, inputs: inputsOf(attentionCase) };
}

function withLastElement(tensor: AttentionInputs['queries'], value: number): AttentionInputs['queries'] {
  const data = tensor.toArray();
  data[data.length - 1] = value;
  return fromArray(data, tensor.shape, tensor.dtype);
}
