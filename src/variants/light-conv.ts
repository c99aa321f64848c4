/**
 * LightConv: a token is the weighted mean of its neighbours, with the same weights everywhere.
 *
 * Problem: self-attention compares every token with every other, and it is not clear that this is necessary. Idea (Wu et al.
 * 2019, §3): a depthwise convolution whose kernel is *shared* by all columns of a head, H kernels instead of d, and
 * *normalised* by a softmax, as attention is; W ∈ ℝ^{H×k} is the only parameter:
 *
 *     LightConv(X, W_h, i, c) = DepthwiseConv(X, softmax(W_h), i, c) = Σ_j softmax(W_h)_j X_{i+j−⌈(k+1)/2⌉, c}
 *
 * Cost: O(L·k) time and O(L) memory; generation keeps the last k − 1 values. It gives up the content: queries and keys are
 * not read, only the distance counts, and nothing beyond the kernel's reach is seen. The paper's gated linear unit before it
 * and linear layer after it belong to the layer, not to the mixing.
 *
 * Untrained, a kernel is nearly flat (31 weights of 8 heads are within a fifth of 1/31), so `compare` shows a moving average
 * of the values against full attention. Only training makes it more than that.
 *
 * Departs from the paper: entries of the kernel are dropped in training only if `dropConnect` asks for it, as the paper's
 * models do (DropConnect, §3).
 */
import { softmax } from '../core/ops/index.ts';
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
import { glorotUniform } from './parameters.ts';
import type { AttentionState } from './state.ts';
import type { Attending, AttentionInputs, Parameters } from './variant.ts';

function attend(
  inputs: AttentionInputs,
  options: LightConvOptions,
  { W, D }: Parameters,
  state?: AttentionState,
): Attending {
  // softmax(W)_{h,j} = exp W_{h,j} / Σ_j′ exp W_{h,j′}, then DropConnect                                        (§3)
  const kernels = dropEntries(softmax(W), D, options);

  // One kernel for all columns of a head: c ↦ ⌈cH/d⌉ is the head of column c.                                   (§3)
  return depthwiseConvolution(inputs, kernels, options, state);
}

/** Options of `lightConv`: the kernel's width, and how many of its entries training drops. */
export type LightConvOptions = ConvolutionOptions;

/** A depthwise convolution with one softmax-normalised kernel for each head (Wu et al. 2019). */
export const lightConv = defineVariant({
  name: 'light-conv',
  paper: convolutionPaper,
  family: 'convolution',
  exactness: 'own',
  complexity: 'O(L·k)',
  averages: false,
  supports: { causal: true, padding: true, crossAttention: false, incremental: true },
  inputs: { queries: 'unread', keys: 'unread', values: 'gated' },
  options: convolutionOptions,
  budget: kernelWidthBudget,
  parameters: {
    /** For its initialisation the authors count k inputs and H·k outputs. */
    W: {
      learned: true,
      shape: ({ kernelWidth }, { heads }) => [heads, kernelWidth],
      start: (drawing) => glorotUniform(drawing, drawing.extents[1], drawing.extents[0] * drawing.extents[1]),
    },
    D: declaredD,
  },
  attend,
  pattern: convolutionPattern,
  cost(shape, complete) {
    return { flops: 2 * shape.batch * convolutionPairs(complete, shape) * shape.headDim };
  },
});
