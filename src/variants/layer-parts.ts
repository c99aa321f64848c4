/** The parts that the layer of a paper has around its attention. */

/** What a layer of the paper's model has around the attention, declared by the variant; `MultiHeadAttention` builds it. */
export interface LayerParts {
  /** Taps of a causal depthwise convolution of the projected queries, keys and values: 4 in released models. */
  shortConvolution?: number;
  /**
   * Queries, keys and gates, by name, that a layer projects from its values, those of all heads together, after their convolution
   * and activation, and not from its tokens. They have no convolution of their own.
   */
  fromValues?: readonly string[];
  /** Which inputs go through x ∘ sigmoid(x), after the convolution. */
  silu?: readonly ('queries' | 'keys' | 'values')[];
  /** Which inputs go through sigmoid(x), after the convolution. */
  sigmoid?: readonly ('queries' | 'keys' | 'values')[];
  /** A root mean square norm of outputs, over the channels of a head or over those of all heads. */
  outputNorm?: 'head' | 'layer';
  /**
   * Outputs are multiplied by an activation of a projection of the token: after the norm, or before it with `first`. A SiLU
   * starts at 1 for every token.
   */
  outputGate?: { activation: 'silu' | 'sigmoid' | 'none'; first?: boolean };
}
