/** Small pictures of what each variant makes of one and the same attention matrix: a trained model's, on English. */
import { fixtureInput } from '../../../src/compare/inputs.ts';
import type { PatternGrid } from '../../../src/compare/patterns/grid.ts';
import { type PatternPanel, type Shading, shadingOf } from '../../../src/compare/patterns/shade.ts';
import { shadePaths } from '../../../src/compare/patterns/svg.ts';
import { drawnWeights } from '../../../src/compare/patterns/weights.ts';
import { type Html, html, raw } from '../../../src/compare/report/html.ts';
import { slice } from '../../../src/core/ops/index.ts';
import { keep, scope } from '../../../src/core/scope.ts';
import { checkInputs, checkOptions } from '../../../src/variants/attend.ts';
import { type AnyVariant, allVariants } from '../../../src/variants/registry.ts';
import type { AttentionInputs } from '../../../src/variants/variant.ts';

/** Tokens at the beginning of the shipped text, and cells a side: a cell is the mean of a few pairs. */
export const THUMBNAIL = { length: 64, cells: 32 };

/** One head: what differs from head to head, as hashes and random blocks, would blur in the mean. */
const HEAD = 3;

/** At so few tokens the defaults would leave nothing out: options that show the idea. */
const OPTIONS: Record<string, Record<string, unknown>> = {
  longformer: { attentionWindow: 12, globalPositions: [0] },
  bigbird: { blockSize: 4, randomBlocks: 2 },
  etc: { numGlobals: 4, radius: 5, maxDistance: 3 },
  'sparse-transformer': { stride: 8 },
  axial: { columns: 8 },
  linformer: { projectedLength: 8 },
  nystromformer: { landmarks: 8 },
  reformer: { chunkLength: 8, numHashes: 1 },
  routing: { numClusters: 8, window: 8 },
  'cluster-former': { windowLength: 12, overlap: 0.25, numClusters: 8 },
  clustered: { numClusters: 8, topKeys: 4 },
  sinkhorn: { blockLength: 8 },
  poolingformer: { window: 3, wideWindow: 20 },
  'local-attention': { chunkLength: 8 },
  'image-transformer': { blockHeight: 2, blockWidth: 2, reachRows: 1, reachColumns: 1 },
  'transformer-xl': { segmentLength: 16, memoryLength: 16 },
  compressive: { segmentLength: 16, memoryLength: 8, compressedLength: 4, ratio: 4 },
  'light-conv': { kernelWidth: 9 },
  'dynamic-conv': { kernelWidth: 9 },
};

export interface Thumbnails {
  /** What was drawn, in words. */
  subject: string;
  of(variant: string, pixels: number): Html;
}

/** Weights of every variant on the first tokens of the shipped input, on one scale of shades. */
export function drawThumbnails(): Thumbnails {
  const { length, cells } = THUMBNAIL;
  const { inputs, subject } = firstTokens(length);
  const panels = new Map(
    allVariants().map((variant) => [variant.name, panelOf(variant, inputs, OPTIONS[variant.name] ?? {}, cells)]),
  );
  const shading = shadingOf('weights', [...panels.values()]);
  return {
    subject,
    of: (variant, pixels) => {
      const panel = panels.get(variant);
      // Beside the variant's name, which says all that can be said of it in words.
      return panel === undefined ? html`` : matrix(panel, shading, pixels, null);
    },
  };
}

/** Weights of a variant with options of its own, as a panel that `matrix` draws. */
export function panelOf(
  variant: AnyVariant,
  inputs: AttentionInputs,
  given: Record<string, unknown>,
  cells: number,
): PatternPanel {
  const length = inputs.keys.shape[2];
  const options = checkOptions(variant, given, checkInputs(inputs));
  const queriesPerCell = Math.ceil(length / cells);
  const grid: PatternGrid = scope(() => drawnWeights(variant, inputs, options, { cells, queriesPerCell, seed: 0 }));
  return { ...grid, kind: 'weights', title: variant.name, caption: '', length };
}

/** The first tokens of the shipped input's first layer, kept until the process ends. */
export function firstTokens(length: number): { inputs: AttentionInputs; subject: string } {
  const { cases } = fixtureInput();
  const { load, layer } = cases[0];
  const { queries, keys, values } = load();
  const first = (tensor: typeof queries) => keep(slice(slice(tensor, 1, HEAD, HEAD + 1), 2, 0, length));
  return {
    inputs: { queries: first(queries), keys: first(keys), values: first(values) },
    subject: `the first ${length} tokens of an English text in ${layer?.replace('layer', 'layer ')}, head ${HEAD + 1} of MiniLM, a trained encoder`,
  };
}

/** An SVG in the colours of the page; without a description it says nothing to those who do not see it. */
export function matrix(
  { size, cells }: PatternGrid,
  shading: Shading,
  pixels: number,
  description: string | null,
): Html {
  const role = description === null ? html` aria-hidden="true"` : html` role="img" aria-label="${description}"`;
  return html`<svg class="shades" viewBox="0 0 ${size} ${size}" width="${pixels}" height="${pixels}" shape-rendering="crispEdges"${role}>${raw(shadePaths(size, cells, shading))}</svg>`;
}
