/** This package as one of the contestants, with vector kernels (`us`) or plain ones (`us-plain`). */

import { packageVersion } from '../../src/compare/package-version.ts';
import { noGrad } from '../../src/core/autograd.ts';
import { matmul } from '../../src/core/ops/index.ts';
import { poolReady, setKernels, setThreads } from '../../src/core/parallel/pool.ts';
import { scope } from '../../src/core/scope.ts';
import { elements } from '../../src/core/tensor.ts';
import { openPeak } from './peak.ts';
import {
  attention,
  type Contestant,
  contestant,
  type Peer,
  type Prepared,
  product,
  recurrence,
  type TaskOf,
  trainingStep,
} from './peer.ts';
import { RECURRENCES } from './recurrences.ts';
import { drawTensor, prepareAttention, prepareRecurrence, releaseAll } from './us-attention.ts';
import { prepareDecodedToken } from './us-decoded-token.ts';
import { prepareModelStep } from './us-model-step.ts';
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
  const recurrences = plain ? [] : Object.keys(RECURRENCES);
  const contestants: Contestant[] = [
    ...peaks.contestants,
    ...variants.map((variant) =>
      attention(variant, variant, true, { instructions }, (task) => prepareAttention(variant, task)),
    ),
    ...recurrences.map((variant) => recurrence(variant, instructions, (task) => prepareRecurrence(variant, task))),
    product('product', instructions, prepareProduct),
    trainingStep('training step', instructions, ({ model, ...task }) =>
      model === undefined ? prepareTrainingStep(task) : prepareModelStep({ ...task, ...model }),
    ),
    contestant(
      'decoded-token',
      { name: 'decoded token', computes: 'decoded-token', training: false, instructions },
      ({ model, ...task }) => prepareDecodedToken({ ...task, ...model }),
    ),
  ];
  return { versions: { 'efficient-transformers': packageVersion(), node: process.version }, threads, contestants };
}

function prepareProduct({ size }: TaskOf<'product'>): Prepared {
  const a = drawTensor('a', [size, size]);
  const b = drawTensor('b', [size, size]);
  return {
    run: () => scope(() => void noGrad(() => matmul(a, b))),
    results: () => ({ output: scope(() => elements(noGrad(() => matmul(a, b))).slice() as Float32Array) }),
    release: () => releaseAll([a, b]),
  };
}
