/** Variants in place of a model's own attention: the variant of each layer, and the layers that share parameters. */
import { ArgumentError, UnsupportedError } from '../core/errors.ts';
import { Random } from '../core/random.ts';
import { elements, type Tensor } from '../core/tensor.ts';
import type { AttentionPlace, AttentionSettings } from '../training/mixing.ts';
import { areShared, Mixing, variantOf } from '../training/mixing.ts';
import { checkOptions } from '../variants/attend.ts';
import type { Description, LoadOptions } from './architecture.ts';

/** The name of a layer's part with the tensors of a variant that replaces its attention. */
export const REPLACEMENT = 'replacement';

export interface Replacement {
  mixing: Mixing;
  /** Whether this layer names the variant's parameters: the first of the layers that share them does. */
  own: boolean;
}

/**
 * The replacement of each layer's attention; null for the layer's own. Throws ArgumentError for an unknown variant, and as
 * `checkOptions` does for options that do not fit.
 */
export function replacementsOf(description: Description, options: LoadOptions, causal = false): (Replacement | null)[] {
  const { modelDim, heads, headDim, length, layers } = description;
  const { attention = null, seed = 0, dtype = 'float32' } = options;
  const entries = Array.isArray(attention) ? attention : [attention as AttentionSettings | null];
  if (entries.length === 0) throw new ArgumentError('attention: expected at least one entry, got none');
  const place: AttentionPlace = { modelDim, heads, headDim, length, causal, rotary: false, dtype };
  const random = new Random(seed);
  const shared = new Map<number, Mixing>();
  return Array.from({ length: layers }, (_, layer) => {
    const entry = layer % entries.length;
    const settings = entries[entry] as AttentionSettings | null;
    if (settings === null) return null;
    if (settings.gatedValues) {
      throw new UnsupportedError('gatedValues: a checkpoint has no projection for a gate of the values');
    }
    if (settings.projections === 'multiplicative') {
      throw new UnsupportedError('projections: a checkpoint has projections of its own, which stay as they are');
    }
    const shares = settings.shared ?? areShared(settings);
    const before = shared.get(entry);
    if (before !== undefined) return { mixing: before, own: false };
    const mixing = new Mixing(settings, place, random.split(shares ? `shared ${entry}` : `layer ${layer}`));
    if (shares) shared.set(entry, mixing);
    return { mixing, own: true };
  });
}

/** The same settings with all options of their variants, which no later default changes. */
export function completeSettings(
  { heads, headDim, length }: Description,
  attention: NonNullable<LoadOptions['attention']>,
  causal: boolean,
): (AttentionSettings | null)[] {
  const entries = Array.isArray(attention) ? attention : [attention as AttentionSettings];
  return entries.map((settings: AttentionSettings | null) => {
    if (settings === null) return null;
    const shape = { batch: 1, heads, queryLength: length, keyLength: length, headDim, dtype: 'float32' as const };
    const { causal: _, ...options } = checkOptions(variantOf(settings), { ...settings.options, causal }, shape);
    return { ...settings, options };
  });
}

/** Whether a replacing variant has tokens with separate projections. */
export const hasGlobalTokens = ({ variant, options }: Mixing): boolean => variant.inputs.global?.(options) === true;

/** Copies the numbers of a tensor of the same shape; returns false if there is none. */
export function startAs(target: Tensor, source: Tensor | undefined): boolean {
  if (source === undefined || target.shape.join() !== source.shape.join()) return false;
  elements(target).set(elements(source));
  return true;
}
