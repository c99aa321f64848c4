/* The public API, by purpose. What is not here may change without notice. */
// biome-ignore-all assist/source/organizeImports: in the order in which they are met, not of the alphabet

// Attention: `attend` checks everything and runs a variant; the rest is for callers that run a variant many times.
export { type AttendSettings, attend, checkInputs, checkOptions, drawParameters } from './variants/attend.ts';

// The variants, a paper each, and all of them by name.
export * from './variants/all.ts';
export { type Indexer, type IndexerLossSettings, indexerLoss } from './variants/dsa-indexer.ts';
export { type CompressionKernels, reconstructionLoss } from './variants/compressive/reconstruction-loss.ts';
export { summaryLoss } from './training/summary-loss.ts';
export { type AnyVariant, allVariants, findVariant, register } from './variants/registry.ts';

// Token by token: causal generation with the state that a variant needs.
export { attendFrom, type ContinueSettings } from './variants/continue.ts';
export { type DecodeSettings, type DecodeShape, type Decoder, startDecoding } from './variants/decoding.ts';
export { type AttentionState, copyState, stateBytes } from './variants/state.ts';

// Tensors: typed arrays on a heap that all threads share, viewed through ndarray. `scope` releases what is made in it.
export { keep, scope } from './core/scope.ts';
export { filled, fromArray, ones, randomNormal, Tensor, zeros } from './core/tensor.ts';
export { fromNdarray } from './core/from-ndarray.ts';
export { type DType, type MemoryStatistics, memoryStatistics, type NumericArray } from './core/memory.ts';
export type { ArrayOf } from './core/dtype.ts';

// Random streams: one seed gives the same bits everywhere, and `split(name)` an independent stream.
export { Random } from './core/random.ts';

// Autograd: ops keep a tape, `backward` walks it.
export { backward, noGrad, zeroGrad } from './core/autograd.ts';
export { checkGradients, type GradientCheckOptions } from './core/gradient-check.ts';

// Every differentiable op, from `add` to `attention` and `scan`: what variants are written in.
/** The differentiable ops: functions on tensors, each with its gradient, as in `ops.softmax(x)`. */
export * as ops from './core/ops/index.ts';

// The oracle: dense attention in plain float64 loops, which shares nothing with the ops. For checking, not for speed.
export {
  type Dense,
  type Dense64,
  maxAbsoluteError,
  type ReferenceGradients,
  type ReferenceInputs,
  type ReferenceMasks,
  type ReferenceOptions,
  referenceAttention,
  referenceAttentionGradients,
  referenceKernelWeights,
  referenceLinearAttention,
  referenceWeights,
  relativeFrobeniusError,
} from './core/reference.ts';

// Comparison with full attention: error, time and memory of variants on one input, and the report of it.
export { type CompareSettings, compare, type MeasuredOutput } from './compare/compare.ts';
export { type ComparisonCase, type ComparisonInput, fileInput, fixtureInput } from './compare/inputs.ts';
export type { Layout } from './compare/layout.ts';
export type { FileSettings } from './compare/qkv-file.ts';
export { type Distribution, type SyntheticSettings, syntheticInput } from './compare/synthetic.ts';
export type { Skip } from './compare/plan.ts';
export type { StopwatchSettings } from './compare/stopwatch.ts';
export type {
  BaselineResult,
  ComparisonReport,
  ComparisonResult,
  Environment,
  InputDescription,
  PatternPicture,
} from './compare/result.ts';
export { renderReport } from './compare/report.ts';
export { attentionRows } from './compare/attention-rows.ts';

// Training: tasks whose examples are generated, runs as plain settings, the loop, checkpoints, and what is known to work.
export { openTask, tasks } from './training/tasks/registry.ts';
export type { GroupName } from './training/tasks/groups.ts';
export type {
  Example,
  HiddenSentence,
  Part,
  Task,
  TaskDefinition,
  TaskKind,
  TaskSettings,
} from './training/tasks/task.ts';
export { type Batch, drawBatch, type HiddenSentences, type Sequences } from './training/tasks/batch.ts';
export { type Baseline, majorityBaseline } from './training/tasks/baseline.ts';
export { endRun, type OptimizerSettings, type Run, type RunSettings, runDefaults, startRun } from './training/run.ts';
export type { Schedule } from './training/optimizers/schedules.ts';
export type { AdafactorSettings } from './training/optimizers/adafactor.ts';
export type { AdamWSettings } from './training/optimizers/adamw.ts';
export type { SGDSettings } from './training/optimizers/sgd.ts';
export type { Optimizer } from './training/optimizers/optimizer.ts';
export { type Learner, learnerFor, lossOf, type ModelSettings } from './training/learner.ts';
export type { ClassifierConfig } from './training/classifier.ts';
export type { LanguageModelConfig } from './training/language-model.ts';
export type { TransformerConfig } from './training/config.ts';
export type { AttentionSettings } from './training/mixing.ts';
export type { ProjectionKind, ProjectionSettings } from './training/projections.ts';
export type { FeedForwardSettings } from './training/feed-forward/registry.ts';
export type { Routed } from './training/feed-forward/kind.ts';
export { type RoutedLayer, whoGoesWhere } from './training/feed-forward/who.ts';
export type { FloatType } from './training/linear.ts';
export type { Model } from './training/module.ts';
export type { Auxiliary, ForwardContext } from './training/module.ts';
export { type EvaluationReport, type Observer, type StepReport, train } from './training/trainer.ts';
export { type Evaluation, type EvaluationSettings, evaluate } from './training/evaluate.ts';
export {
  type CheckpointFacts,
  loadModel,
  resumeRun,
  saveCheckpoint,
  type TrainedModel,
} from './training/checkpoint.ts';
export { generate, type SamplingSettings, startGeneration } from './training/generate.ts';
export { loadGeneration, type SavedGeneration, saveGeneration } from './training/generation-file.ts';
export type { Generation } from './training/language-model.ts';
export { textAttention } from './training/text-attention.ts';
export { type Exported, type ExportOptions, exportModel } from './training/export/export.ts';
export { importRun } from './training/export/import.ts';
export {
  type ConvertedModel,
  convertModel,
  type ModelConversionObserver,
  type ModelConversionSettings,
} from './training/conversion/learner.ts';
export type {
  ConversionObserver,
  ConversionReport,
  ConversionSettings,
  ConversionStep,
} from './training/conversion/convert.ts';
export type { ConversionKeep } from './training/conversion/kept.ts';
export { recipes } from './training/recipes/registry.ts';
export { type Goal, type NamedRun, type Recipe, type RecipeRun, runsOf } from './training/recipes/recipe.ts';

// Checkpoints of Hugging Face's transformers: the model as it computes there, and any variant in place of its attention.
export { loadPretrained } from './pretrained/load.ts';
export type {
  AttendInstead,
  Description,
  ForwardOptions,
  HeadKind,
  LoadOptions,
  PretrainedModel,
  RandomBlocks,
  Rotations,
  TextInputs,
  TextOutput,
} from './pretrained/architecture.ts';
export { Encoder } from './pretrained/encoder.ts';
export { PretrainedReformer } from './pretrained/reformer.ts';
export { savePretrained } from './pretrained/save.ts';
export {
  type ConvertedPretrained,
  convertPretrained,
  type PretrainedConversionObserver,
  type PretrainedConversionSettings,
} from './pretrained/conversion.ts';
export type { Drift } from './pretrained/swap.ts';
export { embedSentences } from './pretrained/sentences.ts';
export { type EncodeOptions, loadTokenizer, type Text, type TextTokenizer } from './pretrained/tokenizer.ts';
export type { EncoderDescription, OwnAttention } from './pretrained/encoder-config.ts';
export type { ChunkSettings, ReformerAttentionKind, ReformerDescription } from './pretrained/reformer-config.ts';

// Files that numpy and PyTorch users have; written whole or not at all.
export { readNpy, writeNpy } from './core/files/npy.ts';
export { readNpz } from './core/files/npz.ts';
export {
  type OpenedSafetensors,
  readSafetensors,
  type Safetensors,
  writeSafetensors,
} from './core/files/safetensors.ts';
export type { ArrayToStore, StoredArray } from './core/files/numbers.ts';
export type { FileOrBytes } from './core/files/given.ts';
// A page has no disk: what is handed to it as bytes, and what it writes, has a name here.
export { type PageFiles, pageFiles } from './core/files/page-files.ts';

// Threads: all cores unless set; results do not depend on how many.
export { closePool, poolReady, setKernels, setThreads, threadCount } from './core/parallel/pool.ts';
export { type KernelBuild, type KernelSet, kernelBuild, kernelSet } from './core/kernels/simd.ts';

// The contract of a variant, for one of your own: `defineVariant` makes it of a declaration, `register` enters it.
export { defineVariant, type VariantDefinition } from './variants/define.ts';
export type {
  Attending,
  AttentionInputs,
  AttentionPattern,
  AttentionShape,
  AttentionVariant,
  Budget,
  Citation,
  CommonOptions,
  Exactness,
  Family,
  IntegerTable,
  Method,
  Parameters,
} from './variants/variant.ts';
// Its options, its inputs and parameters, what it remembers between calls, and what a softmax counts in its cost.
export {
  type BooleanOption,
  boolean,
  type ChoiceOption,
  choice,
  type Default,
  type IntegerListOption,
  type IntegerOption,
  integer,
  integers,
  type NumberOption,
  number,
  type OptionSchema,
  type OptionsOf,
} from './variants/options.ts';
export type { LayerParts } from './variants/layer-parts.ts';
export type { DeclaredInputs, Gate, GateColumn, GatedInputs } from './variants/inputs.ts';
export { type DeclaredParameter, type Drawing, glorotUniform, normal } from './variants/parameters.ts';
export { Memory } from './variants/state.ts';
export { SOFTMAX_FLOPS } from './variants/flops.ts';

// Errors: everything thrown on purpose is an `EfficientTransformersError`.
export {
  ArgumentError,
  EfficientTransformersError,
  FileFormatError,
  FileWriteError,
  FolderInUseError,
  MemoryError,
  NumericalError,
  ShapeError,
  UnsupportedError,
  WorkerError,
} from './core/errors.ts';
