/** Laws of texts beside results: no figure of the small scale stands beside numbers at the size of the paper. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { atAnyScale, type Claim } from '../../src/reproduce/claims.ts';
import { type Experiment, SCALES, type Scale } from '../../src/reproduce/experiment.ts';
import { experiments } from '../../src/reproduce/registry.ts';
import { toy } from './toy.ts';

/**
 * `1,024`, `150 000` and `0.36` are one number each. What is part of a reference or a word is none, such as `figure 2`, `Mamba-2` and
 * `8K`; nor is a ratio, `16 times`.
 */
function numbersIn(text: string): number[] {
  const own = text.replaceAll(
    /\b(lemma|theorem|figure|table|eq\.) \d+|[\w²-]*[a-z]-?\d[\w-]*|\d-?[a-z][\w-]*|\d+ times\b/gi,
    '',
  );
  return (own.match(/\d+(?:[, ]\d{3})*(?:\.\d+)?/g) ?? []).map((each) => Number(each.replaceAll(/[, ]/g, '')));
}

const settingsAt = ({ settings }: Experiment, scale: Scale) =>
  new Set(Object.values(settings[scale]).flatMap((value) => value as number | readonly number[]));

const reasonsAt = (experiment: Experiment, scale: Scale) =>
  experiment.claims(scale).flatMap(({ because }) => Object.values(because?.[scale] ?? {}));

/** What the results of a scale stand beside, but reasons. */
function wordsAt(experiment: Experiment, scale: Scale): string[] {
  const { title, source } = experiment;
  const claims = experiment.claims(scale).map(({ says }) => says);
  return [title, source, ...experiment.differences(scale), ...claims];
}

const shared = (textsAt: (scale: Scale) => string[]) => {
  const [small, paper] = SCALES.map(textsAt);
  return [...new Set(paper.filter((each) => small.includes(each)))];
};

/** Texts shown at both scales with a figure that belongs to one. */
function misplaced(experiment: Experiment): string[] {
  const [small, paper] = SCALES.map((scale) => settingsAt(experiment, scale));
  const isOfSmall = (each: number) => small.has(each) && !paper.has(each);
  const isOfBoth = (each: number) => small.has(each) && paper.has(each);
  const words = shared((scale) => wordsAt(experiment, scale)).filter((text) => numbersIn(text).some(isOfSmall));
  // A reason may come from a run. So each of its numbers has to be a setting.
  const reasons = shared((scale) => reasonsAt(experiment, scale)).filter((text) => !numbersIn(text).every(isOfBoth));
  return [...words, ...reasons];
}

for (const experiment of experiments) {
  test(`${experiment.name} says nothing of its small scale beside numbers at the paper's`, () => {
    assert.equal(misplaced(experiment), []);
  });
}

test('the law notices a size and a figure of the small scale, and lets its own texts be', () => {
  const settings = { seed: 7, units: 128 };
  const claimed = (because: NonNullable<Claim['because']>, says = 'It holds'): Claim[] => [
    { says, paper: '1', holds: { kind: 'bounds', read: () => 1, least: 0 }, because },
  ];
  const because = (holds: string) => ({ claims: () => claimed(atAnyScale({ holds })) });
  const broken = [
    { differences: ['Here are 128 units.'] },
    { title: 'Numbers of 128 units' },
    { claims: () => claimed({}, 'All 128 units are right') },
    because('Probably because 97% there are right.'),
    because('With 128 units, it does.'),
  ];
  for (const change of broken) assert.is(misplaced(toy(settings, change).experiment).length, 1, JSON.stringify(change));
  const sound = [
    { differences: [{ small: 'Here are 128 units.' }, ({ units }: { units: number }) => `Here are ${units} units.`] },
    { claims: () => claimed({ small: { holds: '97% there' } }) },
    because('As figure 2 and table-2 say of seed 7.'),
  ];
  for (const change of sound) assert.equal(misplaced(toy(settings, change).experiment), []);
});

test('numbers in words are found, those of references are not', () => {
  assert.equal(numbersIn('1,024 tokens, 150 000 steps, 0.36 nats, 97%'), [1024, 150000, 0.36, 97]);
  assert.equal(
    numbersIn('Lemma 2, figure 4, eq. 16, S-NIAH-2, nystrom-64, Mamba-2, table-2-lengths, 8K, 1-billion, 16 times'),
    [],
  );
});

test.run();
