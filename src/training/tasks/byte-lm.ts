/**
 * Language modelling of bytes: any text is a sequence of them (in UTF-8, as which what is generated is read), without a
 * tokeniser in between. Causally, the next byte is predicted from those before it; masked (Devlin et al. 2019, §3.1), hidden
 * bytes are from both sides, for variants that cannot be causal.
 *
 * The text is cut into equal pieces, every tenth of which is held out: no held-out byte is in a window that was trained on,
 * and both parts are from all over the text.
 */

import { defaultText } from '#platform/default-text';
import { ArgumentError, expectInteger } from '../../core/errors.ts';
import { InputFile } from '../../core/files/input-file.ts';
import type { Random } from '../../core/random.ts';
import type { Part, Task, TaskDefinition } from './task.ts';
import { TextBytes } from './text-bytes.ts';

/** In bytes: a training holds its whole text in memory. The largest in common use, enwik9, has 10⁹. */
const LARGEST_TEXT = 2 ** 30;
const MOST_PIECES = 100;
const HELD_OUT_EVERY = 10;
/** Pieces of a short text may be little longer than a window, which then can begin at few places only. */
const WINDOWS_PER_PIECE = 4;

export const byteLm: TaskDefinition = {
  name: 'byte-lm',
  summary: 'Predict the next byte of your text',
  source: 'Al-Rfou et al. 2019, without their auxiliary losses',
  defaults: { length: 256, text: '' },
  briefLength: 128,

  make({ length, text }): Task {
    expectInteger('length', length, 1);
    const window = windowsOf(text, length + 1);
    return {
      name: 'byte-lm',
      kind: 'causal',
      settings: { length, text },
      vocabulary: 256,
      classes: 256,
      length,
      accuracy: 'target',
      chance: 1 / 256,
      alphabet: 'bytes',
      draw(part, random) {
        const bytes = window(part, random);
        return { tokens: bytes.subarray(0, length), targets: bytes.subarray(1) };
      },
    };
  },
};

/** The token in place of a hidden byte. */
export const MASK = 256;
/** Of the bytes that are to be predicted: hidden, replaced by some byte, left as they are (Devlin et al. 2019, §3.1). */
const PREDICTED_SHARE = 0.15;
const HIDDEN_SHARE = 0.8;
const REPLACED_SHARE = 0.1;

export const byteMlm: TaskDefinition = {
  name: 'byte-mlm',
  summary: 'Predict hidden bytes of your text',
  source: 'Devlin et al. 2019, §3.1, on bytes',
  defaults: { length: 256, text: '' },
  briefLength: 128,

  make({ length, text }): Task {
    expectInteger('length', length, 2);
    const window = windowsOf(text, length);
    return {
      name: 'byte-mlm',
      kind: 'masked',
      settings: { length, text },
      vocabulary: 257,
      classes: 257,
      length,
      accuracy: 'target',
      chance: 1 / 256,
      alphabet: 'bytes',
      draw(part, random) {
        const targets = window(part, random);
        const tokens = Int32Array.from(targets);
        const predicted = random.choose(length, Math.max(1, Math.round(PREDICTED_SHARE * length)));
        const counts = new Uint8Array(length);
        for (const at of predicted) {
          counts[at] = 1;
          const what = random.uniform();
          if (what < HIDDEN_SHARE) tokens[at] = MASK;
          else if (what < HIDDEN_SHARE + REPLACED_SHARE) tokens[at] = random.integer(256);
        }
        return { tokens, targets, counts };
      },
    };
  },
};

/**
 * Draws runs of `size` bytes of a file, the default text for an empty path. Throws FileFormatError for a text
 * in another encoding than UTF-8, ArgumentError for one that is too short.
 */
function windowsOf(path: string, size: number): (part: Part, random: Random) => Uint8Array {
  const file = new InputFile(path === '' ? defaultText() : path, LARGEST_TEXT);
  const least = HELD_OUT_EVERY * size;
  const expectLong = (length: number) => {
    if (length >= least) return;
    throw new ArgumentError(`text: expected at least ${least} bytes for this length, got ${length} in ${file.path}`);
  };
  expectLong(file.size);
  const bytes = new TextBytes(file);
  expectLong(bytes.length);
  const roomy = Math.min(MOST_PIECES, Math.floor(bytes.length / (WINDOWS_PER_PIECE * size)));
  const pieces = Math.max(HELD_OUT_EVERY, roomy);
  const pieceSize = Math.floor(bytes.length / pieces);
  const isHeldOut = (piece: number) => piece % HELD_OUT_EVERY === HELD_OUT_EVERY - 1;
  const all = Array.from({ length: pieces }, (_, piece) => piece);
  const byPart: Record<Part, number[]> = {
    training: all.filter((piece) => !isHeldOut(piece)),
    'held-out': all.filter(isHeldOut),
  };
  return (part, random) => {
    const own = byPart[part];
    const begin = own[random.integer(own.length)] * pieceSize + random.integer(pieceSize - size + 1);
    return bytes.part(begin, begin + size, part === 'training');
  };
}
