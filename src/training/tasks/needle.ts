/**
 * A needle in a haystack (Kamradt 2023; with several needles as in Hsieh et al. 2024, §3): somewhere in a text of sentences
 * about other things it is said what the code of a person is, and the end asks for it. Only the digits of the answer count.
 *
 *     the tide lifts the old mast. the code of ruth is 4071. the cook … the code of ruth is 4071
 *
 * With more pairs than one, the codes of other persons are hidden too, so that it is not enough to find digits.
 */
import { ArgumentError } from '../../core/errors.ts';
import { drawSentences, pick } from './prose.ts';
import type { Task, TaskDefinition } from './task.ts';

/** Whose codes are hidden. */
export const PERSONS: readonly string[] = (
  'adam anna carl dora emil emma fred greta hans hugo ida ines iris ivan jack jane jonas judy karl lara leo lisa ' +
  'marc mary max nina nora olga omar otto paul peter rosa ruth sara tim tom vera will zoe'
).split(' ');
const THINGS = [
  'tide',
  'mast',
  'oven',
  'crust',
  'comet',
  'lens',
  'pawn',
  'tulip',
  'hedge',
  'wagon',
  'cellar',
  'violin',
];
const ADJECTIVES = ['old', 'small', 'blue', 'quiet', 'heavy', 'bright'];
const VERBS = ['lifts', 'hides', 'follows', 'needs', 'turns', 'covers'];
const DIGITS = 4;

const question = (person: string) => `the code of ${person} is `;
/** Sentences with a space after each. */
const LONGEST_NEEDLE = Math.max(...PERSONS.map((person) => question(person).length)) + DIGITS + 2;

export const needle: TaskDefinition = {
  name: 'needle',
  summary: 'Answer with a code that was hidden in a text of other sentences, read byte by byte',
  source: 'Kamradt 2023; Hsieh et al. 2024, §3, with generated text',
  defaults: { length: 256, pairs: 1 },
  brief: { length: 128 },

  make({ length, pairs }): Task {
    if (pairs > PERSONS.length) {
      throw new ArgumentError(`pairs: expected at most ${PERSONS.length}, as many persons as there are, got ${pairs}`);
    }
    const least = (pairs + 1) * LONGEST_NEEDLE;
    if (length < least) {
      throw new ArgumentError(`length: expected at least ${least} for ${pairs} pairs and the question, got ${length}`);
    }
    return {
      name: 'needle',
      kind: 'causal',
      settings: { length, pairs },
      vocabulary: 256,
      classes: 256,
      length,
      accuracy: 'target',
      chance: 1 / 10,
      alphabet: 'bytes',
      recall: true,
      draw(_, random) {
        const persons = Array.from(random.permutation(PERSONS.length).subarray(0, pairs), (n) => PERSONS[n]);
        const codes = persons.map(() => String(random.integer(10 ** DIGITS)).padStart(DIGITS, '0'));
        const needles = persons.map((person, n) => `${question(person)}${codes[n]}.`);
        const asked = random.integer(pairs);
        const end = question(persons[asked]) + codes[asked];
        // What the needles leave, with a space after each sentence.
        const room = length - end.length - needles.reduce((sum, { length }) => sum + length + 1, 0);
        const sentence = () =>
          `the ${pick(ADJECTIVES, random)} ${pick(THINGS, random)} ${pick(VERBS, random)} the ${pick(THINGS, random)}.`;
        const filler = drawSentences(room - 1, sentence).filter(({ length }) => length < room);
        const places = random.permutation(filler.length + pairs).subarray(0, pairs);
        const sentences = [...filler];
        for (const [n, place] of Array.from(places)
          .sort((a, b) => a - b)
          .entries()) {
          sentences.splice(place, 0, needles[n]);
        }
        const body = `${sentences.join(' ')} `.padStart(length - end.length, ' ');
        const tokens = new TextEncoder().encode(body + end);
        const counts = new Uint8Array(length);
        // Each digit is predicted at the byte before it.
        counts.fill(1, length - 1 - DIGITS, length - 1);
        return { tokens, targets: [...tokens.subarray(1), 0], counts };
      },
    };
  },
};
