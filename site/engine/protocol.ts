/** What a page may ask its engine, and what it gets: the only thing that both sides share. */
import type { ComparisonResult } from '../../src/compare/result.ts';
import type { Distribution } from '../../src/compare/synthetic.ts';
import type { Baseline } from '../../src/training/tasks/baseline.ts';
import type { EvaluationReport, StepReport } from '../../src/training/trainer.ts';
import type { Drawn, Settings } from '../course/drawn.ts';
import type { PictureName } from '../course/pictures/index.ts';

/** Where queries, keys and values come from. */
export type InputChoice =
  /** A layer of the shipped MiniLM activations. */
  | { kind: 'minilm'; layer: string }
  | { kind: 'drawn'; distribution: Distribution; length: number; heads: number; headDim: number }
  /** What the shipped byte model makes of a text in one of its layers, `layer0` and so on; always causal. */
  | { kind: 'text'; text: string; layer: string }
  /** Files that were `put` before: .safetensors or .npy; the layer of that name, or the first. */
  | { kind: 'file'; names: readonly string[]; layer?: string };

/** One variant on one input. */
export interface Subject {
  input: InputChoice;
  variant: string;
  /** Those that differ from the defaults. */
  options: Readonly<Record<string, unknown>>;
  causal: boolean;
  seed: number;
}

/** What is known of an input before anything is measured on it. */
export interface InputFacts {
  /** Layers that it has, by name; empty for an input without. */
  layers: string[];
  /** Of the chosen layer. */
  length: number;
  heads: number;
  headDim: number;
  /** What was read, in parts that make up the text: one for each token, '' for a byte that goes on; null if unknown. */
  tokens: string[] | null;
}

/** Options of a variant at a length. */
export interface OptionFacts {
  /** Its own defaults, all of them. */
  defaults: Record<string, unknown>;
  /** Where an explorer may begin: the defaults, but for a budget that already saves something. */
  start: Record<string, unknown>;
  /** By name, for whole numbers: the largest that is allowed, and the largest that is worth a slider. */
  limits: Record<string, { maximum: number | null; slider: number }>;
}

/** Pairs of query and key that one head allows, in the mean. */
export interface Pairs {
  /** One by one; null for sequences that are too long for it. */
  counted: number | null;
  /** Those that full attention has. */
  all: number;
  /** Its text has a letter for each symbol. */
  formula: { text: string; symbols: Readonly<Record<string, number>>; pairs: number } | null;
}

/**
 * What `compare` has, with the relative error of its baseline that is the mean of the values; and how many pairs the variant
 * allows, null for one that has no pattern.
 */
export type Measurement = ComparisonResult & { meanError: number; pairs: Pairs | null };

export interface Machine {
  threads: number;
  kernels: 'plain' | 'simd';
  /** Whether threads may share memory here. */
  isolated: boolean;
}

export interface Weights {
  /** Tokens a side. */
  length: number;
  heads: number;
  /** length × length, row-major; a row is a query. Of one head, or the mean over all. */
  weights: Float32Array;
}

export interface Grid {
  /** What a cell holds: the share of its pairs that are allowed, or their mean weight. */
  kind: 'pattern' | 'weights';
  /** Cells per side. */
  size: number;
  cells: readonly number[];
  /** Pairs of the whole matrix that are allowed; null for weights. */
  pairs: number | null;
  /** Floating point operations of a forward pass, and those of full attention. */
  flops: number;
  fullFlops: number;
}

export interface AttentionSize {
  length: number;
  heads: number;
  headDim: number;
}

/** A variant with the largest budget that costs no more than a share of full attention. */
export interface Budgeted {
  variant: string;
  /** Those that differ from the defaults: the budget, and the seed of a random pattern. */
  options: Record<string, unknown>;
  /** Null for a variant without. */
  budget: { symbol: string; value: number } | null;
  /** Of full attention's floating point operations; above the share asked for where even the cheapest budget is. */
  share: number;
}

export interface TrainingState {
  step: number;
  steps: number;
  stopped: boolean;
  /** At the last step, whether the run came to what its recipe says; null before, and where that says nothing. */
  reached: boolean | null;
}

export type TrainingEvent = { kind: 'step'; report: StepReport } | { kind: 'evaluation'; report: EvaluationReport };

/** A feed-forward layer on the words of a text. */
export interface RoutingAsk {
  kind: string;
  options: Readonly<Record<string, number | string>>;
  words: readonly string[];
  /** With the capacity of training, and what it leaves to chance. */
  training: boolean;
  seed: number;
}

/** What the layer did with the words: see `Routed`. */
export interface RoutedWords {
  choices: readonly number[];
  perToken: number;
  among: number;
  loads: readonly number[];
  /** 1: a choice that met a full expert; empty: none can. */
  refused: readonly number[];
  dropped: number;
  capacity: number;
  loss: number;
}

/** By name: what is asked, what is answered, and what is told meanwhile. */
export interface Questions {
  start: { ask: { threads?: number }; answer: Machine; event: never };
  put: { ask: { name: string; bytes: Uint8Array }; answer: null; event: never };
  describe: { ask: { input: InputChoice }; answer: InputFacts; event: never };
  /** `asked`: what was chosen by hand, which moves the defaults of the others. */
  options: {
    ask: { variant: string; length: number; asked: Readonly<Record<string, unknown>> };
    answer: OptionFacts;
    event: never;
  };
  /** The very numbers of the command `compare`, timed in so many turns. */
  measure: { ask: Subject & { turns: number }; answer: Measurement; event: never };
  /** `head`: its number, or null for the mean over all. */
  weights: { ask: Subject & { head: number | null }; answer: Weights; event: never };
  /** For every variant, in order of registration; of those that have no causal form, that without. */
  budgets: { ask: AttentionSize & { share: number; causal: boolean; seed: number }; answer: Budgeted[]; event: never };
  /** `weights`: of the first heads and tokens of this input, also for a variant that has a pattern; null: the pattern. */
  pattern: {
    ask: Omit<Subject, 'input'> & AttentionSize & { cells: number; weights: InputChoice | null };
    answer: Grid;
    event: never;
  };
  route: { ask: RoutingAsk; answer: RoutedWords; event: never };
  /** A picture of a lesson. */
  draw: { ask: { picture: PictureName; settings: Settings }; answer: Drawn; event: never };
  /** Begins a run of a recipe; one that was there ends. */
  begin: {
    ask: { recipe: string; run: string; seed: number };
    answer: TrainingState & { baseline: Baseline };
    event: never;
  };
  /** Trains until the end, or `pause`. */
  train: { ask: null; answer: TrainingState; event: TrainingEvent };
  pause: { ask: null; answer: null; event: never };
  /** The run as a checkpoint file, which the command `train --resume` goes on with. */
  checkpoint: { ask: null; answer: Uint8Array; event: never };
  /** What it measured so far, as the file of JSON lines that the command `train` leaves beside a checkpoint. */
  metrics: { ask: null; answer: string; event: never };
}

export type Name = keyof Questions;

export interface Request<K extends Name = Name> {
  id: number;
  name: K;
  ask: Questions[K]['ask'];
}

export type Reply = { id: number } & (
  | { answer: unknown }
  | { event: unknown }
  /** `expected`: thrown on purpose by the library, with a message for people. */
  | { error: string; expected: boolean }
);
