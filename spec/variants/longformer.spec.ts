/** What Beltagy et al. 2020 say of their attention, and where other implementations of it went wrong. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { noGrad } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError, UnsupportedError } from '../../src/core/errors.ts';
import { checkGradients } from '../../src/core/gradient-check.ts';
import { gatherRows } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { maxAbsoluteError, referenceAttention } from '../../src/core/reference.ts';
import { scope } from '../../src/core/scope.ts';
import { randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { attend } from '../../src/variants/attend.ts';
import { full } from '../../src/variants/full.ts';
import { linformer } from '../../src/variants/linformer.ts';
import { type LongformerOptions, longformer } from '../../src/variants/longformer.ts';
import type { AttentionInputs } from '../../src/variants/variant.ts';
import { effort } from '../laws/effort.ts';

/** Sums of at most some hundred float64 terms near 1, grouped in another way. */
const ROUNDING = 1e-12;

const cases = fc.record({
  batch: fc.integer({ min: 1, max: 2 }),
  heads: fc.integer({ min: 1, max: 3 }),
  length: fc.integer({ min: 1, max: 75 }),
  headDim: fc.integer({ min: 1, max: 6 }),
  causal: fc.boolean(),
  seed: fc.nat(),
});

type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

function forAll(runs: number, law: (drawn: Case, inputs: AttentionInputs, random: Random) => void): void {
  fc.assert(
    fc.property(cases, (drawn) => {
      scope(() => noGrad(() => law(drawn, inputsOf(drawn), new Random(drawn.seed).split('law'))));
    }),
    effort(runs),
  );
}

function inputsOf({ batch, heads, length, headDim, seed }: Case, name = 'inputs'): AttentionInputs {
  const random = new Random(seed).split(name);
  const draw = (part: string) => randomNormal([batch, heads, length, headDim], random.split(part), 'float64');
  return { queries: draw('queries'), keys: draw('keys'), values: draw('values') };
}

const dense = (tensor: Tensor) => ({ shape: tensor.shape, data: tensor.toArray() });
const denseInputs = ({ queries, keys, values }: AttentionInputs) => ({
  queries: dense(queries),
  keys: dense(keys),
  values: dense(values),
});

function close(
  actual: Tensor,
  expected: Tensor | { shape: readonly number[]; data: Float64Array },
  claim: string,
): void {
  const target = 'data' in expected ? expected : dense(expected as Tensor);
  const error = maxAbsoluteError(dense(actual), target);
  assert.ok(error <= ROUNDING, `${claim}: differs by ${error}`);
}

const run = (inputs: AttentionInputs, options: Partial<LongformerOptions>) => attend(longformer, inputs, options);

test('a window of twice the length without dilation is full attention', () => {
  forAll(60, ({ length, causal }, inputs) => {
    close(run(inputs, { attentionWindow: 2 * length, causal }), attend(full, inputs, { causal }), 'output');
  });
});

test('with every token global it is full attention, whatever the window', () => {
  forAll(60, ({ length, causal }, inputs, random) => {
    const globalPositions = [...random.permutation(length)];
    const attentionWindow = 1 + random.integer(2 * length);
    close(run(inputs, { attentionWindow, globalPositions, causal }), attend(full, inputs, { causal }), 'output');
  });
});

test('a widest window with dilation δ is full attention among the tokens of each remainder by δ', () => {
  forAll(40, ({ length, heads, causal }, inputs, random) => {
    const step = 1 + random.integer(Math.min(5, length));
    const output = run(inputs, { attentionWindow: 2 * length, dilation: new Array(heads).fill(step), causal });
    for (let remainder = 0; remainder < step; remainder++) {
      const members = Int32Array.from(
        { length: Math.ceil((length - remainder) / step) },
        (_, n) => remainder + n * step,
      );
      const alone = {
        queries: gatherRows(inputs.queries, members),
        keys: gatherRows(inputs.keys, members),
        values: gatherRows(inputs.values, members),
      };
      close(gatherRows(output, members), attend(full, alone, { causal }), `tokens of remainder ${remainder}`);
    }
  });
});

test('the window is ⌊w/2⌋ tokens on each side, δ apart, and those before only when causal (§3.1)', () => {
  forAll(40, ({ batch, heads, length, headDim, causal }, _inputs, random) => {
    const attentionWindow = 1 + random.integer(2 * length);
    const dilation = Array.from({ length: heads }, () => 1 + random.integer(length));
    const shape = { batch, heads, queryLength: length, keyLength: length, headDim, dtype: 'float64' as const };
    const allowed = longformer.pattern?.({ causal, attentionWindow, dilation, globalPositions: [] }, shape);
    const half = Math.floor(attentionWindow / 2);
    for (let h = 0; h < heads; h++) {
      for (let i = 0; i < length; i++) {
        const seen = Array.from({ length }, (_, j) => j).filter((j) => allowed?.(h, i, j));
        const steps = Array.from({ length: 2 * half + 1 }, (_, n) => i + (n - half) * dilation[h]);
        const expected = steps.filter((j) => j >= 0 && j < length && (!causal || j <= i));
        assert.equal(seen, expected);
      }
    }
  });
});

test('an odd window counts the query itself: w and w − 1 are the same', () => {
  forAll(30, ({ length, causal }, inputs, random) => {
    const odd = 2 * random.integer(length) + 1;
    if (odd === 1) return;
    close(run(inputs, { attentionWindow: odd, causal }), run(inputs, { attentionWindow: odd - 1, causal }), 'output');
  });
});

test('the ends do not wrap around: the first tokens see nothing of the last', () => {
  forAll(30, ({ length }, inputs, random) => {
    const attentionWindow = 1 + random.integer(Math.max(1, length - 1));
    const reach = Math.floor(attentionWindow / 2);
    if (length < 2 * reach + 2) return;
    const values = inputs.values.toArray();
    const changed = randomNormal(inputs.values.shape, random, 'float64');
    // Only the values after the reach of token 0 differ.
    const target = changed.array;
    const [batch, heads, , width] = inputs.values.shape;
    for (let b = 0; b < batch; b++)
      for (let h = 0; h < heads; h++)
        for (let i = 0; i <= reach; i++)
          for (let c = 0; c < width; c++) target.set(b, h, i, c, values[((b * heads + h) * length + i) * width + c]);
    const before = gatherRows(run(inputs, { attentionWindow }), Int32Array.of(0));
    const after = gatherRows(run({ ...inputs, values: changed }, { attentionWindow }), Int32Array.of(0));
    assert.equal(after.toArray(), before.toArray());
  });
});

test('global rows come from the global projections, all others from the local ones', () => {
  forAll(60, (drawn, inputs, random) => {
    const { length, heads, batch, headDim, causal } = drawn;
    const global = inputsOf(drawn, 'global projections');
    const globalPositions = [...random.choose(length, 1 + random.integer(length))];
    const options = { attentionWindow: 1 + random.integer(2 * length), globalPositions, causal };
    const shape = { batch, heads, queryLength: length, keyLength: length, headDim, dtype: 'float64' as const };
    const allowed = longformer.pattern?.({ ...longformer.defaults(length), ...options }, shape);
    const local = referenceAttention(denseInputs(inputs), { causal, allowed });
    const byGlobal = referenceAttention(denseInputs(global), { causal, allowed });
    const isGlobal = new Set(globalPositions);
    const expected = local.data.map((value, n) => {
      return isGlobal.has(Math.floor(n / headDim) % length) ? byGlobal.data[n] : value;
    });
    close(run({ ...inputs, global }, options), { shape: local.shape, data: expected }, 'output');
  });
});

test('gradients of both sets of projections agree with central differences', () => {
  fc.assert(
    fc.property(cases, (drawn) => {
      scope(() => {
        const small = { ...drawn, length: Math.min(drawn.length, 20) };
        const random = new Random(drawn.seed).split('law');
        const inputs = inputsOf(small);
        const others = inputsOf(small, 'global projections');
        const globalPositions = [...random.choose(small.length, 1 + random.integer(small.length))];
        const attentionWindow = 1 + random.integer(2 * small.length);
        checkGradients(
          (queries, keys, values, globalQueries, globalKeys, globalValues) => {
            const global = { queries: globalQueries, keys: globalKeys, values: globalValues };
            return run({ queries, keys, values, global }, { attentionWindow, globalPositions, causal: drawn.causal });
          },
          [inputs.queries, inputs.keys, inputs.values, others.queries, others.keys, others.values],
          { maxEntries: 6, seed: drawn.seed },
        );
      });
    }),
    effort(15),
  );
});

test('cost counts the pairs of the pattern, exactly', () => {
  forAll(40, ({ batch, heads, length, headDim, causal }, _inputs, random) => {
    const options = {
      causal,
      attentionWindow: 1 + random.integer(2 * length),
      dilation: Array.from({ length: heads }, () => 1 + random.integer(length)),
      globalPositions: Array.from({ length }, (_, i) => i).filter(() => random.integer(4) === 0),
    };
    const shape = { batch, heads, queryLength: length, keyLength: length, headDim, dtype: 'float64' as const };
    const allowed = longformer.pattern?.(options, shape) ?? (() => false);
    let pairs = 0;
    for (let h = 0; h < heads; h++)
      for (let i = 0; i < length; i++) for (let j = 0; j < length; j++) if (allowed(h, i, j)) pairs++;
    const perPair = full.cost({ ...shape, batch: 1, heads: 1, queryLength: 1, keyLength: 1 }, { causal: false }).flops;
    assert.is(longformer.cost(shape, options).flops, batch * pairs * perPair);
  });
});

test('what cannot be right is refused by name', () => {
  const inputs = inputsOf({ batch: 1, heads: 2, length: 8, headDim: 4, causal: false, seed: 1 });
  const refused = (type: new (message: string) => Error, start: string, body: () => void) =>
    assert.throws(body, (error: Error) => error instanceof type && error.message.startsWith(start));
  refused(ArgumentError, 'attentionWindow: expected an integer from 1 to 16, got 17', () =>
    run(inputs, { attentionWindow: 17 }),
  );
  refused(ShapeError, 'dilation: expected an entry for each of 2 heads', () => run(inputs, { dilation: [1, 2, 3] }));
  refused(ArgumentError, 'globalPositions[0]', () => run(inputs, { globalPositions: [8] }));
  refused(ArgumentError, 'globalPositions: expected distinct', () => run(inputs, { globalPositions: [3, 3] }));
  const { queries, keys, values } = inputs;
  const short = { queries, keys, values: gatherRows(values, Int32Array.of(0, 1)) };
  refused(ShapeError, 'global.values', () => run({ ...inputs, global: short }, {}));
  refused(UnsupportedError, 'global: linformer', () =>
    attend(linformer, { ...inputs, global: { queries, keys, values } }),
  );
});

test.run();
