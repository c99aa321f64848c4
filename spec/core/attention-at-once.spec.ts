/**
 * Tiles of attention that are taken in one call, alone or with all of their keys, have the bits of those taken step by step. A
 * bias of zeros changes no score, but is a term, and with terms no tile is taken at once.
 */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward } from '../../src/core/autograd.ts';
import { SCRATCH_BYTES } from '../../src/core/kernels/scratch.ts';
import { attention, band, concat, everything, type KeySet, reshape, runs, upTo } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, fromArray, randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import { assertSameBitsOnThreads } from './on-threads.ts';

/** Fewer than eight queries are met in another way, and only without terms: no tile of 32 or 64 of these has so few. */
const lengths = fc.constantFrom(8, 12, 31, 32, 40, 64, 77, 128, 141);
const hasFew = (count: number) => count % 32 > 0 && count % 32 < 8;

const cases = fc.record({
  batch: fc.integer({ min: 1, max: 2 }),
  keyHeads: fc.integer({ min: 1, max: 2 }),
  group: fc.integer({ min: 1, max: 2 }),
  length: lengths,
  headDim: fc.integer({ min: 1, max: 20 }),
  valueDim: fc.integer({ min: 1, max: 20 }),
  kind: fc.constantFrom('causal', 'everything', 'band', 'dilated', 'runs'),
  masked: fc.boolean(),
  learned: fc.subarray(['queries', 'keys', 'values'] as const, { minLength: 1 }),
  norm: fc.constantFrom(1e-3, 1, 100),
  dtype: fc.constantFrom('float32' as const, 'float64' as const),
  seed: fc.nat(),
});

type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

function setOf({ kind, length }: Case, random: Random): KeySet {
  const reach = () => random.integer(length);
  if (kind === 'causal') return { layout: upTo(0, length) };
  if (kind === 'everything') return { layout: everything(length, length) };
  if (kind === 'runs') {
    // Keys between the runs are met by no query of a tile.
    const begin = Int32Array.from({ length }, reach);
    const end = begin.map((first) => Math.min(length, first + 1 + random.integer(40)));
    return { layout: runs(begin, end, length) };
  }
  const dilations = [2, 3].filter((d) => !hasFew(Math.floor(length / d)) && !hasFew(Math.ceil(length / d)));
  const dilation = kind === 'band' ? 1 : (dilations[random.integer(1 + dilations.length)] ?? 1);
  return { layout: band(length, { before: reach(), after: reach(), dilation }) };
}

/** The outputs and all gradients. */
function bitsOf(drawn: Case, stepByStep: boolean): ArrayLike<number>[] {
  return scope(() => {
    const { batch, keyHeads, group, length, headDim, valueDim, masked, learned, norm, dtype } = drawn;
    const random = new Random(drawn.seed);
    const draw = (name: (typeof learned)[number], heads: number, width: number): Tensor => {
      const rows = randomNormal([batch, heads, length, width], random.split(name), dtype);
      const into = elements(rows);
      for (let n = 0; n < into.length; n++) into[n] *= norm;
      return learned.includes(name) ? rows.withGrad() : rows;
    };
    const queries = draw('queries', keyHeads * group, headDim);
    const [keys, values] = [draw('keys', keyHeads, headDim), draw('values', keyHeads, valueDim)];
    const real = Array.from({ length: batch * length }, () => (random.integer(9) === 0 ? 0 : 1));
    const { output, logSumExp } = attention(queries, keys, values, setOf(drawn, random.split('set')), {
      ...(masked && { keyMask: fromArray(real, [batch, length], 'uint8') }),
      ...(stepByStep && { bias: zeros([1, 1, 1, 1], dtype) }),
    });
    const both = concat(
      [output, logSumExp].map((each) => reshape(each, [each.size])),
      0,
    );
    const asked = randomNormal([both.size], random.split('gradient'), dtype);
    // Some numbers are not asked for; those of a query without keys, whose log-sum-exp is −∞, are constant.
    for (let n = 0; n < asked.size; n++)
      if (n % 7 < 4 || elements(both)[n] === Number.NEGATIVE_INFINITY) elements(asked)[n] = 0;
    backward(both, asked);
    const gradients = [queries, keys, values].map(({ grad }) => grad?.toArray() ?? []);
    return [output.toArray(), logSumExp.toArray(), ...gradients];
  });
}

// First: scratch of later tests would be small, too.
test('where gathered rows find no place in the heap, tiles are taken step by step', () => {
  const run = (headDim: number, stepByStep: boolean) =>
    scope(() => {
      const random = new Random(3);
      const draw = (name: string, width: number) => randomNormal([1, 1, 8, width], random.split(name));
      const queryTokens = fromArray([3, 6, 1, 4, 7, 2, 5, 0], [1, 1, 8], 'int32');
      const bias = stepByStep ? { bias: zeros([1, 1, 1, 1]) } : {};
      const set = { layout: upTo(0, 8), queryTokens };
      return attention(draw('q', headDim), draw('k', headDim), draw('v', 3), set, bias).output.toArray();
    });
  run(1, true);
  // Scratch that grows takes twice what is asked for: for 64 rows of so many columns more than SCRATCH_BYTES.
  const headDim = Math.ceil(SCRATCH_BYTES / (64 * 2 * 4)) + 1;
  assert.equal(run(headDim, false), run(headDim, true));
});

test('tiles taken at once have the bits of those taken step by step, and so have their gradients', () => {
  fc.assert(
    fc.property(cases, (drawn) => assert.equal(bitsOf(drawn, false), bitsOf(drawn, true))),
    { numRuns: 40 },
  );
});

test('so have tiles of runs that begin and end anywhere', () => {
  const some = cases.map((drawn): Case => ({ ...drawn, kind: 'runs', masked: false, dtype: 'float32' }));
  fc.assert(
    fc.property(some, (drawn) => assert.equal(bitsOf(drawn, false), bitsOf(drawn, true))),
    { numRuns: 12 },
  );
});

test('the same bits on any number of threads', () => {
  const sizes = { batch: 2, keyHeads: 2, group: 2, length: 141, headDim: 18, valueDim: 13 };
  const rest = { kind: 'causal', masked: true, learned: ['queries', 'keys', 'values'], norm: 1, dtype: 'float32' };
  return assertSameBitsOnThreads(() => bitsOf({ ...sizes, ...rest, seed: 5 } as Case, false));
});

test.run();
