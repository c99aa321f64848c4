/** Right arguments for comparisons, tasks, runs, checkpoints and loaded models. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { release } from '../../src/core/memory.ts';
import type { Encoder, PretrainedReformer } from '../../src/index.ts';
import * as api from '../../src/index.ts';
import { evaluation } from '../../src/training/module.ts';
import { temporaryFolder } from '../core/temporary-folder.ts';
import { checkpoint as pretrained } from '../pretrained/checkpoints.ts';
import { writeTokenizer } from '../pretrained/word-pieces.ts';
import type { Call } from './wrong.ts';

const folder = temporaryFolder();
const of = (run: Call['run'], args: () => unknown[], more: Partial<Call> = {}): Call => ({ run, args, ...more });
const nothing = (run: Call['run']): Call => of(run, () => []);

// Comparison.
const synthetic = () => api.syntheticInput({ lengths: [8], headDim: 4, heads: 1 });
const timing = () => ({ millisecondsEach: 0, maxTurns: 1, minTurns: 1, patience: 1, now: () => 0, onRun: () => {} });
const report: api.ComparisonReport = await api.compare(synthetic(), { variants: ['full'], timing: timing() });
const npy = join(folder, 'qkv.npy');
api.writeNpy(npy, { shape: [3, 1, 1, 4, 2], data: new Float32Array(24).fill(1) });

export const callsOfComparison: Readonly<Record<string, Call>> = {
  compare: of(
    async (...given: Parameters<typeof api.compare>) => api.compare(...given),
    () => [
      synthetic(),
      {
        ...{ variants: ['full', 'longformer'], causal: false, options: { longformer: { attentionWindow: 2 } } },
        ...{ seed: 1, checkFinite: true, pictures: false, timing: timing() },
        ...{ onProgress: () => {}, onSkip: () => {}, onResults: () => {}, shouldStop: () => false },
      },
    ],
    { names: ['input', 'settings'] },
  ),
  syntheticInput: of(
    api.syntheticInput,
    () => [{ lengths: [8, 4], distribution: 'gaussian', batch: 1, heads: 1, headDim: 4, seed: 1 }],
    { aliases: ['length'] },
  ),
  'ComparisonCase.load': nothing(() => synthetic().cases[0].load()),
  fileInput: of(api.fileInput, () => [[npy], { layout: 'bhld' as const, mask: null }], {
    names: ['qkv'],
    // A file of this name.
    also: { '1.mask': ['text'] },
  }),
  fixtureInput: nothing(api.fixtureInput),
  renderReport: of(
    async (report: api.ComparisonReport) => api.renderReport(report),
    () => [{ ...report, pictures: [{ variant: 'full', title: 'full', size: 1, cells: [1] }], incomplete: true }],
    {
      also: Object.fromEntries(
        [
          'relativeError',
          'maxAbsError',
          'totalVariation',
          'topKRecall',
          'milliseconds',
          'fullMilliseconds',
          'peakBytes',
          'fullPeakBytes',
          'flops',
          'fullFlops',
          'fullOracleError',
        ].flatMap((figure) =>
          ['results.0', 'baselines.0', 'baselines.1'].map((row) => [`0.${row}.${figure}`, ['NaN', 'null']]),
        ),
      ) as never,
      depth: 3,
    },
  ),
};

// Training.
const settings = (): api.RunSettings => ({
  ...api.runDefaults,
  task: { name: 'copy', length: 8, symbols: 4 },
  model: {
    ...{
      layers: 1,
      modelDim: 8,
      heads: 2,
      dropout: 0,
      norm: 'pre',
      residual: 'plain',
      positions: 'learned',
      tied: true,
    },
    attention: {
      variant: 'longformer',
      options: { attentionWindow: 4 },
      redrawEvery: 1,
      shared: false,
      gatedValues: false,
      projections: 'dense',
    },
  },
  optimizer: { kind: 'adamw', beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
  schedule: { kind: 'cosine', peak: 1e-3, warmup: 1, total: 3, final: 0 },
  ...{ steps: 1, batch: 2, evaluationExamples: 2 },
});
const run = api.startRun(settings());
const { task, learner } = run;
const file = join(folder, 'checkpoint.safetensors');
const exported = join(folder, 'exported');
api.saveCheckpoint(file, run);
const trained = api.loadModel(file);
api.exportModel(trained, exported);
const bytes = api.startRun({ ...settings(), task: { name: 'byte-lm', length: 8 } });
const ofBytes: api.TrainedModel = { learner: bytes.learner, alphabet: 'bytes', settings: bytes.settings, step: 0 };
const pairs = api.startRun({ ...settings(), task: { name: 'retrieval', length: 64 } });

const endRun = (made: unknown) => {
  const { learner, optimizer } = made as api.Run;
  endLearner(learner);
  endTensors(optimizer.state().values());
};
const endTensors = (tensors: Iterable<api.Tensor>) => {
  for (const tensor of tensors) if (!tensor.block.free) release(tensor.array.data);
};
const endLearner = (made: unknown) => endTensors((made as api.Learner).model.tensors().values());
const drawBatch = () => api.drawBatch(task, 'training', new api.Random(1), 2);
const context = () => ({ training: false, random: new api.Random(1) });
const tokens = () => api.fromArray([1, 2, 3, 4, 1, 2, 3, 4], [2, 4], 'int32');
const keyMask = () => api.fromArray([1, 1, 1, 0, 1, 1, 1, 1], [2, 4], 'uint8');
const model = learner.model as unknown as {
  forward(...given: unknown[]): api.Tensor;
  startGeneration(batch: number): { step(tokens: ArrayLike<number>): api.Tensor; end(): void };
} & api.Model;

function statesAfterTwo(): api.AttentionState[] {
  const generation = api.startGeneration(learner.model, 1);
  try {
    api.scope(() => void generation.read([[1, 2]]));
    return generation.states();
  } finally {
    generation.end();
  }
}

function savedGeneration(): string {
  const path = join(folder, 'saved-generation.safetensors');
  api.scope(() => api.saveGeneration(path, learner.model, { states: statesAfterTwo(), unread: [[]] }));
  return path;
}

export const callsOfTraining: Readonly<Record<string, Call>> = {
  openTask: of(api.openTask, () => ['copy', { length: 8, symbols: 4 }], { aliases: ['task'] }),
  drawBatch: of(api.drawBatch, () => [{ ...task }, 'training', new api.Random(1), 2], { depth: 1 }),
  majorityBaseline: of(api.majorityBaseline, () => [{ ...task }, new api.Random(1), 3], { depth: 1 }),
  startRun: of(api.startRun, () => [settings()], { end: endRun, depth: 4 }),
  endRun: of(api.endRun, () => [api.startRun(settings())], { depth: 1, after: ([made]) => endRun(made) }),
  learnerFor: of(api.learnerFor, () => [{ ...task }, settings().model, 1], { end: endLearner, depth: 1 }),
  'Learner.logits': of(
    (batch, context) => learner.logits(batch, context),
    () => [drawBatch(), context()],
  ),
  'Learner.logits of pairs': of(
    (batch, context) => pairs.learner.logits(batch, context),
    () => [api.drawBatch(pairs.task, 'training', new api.Random(1), 1), context()],
  ),
  'Model.forward': of(
    (tokens, context, keyMask) => model.forward(tokens, context, keyMask),
    () => [tokens(), context(), keyMask()],
  ),
  'Model.load': of(
    (tensors) => model.load(tensors),
    () => [new Map(model.tensors())],
    { depth: 1 },
  ),
  'Model.redraw': of(
    (step) => model.redraw(step),
    () => [1],
  ),
  'Model.startGeneration': of(
    (batch: number) => {
      const generation = model.startGeneration(batch);
      generation.end();
    },
    () => [2],
  ),
  startGeneration: of(
    (given: api.Model, batch: number) => api.startGeneration(given, batch).end(),
    () => [learner.model, 2],
    { depth: 0, names: ['model', 'batch'] },
  ),
  generate: of(api.generate, () => [learner.model, [[1, 2]], 2, new api.Random(1)], { depth: 0 }),
  saveGeneration: of(
    (path, given, generation) => api.saveGeneration(path, given, generation),
    () => [join(folder, 'generation.safetensors'), learner.model, { states: statesAfterTwo(), unread: [[]] }],
    { depth: 0, names: ['path', 'model', 'generation'] },
  ),
  loadGeneration: of(api.loadGeneration, () => [savedGeneration(), learner.model], { depth: 0 }),
  'Generation.read': of(
    (tokens: readonly ArrayLike<number>[]) => {
      const generation = api.startGeneration(learner.model, 2);
      try {
        return generation.read(tokens);
      } finally {
        generation.end();
      }
    },
    () => [
      [
        [1, 2],
        [3, 4],
      ],
    ],
  ),
  'Generation.step': of(
    (tokens: ArrayLike<number>) => {
      const generation = model.startGeneration(2);
      try {
        return generation.step(tokens);
      } finally {
        generation.end();
      }
    },
    () => [[1, 2]],
  ),
  'Optimizer.step': of(
    (learningRate, gradientScale) => run.optimizer.step(learningRate, gradientScale),
    () => [0.1, 1],
  ),
  'Optimizer.load': of(
    (state) => run.optimizer.load(state),
    () => [run.optimizer.state()],
    { depth: 1 },
  ),
  lossOf: of(api.lossOf, () => [{ ...learner }, drawBatch(), context()], { depth: 1 }),
  train: of(
    async (...given: Parameters<typeof api.train>) => {
      try {
        return await api.train(...given);
      } finally {
        run.step = 0;
      }
    },
    () => [{ ...run }, { onStep: () => {}, onEvaluation: () => {}, onCheckpoint: () => {}, shouldStop: () => true }],
    { also: { 1: ['tensor', 'released tensor'] }, names: ['run', 'observer'], depth: 1 },
  ),
  evaluate: of(api.evaluate, () => [{ ...learner }, { ...task }, { examples: 2, batch: 2, seed: 1 }], { depth: 1 }),
  whoGoesWhere: of(api.whoGoesWhere, () => [{ ...learner }, { ...task }, { examples: 2, batch: 2, seed: 1 }], {
    depth: 1,
  }),
  saveCheckpoint: of(api.saveCheckpoint, () => [join(folder, 'out.safetensors'), { ...run }], { depth: 1 }),
  resumeRun: of(api.resumeRun, () => [file], { end: endRun }),
  loadModel: of(api.loadModel, () => [file], { end: (made) => endLearner((made as api.TrainedModel).learner) }),
  textAttention: of(api.textAttention, () => [{ ...ofBytes }, 'text', 0], { depth: 1, also: { 1: ['list'] } }),
  exportModel: of(api.exportModel, () => [{ ...trained }, join(folder, 'out'), { loader: true, check: false }], {
    also: { '0.kernels': ['null'] },
    depth: 1,
  }),
  convertModel: of(
    async (...given: Parameters<typeof api.convertModel>) => api.convertModel(...given),
    () => [
      { ...trained },
      {
        ...{ attention: { variant: 'linear-transformer' }, steps: 2, rate: 0.01, train: 'attention' as const },
        ...{ match: 'outputs' as const, seed: 1, heldOut: 1, batch: 2 },
      },
      { onSwapped: () => {}, onStep: () => {}, shouldStop: () => false },
    ],
    {
      end: async (made) => endRun(((await made) as api.ConvertedModel).run),
      also: { '0.kernels': ['null'], 2: ['tensor', 'released tensor'] },
      depth: 1,
    },
  ),
  importRun: of(api.importRun, () => [exported], { end: endRun }),
  runsOf: of(api.runsOf, () => [{ ...api.recipes[0] }], { depth: 1 }),
};

// Loaded models.
const bert = api.loadPretrained(pretrained('bert-model')) as Encoder;
const longformer = api.loadPretrained(pretrained('longformer-model')) as Encoder;
const reformer = api.loadPretrained(pretrained('reformer-model')) as PretrainedReformer;
const words = join(folder, 'tokenizer');
mkdirSync(words);
writeTokenizer(words);
const tokenizer = await api.loadTokenizer(words);
const text = () => ({ tokens: tokens(), keyMask: keyMask(), tokenTypes: api.zeros([2, 4], 'int32') });
const attend: api.AttendInstead = (_inputs, _layer, own) => own();
const endModel = (made: unknown) => endTensors((made as api.PretrainedModel).tensors().values());
const describe = ({ description }: Encoder | PretrainedReformer) => ({ ...description });

export const callsOfPretrained: Readonly<Record<string, Call>> = {
  loadPretrained: of(
    api.loadPretrained,
    () => [
      pretrained('bert-model'),
      {
        attention: [{ variant: 'full', options: {}, redrawEvery: 1, shared: false }, null],
        length: 8,
        seed: 1,
        dtype: 'float32',
      },
    ],
    {
      end: endModel,
      aliases: ['noSuchMember', 'variant'],
      also: { '1.attention.1': ['record'], '1.attention': ['null', 'record'], '1.attention.0': ['null'] },
    },
  ),
  Encoder: of(
    (description, options, pooler) => new api.Encoder(description, options, pooler),
    () => [describe(bert), { length: 8, seed: 1, dtype: 'float32' }, true],
    { end: endModel, also: nullable('paddingToken', 'constantRow') },
  ),
  'Encoder.forward': of(
    (inputs, options) => longformer.forward(inputs, options),
    () => [
      { ...text(), tokenTypes: undefined, globalMask: keyMask() },
      { context: evaluation, attend },
    ],
  ),
  'Encoder.attention': of(
    (layer, x, inputs, training, losses) => bert.attention(layer, x, inputs, training, losses),
    () => [0, api.zeros([2, 4, 16]), text(), false, { scale: 1, note: () => {} }],
  ),
  'Encoder.tensors': nothing(() => bert.tensors()),
  'Encoder.parameters': nothing(() => bert.parameters()),
  'Encoder.redraw': of(
    (step) => bert.redraw(step),
    () => [1],
  ),
  'Encoder.filled': nothing(() => bert.filled()),
  PretrainedReformer: of(
    (description, options) => new api.PretrainedReformer(description, options),
    () => [describe(reformer), { length: reformer.description.length, seed: 1, dtype: 'float32' }],
    { end: endModel, also: nullable('axial', 'buckets', 'hashSeed') },
  ),
  'PretrainedReformer.forward': of(
    (inputs, options) => reformer.forward(inputs, options),
    () => [
      { tokens: tokens(), keyMask: keyMask() },
      { context: evaluation, attend },
    ],
  ),
  'PretrainedReformer.tensors': nothing(() => reformer.tensors()),
  'PretrainedReformer.parameters': nothing(() => reformer.parameters()),
  'PretrainedReformer.redraw': of(
    (step) => reformer.redraw(step),
    () => [1],
  ),
  convertPretrained: of(
    async (...given: Parameters<typeof api.convertPretrained>) => api.convertPretrained(...given),
    () => [
      pretrained('bert-model'),
      {
        ...{ attention: { variant: 'linear-transformer' }, steps: 2, rate: 0.01, train: 'attention' as const },
        ...{ match: 'weights' as const, seed: 1, heldOut: 1, draw: () => text() },
      },
      { onSwapped: () => {}, onStep: () => {}, shouldStop: () => false },
    ],
    {
      end: async (made) => endModel(((await made) as api.ConvertedPretrained).model),
      also: { 2: ['tensor', 'released tensor'] },
      depth: 1,
    },
  ),
  savePretrained: of(api.savePretrained, () => [bert, join(folder, 'saved')], { depth: 1 }),
  embedSentences: of(api.embedSentences, () => [bert, text(), { context: evaluation }], { depth: 2 }),
  loadTokenizer: of(
    async (directory: string, load: () => Promise<never>) => api.loadTokenizer(directory, load),
    () => [words, () => import('@huggingface/tokenizers')],
  ),
  'TextTokenizer.encode': of(
    (texts, options) => tokenizer.encode(texts, options),
    () => [['one', ['two', 'three']], { maxLength: 8 }],
    { also: { '0.0': ['list'], '0.1': ['text'] } },
  ),
  'TextTokenizer.decode': of(
    (tokens) => tokenizer.decode(tokens),
    () => [[4, 5]],
  ),
};

/** Fields of a description that may be null. */
function nullable(...fields: readonly string[]): Call['also'] {
  return Object.fromEntries(fields.map((field) => [`0.${field}`, ['null', 'number', 'list', 'record']]));
}
