/** Generation, one or more tokens at a time: what an attention and a whole body do in a step. */
import type { Tensor } from '../core/tensor.ts';
import type { AttentionState } from '../variants/state.ts';

/** Passes tokens of a batch of sequences through a module, one or more at a time. Keeps no tape. */
export interface Steps {
  /** Takes [batch, n, width] of the next positions, and returns the same shape. */
  step(x: Tensor): Tensor;
  /** The state after the tokens so far; null before the first token. A step may release it: copy it to keep it. */
  state(): AttentionState | null;
  /** Releases the state. */
  end(): void;
}

/** Sequences that grow by one or more tokens at a time. */
export interface TokenSteps {
  /** Tokens so far. */
  readonly position: number;
  /** int32 [batch, n], the next tokens of each sequence, to [batch, n, modelDim]: rows of `forward`. Keeps no tape. */
  step(tokens: Tensor): Tensor;
  /** The state of each layer, as copies that later steps do not change; empty before the first token. */
  states(): AttentionState[];
  /** Releases the state. */
  end(): void;
}
