/** Attention sinks with positions in the cache, held to loops that turn every key anew for each query's cache. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError } from '../../src/core/errors.ts';
import { fromArray, type Tensor } from '../../src/core/tensor.ts';
import { languageModel } from '../../src/training/language-model.ts';
import { evaluation } from '../../src/training/module.ts';
import type { AttentionSinksOptions } from '../../src/variants/attention-sinks.ts';
import { type AnyVariant, findVariant } from '../../src/variants/registry.ts';
import type { AttentionInputs } from '../../src/variants/variant.ts';
import { type AttentionCase, forAllCases, inputsOf } from '../laws/draw.ts';
import { expectClose, type Output, outputOf } from '../laws/evaluate.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { inAllSettings } from '../laws/settings.ts';

const variant = findVariant('attention-sinks') as AnyVariant;

type CacheOptions = AttentionSinksOptions;
const inTheCache = (drawn: AttentionCase, own: Partial<CacheOptions> = {}) => {
  const options = { ...drawn.options, sinkLogit: 'none', sinkPositions: 'cache', ...own } as CacheOptions;
  return { attentionCase: { ...drawn, options }, options };
};

/** A row of d numbers at a place: columns c and c + ⌊d/2⌋ are a point that turns by place · base^(−2c/d). */
function turnedRow(row: ArrayLike<number>, place: number, base: number): number[] {
  const turned = Array.from(row);
  const half = Math.floor(row.length / 2);
  for (let c = 0; c < half; c++) {
    const angle = place / base ** ((2 * c) / row.length);
    turned[c] = row[c] * Math.cos(angle) - row[c + half] * Math.sin(angle);
    turned[c + half] = row[c + half] * Math.cos(angle) + row[c] * Math.sin(angle);
  }
  return turned;
}

/** The inputs as a layer with rotary positions passes them on: each row turned by its place in the text. */
function turnedByText({ queries, keys, ...others }: AttentionInputs, base: number): AttentionInputs {
  const turned = (x: Tensor) => {
    const [, , length, d] = x.shape;
    const data = x.toArray();
    const rows = Array.from({ length: data.length / d }, (_, n) =>
      turnedRow(data.slice(n * d, (n + 1) * d), n % length, base),
    );
    return fromArray(rows.flat(), x.shape, x.dtype as 'float32' | 'float64');
  };
  return { queries: turned(queries), keys: turned(keys), ...others };
}

/** Which tokens query i finds in its cache, in their order, and the place of the query. */
type Cache = (i: number, options: CacheOptions) => { tokens: number[]; place: number };

/** The first s tokens, then the last w; the query is the last of them (§3.2). */
const cacheOf: Cache = (i, { windowLength: w, numSinks: s }) => {
  const tokens = Array.from({ length: i + 1 }, (_, j) => j).filter((j) => j < s || i - j < w);
  return { tokens, place: tokens.length - 1 };
};

/** softmax(R(place)q · R(n)k_n) V over the cache of each query, from inputs without positions, in float64. */
function byLoops(
  { queries, keys, values, keyMask }: AttentionInputs,
  options: CacheOptions,
  cache: Cache = cacheOf,
): Output {
  const [batch, heads, length, d] = queries.shape;
  const [q, k, v] = [queries, keys, values].map((each) => each.toArray());
  const mask = keyMask?.toArray();
  const output = new Float64Array(batch * heads * length * d);
  for (let list = 0; list < batch * heads; list++) {
    const rowOf = (data: ArrayLike<number>, n: number) =>
      Array.from({ length: d }, (_, c) => data[(list * length + n) * d + c]);
    for (let i = 0; i < length; i++) {
      const { tokens, place } = cache(i, options);
      const query = turnedRow(rowOf(q, i), place, options.rotaryBase);
      const scores = tokens.map((j, n) => {
        if (mask?.[Math.floor(list / heads) * length + j] === 0) return Number.NEGATIVE_INFINITY;
        const key = turnedRow(rowOf(k, j), n, options.rotaryBase);
        return key.reduce((sum, number, c) => sum + number * query[c], 0) / Math.sqrt(d);
      });
      const largest = Math.max(...scores);
      if (largest === Number.NEGATIVE_INFINITY) continue;
      const weights = scores.map((score) => Math.exp(score - largest));
      const sum = weights.reduce((a, b) => a + b, 0);
      tokens.forEach((j, n) => {
        for (let c = 0; c < d; c++) {
          output[(list * length + i) * d + c] += (weights[n] / sum) * v[(list * length + j) * d + c];
        }
      });
    }
  }
  return { shape: [batch, heads, length, d], dtype: 'float64', data: output };
}

for (const { name, run } of inAllSettings('keys turned anew for the cache of each query', ({ draw, tolerance }) => {
  draw(variant, {}, 80, (drawn) => {
    const { attentionCase, options } = inTheCache(drawn);
    const plain = inputsOf(attentionCase);
    const expected = byLoops(plain, options);
    expectClose(
      outputOf(variant, attentionCase, turnedByText(plain, options.rotaryBase), {}),
      expected,
      tolerance(plain),
      'output',
    );
  });
})) {
  test(name, run);
}

test('the loops notice a query at another place, and another base', () => {
  forAllCases(variant, { dtype: 'float64', masked: false, minLength: 14, minHeadDim: 4 }, 15, (drawn) => {
    const { attentionCase, options } = inTheCache(drawn, { windowLength: 6, numSinks: 2, rotaryBase: 100 });
    const plain = inputsOf(attentionCase);
    const output = outputOf(variant, attentionCase, turnedByText(plain, 100), {});
    const later: Cache = (i, own) => {
      const { tokens, place } = cacheOf(i, own);
      return { tokens, place: place + 1 };
    };
    assert.throws(() => expectClose(output, byLoops(plain, options, later), 1e-6, 'output'));
    const text: Cache = (i, own) => ({ ...cacheOf(i, own), place: i });
    assert.throws(() => expectClose(output, byLoops(plain, options, text), 1e-6, 'output'));
    assert.throws(() => expectClose(output, byLoops(plain, { ...options, rotaryBase: 10 }), 1e-6, 'output'));
  });
});

test('while the text fits the cache, positions in it are those of the text, bit by bit', () => {
  forAllCases(variant, { minLength: 2 }, 40, (drawn) => {
    const { keyLength } = drawn.shape;
    const numSinks = drawn.seed % keyLength;
    const { attentionCase } = inTheCache(drawn, { numSinks, windowLength: keyLength - numSinks });
    const { attentionCase: inText } = inTheCache(drawn, { ...attentionCase.options, sinkPositions: 'text' });
    const inputs = inputsOf(attentionCase);
    assert.equal(outputOf(variant, attentionCase, inputs, {}), outputOf(variant, inText, inputs, {}));
  });
});

const settings = (positions: 'rotary' | 'learned', options: Partial<CacheOptions>) =>
  ({
    vocabulary: 16,
    length: 40,
    layers: 1,
    modelDim: 16,
    heads: 2,
    causal: true,
    positions,
    dropout: 0,
    attention: { variant: 'attention-sinks', options: { windowLength: 6, numSinks: 2, ...options } },
  }) as const;

test('a model of one layer reads the same after a text however long it is, only with positions in the cache', () => {
  // The last 6 tokens and the first 2 are the same; with one layer nothing else reaches the last logits.
  const [first, last] = [
    [3, 1],
    [7, 2, 9, 4, 4, 11],
  ];
  const lastLogits = (sinkPositions: CacheOptions['sinkPositions'], between: number) => {
    const model = languageModel(settings('rotary', { sinkPositions }), 1);
    const tokens = [...first, ...new Array<number>(between).fill(5), ...last];
    const logits = model.forward(fromArray(tokens, [1, tokens.length], 'int32'), evaluation).toArray();
    return { shape: [1, 1, 1, 16], dtype: 'float32', data: Float32Array.from(logits.slice(-16)) };
  };
  // Angles of a place in float32, turned forth and back.
  const NEAR = 1e-5;
  expectClose(lastLogits('cache', 30), lastLogits('cache', 0), NEAR, 'logits');
  assert.throws(() => expectClose(lastLogits('text', 30), lastLogits('text', 0), 1e-3, 'logits'));
});

test('a layer with other positions, or with another base, is refused', () => {
  const refused = (positions: 'rotary' | 'learned', options: Partial<CacheOptions>) =>
    expectThrows(ArgumentError, 'positions', () =>
      languageModel(settings(positions, { sinkPositions: 'cache', ...options }), 1),
    );
  refused('learned', {});
  refused('rotary', { rotaryBase: 500 });
  languageModel(settings('learned', { rotaryBase: 500 }), 1);
});

test.run();
