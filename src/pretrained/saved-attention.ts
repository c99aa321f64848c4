/**
 * What `savePretrained` adds to a folder of Hugging Face's, and `loadPretrained` finds there: which attention the model has,
 * and the tensors of it that transformers does not know. Both have a name of their own, which transformers ignores.
 */
import { firstUnfit } from '../core/dtype.ts';
import { EfficientTransformersError, FileFormatError, formatShape } from '../core/errors.ts';
import { isObject } from '../core/files/json.ts';
import type { Weights } from '../core/files/weights.ts';
import { elements, type Tensor } from '../core/tensor.ts';
import type { Destination, LoadOptions, Plan, PretrainedModel } from './architecture.ts';
import type { Config } from './config.ts';
import { expectLoadOptions } from './inputs.ts';
import type { OpenedModel } from './load.ts';
import { REPLACEMENT } from './replacement.ts';

/** The key of config.json, and the first part of the tensors' names. */
export const OURS = 'efficient_transformers';
const PREFIX = `${OURS}.`;

/** Where a loaded model comes from. */
export interface ModelOrigin {
  directory: string;
  opened: OpenedModel;
  /** What replaces its own attention. */
  attention: LoadOptions['attention'];
}

const origins = new WeakMap<PretrainedModel, ModelOrigin>();

export function rememberOrigin(model: PretrainedModel, origin: ModelOrigin): void {
  origins.set(model, origin);
}

/** Undefined for a model that `loadPretrained` did not make. */
export const originOf = (model: PretrainedModel): ModelOrigin | undefined => origins.get(model);

/** The attention that the folder's model was saved with. Throws FileFormatError for anything but settings. */
export function savedAttention(config: Config): LoadOptions['attention'] {
  const saved = new Map(config.entries(OURS)).get('attention') as LoadOptions['attention'];
  if (saved === undefined) return undefined;
  try {
    if (!isObject(saved) && !Array.isArray(saved)) throw config.wrong(OURS, 'settings of an attention');
    expectLoadOptions({ attention: saved });
    return saved;
  } catch (error) {
    if (!(error instanceof EfficientTransformersError) || error instanceof FileFormatError) throw error;
    throw new FileFormatError(`${config.path}: ${OURS}: ${error.message}`, { cause: error });
  }
}

/** As `Plan.destination`; tensors of ours are not looked for in the architecture. */
export function destinationOf(name: string, plan: Plan): Destination | 'unused' | undefined {
  return name.startsWith(PREFIX) ? 'unused' : plan.destination(name);
}

/** The tensors of a model that belong to what replaces its attention, by their names here and in a file. */
export function replacementNames(tensors: ReadonlyMap<string, Tensor>): [ours: string, stored: string][] {
  const own = [...tensors.keys()].filter((name) => name.includes(`.${REPLACEMENT}.`));
  return own.map((name) => [name, `${PREFIX}${name}`]);
}

/** Gives them the file's numbers. Throws FileFormatError for one that is missing, or of another shape, or not finite. */
export function fillReplacements(targets: ReadonlyMap<string, Tensor>, { path, tensors }: Weights): void {
  for (const [ours, stored] of replacementNames(targets)) {
    const target = targets.get(ours) as Tensor;
    const source = tensors.get(stored);
    if (source === undefined) throw new FileFormatError(`${path}: ${stored}: expected a tensor, got none`);
    if (formatShape(source.shape) !== formatShape(target.shape)) {
      const why = 'as the attention of config.json needs for this length';
      const shapes = `expected ${formatShape(target.shape)}, ${why}, got ${formatShape(source.shape)}`;
      throw new FileFormatError(`${path}: ${stored}: ${shapes}`);
    }
    const numbers = source.load();
    const at = firstUnfit(numbers, target.dtype);
    if (at >= 0) throw new FileFormatError(`${path}: ${stored}: expected ${target.dtype}, got ${numbers[at]}`);
    elements(target).set(numbers);
  }
}
