/**
 * A model of Hugging Face's transformers, from its folder: `config.json`, and `model.safetensors` or the parts that
 * `model.safetensors.index.json` lists.
 *
 *     const model = loadPretrained('all-MiniLM-L6-v2');
 *     const { hiddenStates } = model.forward({ tokens, keyMask });
 *
 * At inference the model computes what transformers computes, with the layer's own attention; `attention` puts any
 * registered variant in its place, between the same projections.
 */
import { join } from 'node:path';
import { FileFormatError, MemoryError } from '../core/errors.ts';
import { build } from '../training/named.ts';
import type { LoadOptions, PretrainedModel } from './architecture.ts';
import { architectureOf } from './architectures.ts';
import { readConfig } from './config.ts';
import { fillTensors, openTensors } from './tensors.ts';

/**
 * Throws UnsupportedError for a model or a setting that is not supported here, and FileFormatError for files that are
 * missing or malformed, or whose tensors are not those of the config: all that are missing, unknown, or of another shape
 * or type are listed in one error. Throws MemoryError for a model that does not fit.
 */
export function loadPretrained(directory: string, options: LoadOptions = {}): PretrainedModel {
  const config = readConfig(join(directory, 'config.json'));
  const plan = architectureOf(config).plan(config);
  const stored = openTensors(directory);
  // Each layer has tensors, so a number of layers that no file can fill is told before any is made.
  if (plan.description.layers > stored.tensors.size) {
    const { layers } = plan.description;
    throw new FileFormatError(
      `${config.path}: ${layers} layers, but ${stored.path} has ${stored.tensors.size} tensors`,
    );
  }
  try {
    return build(() => {
      const model = plan.build(options, new Set(stored.tensors.keys()));
      fillTensors(model.tensors(), stored, plan);
      model.filled?.();
      return model;
    });
  } catch (error) {
    if (!(error instanceof MemoryError)) throw error;
    const sizes = [...stored.tensors.values()].map(({ shape }) => shape.reduce((size, extent) => size * extent, 1));
    const held = sizes.reduce((total, size) => total + size, 0);
    throw new MemoryError(
      `${config.path}: a model of these sizes does not fit (${stored.path} has ${held} numbers): ${error.message}`,
      { cause: error },
    );
  }
}
