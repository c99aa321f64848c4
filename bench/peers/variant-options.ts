/** What is fixed while the length grows; all else is at its default. Peers that compute the same are set to the same. */
export const VARIANT_OPTIONS: Record<string, Record<string, unknown>> = {
  full: {},
  longformer: { attentionWindow: 512 },
  bigbird: { blockSize: 64, globalBlocks: 1, randomBlocks: 3 },
  // As Hugging Face's decoder computes it: whole chunks, the one before, and pairs counted as often as they meet.
  reformer: { causal: true, chunkLength: 64, numHashes: 4, acrossBuckets: true, countOnce: false },
  nystromformer: { landmarks: 64 },
  linformer: { projectedLength: 256 },
  performer: { numRandomFeatures: 256 },
};
