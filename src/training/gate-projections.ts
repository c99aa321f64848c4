/** A layer's projections to the gates that its variant declares, and the gates that they make of tokens. */

import { contiguous, detach, reshape, transpose } from '../core/ops/index.ts';
import type { Random } from '../core/random.ts';
import type { Tensor } from '../core/tensor.ts';
import { activate, type Gate, gatesOf, shapeOfGate } from '../variants/inputs.ts';
import { merged } from './attention-parts.ts';
import { started } from './gate-start.ts';
import { type Linear, linear, linearParameters } from './linear.ts';
import type { AttentionPlace, Mixing } from './mixing.ts';

const widthOf = (gate: Gate, { options, shape }: Mixing): number => shapeOfGate(gate, options, shape)[3] ?? 1;

/** A projection for each gate, by name: of the token, or of the values of all heads for a gate in `layer.fromValues`. */
export function gateProjections(
  mixing: Mixing,
  { modelDim, heads, headDim, dtype }: AttentionPlace,
  random: Random,
): Record<string, Linear> {
  const { variant, options, shape, layer } = mixing;
  return Object.fromEntries(
    Object.entries(gatesOf(variant.inputs, options)).map(([name, gate]) => {
      const width = widthOf(gate, mixing);
      const from = layer?.fromValues?.includes(name) ? heads * headDim : modelDim;
      const rank = gate.rank?.(options, shape);
      const projection = linearParameters(from, heads * width, random.split(`gate ${name}`), dtype, rank);
      return [name, started(projection, gate, width, random.split(`bias of gate ${name}`))];
    }),
  );
}

/**
 * [batch, heads, length], or [batch, heads, length, width], of every gate, from the tokens x [batch, length, modelDim] or from
 * `values` [batch, heads, length, headDim]. Those gates that only choose do not change them.
 */
export function projectedGates(
  x: Tensor,
  values: Tensor,
  projections: Readonly<Record<string, Linear>>,
  mixing: Mixing,
): Record<string, Tensor> {
  const { variant, options, layer } = mixing;
  const entries = Object.entries(gatesOf(variant.inputs, options)).map(([name, gate]) => {
    const rows = layer?.fromValues?.includes(name) ? merged(values) : x;
    const projected = activate(linear(gate.chooses ? detach(rows) : rows, projections[name]), gate, options);
    if (gate.width === undefined) return [name, contiguous(transpose(projected, [0, 2, 1]))] as const;
    const [batch, heads, length] = values.shape;
    const ofHeads = reshape(projected, [batch, length, heads, widthOf(gate, mixing)]);
    return [name, contiguous(transpose(ofHeads, [0, 2, 1, 3]))] as const;
  });
  return Object.fromEntries(entries);
}
