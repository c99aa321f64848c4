/** What options are by default for texts as long as those of the papers: what the papers and released models have. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type AnyVariant, findVariant } from '../../src/variants/registry.ts';

/** Name, tokens, options, and where the paper has them. */
const PAPERS: readonly [name: string, tokens: number, options: Record<string, number>, source: string][] = [
  ['based', 2048, { featureDim: 16 }, '§4.1'],
  ['attention-sinks', 4096, { windowLength: 128, numSinks: 4 }, 'gpt-oss, and table 2'],
  ['moba', 8192, { blockSize: 512, topK: 3 }, '§3.1'],
  [
    'nsa',
    8192,
    { compressionBlock: 32, stride: 16, selectionBlock: 64, selectedBlocks: 16, window: 512 },
    '§4.1, with texts of 8k tokens',
  ],
  ['memory-compressed', 11000, { stride: 3, kernelWidth: 3, blockLength: 256 }, '§4.2.3, with texts of 11k tokens'],
  ['long-short', 8192, { segmentLength: 16, reach: 64 }, '§3.1 for half a window, the released models for segments'],
  ['routing', 65536, { numClusters: 256, window: 256, localWindow: 256 }, '§4.1: √n clusters of n/k tokens'],
  ['etc', 4096, { numGlobals: 228, radius: 84, maxDistance: 12 }, 'the base model; 230 global tokens beside 4096'],
  ['cluster-former', 4096, { numClusters: 64 }, 'the smallest number of clusters in its tables'],
  ['dsa', 131072, { topKeys: 2048 }, '§2.1.1, with texts of 128k tokens'],
];

for (const [name, tokens, options, source] of PAPERS) {
  test(`${name}: the options of the paper (${source}) for ${tokens} tokens`, () => {
    const defaults = (findVariant(name) as AnyVariant).defaults(tokens) as unknown as Record<string, unknown>;
    for (const [option, value] of Object.entries(options)) assert.is(defaults[option], value, option);
  });
}

test.run();
