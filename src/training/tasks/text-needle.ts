/**
 * A needle in a haystack of text (S-NIAH-2 and S-NIAH-3 of RULER, Hsieh et al. 2024, §3): somewhere in a passage the name of a person
 * stands with a code, and the end names the person again. A code is a number, or with more symbols like a UUID. With `moreCodes`
 * there are several kinds, and each is drawn as often.
 *
 *     … readonly offsetX: number;⏎ruth 4071.⏎readonly offsetY: … number⏎ruth 4071
 *
 * In training other bytes are targets, too, a quarter of them drawn at random, as of a language model: so a model also learns what text
 * asks it to write down. Of held-out passages only the code at the end counts, and it is right if all of its symbols are.
 */
import { ArgumentError, wrongKind } from '../../core/errors.ts';
import { windowsOf } from './byte-lm.ts';
import { PERSONS } from './needle.ts';
import { pick } from './prose.ts';
import type { Task, TaskDefinition } from './task.ts';

/** Digits, then letters. */
const MOST_SYMBOLS = 36;
/** Of the bytes of an example of training that count beside the code, so that the code does not drown among them. */
const TEXT_SHARE = 1 / 4;
const LONGEST_NAME = Math.max(...PERSONS.map(({ length }) => length));

/** No further kinds. */
const NONE = 'none';

/** The codes of one kind: this many symbols, of so many different ones. */
interface Kind {
  items: number;
  symbols: number;
}

export const textNeedle: TaskDefinition = {
  name: 'text-needle',
  summary: 'Predict the next byte of your text, and answer with a code that was hidden in it',
  source: 'Hsieh et al. 2024, §3, with any text',
  defaults: { length: 256, items: 4, symbols: 10, moreCodes: NONE, text: '' },
  brief: { length: 128 },

  make({ length, items, symbols, moreCodes, text }): Task {
    if (symbols > MOST_SYMBOLS) {
      throw new ArgumentError(`symbols: expected at most ${MOST_SYMBOLS}, digits and letters, got ${symbols}`);
    }
    const kinds = [{ items, symbols }, ...furtherKinds(moreCodes)];
    expectDistinct(kinds);
    const longest = Math.max(...kinds.map((kind) => kind.items));
    // Each with a line break before and a space within, the needle with a full stop and a line break after it.
    const least = 2 * (LONGEST_NAME + longest + 2) + 2;
    if (length < least) {
      throw new ArgumentError(
        `length: expected at least ${least} for ${longest} items, twice with a name before them, got ${length}`,
      );
    }
    const passage = windowsOf(text, length);
    return {
      name: 'text-needle',
      kind: 'causal',
      settings: { length, items, symbols, moreCodes, text },
      vocabulary: 256,
      classes: 256,
      length,
      accuracy: 'sequence',
      chance: kinds.reduce((sum, kind) => sum + kind.symbols ** -kind.items / kinds.length, 0),
      alphabet: 'bytes',
      recall: true,
      draw(part, random) {
        const person = pick(PERSONS, random);
        // One kind takes no random number: its runs draw what they drew before there could be more.
        const kind = kinds.length === 1 ? kinds[0] : pick(kinds, random);
        const draw = () => random.integer(kind.symbols).toString(MOST_SYMBOLS);
        const code = Array.from({ length: kind.items }, draw).join('');
        const end = new TextEncoder().encode(`\n${person} ${code}`);
        const needle = new TextEncoder().encode(`\n${person} ${code}.\n`);
        const haystack = passage(part, random).subarray(needle.length + end.length);
        const place = random.integer(haystack.length + 1);
        const tokens = [...haystack.subarray(0, place), ...needle, ...haystack.subarray(place), ...end];
        const counts = new Uint8Array(length);
        if (part === 'training') for (let n = 0; n < length; n++) counts[n] = Number(random.uniform() < TEXT_SHARE);
        // Each symbol is predicted at the byte before it; after the last there is none.
        counts.fill(1, length - 1 - kind.items, length - 1).fill(0, length - 1);
        return { tokens, targets: [...tokens.slice(1), 0], counts };
      },
    };
  },
};

/** `8x16,32x16`. Throws ArgumentError for anything else, and for symbols that there are not. */
function furtherKinds(text: string): Kind[] {
  if (text === NONE) return [];
  return text.split(',').map((each) => {
    const [, items, symbols] = (/^(\d+)x(\d+)$/.exec(each) ?? []).map(Number);
    const isKind = Number.isSafeInteger(items) && items >= 1 && symbols >= 2 && symbols <= MOST_SYMBOLS;
    if (isKind) return { items, symbols };
    const wanted = `${NONE}, or kinds as 8x16,32x16: items, at least 1, and symbols, 2 to ${MOST_SYMBOLS}`;
    throw wrongKind('moreCodes', wanted, each);
  });
}

/** Throws ArgumentError for a kind that comes twice: it would be drawn twice as often as others. */
function expectDistinct(kinds: readonly Kind[]): void {
  const names = kinds.map(({ items, symbols }) => `${items}x${symbols}`);
  const again = names.find((name, n) => names.indexOf(name) < n);
  if (again === undefined) return;
  throw new ArgumentError(`moreCodes: expected no kind twice, also not that of items and symbols, got ${again} again`);
}
