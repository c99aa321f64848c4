/** Full attention with one vector as query and key: it is Reformer without hashing, and its other forms are what loops say. */
import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { noGrad } from '../../src/core/autograd.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, randomNormal } from '../../src/core/tensor.ts';
import { attendShared, type SharedAttention } from '../../src/reproduce/shared-attention.ts';
import { learnerFor } from '../../src/training/learner.ts';
import { evaluation } from '../../src/training/module.ts';
import { hashing } from '../../src/training/recipes/hashes.ts';
import { drawBatch } from '../../src/training/tasks/batch.ts';
import { openTask } from '../../src/training/tasks/registry.ts';

const LENGTH = 16;
const task = openTask('duplication', { length: LENGTH });
const attention = { variant: 'reformer', options: { ...hashing('all'), chunkLength: LENGTH } };
const learner = learnerFor(task, { layers: 1, modelDim: 8, heads: 2, attention }, 3);
const { mixing } = learner.model.body.layers[0].attention;

/** Plain loops in float64 over one head, [length, dim]. */
function loops(queries: number[][], values: number[][], { normalised, meetsItself }: SharedAttention): number[][] {
  const norm = (x: number[]) => Math.sqrt(x.reduce((sum, each) => sum + each * each, 0));
  return queries.map((q, i) => {
    const met = queries.slice(0, i + 1).map((k, j) => {
      const score = q.reduce((sum, each, n) => sum + each * k[n], 0) / (normalised ? norm(k) : 1) / Math.sqrt(q.length);
      return meetsItself || j < i || i === 0 ? Math.exp(score) : 0;
    });
    const total = met.reduce((sum, each) => sum + each, 0);
    return values[0].map((_, n) => met.reduce((sum, weight, j) => sum + weight * values[j][n], 0) / total);
  });
}

test('normalised keys of other tokens are Reformer without hashing; all four forms are plain softmax', () => {
  const property = fc.property(
    fc.integer({ min: 0, max: 1000 }),
    fc.constantFrom(1e-3, 0.1, 1, 3),
    (seed, deviation) => {
      scope(() =>
        noGrad(() => {
          const draw = (name: string) => {
            const tensor = randomNormal([1, 2, LENGTH, 4], new Random(seed).split(name));
            elements(tensor).forEach((_, n) => {
              elements(tensor)[n] *= deviation;
            });
            return tensor;
          };
          const inputs = { queries: draw('queries'), keys: draw('keys'), values: draw('values') };
          const options = { training: false };
          Reflect.deleteProperty(mixing, 'attend');
          const hashed = elements(mixing.attend(inputs, options)).slice();
          const rows = (tensor: typeof inputs.queries, head: number) =>
            Array.from({ length: LENGTH }, (_, i) =>
              Array.from(elements(tensor).subarray(4 * (head * LENGTH + i), 4 * (head * LENGTH + i + 1))),
            );
          for (const normalised of [true, false]) {
            for (const meetsItself of [true, false]) {
              attendShared(learner, { normalised, meetsItself });
              const found = elements(mixing.attend(inputs, options));
              const wanted = [0, 1]
                .map((head) =>
                  loops(rows(inputs.queries, head), rows(inputs.values, head), { normalised, meetsItself }),
                )
                .flat(2);
              // Scores in float32 have 24 bits: with norms up to 10 an error of 1e-5 is ten roundings.
              found.forEach((value, n) => {
                assert.ok(Math.abs(value - wanted[n]) < 1e-5 * Math.max(1, deviation), `${value}, ${wanted[n]}`);
              });
              if (normalised && !meetsItself) {
                found.forEach((value, n) => {
                  assert.ok(Math.abs(value - hashed[n]) < 1e-5 * Math.max(1, deviation), 'as Reformer');
                });
              }
            }
          }
        }),
      );
    },
  );
  fc.assert(property, { numRuns: 10 });
});

test('a model answers by it', () => {
  const logits = () =>
    scope(() =>
      noGrad(() => {
        const batch = drawBatch(task, 'held-out', new Random(1), 2);
        return Array.from(elements(learner.logits(batch, evaluation)));
      }),
    );
  attendShared(learner, { normalised: true, meetsItself: false });
  const [one, same] = [logits(), logits()];
  attendShared(learner, { normalised: true, meetsItself: true });
  assert.equal(one, same);
  assert.not.equal(one, logits());
});

test.run();
