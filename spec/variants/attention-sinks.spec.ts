/** Attention sinks, held to loops over the definition, to full attention and Longformer, and to what a cache may hold. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { noGrad } from '../../src/core/autograd.ts';
import { concat, slice } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { filled, fromArray, randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import { attend } from '../../src/variants/attend.ts';
import { type AttentionSinksOptions, attentionSinks } from '../../src/variants/attention-sinks.ts';
import { attendFrom } from '../../src/variants/continue.ts';
import { startDecoding } from '../../src/variants/decoding.ts';
import { full } from '../../src/variants/full.ts';
import { longformer } from '../../src/variants/longformer.ts';
import { type AnyVariant, findVariant } from '../../src/variants/registry.ts';
import { type AttentionState, stateBytes } from '../../src/variants/state.ts';
import type { AttentionInputs } from '../../src/variants/variant.ts';
import { type AttentionCase, forAllCases, inputsOf } from '../laws/draw.ts';
import { expectClose, type Output, outputOf, ROUNDING, read } from '../laws/evaluate.ts';
import { inAllSettings } from '../laws/settings.ts';

const variant = findVariant('attention-sinks') as AnyVariant;

const optionsOf = ({ options }: AttentionCase) => options as AttentionSinksOptions;
const withOptions = (attentionCase: AttentionCase, own: Partial<AttentionSinksOptions>): AttentionCase => ({
  ...attentionCase,
  options: { ...attentionCase.options, ...own },
});

/** Positions in the cache have a spec of their own. */
const inTheText = (attentionCase: AttentionCase) => withOptions(attentionCase, { sinkPositions: 'text' });

/** Sink logits of any size, or none where these options have none. */
function logitsOf(attentionCase: AttentionCase): Record<string, Tensor> {
  const { heads, dtype } = attentionCase.shape;
  if (optionsOf(attentionCase).sinkLogit !== 'learned') return {};
  const drawn = randomNormal([heads], new Random(attentionCase.seed).split('logits'), dtype).toArray();
  return {
    sinkLogits: fromArray(
      drawn.map((each) => 3 * each),
      [heads],
      dtype,
    ),
  };
}

type Meets = (query: number, key: number, options: AttentionSinksOptions) => number;

/** How often a pair counts: once in the first s tokens, or among the last w. */
const once: Meets = (i, j, { windowLength: w, numSinks: s }) => (j <= i && (j < s || i - j < w) ? 1 : 0);

/** p_j = e^{z_j} / (e^s + Σ_n e^{z_n}), pair by pair in float64. */
function byLoops(
  { queries, keys, values, keyMask }: AttentionInputs,
  options: AttentionSinksOptions,
  logits: Record<string, Tensor>,
  meets: Meets = once,
): Output {
  const [batch, heads, length, d] = queries.shape;
  const width = values.shape[3];
  const [q, k, v] = [queries, keys, values].map((each) => each.toArray());
  const mask = keyMask?.toArray();
  const output = new Float64Array(batch * heads * length * width);
  for (let list = 0; list < batch * heads; list++) {
    const none = Number.NEGATIVE_INFINITY;
    const s = { none, zero: 0, learned: logits.sinkLogits?.toArray()[list % heads] ?? none }[options.sinkLogit];
    for (let i = 0; i < length; i++) {
      const scores = new Map<number, number>();
      for (let j = 0; j <= i; j++) {
        if (meets(i, j, options) === 0 || mask?.[Math.floor(list / heads) * length + j] === 0) continue;
        let score = 0;
        for (let c = 0; c < d; c++) score += q[(list * length + i) * d + c] * k[(list * length + j) * d + c];
        scores.set(j, score / Math.sqrt(d));
      }
      const largest = Math.max(s, ...scores.values());
      let sum = Math.exp(s - largest);
      for (const [j, score] of scores) sum += meets(i, j, options) * Math.exp(score - largest);
      for (const [j, score] of scores) {
        const weight = (meets(i, j, options) * Math.exp(score - largest)) / sum;
        for (let c = 0; c < width; c++) {
          output[(list * length + i) * width + c] += weight * v[(list * length + j) * width + c];
        }
      }
    }
  }
  return { shape: [batch, heads, length, width], dtype: 'float64', data: output };
}

for (const { name, run } of inAllSettings(
  'the pairs of the window and of the sinks, and the logit',
  ({ draw, tolerance }) => {
    draw(variant, {}, 80, (drawn) => {
      const attentionCase = inTheText(drawn);
      const inputs = inputsOf(attentionCase);
      const logits = logitsOf(attentionCase);
      const expected = byLoops(inputs, optionsOf(attentionCase), logits);
      expectClose(outputOf(variant, attentionCase, inputs, logits), expected, tolerance(inputs), 'output');
    });
  },
)) {
  test(name, run);
}

test('the loops notice a window that is one longer or shorter, and a sink that counts twice', () => {
  const wrong: Meets[] = [
    (i, j, { windowLength, ...others }) => once(i, j, { windowLength: windowLength + 1, ...others }),
    (i, j, { windowLength, ...others }) => once(i, j, { windowLength: windowLength - 1, ...others }),
    (i, j, options) => once(i, j, options) + (j < options.numSinks && i - j < options.windowLength ? 1 : 0),
  ];
  forAllCases(variant, { dtype: 'float64', masked: false, minLength: 12, minHeadDim: 2 }, 15, (drawn) => {
    const attentionCase = withOptions(inTheText(drawn), { windowLength: 6, numSinks: 2 });
    const logits = logitsOf(attentionCase);
    const output = outputOf(variant, attentionCase, inputsOf(attentionCase), logits);
    for (const meets of wrong) {
      const expected = byLoops(inputsOf(attentionCase), optionsOf(attentionCase), logits, meets);
      assert.throws(() => expectClose(output, expected, 1e-6, 'output'));
    }
  });
});

const mild = { dtype: 'float64' } as const;

test('a window of the whole text is full causal attention', () => {
  forAllCases(variant, mild, 30, (drawn) => {
    const attentionCase = withOptions(drawn, { windowLength: drawn.shape.keyLength, sinkLogit: 'none' });
    const inputs = inputsOf(attentionCase);
    const expected = read(noGrad(() => attend(full, inputs, { causal: true })));
    expectClose(outputOf(variant, attentionCase, inputs, {}), expected, ROUNDING, 'output');
  });
});

test('a logit of −∞ is no logit, and one of 0 is SoftMax₁', () => {
  forAllCases(variant, mild, 30, (drawn) => {
    const inputs = inputsOf(drawn);
    const { heads } = drawn.shape;
    const run = (sinkLogit: AttentionSinksOptions['sinkLogit'], logits: Record<string, Tensor> = {}) =>
      outputOf(variant, withOptions(drawn, { sinkLogit }), inputs, logits);
    const closed = { sinkLogits: filled([heads], Number.NEGATIVE_INFINITY, 'float64') };
    expectClose(run('learned', closed), run('none'), ROUNDING, 'with a logit of −∞');
    expectClose(run('learned', { sinkLogits: zeros([heads], 'float64') }), run('zero'), 0, 'with a logit of 0');
  });
});

test('SoftMax₁ is the softmax with one more token before all, whose key and value are zeros', () => {
  forAllCases(variant, { ...mild, masked: false }, 20, (drawn) => {
    const { keyLength } = drawn.shape;
    const attentionCase = withOptions(inTheText(drawn), { windowLength: keyLength, sinkLogit: 'zero' });
    const { queries, keys, values } = inputsOf(attentionCase);
    const before = (rows: Tensor) => concat([zeros(rows.shape.with(2, 1), 'float64'), rows], 2);
    const inputs = { queries: before(queries), keys: before(keys), values: before(values) };
    const whole = noGrad(() => attend(full, inputs, { causal: true }));
    const expected = read(slice(whole, 2, 1, keyLength + 1));
    expectClose(outputOf(variant, attentionCase, inputsOf(attentionCase), {}), expected, ROUNDING, 'output');
  });
});

test('without a logit it is a Longformer whose first tokens are global', () => {
  forAllCases(variant, mild, 30, (drawn) => {
    const { keyLength } = drawn.shape;
    const windowLength = 1 + (drawn.seed % keyLength);
    const attentionCase = withOptions(inTheText(drawn), { windowLength, sinkLogit: 'none' });
    const inputs = inputsOf(attentionCase);
    const numSinks = Math.min(optionsOf(attentionCase).numSinks, keyLength);
    const options = {
      attentionWindow: 2 * (windowLength - 1) + 1,
      globalPositions: Array.from({ length: numSinks }, (_, n) => n),
      causal: true,
    };
    const expected = read(noGrad(() => attend(longformer, inputs, options)));
    expectClose(outputOf(variant, attentionCase, inputs, {}), expected, ROUNDING, 'output');
  });
});

test('pieces of a text with padding, also among its first tokens, give the rows of one run', () => {
  forAllCases(variant, { ...mild, masked: true, minLength: 4 }, 30, (attentionCase) => {
    const { keyLength } = attentionCase.shape;
    const inputs = inputsOf(attentionCase);
    const parameters = logitsOf(attentionCase);
    const random = new Random(attentionCase.seed).split('pieces');
    let state: AttentionState | null = null;
    const rows: Tensor[] = [];
    for (let begin = 0; begin < keyLength; ) {
      const end = Math.min(keyLength, begin + 1 + random.integer(3));
      const cut = (of: Tensor, axis: number) => slice(of, axis, begin, end);
      const { queries, keys, values, keyMask } = inputs;
      const piece = { queries: cut(queries, 2), keys: cut(keys, 2), values: cut(values, 2) };
      const result: ReturnType<typeof attendFrom> = noGrad(() =>
        attendFrom(
          attentionSinks,
          { ...piece, ...(keyMask && { keyMask: cut(keyMask, 1) }) },
          state,
          optionsOf(attentionCase),
          { parameters, maxLength: keyLength },
        ),
      );
      ({ state } = result);
      rows.push(result.output);
      begin = end;
    }
    const whole = outputOf(variant, attentionCase, inputs, parameters);
    expectClose(read(concat(rows, 2)), whole, ROUNDING, 'rows');
  });
});

test('a generation keeps the sinks and the window, however long the text', () => {
  const [windowLength, numSinks] = [8, 3];
  const sizes = { batch: 1, heads: 2, headDim: 4, dtype: 'float32', maxLength: 200 } as const;
  const decoder = startDecoding(attentionSinks, sizes, { windowLength, numSinks, sinkLogit: 'learned' });
  const bytes = new Set<number>();
  for (let n = 0; n < 200; n++) {
    const row = randomNormal([1, 2, 1, 4], new Random(n));
    decoder.step({ queries: row, keys: row, values: row });
    if (n >= windowLength) bytes.add(stateBytes(decoder.state as AttentionState));
  }
  // Keys and values of both heads; and of each sink, whether it is a real token.
  assert.equal([...bytes], [4 * (2 * 2 * 4 * (windowLength - 1 + numSinks) + numSinks)]);
});

test.run();
