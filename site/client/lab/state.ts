/** What a lab shows: all that its controls hold, and that a link to it says. */
import type { InputChoice, Subject } from '../../engine/protocol.ts';

export type InputKind = 'minilm' | 'drawn' | 'text' | 'file';
export type Distribution = 'gaussian' | 'clustered' | 'peaked';

export interface LabState {
  variant: string;
  /** Options that were chosen by hand, as the command line writes them: `64`, `true`, `0,5`. */
  options: Readonly<Record<string, string>>;
  causal: boolean;
  seed: number;
  input: InputKind;
  /** Of MiniLM, of the model that reads texts, or of a file; '': its first. */
  layer: string;
  distribution: Distribution;
  length: number;
  heads: number;
  headDim: number;
  text: string;
  /** Names of files that were chosen. */
  files: readonly string[];
  /** Null: the mean over all. */
  head: number | null;
  /** The query whose weights are shown one by one. */
  row: number;
}

/** What a lab begins with; `variant` and `text` are those of its controls. */
export function startOf(variant: string, text: string): LabState {
  return {
    variant,
    options: {},
    causal: false,
    seed: 0,
    input: 'minilm',
    layer: '',
    distribution: 'gaussian',
    length: 512,
    heads: 1,
    headDim: 64,
    text,
    files: [],
    head: null,
    row: 256,
  };
}

/** Sequences up to here have pictures; a matrix of longer ones would be larger than a page should hold. */
export const LONGEST_PICTURE = 1024;

/** For whatever the engine is asked. */
export function inputChoice(state: LabState): InputChoice {
  const { input, layer, distribution, length, heads, headDim, text, files } = state;
  if (input === 'minilm') return { kind: 'minilm', layer: layer || 'layer1' };
  if (input === 'text') return { kind: 'text', text, layer: layer || 'layer0' };
  if (input === 'file') return { kind: 'file', names: files, ...(layer === '' ? {} : { layer }) };
  return { kind: 'drawn', distribution, length, heads, headDim };
}

/** `options` are values, not texts. */
export function subjectOf(state: LabState, options: Readonly<Record<string, unknown>>): Subject {
  const { variant, causal, seed } = state;
  return { input: inputChoice(state), variant, options, causal, seed };
}
