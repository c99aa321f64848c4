/** NSA: held to the paper written out in loops, to full attention where all blocks are selected, and what its choice obeys. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { noGrad } from '../../src/core/autograd.ts';
import { ArgumentError } from '../../src/core/errors.ts';
import { coarseSeen, topBlocks } from '../../src/core/ops/top-blocks.ts';
import { Random } from '../../src/core/random.ts';
import { maxAbsoluteError } from '../../src/core/reference.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, filled, fromArray, randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { attend } from '../../src/variants/attend.ts';
import { full } from '../../src/variants/full.ts';
import { nsa } from '../../src/variants/nsa.ts';
import { expectBest } from '../laws/choices.ts';
import { effort } from '../laws/effort.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { type Case, cases, type Run, runOf, toleranceOf, writtenOut } from './nsa-cases.ts';
import { byScore, type Choose, selected, type WrittenOut } from './nsa-written-out.ts';

/** The blocks of each head and token. */
type Lists = (head: number, t: number) => number[];

function decided(drawn: Case, { inputs, options, parameters }: Run): Lists {
  const decide = nsa.decisions as NonNullable<typeof nsa.decisions>;
  const { lists } = noGrad(() => decide(inputs, nsa.defaults(drawn.length, options), parameters));
  const [, , length, count] = lists.shape;
  const all = elements(lists);
  return (head, t) => {
    const at = (head * length + t) * count;
    return [...all.subarray(at, at + count)].filter((j) => j >= 0);
  };
}

/**
 * Throws unless the blocks that are chosen are the best by the loops' scores, but for roundings, and the output is that of the
 * loops with these blocks. `change` is what the loops get wrong, and `broken` chooses in the place of the variant.
 */
function expectPaper(
  drawn: Case,
  { change = (same: Case) => same, broken }: { change?: (drawn: Case) => Case; broken?: Lists } = {},
) {
  const run = runOf(drawn);
  const lists = broken ?? decided(drawn, run);
  const parameters = broken === undefined ? run.parameters : { ...run.parameters, lists: asTensor(drawn, broken) };
  const output = noGrad(() => attend(nsa, run.inputs, run.options, { parameters })).toArray();
  const other = change(drawn);
  const expected = writtenOut(other, run, (first, t, fixed, candidates) => {
    const all = lists(first, t);
    if (!fixed.every((j) => all.includes(j))) throw new Error(`query ${t}: ${all} without one of ${fixed}`);
    const free = all.filter((j) => !fixed.includes(j));
    expectBest(free, candidates, other.selectedBlocks - fixed.length, `query ${t} of head ${first}`);
    return all;
  });
  const error = expected.flat(2).reduce((most, x, n) => Math.max(most, Math.abs(x - output[n])), 0);
  // Written so that NaN fails.
  if (!(error <= toleranceOf(drawn))) throw new Error(`differs by ${error}`);
}

/** What the loops choose by a rule; the heads of a group as its first. */
function choosing(drawn: Case, rule: Choose, groupSize = drawn.groupSize): Lists {
  const lists = new Map<string, number[]>();
  writtenOut(drawn, runOf(drawn), (first, t, fixed, candidates) => {
    const list = rule(first, t, fixed, candidates);
    lists.set(`${first} ${t}`, list);
    return list;
  });
  return (head, t) => lists.get(`${head - (head % groupSize)} ${t}`) as number[];
}

function asTensor({ heads, length, selectedBlocks }: Case, lists: Lists): Tensor {
  const numbers = Array.from({ length: heads * length }, (_, n) => {
    const list = lists(Math.floor(n / length), n % length).toSorted((a, b) => a - b);
    return [...list, ...new Array<number>(selectedBlocks - list.length).fill(-1)];
  });
  return fromArray(Int32Array.from(numbers.flat()), [1, heads, length, selectedBlocks], 'int32');
}

test('the blocks are those of the best scores, and the output is that of the paper with them, written out in loops', () => {
  fc.assert(
    fc.property(cases, (drawn) => {
      scope(() => expectPaper(drawn));
    }),
    effort(120),
  );
});

test('of scores that tie but for rounding, either choice is right', () => {
  const drawn: Case = {
    ...{ length: 18, groups: 1, groupSize: 1, heads: 1, headDim: 1, valueDim: 1, compressionBlock: 7, stride: 1 },
    ...{ selectionBlock: 1, selectedBlocks: 4, window: 1, compressor: 'mlp', masked: true, dtype: 'float32' },
    ...{ norm: 100, seed: 2013003751 },
  };
  // Blocks 6 and 7 for a query: the kernel takes the one, the loops take the other.
  expectPaper(drawn);
  expectPaper(drawn, { broken: choosing(drawn, byScore(drawn.selectedBlocks)) });
});

const plain: Case = {
  ...{ length: 40, groups: 2, groupSize: 2, heads: 4, headDim: 4, valueDim: 3, compressionBlock: 4, stride: 2 },
  ...{ selectionBlock: 4, selectedBlocks: 4, window: 5, compressor: 'mlp', masked: false, dtype: 'float64' },
  ...{ norm: 1, seed: 1 },
};

test('the same loops with another stride, block, number of blocks, window or group differ, and so does φ without positions', () => {
  for (const dtype of ['float32', 'float64'] as const) {
    const drawn = { ...plain, dtype };
    expectPaper(drawn);
    const others = { stride: 3, selectionBlock: 5, selectedBlocks: 5, window: 6, groupSize: 1, compressor: 'mean' };
    for (const [name, value] of Object.entries(others)) {
      assert.throws(() => expectPaper(drawn, { change: (same) => ({ ...same, [name]: value }) }), undefined, name);
    }
  }
});

test('a choice of the worst blocks, of one that is off by one, or by the scores of one head of a group is noticed', () => {
  for (const [dtype, norm] of [
    ['float32', 1e-3],
    ['float32', 1],
    ['float32', 100],
    ['float64', 1],
  ] as const) {
    const drawn = { ...plain, dtype, norm };
    const best = byScore(drawn.selectedBlocks);
    expectPaper(drawn, { broken: choosing(drawn, best) });
    const nextTo: Choose = (first, t, fixed, candidates) => {
      const list = best(first, t, fixed, candidates);
      const free = [...candidates.keys()];
      return list.map((j) => (fixed.includes(j) ? j : free[(free.indexOf(j) + 1) % free.length]));
    };
    const wrong = {
      worst: choosing(drawn, byScore(drawn.selectedBlocks, -1)),
      'off by one': choosing(drawn, nextTo),
      'one head': choosing({ ...drawn, groupSize: 1 }, best, drawn.groupSize),
    };
    for (const [name, broken] of Object.entries(wrong)) {
      assert.throws(() => expectPaper(drawn, { broken }), /chose .* and left out/, `${name}, ${dtype}, norm ${norm}`);
    }
  }
});

test('where no compressed block has ended, all are alike, and the earlier ones are chosen', () => {
  const drawn: Case = { ...plain, length: 12, compressionBlock: 12, selectionBlock: 1, selectedBlocks: 5 };
  const lists = decided(drawn, runOf(drawn));
  for (let t = 5; t < 11; t++) assert.equal(lists(0, t), [0, 1, 2, t - 1, t]);
});

test('with all blocks selected and gates 0, 1, 0 it is full causal attention', () => {
  fc.assert(
    fc.property(cases, (drawn) => {
      scope(() => {
        const { inputs, options, parameters } = runOf(drawn);
        const { gates: _, ...plain } = inputs;
        const constant = (value: number) => filled([1, drawn.heads, drawn.length], value, drawn.dtype);
        const gates = { compressed: constant(0), selected: constant(1), window: constant(0) };
        const selectedBlocks = Math.max(3, Math.ceil(drawn.length / drawn.selectionBlock));
        const all = { ...options, selectedBlocks };
        const [ours, theirs] = noGrad(() => [
          attend(nsa, { ...plain, gates }, all, { parameters }),
          attend(full, plain, { causal: true }),
        ]);
        const dense = (tensor: Tensor) => ({ shape: tensor.shape, data: tensor.toArray() });
        assert.ok(maxAbsoluteError(dense(ours), dense(theirs)) <= toleranceOf(drawn));
      });
    }),
    effort(40),
  );
});

test('each query selects its own block, the one before, the first, and no block twice or ahead; a group selects alike', () => {
  fc.assert(
    fc.property(cases, (drawn) => {
      scope(() => {
        const { inputs, options, parameters } = runOf(drawn);
        const decide = nsa.decisions as NonNullable<typeof nsa.decisions>;
        const { lists } = decide(inputs, nsa.defaults(drawn.length, options), parameters);
        const [, heads, length, count] = lists.shape;
        const all = elements(lists);
        for (let h = 0; h < heads; h++) {
          for (let t = 0; t < length; t++) {
            const list = [...all.subarray((h * length + t) * count, (h * length + t + 1) * count)].filter(
              (j) => j >= 0,
            );
            const own = Math.floor(t / drawn.selectionBlock);
            assert.is(new Set(list).size, list.length, `query ${t}`);
            assert.is(list.length, Math.min(count, own + 1), `query ${t}`);
            assert.ok(
              Math.max(...list) === own && list.includes(0) && list.includes(Math.max(0, own - 1)),
              `query ${t}`,
            );
            const first = (h - (h % drawn.groupSize)) * length + t;
            assert.equal(
              list,
              [...all.subarray(first * count, (first + 1) * count)].filter((j) => j >= 0),
            );
          }
        }
      });
    }),
    effort(60),
  );
});

test('a choice by sorting is the same, for probabilities that the paper’s double sum adds up', () => {
  // l = 2d and l′ = 2d: block j, from 1, gets p[2j] + 2 p[2j − 1] + p[2j − 2], of compressed blocks from 1.
  const settings = { l: 4, d: 2, block: 4, n: 4 } as WrittenOut;
  const p = [0, 0.1, 0.3, 0, 0, 0.25, 0.25, 0, 0.1];
  const sums = [1, 2, 3, 4].map((j) => (p[2 * j - 1] ?? 0) + 2 * (p[2 * j - 2] ?? 0) + (p[2 * j - 3] ?? 0));
  assert.equal(
    sums.map((sum) => Math.round(100 * sum) / 100),
    [0.1, 0.7, 0.25, 0.75],
  );
  assert.equal(
    selected(23, [{ p, slack: 0 }], settings).sort((a, b) => a - b),
    [0, 3, 4, 5],
  );
});

test('a group that does not divide the heads, and a choice that does not fit, are refused by name', () => {
  const x = randomNormal([1, 4, 8, 2], new Random(0), 'float64');
  expectThrows(ArgumentError, 'groupSize', () => attend(nsa, { queries: x, keys: x, values: x }, { groupSize: 3 }));
  const choice = { start: 0, span: 2, stride: 2, block: 2, count: 3, group: 1 };
  assert.is(coarseSeen(8, 2, 2), 4);
  expectThrows(ArgumentError, 'count', () => topBlocks(x, null, { ...choice, count: 2 }));
  expectThrows(ArgumentError, 'group', () => topBlocks(x, null, { ...choice, group: 3 }));
  for (const name of Object.keys(choice) as (keyof typeof choice)[]) {
    const { [name]: _, ...others } = choice;
    expectThrows(ArgumentError, name, () => topBlocks(x, null, others as typeof choice));
  }
  // @ts-expect-error
  expectThrows(ArgumentError, 'mask', () => topBlocks(x, null, { ...choice, mask: x }));
  expectThrows(ArgumentError, 'keys', () => topBlocks(x, null, choice));
});

test.run();
