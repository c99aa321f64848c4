/** The inputs of a trained model's attention while it reads the user's text, byte for byte. */

import { ArgumentError, expectInteger } from '../core/errors.ts';
import { expectInstance } from '../core/expect.ts';
import { encodeText } from '../core/files/text.ts';
import { scope } from '../core/scope.ts';
import { fromArray } from '../core/tensor.ts';
import { comparesTokens } from '../variants/inputs.ts';
import type { AttentionInputs } from '../variants/variant.ts';
import type { TrainedModel } from './checkpoint.ts';
import { expectTrained } from './checks.ts';

/**
 * Queries, keys and values of a layer, counted from 0, after the projections (and the rotation of rotary positions) while the
 * model reads exactly these bytes: [1, heads, bytes, headDim] each. A string is read as its UTF-8. Keeps no tape.
 *
 * Throws ArgumentError for a model that does not read bytes, for a text that is empty, longer than the model's length or has
 * half a character, and for a layer that does not exist or whose variant does not compare queries with keys.
 */
export function textAttention(trained: TrainedModel, text: string | Uint8Array, layer: number): AttentionInputs {
  expectTrained('trained', trained);
  const { body, config } = trained.learner.model;
  if (trained.alphabet !== 'bytes') {
    throw new ArgumentError(`trained: expected a model of bytes, got one of ${trained.alphabet}`);
  }
  expectInteger('layer', layer, 0, config.layers - 1);
  const { variant } = body.layers[layer].attention.mixing;
  if (!comparesTokens(variant)) {
    throw new ArgumentError(
      `layer: expected one that compares queries with keys, got ${layer}, which is ${variant.name}`,
    );
  }
  if (typeof text !== 'string') expectInstance('text', text, Uint8Array);
  const bytes = typeof text === 'string' ? encodeText('text', text) : text;
  const { length } = bytes;
  if (length === 0 || length > config.length) {
    throw new ArgumentError(`text: expected 1 to ${config.length} bytes, as long as the model reads, got ${length}`);
  }
  return scope(() => body.attentionInputs(fromArray(bytes, [1, length], 'int32'), layer));
}
