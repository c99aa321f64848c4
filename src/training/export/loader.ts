/** The description of a model for the PyTorch loader, modeling_efficient.py: in config.json, and as extra tensors. */
import { UnsupportedError } from '../../core/errors.ts';
import type { ArrayToStore } from '../../core/files/numbers.ts';
import { gatesOf, timesOf } from '../../variants/inputs.ts';
import type { ClassifierConfig } from '../classifier.ts';
import { attentionsOf, feedForwardsOf } from '../config.ts';
import type { Learner } from '../learner.ts';
import type { Mixing } from '../mixing.ts';
import { loaderFeedForwards, loaderVariants } from './pieces.ts';

/** config.json for the loader. Throws UnsupportedError for a variant or a feed-forward layer that it lacks. */
export function loaderConfig({ kind, model }: Learner): Record<string, unknown> {
  const { config, body } = model;
  const attentions = attentionsOf(config);
  const known = loaderVariants();
  for (const { variant } of attentions) {
    if (known.includes(variant)) continue;
    throw new UnsupportedError(
      `variant: ${variant} cannot be exported, because the PyTorch loader has no code for it; it has ` +
        known.join(', '),
    );
  }
  const feedForwards = feedForwardsOf(config);
  for (const { kind: each } of feedForwards) {
    if (loaderFeedForwards().includes(each)) continue;
    throw new UnsupportedError(
      `feedForward: ${each} cannot be exported, because the PyTorch loader has no code for it; it has ` +
        loaderFeedForwards().join(', '),
    );
  }
  const names = [...model.tensors().keys()];
  const isShared = (entry: number) => names.some((name) => name.includes(`.sharedAttention.${entry}.`));
  const choosing = body.layers.flatMap(({ attention: { mixing } }, n) => choosingGates(mixing, n));
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
    layers: body.layers.map(({ attention: { mixing, handing } }, n) => {
      const entry = n % attentions.length;
      return {
        variant: mixing.variant.name,
        options: mixing.options,
        ...projectedGates(mixing),
        ...(mixing.layer && { layer: mixing.layer }),
        ...(handing && { handing: { parameter: mixing.hands, ...handing.place } }),
        projections: attentions[entry].projections ?? 'dense',
        gatedValues: attentions[entry].gatedValues ?? mixing.variant.inputs.values === 'gated',
        sharedParameters: isShared(entry) ? entry : null,
        unpaddedFrom: shortestServed(mixing, length),
        feedForward: feedForwards[n % feedForwards.length],
      };
    }),
    learned: [...model.parameters().keys()].filter((name) => !choosing.some((part) => name.includes(part))),
  };
}

/**
 * Parts of the names of projections that only choose: nothing flows back to them, and PyTorch's DistributedDataParallel waits
 * for the gradient of every parameter, so they come as buffers.
 */
function choosingGates({ variant, options }: Mixing, layer: number): string[] {
  const gates = Object.entries(gatesOf(variant.inputs, options)).filter(([, { chooses }]) => chooses);
  return gates.map(([name]) => `.layers.${layer}.attention.gates.${name}.`);
}

/** What a layer makes of the projections of gates. */
function projectedGates({ variant, options }: Mixing): Record<string, unknown> {
  if (variant.inputs.gates === undefined) return {};
  const entries = Object.entries(gatesOf(variant.inputs, options)).map(([name, gate]) => {
    const { activation, width } = gate;
    return [name, { activation, times: timesOf(gate, options), wide: width !== undefined }];
  });
  return { gates: Object.fromEntries(entries) };
}

/** Tensors besides the model's own, by name: those that a variant draws from a seed whenever it attends. */
export function loaderTensors({ model: { config, body } }: Learner): Map<string, ArrayToStore> {
  const stack = config.causal && !('classes' in config) ? 'decoder' : 'encoder';
  const found = new Map<string, ArrayToStore>();
  for (const [n, { attention }] of body.layers.entries()) {
    const { variant, options, shape } = attention.mixing;
    for (const [name, table] of Object.entries(variant.drawnTables?.(options, shape) ?? {})) {
      found.set(`${stack}.layers.${n}.attention.${name}`, table);
    }
  }
  return found;
}

/**
 * From this length up to the model's own, no sequence is padded. Found by bisection, because these lengths are contiguous.
 */
function shortestServed(mixing: Mixing, length: number): number {
  let [least, most] = [1, length];
  while (least < most) {
    const middle = Math.floor((least + most) / 2);
    if (mixing.serves(middle)) most = middle;
    else least = middle + 1;
  }
  return most;
}
