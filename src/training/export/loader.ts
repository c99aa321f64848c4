/** What the PyTorch loader, modeling_efficient.py, is told of a model: in config.json, and as tensors of its own. */
import { UnsupportedError } from '../../core/errors.ts';
import type { ArrayToStore } from '../../core/files/numbers.ts';
import type { BigBirdOptions } from '../../variants/bigbird.ts';
import { planBlocks } from '../../variants/bigbird-blocks.ts';
import type { ClassifierConfig } from '../classifier.ts';
import { attentionsOf } from '../config.ts';
import type { Learner } from '../learner.ts';
import type { Mixing } from '../mixing.ts';

/** Of VARIANTS in the loader. */
export const LOADER_VARIANTS: readonly string[] = [
  'full',
  'longformer',
  'bigbird',
  'sparse-transformer',
  'linformer',
  'nystromformer',
  'performer',
  'linear-transformer',
  'reformer',
  'local-attention',
  'transformer-xl',
  'light-conv',
  'dynamic-conv',
];

/** config.json for the loader. Throws UnsupportedError for a variant that it lacks. */
export function loaderConfig({ kind, model }: Learner): Record<string, unknown> {
  const { config, body } = model;
  const attentions = attentionsOf(config);
  for (const { variant } of attentions) {
    if (LOADER_VARIANTS.includes(variant)) continue;
    throw new UnsupportedError(
      `variant: ${variant} cannot be exported, because the PyTorch loader has no code for it; it has ` +
        LOADER_VARIANTS.join(', '),
    );
  }
  const names = [...model.tensors().keys()];
  const isShared = (entry: number) => names.some((name) => name.includes(`.sharedAttention.${entry}.`));
  const { vocabulary, length, modelDim, heads, causal, positions, norm, residual, dropout } = config;
  return {
    model_type: 'efficient-transformer',
    architectures: ['EfficientTransformer'],
    head: kind,
    vocabulary,
    length,
    width: modelDim,
    heads,
    causal,
    positions,
    norm,
    residual,
    dropout,
    ...('pooling' in config && { pooling: (config as ClassifierConfig).pooling }),
    layers: body.layers.map(({ attention: { mixing } }, n) => {
      const entry = n % attentions.length;
      return {
        variant: mixing.variant.name,
        options: mixing.options,
        gatedValues: attentions[entry].gatedValues ?? mixing.variant.family === 'convolution',
        sharedParameters: isShared(entry) ? entry : null,
        unpaddedFrom: shortestServed(mixing, length),
      };
    }),
    learned: [...model.parameters().keys()],
  };
}

/** Tensors beside the model's own, by name: what a variant draws from a seed whenever it attends. */
export function loaderTensors({ model: { config, body } }: Learner): Map<string, ArrayToStore> {
  const stack = config.causal && !('classes' in config) ? 'decoder' : 'encoder';
  const found = new Map<string, ArrayToStore>();
  for (const [n, { attention }] of body.layers.entries()) {
    const { variant, options } = attention.mixing;
    if (variant.name !== 'bigbird') continue;
    const lists = randomBlocks(options as BigBirdOptions, config.heads, config.length);
    found.set(`${stack}.layers.${n}.attention.${RANDOM_BLOCKS}`, lists);
  }
  return found;
}

/** The name of a tensor that is in no checkpoint. */
export const RANDOM_BLOCKS = 'randomBlocks';

/**
 * The random blocks of BigBird's query blocks as int32 [heads, n(n + 1)/2, most]: the one list of a sequence of one
 * block, the two of a sequence of two, and so on; filled up with −1. A shorter sequence has a graph of its own.
 */
export function randomBlocks(options: BigBirdOptions, heads: number, length: number): ArrayToStore {
  const most = Math.ceil(length / options.blockSize);
  const lengths = Array.from({ length: most }, (_, n) => Math.min(length, (n + 1) * options.blockSize));
  const byHead = Array.from({ length: heads }, () => [] as number[][]);
  for (const [n, own] of lengths.entries()) {
    const { random, isFull } = planBlocks(own, heads, options);
    byHead.forEach((lists, head) => {
      lists.push(...(isFull ? Array.from({ length: n + 1 }, () => []) : random[head]));
    });
  }
  const width = Math.max(1, ...byHead.flat().map(({ length: chosen }) => chosen));
  const rows = (most * (most + 1)) / 2;
  const data = new Int32Array(heads * rows * width).fill(-1);
  byHead.flat().forEach((chosen, row) => {
    data.set(chosen, row * width);
  });
  return { shape: [heads, rows, width], data };
}

/** From this length up to the model's own no sequence is padded. By bisection: lengths that serve are neighbours. */
function shortestServed(mixing: Mixing, length: number): number {
  let [least, most] = [1, length];
  while (least < most) {
    const middle = Math.floor((least + most) / 2);
    if (mixing.serves(middle)) most = middle;
    else least = middle + 1;
  }
  return most;
}
