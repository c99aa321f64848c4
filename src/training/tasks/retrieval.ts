/**
 * Retrieval (Tay et al. 2021, §2.2, uses papers that cite each other): two long documents, each encoded separately into one
 * vector; the class is whether they are about the same subject. A document takes most of its content words from its own
 * subject and the rest from the other subjects.
 */
import { expectInteger } from '../../core/errors.ts';
import type { Random } from '../../core/random.ts';
import { document, drawSentences, pick } from './prose.ts';
import type { Task, TaskDefinition } from './task.ts';

/** Content words by subject; no word belongs to two. */
export const SUBJECTS: readonly (readonly string[])[] = [
  ['sail', 'harbour', 'anchor', 'tide', 'mast', 'pilot'],
  ['flour', 'oven', 'crust', 'yeast', 'butter', 'cake'],
  ['comet', 'orbit', 'nebula', 'lens', 'eclipse', 'planet'],
  ['bishop', 'pawn', 'castle', 'gambit', 'checkmate', 'knight'],
  ['tulip', 'spade', 'hedge', 'compost', 'orchard', 'seedling'],
  ['engine', 'signal', 'platform', 'carriage', 'tunnel', 'timetable'],
  ['violin', 'tempo', 'chord', 'oboe', 'rehearsal', 'sonata'],
  ['granite', 'fault', 'quartz', 'glacier', 'basalt', 'fossil'],
];
const SUBJECT_OF = new Map(SUBJECTS.flatMap((words, subject) => words.map((word) => [word, subject] as const)));
const VERBS = ['resembles', 'follows', 'needs', 'hides', 'precedes', 'explains'];
const OWN_SHARE = 0.6;

export const retrieval: TaskDefinition = {
  name: 'retrieval',
  summary: 'Tell whether two long documents, read byte by byte, have the same subject',
  source: 'after Tay et al. 2021, §2.2.3, with generated text',
  // In the Arena 4000.
  defaults: { length: 1024 },
  // The first hundreds of steps teach nothing: vectors of untrained means hardly tell subjects. A small model and a large batch
  // get through them in minutes: `train retrieval` comes to 73.8% from seed 0, where half is chance.
  brief: { length: 128, layers: 1, modelDim: 32, heads: 2, batch: 32 },

  make({ length }): Task {
    expectInteger('length', length, 64);
    return {
      name: 'retrieval',
      kind: 'pair classification',
      settings: { length },
      vocabulary: 256,
      classes: 2,
      length,
      accuracy: 'target',
      chance: 1 / 2,
      alphabet: 'bytes',
      draw(_, random) {
        const same = random.integer(2) === 1;
        const first = random.integer(SUBJECTS.length);
        const second = same ? first : (first + 1 + random.integer(SUBJECTS.length - 1)) % SUBJECTS.length;
        return {
          tokens: drawDocument(first, length, random),
          other: drawDocument(second, length, random),
          targets: [Number(same)],
        };
      },
    };
  },
};

/** Sentences in which this subject has more words than any other. */
function drawDocument(subject: number, length: number, random: Random): Uint8Array {
  const word = () => {
    const other = (subject + 1 + random.integer(SUBJECTS.length - 1)) % SUBJECTS.length;
    return pick(SUBJECTS[random.uniform() < OWN_SHARE ? subject : other], random);
  };
  for (;;) {
    const sentences = drawSentences(length, () => `the ${word()} ${pick(VERBS, random)} the ${word()}.`);
    const uses = SUBJECTS.map(() => 0);
    for (const used of sentences.join(' ').match(/\w+/g) ?? []) {
      const at = SUBJECT_OF.get(used);
      if (at !== undefined) uses[at]++;
    }
    if (uses.every((count, at) => at === subject || count < uses[subject])) return document(length, sentences);
  }
}
