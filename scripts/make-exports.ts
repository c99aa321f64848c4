/**
 * `node --import tsx scripts/make-exports.ts FOLDER [float32|float64 [WORD …]]`: small models of every variant, with each
 * head that it can have, of every feed-forward layer, and with what else a model may be made of, exported with logits to check;
 * with words, only those whose names contain one. What PyTorch makes of them:
 *
 *     python fixtures/scripts/check_export.py FOLDER/*
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { elements } from '../src/core/tensor.ts';
import { exportModel } from '../src/training/export/export.ts';
import { loaderVariants } from '../src/training/export/pieces.ts';
import { FEED_FORWARD_KINDS } from '../src/training/feed-forward/registry.ts';
import type { ModelSettings } from '../src/training/learner.ts';
import type { AttentionSettings } from '../src/training/mixing.ts';
import { endRun, runDefaults, startRun } from '../src/training/run.ts';
import { train } from '../src/training/trainer.ts';
import { allVariants } from '../src/variants/registry.ts';

const STEPS = 10;
const LENGTH = 64;

/** Smaller than the defaults, which at this length are often all of the sequence. */
const OPTIONS: Record<string, Record<string, unknown>> = {
  longformer: { attentionWindow: 8 },
  bigbird: { blockSize: 4, randomBlocks: 2 },
  etc: { numGlobals: 4, radius: 5, maxDistance: 3 },
  'sparse-transformer': { summaryColumns: 2 },
  reformer: { chunkLength: 8, numHashes: 2 },
  'long-short': { window: 6, reach: 3, rank: 3, segmentLength: 7 },
  axial: { columns: 7 },
  'memory-compressed': { stride: 3, blockLength: 10 },
  'set-transformer': { inducingPoints: 6 },
  funnel: { stride: 3 },
  'token-learner': { tokens: 5, bottleneck: 12 },
  perceiver: { latents: 7, layers: 2 },
  linformer: { projectedLength: 12, projection: 'learned' },
  nystromformer: { landmarks: 12, convolutionWidth: 5 },
  performer: { numRandomFeatures: 32 },
  'local-attention': { chunkLength: 8 },
  'image-transformer': { blockHeight: 2, blockWidth: 3, reachRows: 1, reachColumns: 2 },
  'transformer-xl': { segmentLength: 16, memoryLength: 16 },
  compressive: { segmentLength: 8, memoryLength: 8, compressedLength: 10, ratio: 3 },
  'light-conv': { kernelWidth: 7 },
  'dynamic-conv': { kernelWidth: 7 },
  'attention-sinks': { windowLength: 12, numSinks: 3 },
  moba: { blockSize: 5, topK: 3 },
  routing: { numClusters: 5, window: 16 },
  sinkhorn: { blockLength: 6 },
  'cluster-former': { windowLength: 10, overlap: 0.2, numClusters: 5 },
  poolingformer: { window: 4, wideWindow: 12 },
  clustered: { numClusters: 9, topKeys: 10, bits: 16 },
  nsa: { compressionBlock: 6, stride: 3, selectionBlock: 5, selectedBlocks: 5, window: 7 },
  dsa: { topKeys: 12, indexDim: 6 },
  based: { featureDim: 4 },
};

interface Case {
  name: string;
  task: string;
  attention: AttentionSettings | AttentionSettings[];
  model?: ModelSettings;
  /** The loader also where transformers has the class. */
  loader?: boolean;
}

const [folder, dtype = 'float32', ...words] = process.argv.slice(2);
if (folder === undefined) throw new Error('FOLDER: expected one to write to');
if (dtype !== 'float32' && dtype !== 'float64') throw new Error(`expected float32 or float64, got ${dtype}`);
mkdirSync(folder, { recursive: true });
const wanted = casesOf().filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
for (const { name, task, attention, model, loader = false } of wanted) {
  const run = startRun({
    ...runDefaults,
    task: { name: task, ...(task === 'pathfinder' ? {} : { length: LENGTH }) },
    model: { layers: 2, modelDim: 32, heads: 4, dropout: 0, dtype, ...model, attention },
    steps: STEPS,
    batch: 4,
    schedule: { kind: 'linear', peak: 1e-2, warmup: 0, total: STEPS, final: 1e-2 },
    evaluationExamples: 4,
  });
  await train(run, {});
  // Attention that has learned little looks everywhere, and would look much the same with a wrong pattern.
  for (const [key, tensor] of run.learner.model.tensors()) {
    if (/\.(query|key)\.weight$/.test(key)) elements(tensor).set(elements(tensor).map((value) => 2 * value));
  }
  const { learner, settings, step } = run;
  exportModel({ learner, settings, step, alphabet: run.task.alphabet }, join(folder, name), { loader, check: true });
  endRun(run);
}

function casesOf(): Case[] {
  const named = (variant: string, options: Record<string, unknown> = {}): AttentionSettings => {
    return { variant, options: { ...OPTIONS[variant], ...options } };
  };
  const variants = allVariants().filter(({ name }) => loaderVariants().includes(name));
  const ofVariants = variants.flatMap(({ name, supports }): Case[] => [
    ...(supports.causal ? [{ name: `${name}-causal`, task: 'copy', attention: named(name) }] : []),
    ...(supports.bidirectional === false
      ? []
      : [{ name: `${name}-classifier`, task: 'listops', attention: named(name) }]),
  ]);
  const causal = (name: string, attention: Case['attention'], model: ModelSettings = {}): Case => {
    return { name, task: 'copy', attention, model };
  };
  const classifier = (name: string, attention: Case['attention'], model: ModelSettings = {}): Case => {
    return { name, task: 'listops', attention, model };
  };
  const global = { globalPositions: [0, 9] };
  return [
    ...ofVariants,
    { ...causal('full-by-loader', named('full')), loader: true },
    causal('rotary', named('full'), { positions: 'rotary' }),
    { ...causal('rotary-by-loader', named('full'), { positions: 'rotary' }), loader: true },
    causal('sinusoidal', named('full'), { positions: 'sinusoidal' }),
    causal('axial', named('local-attention'), { positions: 'axial' }),
    causal('untied', named('full'), { tied: false }),
    causal('wide-heads', named('full'), { headDim: 12, feedForwardDim: 48, positions: 'none' }),
    causal('reversible', [named('local-attention'), named('reformer')], { residual: 'reversible' }),
    causal('longformer-global-causal', named('longformer', { ...global, dilation: [1, 1, 2, 3] })),
    causal('sparse-transformer-fixed', named('sparse-transformer', { pattern: 'fixed', heads: 'split' })),
    ...['softmax-hyperbolic', 'softmax-trigonometric', 'relu'].map((kernel) => {
      return causal(`performer-${kernel}`, named('performer', { kernel }));
    }),
    causal('attention-sinks-zero', named('attention-sinks', { sinkLogit: 'zero' })),
    causal('attention-sinks-learned', named('attention-sinks', { sinkLogit: 'learned', numSinks: 0 })),
    causal('attention-sinks-cache', named('attention-sinks', { sinkPositions: 'cache' }), { positions: 'rotary' }),
    causal('nsa-groups', named('nsa', { groupSize: 2 })),
    causal('nsa-mean', named('nsa', { compressor: 'mean', stride: 6 })),
    causal('based-unprojected', named('based', { featureDim: 8 })),
    ...['1.5-entmax', 'sparsemax'].map((alpha) =>
      causal(`adaptive-sparse-${alpha}`, named('adaptive-sparse', { alpha })),
    ),
    causal('rfa-gated', named('rfa', { gated: true })),
    causal('multiplicative', { ...named('full'), projections: 'multiplicative' }),
    causal('multiplicative-gated', {
      ...named('longformer', global),
      ...{ projections: 'multiplicative', modules: 8, projectionKernel: 5, gatedValues: true },
    }),
    causal('multiplicative-parts', { ...named('gla'), projections: 'multiplicative' }),
    classifier('multiplicative-classifier', { ...named('nystromformer'), projections: 'multiplicative' }),
    causal('rfa-arccosine', named('rfa', { kernel: 'arccosine', gated: true })),
    causal('fox-rotary', named('fox'), { positions: 'rotary' }),
    ...['gated-deltanet', 'gla', 'mamba2', 'retnet'].map((variant) => {
      return causal(`${variant}-plain`, { ...named(variant), layerParts: false });
    }),
    causal('memory-compressed-local', [named('memory-compressed', { layer: 'local' }), named('memory-compressed')]),
    causal('memory-compressed-null', named('memory-compressed', { kernelWidth: 5, nullKey: true })),
    causal('axial-planes', named('axial', { columns: 4, rows: 5 })),
    causal('axial-in-turn', [named('axial', { layer: 'rows' }), named('axial', { layer: 'columns' })]),
    ...['max', 'convolution'].map((compression) => {
      return causal(`compressive-${compression}`, named('compressive', { compression }));
    }),
    causal('long-short-unnormalised', named('long-short', { dualNorm: 'none', rank: 1 })),
    causal('reformer-across', named('reformer', { acrossBuckets: true, countOnce: false, numBuckets: 24 })),
    classifier('post-norm', named('full'), { norm: 'post', pooling: 'first', classifierDim: 24 }),
    classifier('pooled-by-attention', named('set-transformer'), { pooling: 'attention', headDim: 12 }),
    classifier('longformer-global', named('longformer', global)),
    classifier('bigbird-etc', named('bigbird', { construction: 'etc', patternSeed: 3 })),
    classifier('set-transformer-residuals', named('set-transformer', { block: 'residuals', blockOf: 'keys' })),
    classifier('linformer-mean-pool', named('linformer', { projection: 'mean-pool' })),
    classifier('linformer-convolution', named('linformer', { projection: 'convolution', sharing: 'none' })),
    classifier('linformer-layerwise', named('linformer', { sharing: 'layerwise' })),
    ...FEED_FORWARD_KINDS.filter(({ name }) => name !== 'dense').flatMap(({ name: kind }) => [
      causal(`layer-${kind}`, named('full'), { feedForward: [{ kind: 'dense' }, { kind }] }),
      classifier(`layer-${kind}-classifier`, named('performer'), { feedForward: { kind } }),
    ]),
    { name: 'pairs', task: 'retrieval', attention: named('longformer') },
    { name: 'masked', task: 'byte-mlm', attention: named('performer') },
  ];
}
