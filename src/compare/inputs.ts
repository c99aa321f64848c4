/** What `compare` runs on: the shipped fixture, a file of the user's, or drawn numbers (synthetic.ts). */
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expectShape } from '../core/errors.ts';
import { expectFunction, expectRecord, expectText, integerOf, listOf, oneOf, optional } from '../core/expect.ts';
import { fromNumbers } from '../core/tensor.ts';
import type { AttentionInputs } from '../variants/variant.ts';
import { mapParts, readQkv, type StoredLayer } from './qkv-file.ts';

/** One layer, or one length. */
export interface ComparisonCase {
  /** Its name in the file; absent for inputs without layers. */
  layer?: string;
  length: number;
  /** Makes the tensors: float32, [batch, heads, length, headDim] each. */
  load(): AttentionInputs;
}

export interface ComparisonInput {
  name: string;
  source: 'fixture' | 'file' | 'synthetic';
  detail: string;
  batch: number;
  heads: number;
  headDim: number;
  cases: ComparisonCase[];
}

/** Throws ArgumentError unless it is an input with a case at least. */
export function expectComparisonInput(name: string, input: unknown): asserts input is ComparisonInput {
  const [count, members] = [integerOf(1), { length: integerOf(1), load: expectFunction, layer: optional(expectText) }];
  expectRecord(name, input, {
    name: expectText,
    source: oneOf('fixture', 'file', 'synthetic'),
    detail: expectText,
    batch: count,
    heads: count,
    headDim: count,
    cases: listOf((each, value) => expectRecord(each, value, members), 1),
  });
}

/** From the package's root; it is two folders up from here in src/ and in dist/. */
const FIXTURE = 'fixtures/minilm-qkv.safetensors';

/**
 * Queries, keys and values that ship with the package: two layers of a trained encoder that reads English prose
 * (fixtures/README.md). Throws FileFormatError if the file is missing or damaged.
 */
export function fixtureInput(): ComparisonInput {
  const layers = readQkv([fileURLToPath(new URL(`../../${FIXTURE}`, import.meta.url))]);
  const { heads, cases, ...rest } = inputOf(layers);
  const numbers = cases.map(({ layer }) => layer?.replace('layer', '')).join(' and ');
  const name = `MiniLM-L6 layers ${numbers}, ${heads} heads, ${cases[0].length} tokens of English`;
  return { name, source: 'fixture', detail: FIXTURE, heads, cases, ...rest };
}

/**
 * Queries, keys and values of the user's: one .safetensors file, one .npy file, or three .npy files (queries, keys,
 * values). See qkv-file.ts for names and shapes. Numbers become float32, which rounds what is stored as float64.
 *
 * Looks at headers only; `load` reads. Throws ArgumentError, FileFormatError, and ShapeError for arrays that do not fit
 * each other: compare is about self-attention, so there are as many queries as keys, and all layers have the same batch,
 * heads and headDim.
 */
export function fileInput(paths: readonly string[]): ComparisonInput {
  const layers = readQkv(paths);
  const { batch, heads, headDim, cases } = inputOf(layers);
  const lengths = [...new Set(cases.map(({ length }) => length))];
  const sizes = [
    ...(cases.length > 1 ? [`${cases.length} layers`] : []),
    ...(batch > 1 ? [`batch of ${batch}`] : []),
    `${heads} ${heads === 1 ? 'head' : 'heads'} of width ${headDim}`,
    `${lengths.join(' and ')} tokens`,
  ];
  const name = `${paths.map((path) => basename(path)).join(', ')}: ${sizes.join(', ')}`;
  return { name, source: 'file', detail: paths.join(', '), batch, heads, headDim, cases };
}

function inputOf(layers: readonly StoredLayer[]): Pick<ComparisonInput, 'batch' | 'heads' | 'headDim' | 'cases'> {
  const [first] = layers;
  const [batch, heads, , headDim] = first.shapes.queries;
  const cases = layers.map((stored): ComparisonCase => {
    const { layer, names, shapes, load } = stored;
    const { queries, keys, values } = shapes;
    const length = queries[2];
    expectShape(names.queries, queries, [batch, heads, length, headDim], `to match ${first.names.queries}`);
    expectShape(names.keys, keys, queries, 'to match queries, for self-attention');
    expectShape(names.values, values, [...queries.slice(0, 3), values[3]], 'to match keys');
    return {
      ...(layer === undefined ? {} : { layer }),
      length,
      load: () => {
        const data = load();
        return mapParts((part) => fromNumbers(names[part], data[part], shapes[part], 'float32'));
      },
    };
  });
  return { batch, heads, headDim, cases };
}
