/** Layers of attention among the latents of a Perceiver, in both directions and causally within segments. */
import { type AttentionLayout, add, attention, layerNorm, matmul, reshape, runs, slice } from '../core/ops/index.ts';
import { filled, type Tensor, zeros } from '../core/tensor.ts';
import type { Memory } from './state.ts';

/**
 * Latents Z [batch, heads, rows, d + valueDim], keys and values side by side, after a layer in which they meet `all`, whose last
 * rows they are: Z + A [Z_K Z_V], A = softmax(LN(Z_K) M LN(Z_K)ᵀ/√d). M is [layers, heads, d, d].
 */
export function latentLayer(
  Z: Tensor,
  all: Tensor,
  M: Tensor,
  layer: number,
  layout: AttentionLayout,
  keyMask?: Tensor,
): Tensor {
  const [, heads, d] = M.shape;
  const K = normalized(slice(all, 3, 0, d));
  const Q = matmul(
    slice(K, 2, all.shape[2] - Z.shape[2], all.shape[2]),
    reshape(slice(M, 0, layer, layer + 1), [heads, d, d]),
  );
  return add(Z, attention(Q, K, all, layout, { keyMask }).output);
}

/** The same causally: a latent meets those of its segment of n up to its own. `memory` keeps the unfinished segment. */
export function segmentLayer(
  Z: Tensor,
  M: Tensor,
  layer: number,
  n: number,
  memory: Memory,
  mask: Tensor | undefined,
): Tensor {
  const { position } = memory;
  const length = Z.shape[2];
  const end = position + length;
  const all = memory.append(`latents${layer}`, Z, end % n, position % n);
  const own = mask && slice(mask, 1, end - all.shape[2], end);
  return latentLayer(Z, all, M, layer, segments(position, length, n), own);
}

/** Tokens from `position` on meet their segment of n up to their own place. Keys begin with the first of these segments. */
export function segments(position: number, length: number, n: number): AttentionLayout {
  const held = position % n;
  const begin = Int32Array.from({ length }, (_, i) => held + i - ((held + i) % n));
  const end = Int32Array.from({ length }, (_, i) => held + i + 1);
  return runs(begin, end, held + length);
}

/** A layer norm without gain and bias: M, or what made the queries, would take in a gain. */
export function normalized(K: Tensor): Tensor {
  const extents = [K.shape[3]];
  return layerNorm(K, filled(extents, 1, K.dtype), zeros(extents, K.dtype));
}
