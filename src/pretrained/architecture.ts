/**
 * What the models of Hugging Face's transformers have in common here: how one is described, built and called. A file
 * next to this one says it for a family of them (`encoder.ts` for what is shaped like BERT), and load.ts lists them by
 * their `model_type`.
 */
import type { Tensor } from '../core/tensor.ts';
import type { FloatType } from '../training/linear.ts';
import type { AttentionSettings } from '../training/mixing.ts';
import type { ForwardContext, Module } from '../training/module.ts';
import type { AttentionInputs } from '../variants/variant.ts';
import type { Config } from './config.ts';

/** The head on top of the model's body, by `architectures` of config.json. */
export type HeadKind = 'none' | 'masked-lm' | 'causal-lm' | 'classification';

/** The facts that all descriptions share: those of config.json, checked, under the names of this library. */
export interface Description {
  /** `model_type` */
  modelType: string;
  head: HeadKind;
  vocabulary: number;
  layers: number;
  modelDim: number;
  heads: number;
  headDim: number;
  /** The longest text: as many tokens as there are positions for. */
  length: number;
}

/** Options of `loadPretrained`: another attention, a longer text, a seed, a dtype. */
export interface LoadOptions {
  /**
   * What takes the place of a layer's own attention, given its queries, keys and values: of layer n entry n mod their
   * number, where null leaves the layer as it is. Parameters that a variant learns or draws come from `seed`.
   */
  attention?: AttentionSettings | readonly (AttentionSettings | null)[];
  /** Longest text, where it is not the checkpoint's: more positions are copies of its own (Beltagy et al. 2020, §5). */
  length?: number;
  /** 0 by default. */
  seed?: number;
  /** The type that the model computes in, whatever the type of the file; float32 by default. */
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
 * Takes the place of a layer's attention in one forward pass: queries, keys and values to [batch, heads, length, headDim].
 * `own` computes what the layer itself would give. `inputs.global` is set for Longformer alone; other variants do not take
 * it.
 */
export type AttendInstead = (inputs: AttentionInputs, layer: number, own: () => Tensor) => Tensor;

/**
 * Chooses BigBird's random blocks of a layer: by head and inner query block (the first and the last are global), numbers
 * of blocks 0 … blocks − 1. One that comes twice counts twice.
 */
export type RandomBlocks = (place: {
  layer: number;
  heads: number;
  blocks: number;
  randomBlocks: number;
}) => readonly (readonly (readonly number[])[])[];

/**
 * The random directions of a layer of Reformer that hashes, [heads, headDim, hashes, directions] in the model's type: for
 * each factor of the number of buckets half as many as the factor, one factor after another.
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
  /** Of BigBird's own attention; see own-attention.ts for what is there by default. */
  randomBlocks?: RandomBlocks;
  /** Of Reformer's own attention; see reformer.ts for what is there by default. */
  rotations?: Rotations;
}

/** What a loaded model computes from texts. */
export interface TextOutput {
  /**
   * [batch, length, modelDim], after the embeddings and after each layer: one more than layers. Of a Reformer two: after
   * the embeddings, and [batch, length, 2 · modelDim] after all layers.
   */
  hiddenStates: Tensor[];
  /** `[batch, modelDim]`: the pooler's output for the first token, if there is a pooler. */
  pooled?: Tensor;
  /** Of the head: [batch, length, vocabulary], or [batch, classes]. */
  logits?: Tensor;
}

/** A model of Hugging Face's transformers, as `loadPretrained` returns it. */
export interface PretrainedModel extends Module {
  readonly description: Description;
  /** All tensors by our names: those that are learned, and those that a replaced attention drew. Live, not copies. */
  tensors(): Map<string, Tensor>;
  /** The learned tensors, for an optimiser. */
  parameters(): Map<string, Tensor>;
  /** To be called before a step of training: redraws random tensors of a replaced attention when due. */
  redraw(step: number): void;
  /** Called once, when the checkpoint's tensors are loaded, for tensors that start as copies of them. */
  filled?(): void;
  /**
   * Differentiable, and keeps a tape, if parameters require gradients (see `LoadOptions.trainable`). Throws
   * ShapeError or ArgumentError for inputs that do not fit.
   */
  forward(inputs: TextInputs, options?: ForwardOptions): TextOutput;
}

/** Where a tensor of the file goes. */
export interface Destination {
  /** Of the model's `tensors()`. */
  name: string;
  /**
   * How the file has it. `transposed`: [outputs, inputs], as PyTorch's Linear, where ours is [inputs, outputs].
   * `squeezed`: with extents of 1 that ours lacks. Absent: as ours.
   */
  layout?: 'transposed' | 'squeezed';
  /**
   * For positions: the file has `rows` of them, and where ours are more, those from `from` on are repeated until there are
   * enough (Beltagy et al. 2020, §5).
   */
  repeated?: { rows: number; from: number };
  /** The same numbers under a second name (a tied bias or matrix): taken only where the first name is absent. */
  alias?: true;
}

/** The checked content of config.json, without the tensors. */
export interface Plan {
  readonly description: Description;
  /** The model, its tensors yet to be filled. `stored` has the names in the file, for parts that may be absent. */
  build(options: LoadOptions, stored: ReadonlySet<string>): PretrainedModel;
  /** Where the file's tensor goes; `unused`: known, but not for this head; undefined: unknown. */
  destination(stored: string): Destination | 'unused' | undefined;
  /** The name of a tensor of the model in a file with these other names. */
  nameOf(name: string, stored: ReadonlySet<string>): string;
}

export interface Architecture {
  readonly modelType: string;
  /** Throws UnsupportedError or FileFormatError for invalid settings. */
  plan(config: Config): Plan;
}
