/**
 * What the suite and a peer's process say to each other: one JSON object a line, a request on stdin, its answer on
 * stdout. bench/pytorch/serve.py speaks the same. A peer may print what it likes: only lines that begin with the mark
 * are answers.
 */

export const MARK = '@peer ';

/**
 * What is measured. Attention and recurrences are [heads, length, headDim], a batch of one; a product is size × size × size.
 */
export type Task =
  | { kind: 'attention'; heads: number; length: number; headDim: number; training: boolean }
  | { kind: 'recurrence'; heads: number; length: number; headDim: number; training: boolean }
  | { kind: 'product'; size: number }
  /** Of one attention between matrices, or of a whole language model (the suite `training`). */
  | { kind: 'training-step'; length: number; width: number; model?: ModelSize }
  /** One more token after `length` others (the suite `generation`). */
  | { kind: 'decoded-token'; length: number; width: number; model: ModelSize }
  | { kind: 'peak' };

/** Of a language model, beside its width and length. */
export interface ModelSize {
  layers: number;
  heads: number;
  batch: number;
}

/** What a contestant runs on: whose share of the processor's peak can be told. */
export type Instructions = 'javascript' | 'wasm' | 'wasm-fused' | 'native';

/** What stands behind a line of the tables. */
export interface ContestantDescription {
  /** Its own within the peer. */
  name: string;
  kind: Task['kind'];
  /** For attention and recurrences, whose result it must give: `full`, or a variant's name. For other kinds, that kind. */
  computes: string;
  /** Whether it can give gradients too. */
  training: boolean;
  instructions: Instructions;
  /** How many [heads, length, length] arrays it holds at once, forward and with gradients; absent: none. */
  scoreArrays?: readonly [number, number];
}

export interface Hello {
  /** Of everything that the figures depend on. */
  versions: Record<string, string>;
  /** As many as it really uses; at most as many as it was given. */
  threads: number;
  contestants: ContestantDescription[];
  /** Those that the installed version does not have, with the reason. */
  absent?: { name: string; kind: Task['kind']; reason: string }[];
}

export type Request =
  | { do: 'hello' }
  /** Draws the inputs and runs until it is warm; `check`: as it will be compared, where that differs. */
  | { do: 'prepare'; contestant: string; task: Task; check: boolean }
  | { do: 'measure'; contestant: string; repeats: number }
  /** Of one more run. */
  | { do: 'results'; contestant: string }
  | { do: 'release'; contestant: string };

/** Named arrays of float32, each as base64 of little-endian bytes. */
export type EncodedResults = Record<string, string>;

export type Answer =
  | { ok: true; hello?: Hello; milliseconds?: number; results?: EncodedResults }
  /** `unable`: the contestant has no form for that task, by its authors' design. */
  | { ok: false; error: string; unable?: boolean };
