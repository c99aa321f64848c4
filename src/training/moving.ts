/** Parameters of a variant that no gradient trains, and that follow what a layer reads in training: centroids of clusters. */
import { noGrad } from '../core/autograd.ts';
import { formatShape } from '../core/errors.ts';
import { scope } from '../core/scope.ts';
import { elements, type Tensor } from '../core/tensor.ts';
import type { AnyVariant } from '../variants/registry.ts';
import type { AttentionInputs } from '../variants/variant.ts';
import type { Mixing } from './mixing.ts';
import type { Pass } from './repeatable.ts';

/** Whether steps of training leave a parameter that is not learned as it was drawn, or as forward passes moved it. */
export const stays = ({ fixed, moves }: AnyVariant, name: string): boolean =>
  fixed?.includes(name) === true || moves?.[name] !== undefined;

/** Puts into place what `moves` of the variant makes of a forward pass. In a branch that runs twice, only the first run moves. */
export function move(mixing: Mixing, inputs: AttentionInputs, once: Pass['once'] | undefined): void {
  const { variant, options, parameters } = mixing;
  for (const [name, movement] of Object.entries(variant.moves ?? {})) {
    const parameter = parameters[name];
    if (parameter === undefined) continue;
    const inPlace = (): Tensor => {
      scope(() => elements(parameter).set(elements(noGrad(() => movement.after(inputs, options, parameters)))));
      return parameter;
    };
    if (once === undefined) inPlace();
    else once(`moved ${name}`, inPlace);
  }
}

/** Copies parameters that training has moved, where both have them in the same shape. */
export function copyMoved(to: Mixing, from: Mixing): void {
  for (const name of Object.keys(to.variant.moves ?? {})) {
    const [target, source] = [to.parameters[name], from.parameters[name]];
    if (target === undefined || source === undefined || formatShape(target.shape) !== formatShape(source.shape))
      continue;
    elements(target).set(elements(source));
  }
}
