/** MoBA, held to loops over its definition, and to what it is when queries choose all blocks or the ones that one plants. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { noGrad } from '../../src/core/autograd.ts';
import { attention, chooseBlocks, slice } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { fromArray, randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import { attend } from '../../src/variants/attend.ts';
import { startDecoding } from '../../src/variants/decoding.ts';
import { full } from '../../src/variants/full.ts';
import { type MobaOptions, moba } from '../../src/variants/moba.ts';
import { chosenKeys, meansOfBlocks } from '../../src/variants/moba-blocks.ts';
import { type AnyVariant, findVariant } from '../../src/variants/registry.ts';
import type { AttentionInputs } from '../../src/variants/variant.ts';
import { type AttentionCase, forAllCases, inputsOf } from '../laws/draw.ts';
import { expectClose, type Output, outputOf, ROUNDING, read } from '../laws/evaluate.ts';
import { inAllSettings } from '../laws/settings.ts';

const variant = findVariant('moba') as AnyVariant;

const optionsOf = ({ options }: AttentionCase) => options as MobaOptions;
const withOptions = (attentionCase: AttentionCase, own: Partial<MobaOptions>): AttentionCase => ({
  ...attentionCase,
  options: { ...attentionCase.options, ...own },
});

/** Which of some scored past blocks a query takes, and which keys of its own block. */
interface Rule {
  take(scores: ReadonlyMap<number, number>, k: number): number[];
  endOfOwn(query: number, blockSize: number): number;
}

const paper: Rule = {
  take: (scores, k) => [...scores.keys()].sort((a, b) => (scores.get(b) ?? 0) - (scores.get(a) ?? 0)).slice(0, k - 1),
  endOfOwn: (query) => query + 1,
};

/** softmax over the own block and the k − 1 past ones of the largest ⟨q, mean of real keys⟩, query by query in float64. */
function byLoops(
  { queries, keys, values, keyMask }: AttentionInputs,
  { blockSize, topK }: MobaOptions,
  rule: Rule = paper,
): Output {
  const [batch, heads, length, d] = queries.shape;
  const width = values.shape[3];
  const [q, k, v] = [queries, keys, values].map((each) => each.toArray());
  const mask = keyMask?.toArray();
  const output = new Float64Array(batch * heads * length * width);
  for (let list = 0; list < batch * heads; list++) {
    const isReal = (token: number) => mask?.[Math.floor(list / heads) * length + token] !== 0;
    const product = (i: number, key: (c: number) => number) => {
      let sum = 0;
      for (let c = 0; c < d; c++) sum += q[(list * length + i) * d + c] * key(c);
      return sum;
    };
    for (let i = 0; i < length; i++) {
      const own = Math.floor(i / blockSize);
      const scores = new Map<number, number>();
      for (let block = 0; block < own; block++) {
        const tokens = Array.from({ length: blockSize }, (_, n) => block * blockSize + n).filter(isReal);
        const mean = (c: number) =>
          tokens.reduce((sum, token) => sum + k[(list * length + token) * d + c], 0) / tokens.length;
        if (tokens.length > 0) scores.set(block, product(i, mean));
      }
      const met: number[] = [];
      for (const block of rule.take(scores, topK)) {
        for (let n = 0; n < blockSize; n++) met.push(block * blockSize + n);
      }
      for (let j = own * blockSize; j < Math.min(length, rule.endOfOwn(i, blockSize)); j++) met.push(j);
      const real = met.filter(isReal);
      const logs = real.map((j) => product(i, (c) => k[(list * length + j) * d + c]) / Math.sqrt(d));
      const largest = Math.max(...logs);
      const weights = logs.map((log) => Math.exp(log - largest));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      for (const [n, j] of real.entries()) {
        for (let c = 0; c < width; c++) {
          output[(list * length + i) * width + c] += (weights[n] / total) * v[(list * length + j) * width + c];
        }
      }
    }
  }
  return { shape: [batch, heads, length, width], dtype: 'float64', data: output };
}

for (const { name, run } of inAllSettings(
  'the own block and the best past ones, query by query',
  ({ draw, tolerance }) => {
    draw(variant, {}, 60, (attentionCase) => {
      const inputs = inputsOf(attentionCase);
      const expected = byLoops(inputs, optionsOf(attentionCase));
      expectClose(outputOf(variant, attentionCase, inputs), expected, tolerance(inputs), 'output');
    });
  },
)) {
  test(name, run);
}

test('the same where queries of a block are grouped', () => {
  forAllCases(variant, { dtype: 'float64', minLength: 100, maxLength: 200, maxHeadDim: 6 }, 10, (drawn) => {
    const attentionCase = withOptions(drawn, { blockSize: 16 + (drawn.seed % 20), topK: 2 + (drawn.seed % 4) });
    const inputs = inputsOf(attentionCase);
    const expected = byLoops(inputs, optionsOf(attentionCase));
    expectClose(outputOf(variant, attentionCase, inputs), expected, ROUNDING, 'output');
  });
});

test('groups hold every choice of every query once', () => {
  const [batch, heads, length, blockSize, blocks] = [2, 2, 130, 17, 7];
  const random = new Random(3);
  const [queries, means] = [
    randomNormal([batch, heads, length, 4], random, 'float64'),
    randomNormal([batch, heads, blocks, 4], random, 'float64'),
  ];
  const lists = chooseBlocks(queries, means, { blockSize, count: 3 });
  const sets = chosenKeys(lists, blocks, blockSize, length);
  assert.is(sets.length, 3);
  const chosen = lists.toArray();
  for (const [n, { lists: ofGroups, queryBlock, queryTokens }] of sets.entries()) {
    const [block, tokens] = [ofGroups.toArray(), (queryTokens as Tensor).toArray()];
    const places = tokens.length / (batch * heads);
    const found = new Map<number, number>();
    for (const [at, token] of tokens.entries()) {
      if (token < 0) continue;
      const list = Math.floor(at / places);
      assert.not.ok(found.has(list * length + token));
      found.set(list * length + token, block[Math.floor(at / queryBlock)]);
    }
    for (let row = 0; row < batch * heads * length; row++) assert.is(found.get(row) ?? -1, chosen[row * 3 + n]);
  }
});

test('the loops notice the worst blocks, one block more, and keys of the own block that come later', () => {
  const wrong: Rule[] = [
    { ...paper, take: (scores, k) => paper.take(new Map([...scores].map(([n, score]) => [n, -score])), k) },
    { ...paper, take: (scores, k) => paper.take(scores, k + 1) },
    { ...paper, endOfOwn: (query, blockSize) => (Math.floor(query / blockSize) + 1) * blockSize },
  ];
  forAllCases(variant, { dtype: 'float64', masked: false, minLength: 20, minHeadDim: 2 }, 10, (drawn) => {
    const attentionCase = withOptions(drawn, { blockSize: 3, topK: 3 });
    const inputs = inputsOf(attentionCase);
    const output = outputOf(variant, attentionCase, inputs);
    for (const rule of wrong) {
      assert.throws(() => expectClose(output, byLoops(inputs, optionsOf(attentionCase), rule), 1e-6, 'output'));
    }
  });
});

test('with as many blocks as there are it is full causal attention', () => {
  forAllCases(variant, { dtype: 'float64' }, 30, (drawn) => {
    const { keyLength } = drawn.shape;
    const blockSize = 1 + (drawn.seed % keyLength);
    const attentionCase = withOptions(drawn, { blockSize, topK: Math.max(2, Math.ceil(keyLength / blockSize)) });
    const inputs = inputsOf(attentionCase);
    const expected = read(noGrad(() => attend(full, inputs, { causal: true })));
    expectClose(outputOf(variant, attentionCase, inputs), expected, ROUNDING, 'output');
  });
});

test('a query takes the block whose keys point to it, once that is whole and before it', () => {
  const [length, blockSize, d] = [24, 4, 6];
  // The keys of block n are the unit vector n, and every query asks for block 2.
  const rows = (direction: (position: number) => number) => {
    const numbers = new Float64Array(length * d);
    for (let position = 0; position < length; position++) numbers[position * d + direction(position)] = 1;
    return fromArray(numbers, [1, 1, length, d], 'float64');
  };
  const keys = rows((position) => Math.floor(position / blockSize));
  const queries = rows(() => 2);
  const means = meansOfBlocks(keys, undefined, blockSize, 0, length / blockSize);
  const chosen = chooseBlocks(queries, means, { blockSize, count: 1 }).toArray();
  assert.equal(
    [...chosen],
    Array.from({ length }, (_, i) => (i < blockSize ? -1 : i < 3 * blockSize ? 0 : 2)),
  );
});

test('decisions of a run are taken over by another', () => {
  forAllCases(variant, { dtype: 'float64', masked: false, minLength: 12, minHeadDim: 2 }, 15, (drawn) => {
    const attentionCase = withOptions(drawn, { blockSize: 2, topK: 2 });
    const options = optionsOf(attentionCase);
    const [inputs, others] = [inputsOf(attentionCase), inputsOf(attentionCase, { name: 'others' })];
    const decided = noGrad(() => moba.decisions!(inputs, options, {}));
    expectClose(
      outputOf(variant, attentionCase, inputs, decided),
      outputOf(variant, attentionCase, inputs),
      0,
      'with its own',
    );
    // Other queries and keys, and the blocks of these.
    const forced = outputOf(variant, attentionCase, others, decided);
    const { queries, keys, values } = others;
    const { keyLength } = attentionCase.shape;
    const own = Int32Array.from({ length: keyLength }, (_, i) => i - (i % 2));
    const layout = {
      queryLength: keyLength,
      keyLength,
      heads: [{ dilation: 1, begin: own, end: own.map((_, i) => i + 1) }],
    };
    const list = { queryLength: keyLength, keyLength, queryBlock: 1, keyBlock: 2, lists: decided.blocks };
    const expected = noGrad(() => attention(queries, keys, values, [layout, list]).output);
    expectClose(forced, read(expected), ROUNDING, 'with those of others');
  });
});

test('a generation keeps a mean for each block that is full', () => {
  const sizes = { batch: 1, heads: 2, headDim: 4, dtype: 'float32', maxLength: 30 } as const;
  const decoder = startDecoding(moba, sizes, { blockSize: 4, topK: 2 });
  for (let n = 1; n <= 30; n++) {
    const row = randomNormal([1, 2, 1, 4], new Random(n));
    decoder.step({ queries: row, keys: row, values: row });
    const { means, keys } = decoder.state?.tensors ?? {};
    assert.equal(means?.shape, n < 4 ? undefined : [1, 2, Math.floor(n / 4), 4]);
    if (n % 4 !== 0) continue;
    const expected = meansOfBlocks(slice(keys, 2, n - 4, n), undefined, 4, 0, 1);
    expectClose(read(slice(means, 2, n / 4 - 1, n / 4)), read(expected), 0, `after token ${n}`);
  }
});

test('what chooseBlocks cannot do is refused by name', () => {
  const [queries, means] = [zeros([1, 2, 6, 4]), zeros([1, 2, 3, 4], 'float64')];
  const refused = (name: string, run: () => unknown) =>
    assert.throws(run, (error: Error) => error.message.startsWith(`${name}:`));
  refused('means', () => chooseBlocks(queries, zeros([1, 2, 3, 4]), { blockSize: 2, count: 1 }));
  refused('means', () => chooseBlocks(queries, zeros([1, 2, 3, 5], 'float64'), { blockSize: 2, count: 1 }));
  refused('means', () => chooseBlocks(queries, means, { blockSize: 1, count: 1 }));
  refused('real', () => chooseBlocks(queries, means, { blockSize: 2, count: 1, real: zeros([1, 3]) }));
  refused('count', () => chooseBlocks(queries, means, { blockSize: 2, count: 0 }));
});

test.run();
