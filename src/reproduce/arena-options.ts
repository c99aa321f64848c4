/**
 * Options of the models and variants of the Long Range Arena for sequences that are much shorter than the Arena's. Many defaults
 * would hold the whole of such a sequence, and the variant would be full attention. So a window, a chunk, a block or a kernel is
 * an eighth of the sequence here, and what stands for the whole sequence is at most a quarter of it. A variant that is not
 * listed has its defaults: they keep to that, or to a half (funnel) and a third (memory-compressed) as in their papers.
 */

/** Tokens of a sequence, a multiple of 16, and random vectors. */
export interface OptionSizes {
  length: number;
  features: number;
}

type Options = Record<string, unknown>;

const OPTIONS: Readonly<Record<string, (sizes: OptionSizes) => Options>> = {
  // Models of the Arena.
  performer: ({ features }) => ({ numRandomFeatures: features }),
  // A block meets itself, one on each side, two random ones and two global ones.
  bigbird: ({ length }) => ({ blockSize: length / 16, randomBlocks: 2 }),
  'sparse-transformer': ({ length }) => ({ stride: length / 8 }),
  longformer: ({ length }) => ({ attentionWindow: length / 8 }),
  synthesizer: ({ length }) => ({ maxLength: length }),
  sinkhorn: ({ length }) => ({ blockLength: length / 8, maxLength: length }),
  reformer: ({ length }) => ({ numHashes: 2, chunkLength: length / 8 }),
  linformer: ({ length }) => ({ projectedLength: length / 4, projection: 'learned' }),
  'local-attention': ({ length }) => ({ chunkLength: length / 8 }),

  // Others: windows, chunks, blocks and kernels.
  'transformer-xl': ({ length }) => ({ segmentLength: length / 8, memoryLength: length / 8 }),
  compressive: ({ length }) => ({
    segmentLength: length / 8,
    memoryLength: length / 8,
    compressedLength: length / 8,
  }),
  // Odd, so that it reaches as far to both sides.
  'light-conv': ({ length }) => ({ kernelWidth: length / 8 + 1 }),
  'dynamic-conv': ({ length }) => ({ kernelWidth: length / 8 + 1 }),
  'image-transformer': ({ length }) => imageBlocks(Math.ceil(Math.sqrt(length))),
  // These count the tokens on each side.
  etc: ({ length }) => ({ radius: length / 16 }),
  poolingformer: ({ length }) => ({ window: length / 16, wideWindow: length / 4 }),
  'long-short': ({ length }) => ({ window: length / 8, rank: length / 8 }),
  'cluster-former': ({ length }) => ({ windowLength: length / 8 }),
  clustered: ({ length }) => ({ topKeys: length / 8 }),
  // Others: what stands for the whole sequence.
  nystromformer: ({ length }) => ({ landmarks: Math.min(64, length / 4) }),
  rfa: ({ features }) => ({ numRandomFeatures: features }),
};

/** Blocks of a quarter of the grid by a half of it, an eighth of all tokens, which reach half of their own size, as by default. */
function imageBlocks(side: number): Options {
  const [blockHeight, blockWidth] = [Math.ceil(side / 4), Math.ceil(side / 2)];
  return { blockHeight, blockWidth, reachRows: Math.ceil(blockHeight / 2), reachColumns: Math.ceil(blockWidth / 2) };
}

/** The options that differ from a variant's defaults; undefined where there are none. */
export function arenaOptions(variant: string, sizes: OptionSizes): Options | undefined {
  return OPTIONS[variant]?.(sizes);
}
