/** This package as one of the contestants, with vector kernels (`us`) or plain ones (`us-plain`). */

import { packageVersion } from '../../src/compare/package-version.ts';
import { backward, noGrad, zeroGrad } from '../../src/core/autograd.ts';
import { release } from '../../src/core/memory.ts';
import { matmul } from '../../src/core/ops/index.ts';
import { poolReady, setKernels, setThreads } from '../../src/core/parallel/pool.ts';
import { keep, scope } from '../../src/core/scope.ts';
import { elements, fromArray, type Tensor } from '../../src/core/tensor.ts';
import { attend, checkOptions, drawParameters } from '../../src/variants/attend.ts';
import { findVariant } from '../../src/variants/registry.ts';
import type { AttentionShape } from '../../src/variants/variant.ts';
import { draw } from './inputs.ts';
import { openPeak } from './peak.ts';
import { attention, type Contestant, type Peer, type Prepared, product, type TaskOf, trainingStep } from './peer.ts';
import { prepareTrainingStep } from './us-training-step.ts';
import { VARIANT_OPTIONS } from './variant-options.ts';

export async function open(name: string, threads: number): Promise<Peer> {
  const plain = name === 'us-plain';
  setThreads(threads);
  const peaks = openPeak(plain, threads);
  setKernels(plain ? 'plain' : 'simd');
  await poolReady();
  const instructions = plain ? 'javascript' : peaks.best;
  // The plain kernels are for full attention only: the others would say the same at great length.
  const variants = Object.keys(VARIANT_OPTIONS).filter((variant) => !plain || variant === 'full');
  const contestants: Contestant[] = [
    ...peaks.contestants,
    ...variants.map((variant) =>
      attention(variant, variant, true, { instructions }, (task) => prepareAttention(variant, task)),
    ),
    product('product', instructions, prepareProduct),
    trainingStep('training step', instructions, prepareTrainingStep),
  ];
  return { versions: { 'efficient-transformers': packageVersion(), node: process.version }, threads, contestants };
}

const tensor = (name: string, shape: readonly number[]): Tensor =>
  keep(
    fromArray(
      draw(
        name,
        shape.reduce((size, extent) => size * extent, 1),
      ),
      shape,
    ),
  );

function prepareAttention(name: string, { heads, length, headDim, training }: TaskOf<'attention'>): Prepared {
  const variant = findVariant(name);
  if (variant === undefined) throw new Error(`there is no variant '${name}'`);
  const extents = [1, heads, length, headDim];
  const inputs = {
    queries: tensor('queries', extents),
    keys: tensor('keys', extents),
    values: tensor('values', extents),
  };
  const upstream = tensor('upstream', extents);
  const shape: AttentionShape = { batch: 1, heads, queryLength: length, keyLength: length, headDim, dtype: 'float32' };
  const options = checkOptions(variant, { ...variant.defaults(length), ...VARIANT_OPTIONS[name] }, shape);
  const parameters = drawParameters(variant, options, shape, 1);
  Object.values(parameters).forEach(keep);
  const leaves = [...Object.values(inputs), ...Object.values(parameters)];
  for (const leaf of leaves) leaf.requiresGrad = training;

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
      zeroGrad(leaves);
    },
    results() {
      const copy = (each: Tensor) => elements(each).slice() as Float32Array;
      if (!training) return { output: scope(() => copy(noGrad(forward))) };
      const results: Record<string, Float32Array> = {};
      both((output) => {
        results.output = copy(output);
      });
      for (const [part, { grad }] of Object.entries(inputs)) if (grad !== null) results[part] = copy(grad);
      zeroGrad(leaves);
      return results;
    },
    release: () => releaseAll([...leaves, upstream]),
  };
}

function prepareProduct({ size }: TaskOf<'product'>): Prepared {
  const a = tensor('a', [size, size]);
  const b = tensor('b', [size, size]);
  return {
    run: () => scope(() => void noGrad(() => matmul(a, b))),
    results: () => ({ output: scope(() => elements(noGrad(() => matmul(a, b))).slice() as Float32Array) }),
    release: () => releaseAll([a, b]),
  };
}

function releaseAll(tensors: readonly Tensor[]): void {
  for (const { array } of tensors) release(array.data);
}
