/** What a page may ask its engine, and what it gets: the only thing that both sides share. */
import type { ComparisonResult } from '../../src/compare/result.ts';
import type { Distribution } from '../../src/compare/synthetic.ts';
import type { Baseline } from '../../src/training/tasks/baseline.ts';
import type { EvaluationReport, StepReport } from '../../src/training/trainer.ts';

/** Where queries, keys and values come from. */
export type InputChoice =
  /** A layer of the shipped MiniLM activations. */
  | { kind: 'minilm'; layer: string }
  | { kind: 'drawn'; distribution: Distribution; length: number; heads: number; headDim: number }
  /** What the shipped byte model makes of a text in one of its layers; always causal. */
  | { kind: 'text'; text: string; layer: number }
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
  /** Cells a side. */
  size: number;
  cells: readonly number[];
  /** Pairs of the whole matrix that are allowed; null for weights. */
  pairs: number | null;
  /** Floating point operations of a forward pass, and those of full attention. */
  flops: number;
  fullFlops: number;
}

export interface TrainingState {
  step: number;
  steps: number;
  stopped: boolean;
  /** At the last step, whether the run came to what its recipe says; null before, and where that says nothing. */
  reached: boolean | null;
}

export type TrainingEvent = { kind: 'step'; report: StepReport } | { kind: 'evaluation'; report: EvaluationReport };

/** By name: what is asked, what is answered, and what is told meanwhile. */
export interface Questions {
  start: { ask: { threads?: number }; answer: Machine; event: never };
  put: { ask: { name: string; bytes: Uint8Array }; answer: null; event: never };
  /** Layers that an input has, by name. */
  layers: { ask: { input: InputChoice }; answer: string[]; event: never };
  /** The very numbers of the command `compare`; `turns` of the stopwatch at least. */
  measure: { ask: Subject & { turns: number }; answer: ComparisonResult; event: never };
  /** `head`: its number, or null for the mean over all. */
  weights: { ask: Subject & { head: number | null }; answer: Weights; event: never };
  pattern: {
    ask: Omit<Subject, 'input'> & { length: number; heads: number; headDim: number; cells: number };
    answer: Grid;
    event: never;
  };
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
