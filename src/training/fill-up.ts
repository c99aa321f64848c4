/** Sequences that are shorter than a variant was made for. */
import { padRows } from '../core/ops/index.ts';
import { elements, fromArray } from '../core/tensor.ts';
import { mapTokens } from '../variants/inputs.ts';
import type { AttentionInputs } from '../variants/variant.ts';

/** The inputs with `missing` rows of zeros at the end, masked. */
export function withPadding(inputs: AttentionInputs, missing: number): AttentionInputs {
  const [batch, , length] = inputs.queries.shape;
  const flags = inputs.keyMask && elements(inputs.keyMask);
  const mask = new Uint8Array(batch * (length + missing));
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < length; i++) mask[b * (length + missing) + i] = flags?.[b * length + i] ?? 1;
  }
  return {
    ...mapTokens(inputs, (rows) => padRows(rows, 2, missing)),
    keyMask: fromArray(mask, [batch, length + missing], 'uint8'),
  };
}
