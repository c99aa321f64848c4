/** Where a duplicating model looks, against plain loops: weights, answers, and which matches meet in a hash. */
import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { elements, type Tensor } from '../../src/core/tensor.ts';
import { type Matches, readMatches } from '../../src/reproduce/match-weights.ts';
import { attendShared } from '../../src/reproduce/shared-attention.ts';
import { forHeldOut } from '../../src/training/evaluate.ts';
import type { LanguageModel } from '../../src/training/language-model.ts';
import { type Learner, learnerFor } from '../../src/training/learner.ts';
import { evaluation } from '../../src/training/module.ts';
import { endLearner } from '../../src/training/run.ts';
import { openTask } from '../../src/training/tasks/registry.ts';
import type { Task } from '../../src/training/tasks/task.ts';

const NAMES = ['right', 'own', 'met', 'onMatch', 'onItself'] as const;

interface Seen {
  tokens: number[];
  /** Scores of all answers, [length][vocabulary]. */
  logits: number[][];
  /** [heads][length][headDim] */
  queries: number[][][];
}

/** Each held-out example by itself. */
function seenBy(learner: Learner, task: Task, examples: number, seed: number): Seen[] {
  const seen: Seen[] = [];
  forHeldOut(learner, task, { examples, batch: 1, seed }, (drawn) => {
    const [{ tokens }] = drawn.sequences;
    const { queries } = (learner.model as LanguageModel).body.attentionInputs(tokens, 0);
    const [, heads, length, dim] = queries.shape;
    const all = rows(queries, dim);
    seen.push({
      tokens: Array.from(elements(tokens)),
      logits: rows(learner.logits(drawn, evaluation), task.classes),
      queries: Array.from({ length: heads }, (_, head) => all.slice(head * length, (head + 1) * length)),
    });
  });
  return seen;
}

function rows(tensor: Tensor, width: number): number[][] {
  const all = Array.from(elements(tensor));
  return Array.from({ length: all.length / width }, (_, n) => all.slice(n * width, (n + 1) * width));
}

/** Softmax of the scores of token i against keys of norm 1, itself included. */
function weightsOf(queries: number[][], i: number): number[] {
  const norm = (x: number[]) => Math.hypot(...x);
  const scores = queries
    .slice(0, i + 1)
    .map((k) => queries[i].reduce((sum, each, n) => sum + each * k[n], 0) / norm(k) / Math.sqrt(k.length));
  const exponentials = scores.map((score) => Math.exp(score - Math.max(...scores)));
  const total = exponentials.reduce((sum, each) => sum + each, 0);
  return exponentials.map((each) => each / total);
}

const mean = (values: readonly number[]) => values.reduce((sum, each) => sum + each, 0) / values.length;

const shapes = fc.record({
  half: fc.integer({ min: 2, max: 9 }),
  symbols: fc.integer({ min: 2, max: 6 }),
  heads: fc.constantFrom(1, 2),
  examples: fc.integer({ min: 1, max: 5 }),
  batch: fc.integer({ min: 1, max: 5 }),
  seed: fc.integer({ min: 0, max: 1000 }),
});

test('answers and weights by place are what loops say, and no token looks more at its match than at itself', () => {
  const property = fc.property(shapes, ({ half, symbols, heads, examples, batch, seed }) => {
    const task = openTask('duplication', { length: 2 * half, symbols });
    const options = { numHashes: 1, chunkLength: 2 * half, numBuckets: 1 };
    const attention = { variant: 'reformer', options };
    const learner = learnerFor(task, { layers: 1, modelDim: 8, heads, attention }, seed);
    attendShared(learner, { normalised: true, meetsItself: true });
    const seen = seenBy(learner, task, examples, seed);
    const found = readMatches(learner, task, { examples, batch, seed });
    for (let place = 0; place < half - 1; place++) {
      const i = half + place;
      const readings = seen.map(({ tokens, logits, queries }) => {
        const answer = logits[i].indexOf(Math.max(...logits[i]));
        const weights = queries.map((own) => weightsOf(own, i));
        return {
          right: Number(answer === tokens[i + 1]),
          own: Number(answer === tokens[i]),
          met: 1,
          onMatch: mean(weights.map((own) => own[place + 1])),
          onItself: mean(weights.map((own) => own[i])),
        };
      });
      for (const name of NAMES) {
        const wanted = mean(readings.map((each) => each[name]));
        // Weights in float32: some roundings of numbers up to 1.
        assert.ok(Math.abs(found[name][place] - wanted) < 1e-5, `${name}, ${place}: ${found[name][place]}, ${wanted}`);
      }
      // Rounding may give two equal scores weights that differ in the last bit.
      assert.ok(found.onMatch[place] <= found.onItself[place] + 1e-6);
    }
    for (const name of NAMES) assert.is(found[name].length, half - 1);
    endLearner(learner);
  });
  fc.assert(property, { numRuns: 15 });
});

test('with hashes, those matches meet that lie in one chunk or in the chunk before, in some round', () => {
  const rounds = fc.integer({ min: 1, max: 3 });
  const property = fc.property(shapes, rounds, fc.integer({ min: 1, max: 4 }), (shape, numHashes, chunkLength) => {
    const { half, symbols, examples, batch, seed } = shape;
    const task = openTask('duplication', { length: 2 * half, symbols });
    // More buckets than these take two hashes.
    const numBuckets = Math.min(4, 2 * chunkLength);
    const options = { numHashes, chunkLength, numBuckets, acrossBuckets: true };
    const attention = { variant: 'reformer', options };
    const learner = learnerFor(task, { layers: 1, modelDim: 8, heads: 1, attention, positions: 'sinusoidal' }, seed);
    const { parameters } = learner.model.body.layers[0].attention.mixing;
    const [, , dim, directions] = (parameters.R1 as Tensor).shape;
    const rotations = rows(parameters.R1 as Tensor, directions);
    const seen = seenBy(learner, task, examples, seed);
    const { met }: Matches = readMatches(learner, task, { examples, batch, seed });
    const wanted = Array.from({ length: half - 1 }, (_, place) =>
      mean(
        seen.map(({ queries: [queries] }) => {
          const isMet = Array.from({ length: numHashes }, (_, round) => {
            const R = rotations.slice(round * dim, (round + 1) * dim);
            const buckets = queries.map((q) => {
              const turned = R[0].map((_, at) => q.reduce((sum, each, n) => sum + each * R[n][at], 0));
              const both = [...turned, ...turned.map((each) => -each)];
              return both.indexOf(Math.max(...both));
            });
            const sorted = buckets.map((_, n) => n).sort((a, b) => buckets[a] - buckets[b] || a - b);
            const chunk = (token: number) => Math.floor(sorted.indexOf(token) / chunkLength);
            return [0, 1].includes(chunk(half + place) - chunk(place + 1));
          });
          return Number(isMet.includes(true));
        }),
      ),
    );
    met.forEach((share, place) => {
      assert.ok(Math.abs(share - wanted[place]) < 1e-9, `${place}: ${share}, ${wanted[place]}`);
    });
    endLearner(learner);
  });
  fc.assert(property, { numRuns: 15 });
});

test.run();
