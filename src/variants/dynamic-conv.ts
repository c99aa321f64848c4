/**
 * DynamicConv: LightConv with a kernel that every token predicts for itself.
 *
 * Problem: LightConv weights neighbours by distance alone, the same for every token. Idea (Wu et al. 2019, §4): let the token
 * decide how far to look. Its kernel is a linear function of the token itself, never of its neighbours, which distinguishes
 * it from attention:
 *
 *     DynamicConv(X, i, c) = LightConv(X, f(X_i)_h, i, c),   f(X_i)_{h,j} = Σ_c W^Q_{h,j,c} X_{i,c}
 *
 * Cost: O(L·k) time for each column, and memory for k weights for each token and head; generation keeps the last k − 1
 * values. It gives up comparing tokens: keys are not read, and nothing beyond the kernel's reach is seen.
 *
 * Departs from the paper: there the X that f reads is also the X that is mixed. Here f reads the token's *query*, and the
 * *values* are mixed, so that the layer around it can be the same as for attention; and a head's kernel is predicted from its own
 * d/H columns of the query, not from all d. Entries of kernels are dropped in training only if `dropConnect` asks for it.
 * Without training the kernels are random, and so is the error that `compare` shows.
 */
import { matmul, softmax } from '../core/ops/index.ts';
import {
  type ConvolutionOptions,
  convolutionOptions,
  convolutionPairs,
  convolutionPaper,
  convolutionPattern,
  D as declaredD,
  depthwiseConvolution,
  dropEntries,
  kernelWidthBudget,
} from './convolution.ts';
import { defineVariant } from './define.ts';
import { SOFTMAX_FLOPS } from './flops.ts';
import { glorotUniform } from './parameters.ts';
import type { AttentionState } from './state.ts';
import type { Attending, AttentionInputs, Parameters } from './variant.ts';

function attend(
  inputs: AttentionInputs,
  options: DynamicConvOptions,
  { WQ, D }: Parameters,
  state?: AttentionState,
): Attending {
  // A kernel for each token, [batch, heads, length, k]: f(X_i)_{h,j} = Σ_c W^Q_{h,j,c} X_{i,c}.                    (§4)
  const predicted = matmul(inputs.queries, WQ, { transposeB: true });

  // The rest is LightConv: a softmax over the k entries, then DropConnect.                                         (§3)
  return depthwiseConvolution(inputs, dropEntries(softmax(predicted), D, options), options, state);
}

/** Options of `dynamicConv`: the kernel's width, and how many of its entries training drops. */
export type DynamicConvOptions = ConvolutionOptions;

/** A convolution whose kernel each token predicts for itself (Wu et al. 2019). */
export const dynamicConv = defineVariant({
  name: 'dynamic-conv',
  paper: convolutionPaper,
  family: 'convolution',
  exactness: 'own',
  complexity: 'O(L·k)',
  averages: false,
  supports: { causal: true, padding: true, crossAttention: false, incremental: true },
  inputs: { keys: 'unread', values: 'gated' },
  options: convolutionOptions,
  budget: kernelWidthBudget,
  parameters: {
    WQ: {
      learned: true,
      shape: ({ kernelWidth }, { heads, headDim }) => [heads, kernelWidth, headDim],
      start: (drawing) => glorotUniform(drawing, drawing.extents[2], drawing.extents[1]),
    },
    D: declaredD,
  },
  largest: ({ kernelWidth }, { batch, heads, keyLength }) => [batch, heads, keyLength, kernelWidth],
  attend,
  pattern: convolutionPattern,
  cost(shape, complete) {
    const { batch, heads, keyLength, headDim } = shape;
    const tokens = batch * heads * keyLength;
    const predicting = tokens * complete.kernelWidth * (2 * headDim + SOFTMAX_FLOPS);
    const mixing = 2 * batch * convolutionPairs(complete, shape) * headDim;
    return { flops: predicting + mixing };
  },
});
