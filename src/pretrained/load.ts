/**
 * A model of Hugging Face's transformers, from its folder: `config.json`, and `model.safetensors` or the parts that
 * `model.safetensors.index.json` lists.
 *
 *     const model = loadPretrained('all-MiniLM-L6-v2');
 *     const { hiddenStates } = model.forward({ tokens, keyMask });
 *
 * It is for inference: a forward pass keeps no tape, and after a loop over texts only the tensors that the caller holds
 * remain in memory. To train it further, load it with `trainable`, or give its `parameters()` to an optimiser.
 *
 * With its own attention the model computes the same as transformers at inference; `attention` puts any registered variant in
 * its place, between the same projections.
 */

import { join } from '#platform/path';
import { ArgumentError, FileFormatError, MemoryError, UnsupportedError } from '../core/errors.ts';
import { expectText } from '../core/expect.ts';
import { openWeights, type Weights } from '../core/files/weights.ts';
import { scope } from '../core/scope.ts';
import { build, forUse } from '../training/module.ts';
import type { Architecture, LoadOptions, Plan, PretrainedModel } from './architecture.ts';
import { type Config, readConfig } from './config.ts';
import { planEncoder } from './encoder.ts';
import { encoderArchitectures } from './encoder-config.ts';
import { expectLoadOptions } from './inputs.ts';
import { reformerArchitecture } from './reformer.ts';
import { destinationOf, fillReplacements, OURS, rememberOrigin, savedAttention } from './saved-attention.ts';
import { fillTensors, type Match, matchTensors } from './tensors.ts';
import { sketch } from './unfilled.ts';

export interface OpenedModel {
  /** The path of config.json. */
  path: string;
  config: Config;
  /** The attention that `savePretrained` saved the model with. */
  attention: LoadOptions['attention'];
  plan: Plan;
  weights: Weights;
  matches: ReadonlyMap<string, Match>;
}

/**
 * A model without its numbers: config.json, and the weights that fit it. The config is compared with the shapes in the files
 * before any memory is allocated for it. Throws UnsupportedError and FileFormatError as `loadPretrained`.
 */
export function openPretrained(directory: string): OpenedModel {
  expectText('directory', directory);
  const config = readConfig(join(directory, 'config.json'));
  const plan = architectureOf(config).plan(config);
  const weights = openWeights(directory);
  const names = new Set(weights.tensors.keys());
  // Each layer has tensors, so a number of layers that the file cannot fill is reported before any layer is made.
  const { layers } = plan.description;
  if (layers > names.size) {
    throw new FileFormatError(`${config.path}: ${layers} layers, but ${weights.path} has ${names.size} tensors`);
  }
  const matches = scope(() => {
    const model = sketch(() => plan.build({}, names));
    return matchTensors(model.tensors(), weights, { ...plan, destination: (name) => destinationOf(name, plan) });
  });
  return { path: config.path, config, attention: savedAttention(config), plan, weights, matches };
}

/**
 * Loads a model of Hugging Face's transformers from a folder with config.json and its weights, with its own attention or
 * with any variant in place of it. A folder that `savePretrained` wrote has the attention that it was saved with, unless
 * `attention` says otherwise.
 *
 * Throws UnsupportedError for a model or a setting that is not supported here, and FileFormatError for files that are
 * missing or malformed, or whose tensors do not match the config: one error lists all that are missing, unknown, or of
 * another shape or type. Throws FileFormatError for a weight that is not finite, MemoryError for a model that does not fit.
 * Holds no memory if it fails.
 *
 * @example
 * ```ts
 * const tokenizer = await loadTokenizer('bert-base-uncased');
 * const model = loadPretrained('bert-base-uncased', { attention: { variant: 'nystromformer' } });
 * const { hiddenStates } = model.forward(tokenizer.encode(['A sentence.']));
 * ```
 */
export function loadPretrained(directory: string, options: LoadOptions = {}): PretrainedModel {
  expectText('directory', directory);
  expectLoadOptions(options);
  const opened = openPretrained(directory);
  const { path, plan, weights, matches, attention: saved } = opened;
  const whole = saved === undefined ? options : { attention: saved, ...options };
  try {
    return build(() => {
      const model = plan.build(whole, new Set(weights.tensors.keys()));
      fillTensors(model.tensors(), matches, weights.path);
      model.filled?.();
      if (saved !== undefined && whole.attention === saved) fillReplacements(model.tensors(), weights);
      rememberOrigin(model, { directory, opened, attention: whole.attention });
      return options.trainable ? model : forUse(model);
    });
  } catch (error) {
    const isOfFile = saved !== undefined && whole.attention === saved && options.length === undefined;
    if (isOfFile && error instanceof ArgumentError) {
      throw new FileFormatError(`${path}: ${OURS}: ${error.message}`, { cause: error });
    }
    if (!(error instanceof MemoryError)) throw error;
    const sizes = [...matches.values()].map(({ source: { shape } }) => shape.reduce((a, b) => a * b, 1));
    const held = sizes.reduce((total, size) => total + size, 0);
    throw new MemoryError(
      `${path}: a model of these sizes does not fit (${weights.path} has ${held} numbers): ${error.message}`,
      { cause: error },
    );
  }
}

const architectures: readonly Architecture[] = [...encoderArchitectures(planEncoder), reformerArchitecture];

/** Throws UnsupportedError for a `model_type` that is not listed, FileFormatError if the config has none. */
function architectureOf(config: Config): Architecture {
  const type = config.text('model_type');
  const found = architectures.find(({ modelType }) => modelType === type);
  if (found !== undefined) return found;
  const supported = architectures.map(({ modelType }) => modelType).join(', ');
  throw new UnsupportedError(
    `${config.path}: model_type: expected one of ${supported} (supported here), got '${type}'`,
  );
}
