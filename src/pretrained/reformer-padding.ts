/** Pads texts with padding tokens to whole chunks, as transformers does for a Reformer. */

import { elements, fromArray } from '../core/tensor.ts';
import type { TextInputs } from './architecture.ts';
import { paddedLength, type ReformerDescription } from './reformer-config.ts';

/** The tokens and the mask of a batch, padded at the end to whole chunks. */
export function padToChunks({ tokens, keyMask }: TextInputs, description: ReformerDescription): TextInputs {
  const [batch, length] = tokens.shape;
  const full = paddedLength(description, length);
  if (full === length) return { tokens, keyMask };
  const [given, flags] = [elements(tokens), keyMask && elements(keyMask)];
  const paddedTokens = new Int32Array(batch * full).fill(description.paddingToken);
  const paddedFlags = new Uint8Array(batch * full);
  for (let text = 0; text < batch; text++) {
    for (let at = 0; at < length; at++) {
      paddedTokens[text * full + at] = given[text * length + at];
      paddedFlags[text * full + at] = flags?.[text * length + at] ?? 1;
    }
  }
  return {
    tokens: fromArray(paddedTokens, [batch, full], 'int32'),
    keyMask: fromArray(paddedFlags, [batch, full], 'uint8'),
  };
}
