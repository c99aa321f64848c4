/**
 * The common interface of models of Hugging Face's transformers: how one is described, built and called. Files next to this
 * one implement it for families of models (`encoder.ts` for BERT's), and load.ts lists them by `model_type`.
 */
import type { Tensor } from '../core/tensor.ts';
import type { FloatType } from '../training/linear.ts';
import type { AttentionSettings } from '../training/mixing.ts';
import type { ForwardContext, Module } from '../training/module.ts';
import type { AttentionInputs } from '../variants/variant.ts';
import type { Config } from './config.ts';

/** The head on top of the model's body, by `architectures` of config.json. */
export type HeadKind = 'none' | 'masked-lm' | 'causal-lm' | 'classification';

/** The facts that all descriptions share: checked values of config.json, under this library's names. */
export interface Description {
  /** `model_type` */
  modelType: string;
  head: HeadKind;
  vocabulary: number;
  layers: number;
  modelDim: number;
  heads: number;
  headDim: number;
  /** The longest text, in tokens: the number of positions. */
  length: number;
}

/** Options of `loadPretrained`: another attention, a longer text, a seed, a dtype. */
export interface LoadOptions {
  /**
   * Replaces the layers' own attention, with the same queries, keys and values. Layer n takes entry n mod the number of
   * entries; null leaves a layer as it is. Parameters that a variant learns or draws come from `seed`.
   */
  attention?: AttentionSettings | readonly (AttentionSettings | null)[];
  /** The longest text, if not the checkpoint's. Additional positions are copies of its own (Beltagy et al. 2020, §5). */
  length?: number;
  /** 0 by default. */
  seed?: number;
  /** The type of the model's arithmetic, whatever the type of the file; float32 by default. */
  dtype?: FloatType;
  /**
   * Whether learned tensors require gradients, so that a forward pass keeps its tape; false by default. An optimiser over
   * `parameters()` also turns them on.
   */
  trainable?: boolean;
}

/** A batch of texts. */
export interface TextInputs {
  /** int32 [batch, length] */
  tokens: Tensor;
  /** uint8 [batch, length]: 1 = a real token, 0 = padding. Absent: all real. */
  keyMask?: Tensor | undefined;
  /** int32 [batch, length]: the segment that a token belongs to. Absent: all 0. */
  tokenTypes?: Tensor | undefined;
  /** uint8 [batch, length], for models with global tokens: 1 = global. */
  globalMask?: Tensor | undefined;
}

/**
 * Replaces a layer's attention in one forward pass: it turns queries, keys and values into [batch, heads, length, headDim].
 * `own` computes the layer's own result. `inputs.global` is set only for Longformer; other variants do not accept it.
 */
export type AttendInstead = (inputs: AttentionInputs, layer: number, own: () => Tensor) => Tensor;

/**
 * Chooses BigBird's random blocks of a layer: by head and inner query block (the first and the last are global), numbers
 * of blocks 0 … blocks − 1. A block that appears twice counts twice.
 */
export type RandomBlocks = (place: {
  layer: number;
  heads: number;
  blocks: number;
  randomBlocks: number;
}) => readonly (readonly (readonly number[])[])[];

/**
 * The random directions of a hashing layer of Reformer, [heads, headDim, hashes, directions] in the model's type: for each
 * factor of the number of buckets, half as many directions as the factor, one factor after another.
 */
export type Rotations = (place: {
  layer: number;
  heads: number;
  headDim: number;
  hashes: number;
  directions: number;
}) => Tensor;

/** Options of a forward pass of a loaded model. */
export interface ForwardOptions {
  /** For training; `evaluation` by default. */
  context?: ForwardContext;
  attend?: AttendInstead;
  /** The random blocks of BigBird's own attention; see own-attention.ts for the default. */
  randomBlocks?: RandomBlocks;
  /** The rotations of Reformer's own attention; see reformer.ts for the default. */
  rotations?: Rotations;
}

/** The results of a loaded model. */
export interface TextOutput {
  /**
   * [batch, length, modelDim], after the embeddings and after each layer: one more than there are layers. A Reformer has two:
   * after the embeddings, and [batch, length, 2 · modelDim] after all layers.
   */
  hiddenStates: Tensor[];
  /** `[batch, modelDim]`: the pooler's output for the first token, if there is a pooler. */
  pooled?: Tensor;
  /** The head's logits: [batch, length, vocabulary], or [batch, classes]. */
  logits?: Tensor;
}

/** A model of Hugging Face's transformers, as `loadPretrained` returns it. */
export interface PretrainedModel extends Module {
  readonly description: Description;
  /** All tensors by our names: the learned ones, and those that a replacing variant drew. Live, not copies. */
  tensors(): Map<string, Tensor>;
  /** The learned tensors, for an optimiser. */
  parameters(): Map<string, Tensor>;
  /** Call this before a step of training: it redraws the random tensors of a replacing variant when due. */
  redraw(step: number): void;
  /** Called once, when the checkpoint's tensors are loaded, for tensors that start as copies of them. */
  filled?(): void;
  /**
   * Differentiable, and keeps a tape, if parameters require gradients (see `LoadOptions.trainable`). Throws
   * ShapeError or ArgumentError for inputs that do not fit.
   */
  forward(inputs: TextInputs, options?: ForwardOptions): TextOutput;
}

/** The destination of a tensor of the file. */
export interface Destination {
  /** Its name among the model's `tensors()`. */
  name: string;
  /**
   * Its layout in the file. `transposed`: [outputs, inputs], as in PyTorch's Linear, and ours is [inputs, outputs].
   * `squeezed`: ours lacks some extents of 1. Absent: the same as ours.
   */
  layout?: 'transposed' | 'squeezed';
  /**
   * For positions: the file has `rows` of them. If ours are more, those from `from` on are repeated until there are enough
   * (Beltagy et al. 2020, §5).
   */
  repeated?: { rows: number; from: number };
  /** A second name of the same numbers (a tied bias or matrix), used only if the first name is absent. */
  alias?: true;
}

/** The checked content of config.json, without the tensors. */
export interface Plan {
  readonly description: Description;
  /** The model, with tensors still to be filled. `stored` has the names in the file, for parts that may be absent. */
  build(options: LoadOptions, stored: ReadonlySet<string>): PretrainedModel;
  /** The destination of the file's tensor; `unused`: known, but not for this head; undefined: unknown. */
  destination(stored: string): Destination | 'unused' | undefined;
  /** The name of a tensor of the model in a file with these other names. */
  nameOf(name: string, stored: ReadonlySet<string>): string;
}

export interface Architecture {
  readonly modelType: string;
  /** Throws UnsupportedError or FileFormatError for invalid settings. */
  plan(config: Config): Plan;
}
