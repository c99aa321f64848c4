/**
 * No verdict of an experiment that measures time hangs on a few hundredths of a time: who runs it again, or on another machine,
 * comes to the same ones.
 */
import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Claim, judge } from '../../src/reproduce/claims.ts';
import { readLog, resultsOf } from '../../src/reproduce/log.ts';
import { experiments } from '../../src/reproduce/registry.ts';
import { type Numbers, Results } from '../../src/reproduce/results.ts';
import { effort } from '../laws/effort.ts';

const FOLDER = 'bench/results/reproduce';
/** Most medians of repeated runs lie within this share of their middle; a quotient then moves by 6%. */
const MOVED = 0.03;
const isTime = (name: string) => /(^|\W)(ms|seconds)$/.test(name);

/** The same results, each time by a factor of its own. */
function moved(units: ReadonlyMap<string, Numbers>, factor: () => number): Results {
  const move = (numbers: Numbers): Numbers =>
    Object.fromEntries(
      Object.entries(numbers).map(([name, value]) => [
        name,
        typeof value === 'number' && isTime(name) ? value * factor() : value,
      ]),
    );
  return new Results(new Map([...units].map(([name, numbers]) => [name, move(numbers)])));
}

const factors = fc.infiniteStream(fc.double({ min: 1 - MOVED, max: 1 + MOVED, noNaN: true }));

/** The claim whose verdict changes when times move, if there is one. */
function undecided(claims: readonly Claim[], units: ReadonlyMap<string, Numbers>): string | null {
  const before = claims.map((claim) => judge(claim, new Results(units), 'small').verdict);
  for (const stream of fc.sample(factors, effort(200))) {
    const results = moved(units, () => stream.next().value);
    const at = claims.findIndex((claim, n) => judge(claim, results, 'small').verdict !== before[n]);
    if (at !== -1) return claims[at].says;
  }
  return null;
}

for (const experiment of experiments.filter(({ timed }) => timed)) {
  test(`${experiment.name}: verdicts are the same when every time is up to ${100 * MOVED}% longer or shorter`, () => {
    const log = readLog(experiment, 'small', FOLDER);
    assert.ok(resultsOf(log, experiment, 'small') !== null, 'expected results');
    const units = new Map([...log.units].map(([name, { numbers }]) => [name, numbers]));
    const times = [...units.values()].flatMap((numbers) => Object.keys(numbers).filter(isTime));
    assert.ok(times.length >= units.size, 'expected a time in every unit');
    assert.is(undecided(experiment.claims('small'), units), null);
  });
}

test('a claim on which of two nearly equal times comes first is noticed, and one that takes them for equal is not', () => {
  const units = new Map([['unit', { 'one: ms': 100, 'other: ms': 102 }]]);
  const read = (results: Results) =>
    ['one', 'other'].map((name) => ({ name, value: results.number('unit', `${name}: ms`) }));
  const claim = (own: { margin?: number }): Claim => ({
    says: 'One is faster than the other',
    paper: 'faster',
    holds: { kind: 'rising', read, ...own },
    direction: { kind: 'rising', read, ...own, orEqual: true },
  });
  assert.is(undecided([claim({})], units), 'One is faster than the other');
  assert.is(undecided([claim({ margin: 0.2 })], units), null);
});

test.run();
