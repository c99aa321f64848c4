/** Our `attend` on numbers that all peers have, prepared for a run, with gradients where a task asks for them. */
import { backward, noGrad, zeroGrad } from '../../src/core/autograd.ts';
import { release } from '../../src/core/memory.ts';
import { keep, scope } from '../../src/core/scope.ts';
import { elements, fromArray, type Tensor } from '../../src/core/tensor.ts';
import { attend, checkOptions, drawParameters } from '../../src/variants/attend.ts';
import { type AnyVariant, findVariant } from '../../src/variants/registry.ts';
import type { AttentionInputs, AttentionShape, CommonOptions, Parameters } from '../../src/variants/variant.ts';
import { draw, drawBetween } from './inputs.ts';
import type { Prepared, TaskOf } from './peer.ts';
import { RECURRENCES } from './recurrences.ts';
import { VARIANT_OPTIONS } from './variant-options.ts';

type Sizes = TaskOf<'attention'> | TaskOf<'recurrence'>;

export function prepareAttention(name: string, task: TaskOf<'attention'>): Prepared {
  const { variant, inputs, shape } = open(name, task);
  const options = checkOptions(variant, { ...variant.defaults(task.length), ...VARIANT_OPTIONS[name] }, shape);
  const parameters = drawParameters(variant, options, shape, 1);
  Object.values(parameters).forEach(keep);
  return prepare(variant, inputs, options, parameters, task);
}

export function prepareRecurrence(name: string, task: TaskOf<'recurrence'>): Prepared {
  const { variant, inputs, shape } = open(name, task);
  const { options: given, gates: ranges, parameters: own = {} } = RECURRENCES[name];
  const options = checkOptions(variant, given, shape);
  const perToken = [1, task.heads, task.length];
  const between = (key: string, { least, most }: { least: number; most: number }, extents: readonly number[]) =>
    keep(fromArray(drawBetween(key, sizeOf(extents), least, most), extents));
  const gates = Object.entries(ranges).map(([key, range]) => {
    return [key, between(key, range, range.ofChannels ? [...perToken, task.headDim] : perToken)] as const;
  });
  const parameters = Object.entries(own).map(([key, range]) => [key, between(key, range, [task.heads])] as const);
  return prepare(
    variant,
    { ...inputs, gates: Object.fromEntries(gates) },
    options,
    Object.fromEntries(parameters),
    task,
  );
}

function open(name: string, { heads, length, headDim }: Sizes) {
  const variant = findVariant(name);
  if (variant === undefined) throw new Error(`there is no variant '${name}'`);
  const extents = [1, heads, length, headDim];
  const inputs = {
    queries: drawTensor('queries', extents),
    keys: drawTensor('keys', extents),
    values: drawTensor('values', extents),
  };
  const shape: AttentionShape = { batch: 1, heads, queryLength: length, keyLength: length, headDim, dtype: 'float32' };
  return { variant, inputs, shape };
}

function prepare(
  variant: AnyVariant,
  inputs: AttentionInputs,
  options: CommonOptions,
  parameters: Parameters,
  { heads, length, headDim, training, kind }: Sizes,
): Prepared {
  const { queries, keys, values, gates = {} } = inputs;
  const upstream = drawTensor('upstream', [1, heads, length, headDim]);
  const leaves: Record<string, Tensor> = { queries, keys, values, ...gates, ...parameters };
  // Other libraries draw parameters of their own, except where a recurrence has them.
  const compared = kind === 'recurrence' ? leaves : { queries, keys, values };
  for (const leaf of Object.values(leaves)) leaf.requiresGrad = training;

  const forward = () => attend(variant, inputs, options, { parameters, checkFinite: false });
  const both = (look: (output: Tensor) => void) =>
    scope(() => {
      const output = forward();
      look(output);
      backward(output, upstream);
    });
  return {
    run() {
      if (!training) {
        scope(() => void noGrad(forward));
        return;
      }
      both(() => {});
      zeroGrad(Object.values(leaves));
    },
    results() {
      const copy = (each: Tensor) => elements(each).slice() as Float32Array;
      if (!training) return { output: scope(() => copy(noGrad(forward))) };
      const results: Record<string, Float32Array> = {};
      both((output) => {
        results.output = copy(output);
      });
      for (const [part, { grad }] of Object.entries(compared)) if (grad !== null) results[part] = copy(grad);
      zeroGrad(Object.values(leaves));
      return results;
    },
    release: () => releaseAll([...Object.values(leaves), upstream]),
  };
}

/** The numbers of that name, until they are released. */
export function drawTensor(name: string, extents: readonly number[]): Tensor {
  return keep(fromArray(draw(name, sizeOf(extents)), extents));
}

export function releaseAll(tensors: readonly Tensor[]): void {
  for (const { array } of tensors) release(array.data);
}

function sizeOf(extents: readonly number[]): number {
  return extents.reduce((size, extent) => size * extent, 1);
}
