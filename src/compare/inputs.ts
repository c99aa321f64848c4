/** The inputs of `compare`: the shipped fixture, a user's file, or random numbers (synthetic.ts). */
import { ownPath } from '#platform/own-files';
import { basename } from '#platform/path';
import { describe, expectShape, wrongKind } from '../core/errors.ts';
import {
  expectBoolean,
  expectFunction,
  expectOptions,
  expectRecord,
  expectText,
  integerOf,
  listOf,
  oneOf,
  optional,
} from '../core/expect.ts';
import type { NumericArray } from '../core/memory.ts';
import { fromArray, fromNumbers } from '../core/tensor.ts';
import { counted, formatPercent, formatWhole } from '../terminal/format.ts';
import type { AttentionInputs } from '../variants/variant.ts';
import { LAYOUTS, oddLayout } from './layout.ts';
import { flagsOf } from './mask-file.ts';
import { type FileSettings, mapParts, readQkv, type StoredLayer } from './qkv-file.ts';

/** One layer, or one length. */
export interface ComparisonCase {
  /** Its name in the file; absent for inputs without layers. */
  layer?: string;
  length: number;
  /** Whether a mask leaves tokens out: only some variants support that. */
  isMasked?: boolean;
  /** The place of an element of the loaded tensors in their file, for messages: `nan.npz: queries[0, 1, 5, 7]`. */
  placeOf?(part: 'queries' | 'keys' | 'values', element: number): string;
  /** Makes the tensors: float32, [batch, heads, length, headDim] each, and the mask, if any. */
  load(): AttentionInputs;
  /**
   * For a caller that compares on the same tensors again and again: the answer of `compute`, or what it kept of that kind
   * under that key. What it answers is not written to.
   */
  recall?<Answer>(kind: 'oracle' | 'rows', key: string, compute: () => Answer): Answer;
}

/** The input of a comparison: one case for each layer of a model or each length, with a description for the report. */
export interface ComparisonInput {
  name: string;
  source: 'fixture' | 'file' | 'synthetic';
  detail: string;
  batch: number;
  heads: number;
  headDim: number;
  cases: ComparisonCase[];
  /** Tokens that a mask leaves out, of batch · length in all cases; absent if there are none. */
  maskedTokens?: number;
  /** A message for people if the input looks unintended. */
  warning?: string;
}

/** Throws ArgumentError unless it is an input with at least one case. */
export function expectComparisonInput(name: string, input: unknown): asserts input is ComparisonInput {
  if (typeof input === 'string') throw wrongKind(name, 'an input', input, `fileInput([${describe(input)}]) is one`);
  if (typeof input === 'object' && input !== null && 'queries' in input) {
    const advice = `put them into a file and give fileInput its path, or into a case: { length, load: () => ${name} }`;
    throw wrongKind(name, 'an input, which has a name, sizes and cases', input, advice);
  }
  const [count, members] = [
    integerOf(1),
    {
      length: integerOf(1),
      load: expectFunction,
      layer: optional(expectText),
      isMasked: optional(expectBoolean),
      placeOf: optional(expectFunction),
      recall: optional(expectFunction),
    },
  ];
  expectRecord(name, input, {
    name: expectText,
    source: oneOf('fixture', 'file', 'synthetic'),
    detail: expectText,
    batch: count,
    heads: count,
    headDim: count,
    maskedTokens: optional(integerOf(0)),
    warning: optional(expectText),
    cases: listOf((each, value) => expectRecord(each, value, members), 1),
  });
}

/** From the package's root, which is above both src/ and dist/. */
const FIXTURE = 'fixtures/minilm-qkv.safetensors';

/**
 * Queries, keys and values that ship with the package: two layers of a trained encoder that reads English prose
 * (fixtures/README.md). Throws FileFormatError if the file is missing or damaged.
 */
export function fixtureInput(): ComparisonInput {
  const layers = readQkv([ownPath(`../${FIXTURE}`)]);
  const { heads, cases, masked: _, ...rest } = inputOf(layers);
  const numbers = cases.map(({ layer }) => layer?.replace('layer', '')).join(' and ');
  const name = `MiniLM-L6 layers ${numbers}, ${heads} heads, ${cases[0].length} tokens of English`;
  return { name, source: 'fixture', detail: FIXTURE, heads, cases, ...rest };
}

/**
 * Your own queries, keys and values: one .safetensors or .npz file, one .npy file, or three .npy files (queries, keys,
 * values), and a mask of real tokens. See qkv-file.ts for names and shapes. Numbers become float32, which rounds float64
 * values. The contents of a masked token do not matter, even NaN.
 *
 * Reads headers and masks only; `load` reads the arrays. Throws ArgumentError, FileFormatError, and ShapeError for arrays
 * that do not fit each other: compare measures self-attention, so there are as many queries as keys, and all layers have the
 * same batch, heads and headDim.
 */
export function fileInput(qkv: readonly string[], settings: FileSettings = {}): ComparisonInput {
  const { layout = 'bhld' } = expectOptions('settings', settings, {
    layout: oneOf(...Object.keys(LAYOUTS)),
    mask: (name, value) => (value === null ? undefined : expectText(name, value)),
  });
  const { masked, ...input } = inputOf(readQkv(qkv, settings));
  const { batch, heads, headDim, cases } = input;
  const lengths = [...new Set(cases.map(({ length }) => length))];
  const tokens = cases.reduce((sum, { length }) => sum + batch * length, 0);
  const sizes = [
    ...(cases.length > 1 ? [`${cases.length} layers`] : []),
    ...(batch > 1 ? [`batch of ${batch}`] : []),
    `${counted(heads, 'head')} of width ${headDim}`,
    `${lengths.map(formatWhole).join(' and ')} ${lengths.join() === '1' ? 'token' : 'tokens'}`,
    ...(masked > 0 ? [`${formatPercent(masked / tokens)} of them masked`] : []),
  ];
  const name = `${qkv.map((path) => basename(path)).join(', ')}: ${sizes.join(', ')}`;
  const warning = oddLayout([batch, heads, Math.min(...lengths)], layout);
  return {
    name,
    source: 'file',
    detail: qkv.join(', '),
    ...input,
    ...(masked === 0 ? {} : { maskedTokens: masked }),
    ...(warning === null ? {} : { warning }),
  };
}

type Sized = Pick<ComparisonInput, 'batch' | 'heads' | 'headDim' | 'cases'>;

/** The cases, and the number of tokens that masks leave out in all layers. */
function inputOf(layers: readonly StoredLayer[]): Sized & { masked: number } {
  const [first] = layers;
  const [batch, heads, , headDim] = first.shapes.queries;
  let masked = 0;
  const cases = layers.map((stored): ComparisonCase => {
    const { layer, names, shapes, mask, placeOf, load } = stored;
    const { queries, keys, values } = shapes;
    const length = queries[2];
    expectShape(names.queries, queries, [batch, heads, length, headDim], `to match ${first.names.queries}`);
    expectShape(names.keys, keys, queries, 'to match queries, for self-attention');
    expectShape(names.values, values, [...queries.slice(0, 3), values[3]], 'to match keys');
    const flags = mask === undefined ? null : flagsOf(mask, batch, length);
    const own = flags?.filter((flag) => flag === 0).length ?? 0;
    masked += own;
    return {
      ...(layer === undefined ? {} : { layer }),
      length,
      ...(own === 0 ? {} : { isMasked: true }),
      placeOf,
      load: () => {
        const data = load();
        if (flags === null || own === 0) {
          return mapParts((part) => fromNumbers(names[part], data[part], shapes[part], 'float32'));
        }
        return {
          ...mapParts((part) => {
            return fromNumbers(names[part], withoutLoud(data[part], shapes[part], flags), shapes[part], 'float32');
          }),
          keyMask: fromArray(flags, [batch, length], 'uint8'),
        };
      },
    };
  });
  return { batch, heads, headDim, cases, masked };
}

/**
 * The array, with zeros in masked rows that hold NaN or infinities: in other rows these are errors, here they are
 * meaningless.
 */
function withoutLoud(
  data: NumericArray,
  [batch, heads, length, width]: readonly number[],
  flags: Uint8Array,
): NumericArray {
  for (let row = 0; row < batch * heads * length; row++) {
    if (flags[Math.floor(row / (heads * length)) * length + (row % length)] !== 0) continue;
    const numbers = data.subarray(row * width, (row + 1) * width);
    if (!numbers.every((each) => Number.isFinite(Math.fround(each)))) numbers.fill(0);
  }
  return data;
}
