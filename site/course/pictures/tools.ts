/** What several pictures need: the shipped activations, the weights of a variant, and how far it is from full attention. */
import { attentionRows } from '../../../src/compare/attention-rows.ts';
import { fileInput } from '../../../src/compare/inputs.ts';
import { syntheticInput } from '../../../src/compare/synthetic.ts';
import { noGrad } from '../../../src/core/autograd.ts';
import { readSafetensors } from '../../../src/core/files/safetensors.ts';
import { slice } from '../../../src/core/ops/index.ts';
import { relativeFrobeniusError } from '../../../src/core/reference.ts';
import { scope } from '../../../src/core/scope.ts';
import { elements, type Tensor } from '../../../src/core/tensor.ts';
import { attend } from '../../../src/variants/attend.ts';
import { type AnyVariant, findVariant } from '../../../src/variants/registry.ts';
import type { AttentionInputs } from '../../../src/variants/variant.ts';
import type { MatrixPanel } from '../drawn.ts';

/** Where the shipped activations are: a page has them under this name, the build says where they lie on the disk. */
let miniLm = 'minilm-qkv.safetensors';
export function setMiniLm(path: string): void {
  miniLm = path;
}

export const LAYERS = [
  ['layer1', 'layer 1'],
  ['layer4', 'layer 4'],
] as const;

export interface Words {
  /** [1, 1, length, headDim]: one head. */
  inputs: AttentionInputs;
  tokens: string[];
}

/** Some tokens of “Alice in Wonderland” as one head of MiniLM, a trained encoder, has them. */
export function words(layer: string, head: number, from: number, length: number): Words {
  const found = fileInput([miniLm]).cases.find((each) => each.layer === layer);
  if (found === undefined) throw new Error(`there is no ${layer}`);
  const { queries, keys, values } = found.load();
  const part = (tensor: Tensor): Tensor => slice(slice(tensor, 1, head, head + 1), 2, from, from + length);
  const all = JSON.parse(readSafetensors(miniLm).metadata.get('tokens') ?? '[]') as string[];
  return {
    inputs: { queries: part(queries), keys: part(keys), values: part(values) },
    tokens: all.slice(from, from + length),
  };
}

/** Drawn numbers, [1, 1, length, headDim]. */
export function drawn(
  length: number,
  headDim: number,
  seed: number,
  distribution: 'gaussian' | 'clustered' | 'peaked',
) {
  return syntheticInput({ lengths: [length], distribution, heads: 1, headDim, seed }).cases[0].load();
}

/** Throws for a name that is not registered. */
export function variantNamed(name: string): AnyVariant {
  const found = findVariant(name);
  if (found === undefined) throw new Error(`there is no variant ${name}`);
  return found;
}

type Options = Readonly<Record<string, unknown>>;

/** The attention matrix that a variant implies, [length, length] of the first head, row-major. */
export function weightsOf(name: string, inputs: AttentionInputs, options: Options = {}, seed = 0): number[] {
  const [, , length] = inputs.queries.shape;
  const rows = Array.from({ length }, (_, row) => row);
  const dense = scope(() => attentionRows(variantNamed(name), inputs, { ...options }, rows, { seed }));
  return Array.from(dense.data).slice(0, length * inputs.keys.shape[2]);
}

export function outputOf(name: string, inputs: AttentionInputs, options: Options = {}, seed = 0): number[] {
  return scope(() =>
    noGrad(() => Array.from(elements(attend(variantNamed(name), inputs, { ...options }, { seed })) as Float32Array)),
  );
}

/** ‖out − full‖ / ‖full‖, with full attention just as causal. */
export function errorOf(name: string, inputs: AttentionInputs, options: Options = {}, seed = 0): number {
  const causal = options.causal === true;
  const [own, full] = [outputOf(name, inputs, options, seed), outputOf('full', inputs, { causal })];
  const shape = inputs.values.shape;
  return relativeFrobeniusError({ shape, data: own }, { shape, data: full });
}

/** Floating-point operations of a variant over those of full attention, by their own counts. */
export function shareOf(name: string, length: number, headDim: number, options: Options = {}): number {
  const shape = { batch: 1, heads: 1, queryLength: length, keyLength: length, headDim, dtype: 'float32' } as const;
  const causal = options.causal === true;
  const flops = (variant: AnyVariant, own: Options) =>
    variant.cost(shape, { ...variant.defaults(length), ...own }).flops;
  return flops(variantNamed(name), options) / flops(variantNamed('full'), { causal });
}

/** A square of weights, on the logarithmic scale that all weights of a picture share. */
export function square(title: string, values: readonly number[], names?: readonly string[]): MatrixPanel {
  const side = Math.round(Math.sqrt(values.length));
  const labels = names === undefined ? { axes: ['queries', 'keys'] as const } : { rowNames: names, columnNames: names };
  return { kind: 'matrix', title, rows: side, columns: side, values, shading: 'log', ...labels };
}

/** A small matrix with its numbers. */
export function table(
  title: string,
  rows: readonly (readonly number[])[],
  more: Pick<MatrixPanel, 'rowNames' | 'columnNames'> & { digits?: number } = {},
): MatrixPanel {
  return {
    kind: 'matrix',
    title,
    rows: rows.length,
    columns: rows[0].length,
    values: rows.flat(),
    shading: 'linear',
    digits: 2,
    ...more,
  };
}
