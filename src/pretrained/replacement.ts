/** Variants in place of a model's own attention: which layer gets which, and which layers share parameters. */
import { ArgumentError, UnsupportedError } from '../core/errors.ts';
import { Random } from '../core/random.ts';
import { elements, type Tensor } from '../core/tensor.ts';
import type { AttentionPlace, AttentionSettings } from '../training/mixing.ts';
import { areShared, Mixing } from '../training/mixing.ts';
import type { Description, LoadOptions } from './architecture.ts';

/** Under this name a layer has what a variant in place of its own attention learned or drew. */
export const REPLACEMENT = 'replacement';

export interface Replacement {
  mixing: Mixing;
  /** Whether the layer is the one that names the variant's parameters: of layers that share them, the first. */
  own: boolean;
}

/**
 * For each layer what takes the place of its attention; null for its own. Throws ArgumentError for an unknown variant, and
 * what `checkOptions` throws for options that do not fit.
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
    const shares = settings.shared ?? areShared(settings);
    const before = shared.get(entry);
    if (before !== undefined) return { mixing: before, own: false };
    const mixing = new Mixing(settings, place, random.split(shares ? `shared ${entry}` : `layer ${layer}`));
    if (shares) shared.set(entry, mixing);
    return { mixing, own: true };
  });
}

/** Whether a variant in place has tokens that take projections of their own. */
export const hasGlobalTokens = ({ variant, options }: Mixing): boolean => variant.inputs.global?.(options) === true;

/** Gives a tensor the numbers of one of the same shape; false where there is none. */
export function startAs(target: Tensor, source: Tensor | undefined): boolean {
  if (source === undefined || target.shape.join() !== source.shape.join()) return false;
  elements(target).set(elements(source));
  return true;
}
