/** Attention over key sets of every kind, with every term, against the same written out pair by pair. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, noGrad } from '../../src/core/autograd.ts';
import { EfficientTransformersError } from '../../src/core/errors.ts';
import { checkGradients } from '../../src/core/gradient-check.ts';
import { measureMemory } from '../../src/core/memory.ts';
import {
  type AttentionSettings,
  attention,
  band,
  causal,
  concat,
  everything,
  type KeySet,
  multiply,
  runs,
  slice,
  sumGates,
} from '../../src/core/ops/index.ts';
import { poolReady, setThreads, threadCount } from '../../src/core/parallel/pool.ts';
import { Random } from '../../src/core/random.ts';
import { maxAbsoluteError, referenceAttentionGradients } from '../../src/core/reference.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, filled, fromArray, randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import { appendRows } from '../../src/variants/growing-rows.ts';
import { effort } from '../laws/effort.ts';
import { attentionWrittenOut, multiplicity } from './attention-written-out.ts';

const lengths = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(1, 31, 32, 33, 64, 65, 100, 130));
const kinds = [
  ...(['everything', 'band', 'runs', 'listed', 'sorted', 'blocks', 'token lists', 'two sets'] as const),
  // Lists of large blocks for a few queries each, which are turned around.
  'turned lists',
] as const;

const cases = fc.record({
  batch: fc.integer({ min: 1, max: 2 }),
  keyHeads: fc.integer({ min: 1, max: 2 }),
  group: fc.integer({ min: 1, max: 3 }),
  queryLength: lengths,
  keyLength: lengths,
  headDim: fc.integer({ min: 1, max: 7 }),
  valueDim: fc.integer({ min: 1, max: 7 }),
  kind: fc.constantFrom(...kinds),
  terms: fc.subarray(
    ['bias', 'relative', 'slopes', 'logGates', 'softCap', 'selfBias', 'sinks', 'scale', 'start'] as const,
    { maxLength: 4 },
  ),
  masked: fc.boolean(),
  norm: fc.constantFrom(1e-3, 1, 10),
  seed: fc.nat(),
});

type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;
type FloatType = 'float32' | 'float64';

interface Drawn {
  inputs: { queries: Tensor; keys: Tensor; values: Tensor };
  sets: KeySet[];
  settings: AttentionSettings;
}

function permutation(length: number, random: Random): Int32Array {
  return Int32Array.from(random.permutation(length));
}

/** Orders [b, h, rounds, length], some places of which hold no token. */
function orders(shape: [number, number, number], length: number, random: Random): Tensor {
  const lists = Array.from({ length: shape[0] * shape[1] * shape[2] }, (_, n) =>
    [...permutation(length, random.split(`order ${n}`))].map((token) => (random.integer(8) === 0 ? -1 : token)),
  );
  return fromArray(lists.flat(), [...shape, length], 'int32');
}

function setOf(drawnCase: Case, kind: Case['kind'], queryLength: number, start: number, random: Random): KeySet[] {
  const { batch, keyHeads, group, keyLength } = drawnCase;
  const heads = keyHeads * group;
  const one = (extent: number) => (random.integer(2) ? 1 : extent);
  const causal = start + queryLength <= keyLength && random.integer(2) === 1;
  const randomRuns = (queries: number, keys: number) => {
    const ends = Array.from({ length: queries }, () =>
      [random.integer(keys + 1), random.integer(keys + 1)].sort((a, b) => a - b),
    );
    return runs(
      Int32Array.from(ends, ([begin]) => begin),
      Int32Array.from(ends, ([, end]) => end),
      keys,
    );
  };
  const labels = (rounds: number, length: number) =>
    fromArray(
      Array.from({ length: rounds * length }, () => random.integer(4) - 1),
      [1, 1, rounds, length],
      'int32',
    );
  if (kind === 'everything') return [everything(queryLength, keyLength)];
  if (kind === 'band') {
    const reach = () => random.integer(keyLength + 2);
    const dilation = random.integer(2)
      ? 1 + random.integer(5)
      : Array.from({ length: heads }, () => 1 + random.integer(5));
    return [band(queryLength, { before: reach(), after: reach(), dilation, start: keyLength - queryLength })];
  }
  if (kind === 'runs')
    return [{ layout: randomRuns(queryLength, keyLength), causal, except: [random.integer(keyLength)] }];
  if (kind === 'listed') {
    const keyTokens = permutation(keyLength, random).slice(0, 1 + random.integer(keyLength));
    const ofBoth = { queries: labels(1, queryLength), keys: labels(1, keyLength) };
    return [
      {
        layout: randomRuns(queryLength, keyTokens.length),
        keyTokens,
        causal,
        ...(random.integer(2) && { labels: ofBoth }),
      },
    ];
  }
  if (kind === 'sorted') {
    const rounds = 1 + random.integer(3);
    const shape: [number, number, number] = [one(batch), one(heads), rounds];
    return [
      {
        layout: randomRuns(queryLength, keyLength),
        queryTokens: orders(shape, queryLength, random.split('queries')),
        keyTokens: orders(shape, keyLength, random.split('keys')),
        labels: { queries: labels(rounds, queryLength), keys: labels(rounds, keyLength) },
        causal,
        once: random.integer(2) === 1,
      },
    ];
  }
  if (kind === 'two sets') {
    const half = Math.floor(keyLength / 2);
    const all = new Int32Array(queryLength).fill(keyLength);
    const middle = new Int32Array(queryLength).fill(half);
    const none = new Int32Array(queryLength);
    const first = runs(none, middle, keyLength);
    const second = { layout: runs(middle, all, keyLength), causal };
    return random.integer(2) ? [first, second] : [second, first];
  }
  const keyBlock = kind === 'token lists' ? 1 + random.integer(3) : 16 + random.integer(20);
  const queryBlock = 1 + random.integer(kind === 'turned lists' ? 3 : 40);
  const [queryBlocks, keyBlocks] = [Math.ceil(queryLength / queryBlock), Math.ceil(keyLength / keyBlock)];
  const width = 1 + random.integer(keyBlocks);
  const shape = [one(batch), one(heads), queryBlocks, width];
  const lists = Array.from({ length: shape[0] * shape[1] * queryBlocks }, (_, n) => {
    const last = Math.min(queryLength, ((n % queryBlocks) + 1) * queryBlock) - 1 + start;
    const chosen = [...permutation(keyBlocks, random.split(`list ${n}`))].slice(0, width);
    return chosen.map((block) => (random.integer(5) === 0 || (causal && block * keyBlock > last) ? -1 : block));
  });
  return [{ queryLength, keyLength, queryBlock, keyBlock, lists: fromArray(lists.flat(), shape, 'int32'), causal }];
}

function draw(drawnCase: Case, dtype: FloatType): Drawn {
  const { batch, keyHeads, group, keyLength, headDim, valueDim, kind, terms, masked, norm, seed } = drawnCase;
  const random = new Random(seed);
  const heads = keyHeads * group;
  const has = (term: Case['terms'][number]) => terms.includes(term);
  const drawnLength = kind === 'turned lists' ? 64 + (drawnCase.queryLength % 70) : drawnCase.queryLength;
  const queryLength = kind === 'band' || has('logGates') ? Math.min(drawnLength, keyLength) : drawnLength;
  const room = Math.max(0, keyLength - queryLength);
  const start = has('start') && kind !== 'band' ? random.integer(room + 1) : 0;
  const normal = (name: string, shape: number[], factor = 1) => {
    const tensor = randomNormal(shape, random.split(name), dtype);
    const numbers = elements(tensor);
    for (let n = 0; n < numbers.length; n++) numbers[n] *= factor;
    return tensor;
  };
  const flags = Array.from({ length: batch * keyLength }, () => (random.integer(4) ? 1 : 0));
  const some = (extent: number) => (random.integer(2) ? extent : 1);
  const gates = normal('gates', [batch, heads, keyLength]);
  const gateNumbers = elements(gates);
  for (let n = 0; n < gateNumbers.length; n++) gateNumbers[n] = -Math.abs(gateNumbers[n]);
  const inputs = {
    queries: normal('queries', [batch, heads, queryLength, headDim], norm),
    keys: normal('keys', [batch, keyHeads, keyLength, headDim]),
    values: normal('values', [batch, keyHeads, keyLength, valueDim]),
  };
  const settings: AttentionSettings = {
    ...(masked && { keyMask: fromArray(flags, [batch, keyLength], 'uint8') }),
    ...(has('scale') && { scale: 0.3 }),
    queryStart: start,
    ...(has('bias') && { bias: normal('bias', [some(batch), some(heads), some(queryLength), some(keyLength)]) }),
    ...(has('relative') && {
      relative: {
        queries: normal('relative queries', [batch, heads, queryLength, headDim]),
        keys: normal('relative keys', [heads, start + queryLength + keyLength, headDim]),
        nearest: -keyLength,
      },
    }),
    ...(has('slopes') && { slopes: Array.from({ length: heads }, (_, h) => 0.5 / (h + 1)) }),
    ...(has('logGates') && { logGates: gates }),
    ...(has('softCap') && { softCap: 3 }),
    ...(has('selfBias') && { selfBias: -1.5 }),
    ...(has('sinks') && { sinks: normal('sinks', [heads]) }),
  };
  return { inputs, sets: setOf(drawnCase, kind, queryLength, start, random.split('sets')), settings };
}

function largestDifference(actual: Tensor, expected: readonly number[]): number {
  const numbers = elements(actual);
  assert.is(numbers.length, expected.length);
  let worst = 0;
  for (let n = 0; n < numbers.length; n++) {
    if (numbers[n] === expected[n]) continue;
    const difference = Math.abs(numbers[n] - expected[n]) / Math.max(1, Math.abs(expected[n]));
    if (!(difference <= worst)) worst = difference;
  }
  return worst;
}

// Sums of a few hundred terms in another order; scores of the norms here stay below about 200.
for (const [dtype, tolerance] of [
  ['float64', 1e-11],
  ['float32', 2e-4],
] as const) {
  test(`output and log-sum-exp are those of the pairs, one by one, in ${dtype}`, () => {
    fc.assert(
      fc.property(cases, (drawnCase) => {
        scope(() => {
          const { inputs, sets, settings } = draw(drawnCase, dtype);
          const { output, logSumExp } = attention(inputs.queries, inputs.keys, inputs.values, sets, settings);
          const expected = attentionWrittenOut(inputs.queries, inputs.keys, inputs.values, sets, settings);
          const differences = [
            largestDifference(output, expected.output),
            largestDifference(logSumExp, expected.logSumExp),
          ];
          assert.ok(Math.max(...differences) <= tolerance, `differs by ${differences}`);
        });
      }),
      effort(200),
    );
  });
}

/** The inputs that can have a gradient, and a call with others in their places. */
function differentiable({ inputs, sets, settings }: Drawn) {
  const { bias, relative, logGates, sinks } = settings;
  const given = [inputs.queries, inputs.keys, inputs.values, bias, relative?.queries, relative?.keys, sinks];
  const places = given.flatMap((tensor, n) => (tensor === undefined ? [] : [n]));
  const call = (...tensors: Tensor[]) => {
    const at = (n: number) => tensors[places.indexOf(n)];
    return attention(at(0), at(1), at(2), sets, {
      ...settings,
      ...(bias && { bias: at(3) }),
      ...(relative && { relative: { ...relative, queries: at(4), keys: at(5) } }),
      ...(sinks && { sinks: at(6) }),
      ...(logGates && { logGates }),
    });
  };
  return { tensors: places.map((n) => given[n] as Tensor), call };
}

test('gradients of everything match central differences', () => {
  fc.assert(
    fc.property(cases, fc.boolean(), (drawnCase, ofLogSumExp) => {
      scope(() => {
        const drawn = draw({ ...drawnCase, norm: 1 }, 'float64');
        const { tensors, call } = differentiable(drawn);
        // A query without keys has no log-sum-exp to differentiate.
        const allFinite = noGrad(() => elements(call(...tensors).logSumExp).every(Number.isFinite));
        checkGradients(
          (...given) => (ofLogSumExp && allFinite ? call(...given).logSumExp : call(...given).output),
          tensors,
          {
            maxEntries: 6,
            tolerance: 1e-5,
          },
        );
      });
    }),
    effort(100),
  );
});

test('gradients of queries, keys and values are those of the oracle', () => {
  fc.assert(
    fc.property(cases, fc.constantFrom(0, -1.5, -1e5), (drawnCase, selfBias) => {
      scope(() => {
        const drawn = draw({ ...drawnCase, group: 1, terms: ['scale', 'start'] }, 'float64');
        const { inputs, sets } = drawn;
        const settings = { ...drawn.settings, selfBias };
        const [queries, keys, values] = [inputs.queries, inputs.keys, inputs.values].map((each) => each.withGrad());
        const { output } = attention(queries, keys, values, sets, settings);
        const gradient = randomNormal(output.shape, new Random(drawnCase.seed).split('gradient'), 'float64');
        backward(output, gradient);
        const start = settings.queryStart ?? 0;
        const times = multiplicity(sets, start);
        const dense = (tensor: Tensor) => ({ shape: tensor.shape, data: tensor.toArray() });
        const expected = referenceAttentionGradients(
          { queries: dense(queries), keys: dense(keys), values: dense(values) },
          dense(gradient),
          {
            scale: settings.scale,
            ...(settings.keyMask && { keyMask: dense(settings.keyMask) }),
            allowedIn: (b, h, i, j) => times(b, h, i, j) > 0,
            bias: (b, h, i, j) => Math.log(times(b, h, i, j)) + (j === start + i ? selfBias : 0),
          },
        );
        for (const [name, tensor] of Object.entries({ queries, keys, values })) {
          // Where the only key is the token itself, a score of −10⁵ has 10⁻¹¹ left.
          const error = maxAbsoluteError(dense(tensor.grad as Tensor), expected[name as 'queries']);
          assert.ok(error <= 1e-9, `gradient of ${name}: differs by ${error}`);
        }
      });
    }),
    effort(100),
  );
});

test('large scores neither overflow nor lose the small ones', () => {
  scope(() => {
    const queries = fromArray([1000, -1000], [1, 1, 2, 1]);
    const keys = fromArray([1, 0.999, -1], [1, 1, 3, 1]);
    const values = fromArray([1, 2, 3], [1, 1, 3, 1]);
    const { output } = attention(queries, keys, values, everything(2, 3), { scale: 1 });
    // Scores 1000, 999 and −1000: weights e/(1 + e), 1/(1 + e) and 0; then all on the last key.
    const share = Math.E / (1 + Math.E);
    const [first, second] = output.toArray();
    // Float32 holds 999 as 999.00006, which moves the weights by 10⁻⁵.
    assert.ok(Math.abs(first - (share + 2 * (1 - share))) < 1e-4, `${first}`);
    assert.is(second, 3);
  });
});

test('a token without company attends to itself, even where that costs −10⁵, and otherwise not at all', () => {
  scope(() => {
    const queries = randomNormal([1, 1, 5, 3], new Random(1));
    const values = randomNormal([1, 1, 5, 2], new Random(2));
    const labels = fromArray([0, 1, 0, 0, 2], [1, 1, 5], 'int32');
    const set = { layout: everything(5, 5), labels, causal: true };
    const { output } = attention(queries, queries, values, set, { selfBias: -1e5 });
    const without = attention(queries, queries, values, { ...set, except: [2, 3] }, { selfBias: -1e5 }).output;
    const row = (tensor: Tensor, token: number) => [...tensor.toArray().slice(2 * token, 2 * token + 2)];
    // Token 0 is the first of its label, 1 and 4 are alone with theirs, and 2 has only 0 before it.
    for (const [token, source] of [0, 1, 0, -1, 4].entries()) {
      if (source >= 0) assert.equal(row(output, token), row(values, source), `token ${token}`);
    }
    // Without its own key and that of token 2, token 3 has only 0.
    assert.equal(row(without, 3), row(values, 0));
  });
});

test('memory: neither scores nor a sorted copy are held', () => {
  const peak = (length: number) =>
    scope(() => {
      const x = randomNormal([1, 1, length, 8], new Random(1));
      const order = permutation(length, new Random(2));
      const set = { layout: everything(length, length), queryTokens: order, keyTokens: order };
      return measureMemory(() => noGrad(() => attention(x, x, x, set))).peakBytes;
    });
  // Output of 8 numbers a token, log-sum-exp, largest score and sum, two orders and two ends of runs: 15; and tiles.
  assert.ok(peak(1024) <= 1.1 * 4 * 15 * 1024, `${peak(1024)} bytes`);
});

test('gradients of log-gates match central differences', () => {
  fc.assert(
    fc.property(cases, (drawnCase) => {
      scope(() => {
        const { inputs, sets, settings } = draw({ ...drawnCase, terms: ['logGates', 'start'] }, 'float64');
        const gates = settings.logGates as Tensor;
        // Differences step across 0, where a gate may not go.
        const numbers = elements(gates);
        for (let n = 0; n < numbers.length; n++) numbers[n] -= 0.1;
        const call = (logGates: Tensor) =>
          attention(inputs.queries, inputs.keys, inputs.values, sets, { ...settings, logGates }).output;
        checkGradients(call, [gates], { maxEntries: 12, tolerance: 1e-5 });
      });
    }),
    effort(40),
  );
});

test('running sums of gates, in a cache with room behind them, are the gates', () => {
  fc.assert(
    fc.property(cases, (drawnCase) => {
      scope(() => {
        const { inputs, sets, settings } = draw({ ...drawnCase, terms: ['logGates', 'start'] }, 'float64');
        const { logGates, ...others } = settings;
        const gates = logGates as Tensor;
        const call = (own: AttentionSettings) =>
          attention(inputs.queries, inputs.keys, inputs.values, sets, { ...others, ...own }).output.toArray();
        const sums = sumGates(gates);
        assert.equal(call({ gateSums: appendRows(undefined, sums) }), call({ logGates: gates }));
        // One list of gates, or its parts one after another.
        const [, , length] = gates.shape;
        const cut = Math.ceil(length / 2);
        const first = sumGates(slice(gates, 2, 0, cut));
        if (cut === length) return;
        const rest = sumGates(slice(gates, 2, cut, length), slice(first, 2, cut - 1, cut));
        assert.equal(concat([first, rest], 2).toArray(), sums.toArray());
      });
    }),
    effort(40),
  );
});

test('gradients of running sums match central differences, those of a list that goes on too', () => {
  const [gates, before] = [filled([2, 1, 5], -0.7, 'float64'), filled([2, 1, 1, 1], -3, 'float64')];
  checkGradients((g, b) => multiply(sumGates(g, b), sumGates(g, b)), [gates, before], { tolerance: 1e-6 });
});

test('a gate of 0 forgets whatever was before it, and later gates are as they are', () => {
  const gates = fromArray([-0.1, -1e300, -1e300, -0.2, -0.4], [1, 1, 5], 'float64');
  const [q, v] = ['q', 'v'].map((name) => randomNormal([1, 1, 5, 3], new Random(4).split(name), 'float64'));
  const { output } = attention(q, q, v, causal(5), { logGates: gates });
  const last = (x: Tensor, count: number) => slice(x, 2, 5 - count, 5);
  const short = attention(last(q, 3), last(q, 3), last(v, 3), causal(3), {
    logGates: fromArray([-1, -0.2, -0.4], [1, 1, 3], 'float64'),
  });
  assert.ok(largestDifference(last(output, 3), [...elements(short.output)]) < 1e-9);
});

test('dropout: gradients match, a share of 1/(1 − rate) is kept, and the mean over draws tends to none', () => {
  fc.assert(
    fc.property(cases, fc.double({ min: 0.1, max: 0.8, noNaN: true }), (drawnCase, rate) => {
      scope(() => {
        const drawn = draw({ ...drawnCase, norm: 1 }, 'float64');
        drawn.settings.dropout = { rate, random: new Random(drawnCase.seed) };
        const { tensors, call } = differentiable(drawn);
        checkGradients((...given) => call(...given).output, tensors, { maxEntries: 3, tolerance: 1e-5 });
      });
    }),
    effort(40),
  );
  scope(() => {
    const random = new Random(1);
    const [queries, keys] = ['q', 'k'].map((name) => randomNormal([1, 1, 8, 4], random.split(name), 'float64'));
    const values = fromArray(new Float64Array(8).fill(1), [1, 1, 8, 1], 'float64');
    const draws = 2000;
    const sums = new Float64Array(8);
    const rate = 0.3;
    for (let n = 0; n < draws; n++) {
      const { output } = attention(queries, keys, values, everything(8, 8), {
        dropout: { rate, random: random.split(`${n}`) },
      });
      elements(output).forEach((each, i) => {
        sums[i] += each / draws;
      });
    }
    // A row's weights add up to 1; of Σ w_j D_j the variance is Σ w_j² rate/(1 − rate) ≤ 0.43, five standard errors 0.074.
    for (const mean of sums) assert.ok(Math.abs(mean - 1) <= 0.074, `${mean}`);
  });
});

test('what is masked, and a query that nothing comes back to, has no influence, whatever it holds', () => {
  fc.assert(
    fc.property(cases, fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, 3e38), (drawnCase, poison) => {
      scope(() => {
        const results = [0, poison].map((hidden) => {
          const { inputs, sets, settings } = draw(
            { ...drawnCase, masked: true, terms: drawnCase.terms.filter((term) => term !== 'bias') },
            'float32',
          );
          const mask = elements(settings.keyMask as Tensor);
          const { batch, keyHeads, keyLength } = drawnCase;
          for (const tensor of [inputs.keys, inputs.values]) {
            const width = tensor.shape[3];
            for (let row = 0; row < batch * keyHeads * keyLength; row++) {
              if (mask[Math.floor(row / (keyHeads * keyLength)) * keyLength + (row % keyLength)]) continue;
              elements(tensor).fill(hidden, row * width, (row + 1) * width);
            }
          }
          // The last query is padding: its row of the output is not asked about.
          const [, , length, width] = inputs.queries.shape;
          const queries = elements(inputs.queries);
          for (let row = length - 1; row < queries.length / width; row += length)
            queries.fill(hidden, row * width, (row + 1) * width);
          const tensors = [inputs.queries, inputs.keys, inputs.values].map((tensor) => tensor.withGrad());
          const { output } = attention(tensors[0], tensors[1], tensors[2], sets, settings);
          const gradient = randomNormal(output.shape, new Random(drawnCase.seed), 'float32');
          const numbers = elements(gradient);
          const valueDim = output.shape[3];
          const isPadding = (at: number) => Math.floor(at / valueDim) % length === length - 1;
          for (let at = 0; at < numbers.length; at++) if (isPadding(at)) numbers[at] = 0;
          backward(output, gradient);
          return {
            output: [...elements(output)].filter((_, at) => !isPadding(at)),
            gradients: tensors.map((tensor) => [...elements(tensor.grad ?? zeros(tensor.shape))]),
          };
        });
        assert.equal(results[1], results[0]);
      });
    }),
    effort(100),
  );
});

test('a paged cache is an order of keys: pages anywhere in memory, in any order, give the bits of rows one after another', () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 9 }), (seed, pages, rows) => {
      scope(() => {
        const random = new Random(seed);
        const length = pages * rows - random.integer(rows);
        const [queries, keys, values] = ['q', 'k', 'v'].map((name) =>
          randomNormal([1, 2, name === 'q' ? 3 : length, 5], random.split(name), 'float32'),
        );
        // A pool of twice as many pages, most of them of other texts; page n of this one is at table[n].
        const table = permutation(2 * pages, random).slice(0, pages);
        const place = (token: number) => table[Math.floor(token / rows)] * rows + (token % rows);
        const keyTokens = Int32Array.from({ length }, (_, token) => place(token));
        const pool = (own: Tensor, name: string) => {
          const all = randomNormal([1, 2, 2 * pages * rows, 5], random.split(`pool of ${name}`), 'float32');
          const [from, to] = [elements(own), elements(all)];
          for (let head = 0; head < 2; head++) {
            for (let token = 0; token < length; token++) {
              const row = from.subarray((head * length + token) * 5, (head * length + token + 1) * 5);
              to.set(row, (head * 2 * pages * rows + place(token)) * 5);
            }
          }
          return all;
        };
        const whole = attention(queries, keys, values, everything(3, length)).output;
        const paged = { layout: everything(3, length), keyTokens };
        const { output } = attention(queries, pool(keys, 'keys'), pool(values, 'values'), paged);
        assert.equal(output.toArray(), whole.toArray());
      });
    }),
  );
});

test('bad input is refused by name', () => {
  const x = (heads: number, length: number) => zeros([1, heads, length, 2]);
  const [q, k] = [x(4, 6), x(2, 6)];
  const refused = (name: string, run: () => unknown) =>
    assert.throws(
      run,
      (error: Error) => error instanceof EfficientTransformersError && error.message.startsWith(`${name}:`),
    );
  const all = everything(6, 6);
  refused('before', () => band(4, { before: -1, after: 0 }));
  refused('dilation[1]', () => band(4, { before: 1, after: 0, dilation: [1, 0] }));
  refused('end[1]', () => runs(Int32Array.of(0, 0), Int32Array.of(1, 5), 4));
  refused('end', () => runs(Int32Array.of(0, 0), Int32Array.of(1), 4));
  const order = (...tokens: number[]) => ({ layout: everything(6, tokens.length), keyTokens: Int32Array.from(tokens) });
  refused('keys', () => attention(q, x(3, 6), x(3, 6), all));
  refused('queries', () => attention(zeros([4, 6, 2]), k, k, all));
  refused('values', () => attention(q, k, x(2, 5), all));
  refused('keys', () => attention(q, zeros([1, 2, 6, 2], 'float64'), k, all));
  refused('sets', () => attention(q, k, k, []));
  refused('sets[1].layout', () => attention(q, k, k, [all, everything(6, 5)]));
  refused('sets.layout', () => attention(q, k, k, band(6, { before: 1, after: 1, dilation: [1, 2, 3] })));
  refused('sets.keyTokens', () => attention(q, k, k, order(0, 6)));
  refused('sets.keyTokens', () => attention(q, k, k, order(0, -2)));
  refused('sets.keyTokens', () => attention(q, k, k, order(3, 3)));
  refused('sets.except[0]', () => attention(q, k, k, { layout: all, except: [6] }));
  const blocks = (lists: number[], causal = false) => ({
    queryLength: 6,
    keyLength: 6,
    queryBlock: 3,
    keyBlock: 2,
    lists: fromArray(lists, [1, 1, 2, 2], 'int32'),
    causal,
  });
  refused('sets.lists', () => attention(q, k, k, blocks([0, 3, 0, 1])));
  refused('sets.lists', () => attention(q, k, k, blocks([1, 1, 0, 1])));
  refused('sets.lists', () => attention(q, k, k, blocks([0, 2, 0, 1], true)));
  const rows = fromArray([0, 1, 2, 0, 1, 2], [1, 1, 2, 3], 'int32');
  refused('sets', () =>
    attention(q, k, k, { layout: everything(6, 3), keyTokens: rows, queryTokens: order(0).keyTokens }),
  );
  refused('sets.once', () => attention(q, k, k, { layout: all, once: true }));
  refused('sets.labels', () => attention(q, k, k, { layout: all, labels: fromArray([0, 1], [1, 1, 2], 'int32') }));
  for (const outside of [0.5, Number.NaN, Number.NEGATIVE_INFINITY]) {
    refused('logGates', () => attention(q, k, k, all, { logGates: filled([1, 4, 6], outside) }));
  }
  refused('logGates', () => attention(q, k, k, all, { logGates: zeros([1, 2, 6]) }));
  refused('logGates', () => attention(q, k, k, all, { logGates: zeros([1, 4, 6]), queryStart: 1 }));
  const gateSums = zeros([1, 4, 6, 1], 'float64');
  refused('gateSums', () => attention(q, k, k, all, { gateSums: zeros([1, 4, 6, 1]) }));
  refused('gateSums', () => attention(q, k, k, all, { gateSums: zeros([1, 4, 6], 'float64') }));
  refused('gateSums', () => attention(q, k, k, all, { gateSums, queryStart: 1 }));
  refused('gateSums', () => attention(q, k, k, all, { gateSums, logGates: zeros([1, 4, 6]) }));
  refused('logGates', () => sumGates(zeros([1, 4, 6, 1])));
  refused('before', () => sumGates(zeros([1, 4, 6]), zeros([1, 4, 1, 1])));
  refused('before', () => sumGates(zeros([1, 4, 6]), zeros([1, 4, 1], 'float64')));
  refused('queryStart', () => attention(q, k, k, all, { queryStart: -1 }));
  refused('keyMask', () => attention(q, k, k, all, { keyMask: filled([1, 6], 2, 'uint8') }));
  refused('softCap', () => attention(q, k, k, all, { softCap: -1 }));
  refused('sinks', () => attention(q, k, k, all, { sinks: zeros([2]) }));
  refused('slopes', () => attention(q, k, k, all, { slopes: [1, 2] }));
  refused('bias', () => attention(q, k, k, all, { bias: zeros([1, 1, 5, 6]) }));
  refused('relative.keys', () =>
    attention(q, k, k, all, { relative: { queries: q, keys: zeros([2, 11, 2]), nearest: -5 } }),
  );
  const near = { queries: q, keys: zeros([4, 10, 2]), nearest: -5 };
  refused('relative.keys', () => attention(q, k, k, all, { relative: near }));
  refused('dropout.rate', () => attention(q, k, k, all, { dropout: { rate: 1, random: new Random(1) } }));
});

test('the number of threads changes no bit, of the output and of any gradient', async () => {
  const before = threadCount();
  const run = () =>
    fc.sample(cases, { seed: 7, numRuns: 24 }).map((drawnCase) =>
      scope(() => {
        const large = { ...drawnCase, queryLength: 300, keyLength: 300, headDim: 24, valueDim: 24 };
        const drawn = draw({ ...large, terms: large.terms.slice(0, 2) }, 'float32');
        const { tensors, call } = differentiable(drawn);
        for (const tensor of tensors) tensor.withGrad();
        const { output } = call(...tensors);
        backward(output, randomNormal(output.shape, new Random(1), 'float32'));
        return [output, ...tensors.map(({ grad }) => grad)].map((tensor) =>
          tensor === null ? null : [...tensor.toArray()],
        );
      }),
    );
  try {
    setThreads(1);
    const alone = run();
    setThreads(3);
    await poolReady();
    assert.equal(run(), alone);
  } finally {
    setThreads(before);
  }
});

test.run();
