/** Passages of a text, or of a list of token numbers, to convert a model with. */
import { ArgumentError } from '../core/errors.ts';
import type { Random } from '../core/random.ts';
import { fromArray } from '../core/tensor.ts';
import type { TextInputs } from './architecture.ts';
import type { TextTokenizer } from './tokenizer.ts';

export type Draw = (part: 'training' | 'held-out', random: Random) => TextInputs;

export interface PassageSizes {
  /** In tokens, with special ones. */
  length: number;
  batch: number;
}

/** Of English, with some to spare: what a passage has more is cut off, what it has less is padding. */
const CHARACTERS_PER_TOKEN = 6;
const MOST_PIECES = 100;
const HELD_OUT_EVERY = 10;

/** Passages of a text. Throws ArgumentError for a text that is too short. */
export function passagesOf(text: string, tokenizer: Pick<TextTokenizer, 'encode'>, sizes: PassageSizes): Draw {
  const { length, batch } = sizes;
  const want = CHARACTERS_PER_TOKEN * length;
  const drawRange = rangesOf(text.length, want, 'characters');
  return (part, random) => {
    const passages = Array.from({ length: batch }, () => text.slice(...drawRange(part, random)));
    return tokenizer.encode(passages, { maxLength: length });
  };
}

/** Passages of token numbers as they are. Throws ArgumentError for too few of them. */
export function passagesOfTokens(ids: readonly number[], { length, batch }: PassageSizes): Draw {
  const drawRange = rangesOf(ids.length, length, 'tokens');
  return (part, random) => {
    const passages = Array.from({ length: batch }, () => ids.slice(...drawRange(part, random)));
    return { tokens: fromArray(passages.flat(), [batch, length], 'int32') };
  };
}

/**
 * Cuts `size` places into equal pieces, every tenth of which is held out, or the last where there are fewer, and draws `want`
 * places within one of them: no held-out place is in a training passage.
 */
function rangesOf(size: number, want: number, what: string) {
  const pieces = Math.min(MOST_PIECES, Math.floor(size / want));
  if (pieces < 2) throw new ArgumentError(`text: expected at least ${2 * want} ${what} for this length, got ${size}`);
  const all = Array.from({ length: pieces }, (_, n) => n);
  const isHeldOut = (n: number) => n === pieces - 1 || n % HELD_OUT_EVERY === HELD_OUT_EVERY - 1;
  const parts = { training: all.filter((n) => !isHeldOut(n)), 'held-out': all.filter(isHeldOut) };
  const edge = (n: number) => Math.floor((n * size) / pieces);
  return (part: 'training' | 'held-out', random: Random): [begin: number, end: number] => {
    const piece = parts[part][random.integer(parts[part].length)];
    const begin = edge(piece) + random.integer(edge(piece + 1) - edge(piece) - want + 1);
    return [begin, begin + want];
  };
}
