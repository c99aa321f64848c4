/**
 * DynamicConv: LightConv with a kernel that every token predicts for itself.
 *
 * Problem: LightConv weighs neighbours by their distance alone, the same for every token. Idea (Wu et al. 2019, §4):
 * let the token say how far to look. Its kernel is a linear function of the token itself, never of its neighbours, which
 * is what tells it from attention:
 *
 *     DynamicConv(X, i, c) = LightConv(X, f(X_i)_h, i, c),   f(X_i)_{h,j} = Σ_c W^Q_{h,j,c} X_{i,c}
 *
 * Cost: O(L·k) time for each column, and k weights to hold for each token and head; a generation keeps the last k
 * values. It gives up comparing tokens: keys are not read, and nothing further away than the kernel reaches is seen.
 *
 * In the paper the X that f reads is also the X that is mixed. Here f reads the token's *query*, and the *values* are
 * mixed, so that the layer around it may be that of attention; and a head's kernel is predicted from its own d/H
 * columns of the query, not from all d. Untrained, the kernels are random, and so is the error that `compare` shows.
 */
import { matmul, softmax } from '../core/ops/index.ts';
import type { Tensor } from '../core/tensor.ts';
import {
  type ConvolutionOptions,
  convolutionDefaults,
  convolutionOptions,
  convolutionPairs,
  convolutionPaper,
  convolutionPattern,
  depthwiseConvolution,
  drawDropConnect,
  dropConnectShape,
  dropEntries,
  expectParameter,
  glorotUniform,
  kernelWidthBudget,
} from './convolution.ts';
import { SOFTMAX_FLOPS } from './full.ts';
import type { AttentionVariant, Parameters } from './variant.ts';

export type DynamicConvOptions = ConvolutionOptions;

export const dynamicConv: AttentionVariant<DynamicConvOptions> = {
  name: 'dynamic-conv',
  paper: convolutionPaper,
  family: 'convolution',
  exactness: 'own',
  complexity: 'O(L·k)',
  unread: ['keys'],
  supports: { causal: true, padding: true, crossAttention: false, incremental: true },
  options: convolutionOptions,
  budget: kernelWidthBudget,

  defaults: convolutionDefaults,

  sizes: (options, { batch, heads, keyLength, headDim }) => ({
    parameters: { WQ: [heads, options.kernelWidth, headDim], ...dropConnectShape(options, heads) },
    largest: [batch, heads, keyLength, options.kernelWidth],
  }),

  /** WQ [heads, k, headDim], learned; and D, see `drawDropConnect`. */
  parameters(options, shape, random) {
    const { kernelWidth: k } = options;
    const { heads, headDim, dtype } = shape;
    return {
      WQ: glorotUniform([heads, k, headDim], [headDim, k], random.split('WQ'), dtype),
      ...drawDropConnect(options, shape, random.split('D')),
    };
  },

  attend(inputs, options, parameters, state) {
    // A kernel for each token, [batch, heads, length, k].                                                      (§4)
    const kernels = predictKernels(inputs.queries, options, parameters);

    // From there as LightConv.                                                                                 (§3)
    return depthwiseConvolution(inputs, kernels, options, state);
  },

  pattern: convolutionPattern,

  cost(shape, options) {
    const { batch, heads, keyLength, headDim } = shape;
    const tokens = batch * heads * keyLength;
    const predicting = tokens * options.kernelWidth * (2 * headDim + SOFTMAX_FLOPS);
    const mixing = 2 * batch * convolutionPairs(options, shape) * headDim;
    return { flops: predicting + mixing };
  },
};

/** softmax(f(X_i)_h) over the k entries of a kernel, with f(X_i)_{h,j} = Σ_c W^Q_{h,j,c} X_{i,c}; then DropConnect. */
function predictKernels(queries: Tensor, options: DynamicConvOptions, { WQ, D }: Parameters): Tensor {
  const [, heads, , headDim] = queries.shape;
  expectParameter('WQ', WQ, [heads, options.kernelWidth, headDim], queries.dtype);
  return dropEntries(softmax(matmul(queries, WQ, { transposeB: true })), D, options);
}
