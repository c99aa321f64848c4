/**
 * Long classification of bytes (Tay et al. 2021, §2.2, uses film reviews): made-up reviews of many sentences. Some praise,
 * some complain, and most sentences of a long review do neither. The class is whether praise outweighs complaints. A single
 * word does not decide, because `not` negates it, and neither does a single sentence, because the sum over all of them
 * counts.
 *
 * With `text`, a folder of texts by class (class-folders.ts), the task reads those in place of made-up ones, each cut to the
 * length.
 */
import { expectInteger } from '../../core/errors.ts';
import type { Random } from '../../core/random.ts';
import { readClassFolders } from './class-folders.ts';
import { document, drawSentences, pick } from './prose.ts';
import type { Example, Part, Task, TaskDefinition } from './task.ts';

export const GOOD = ['good', 'clever', 'moving', 'funny', 'bright', 'superb'] as const;
export const BAD = ['bad', 'clumsy', 'dull', 'tired', 'muddled', 'dreadful'] as const;
const SUBJECTS = ['the film', 'the play', 'the acting', 'the music', 'the plot', 'the ending', 'the first act'];
const ADVERBS = ['', '', 'quite ', 'really ', 'to my mind '];
const PEOPLE = ['we', 'the critics', 'my friends', 'some children', 'two old men'];
const DEEDS = ['sat in the last row', 'came by train', 'saw it on a Tuesday', 'left their coats outside', 'ate plums'];

const OPINION_SHARE = 0.6;
/** The share of opinions that agree with the class. */
const MAIN_SHARE = 0.7;
const NEGATED_SHARE = 0.3;

export const textClassification: TaskDefinition = {
  name: 'text-classification',
  summary: 'Tell whether a long review is praise or complaint, or the class of your texts, byte by byte',
  source: 'after Tay et al. 2021, §2.2.2, with generated text or a folder of yours',
  // In the Arena 1024 to 4096.
  defaults: { length: 1024, text: '' },
  brief: { length: 128 },

  make({ length, text }): Task {
    if (text === '') expectInteger('length', length, 64);
    const { classes, draw } = text === '' ? madeUp(length) : readClassFolders(text, length);
    return {
      name: 'text-classification',
      kind: 'classification',
      settings: { length, text },
      vocabulary: 256,
      classes: classes.length,
      length,
      accuracy: 'target',
      chance: 1 / classes.length,
      alphabet: 'bytes',
      draw,
    };
  },
};

function madeUp(length: number) {
  const draw = (_: Part, random: Random): Example => {
    const praised = random.integer(2) === 1;
    for (;;) {
      let sum = 0;
      const sentences = drawSentences(length, () => {
        if (random.uniform() >= OPINION_SHARE) return `${pick(PEOPLE, random)} ${pick(DEEDS, random)}.`;
        return opinion(random.uniform() < MAIN_SHARE ? praised : !praised, random);
      });
      for (const sentence of sentences) sum += praiseIn(sentence);
      if (sum !== 0 && sum > 0 === praised) {
        return { tokens: document(length, sentences), targets: [Number(praised)] };
      }
    }
  };
  return { classes: ['complaint', 'praise'], draw };
}

function opinion(good: boolean, random: Random): string {
  const negated = random.uniform() < NEGATED_SHARE;
  const word = pick(good === negated ? BAD : GOOD, random);
  return `${pick(SUBJECTS, random)} was ${pick(ADVERBS, random)}${negated ? 'not ' : ''}${word}.`;
}

/** 1 for praise, −1 for a complaint, 0 for neither. */
function praiseIn(sentence: string): number {
  const [, negation, word] = /was .*?(not )?(\w+)\.$/.exec(sentence) ?? [];
  if (word === undefined) return 0;
  const good = (GOOD as readonly string[]).includes(word);
  return good === (negation === undefined) ? 1 : -1;
}
