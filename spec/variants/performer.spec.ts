/** The Performer's attention against dense sums over the features of eq. 5, and against full attention. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { scale } from '../../src/core/ops/index.ts';
import { referenceAttention, referenceLinearAttention, relativeFrobeniusError } from '../../src/core/reference.ts';
import { scope } from '../../src/core/scope.ts';
import { fromArray } from '../../src/core/tensor.ts';
import { attend, drawParameters } from '../../src/variants/attend.ts';
import { performer } from '../../src/variants/performer.ts';
import { forAllCases, inputsOf } from '../laws/draw.ts';
import { expectClose, outputOf, parametersOf, ROUNDING } from '../laws/evaluate.ts';
import { anyPerformer, dense, dot, lengthened, oneHead, optionsOf, plainFeatures, rowsOf } from './performer-cases.ts';

test('equals dense attention with weights φ(q)·φ(k), causal and padded: eq. 4 with all the brackets left out', () => {
  let compared = 0;
  // Short vectors, ordinary ones, and long ones, whose similarities go down to 10⁻³⁰.
  for (const factor of [0.3, 1, 3]) {
    forAllCases(anyPerformer, { dtype: 'float64', maxLength: 40 }, 40, (drawn) => {
      const { causal, kernel } = optionsOf(drawn);
      if (kernel === 'softmax-trigonometric') return;
      const inputs = lengthened(drawn, factor);
      const [phiQueries, phiKeys] = [inputs.queries, inputs.keys].map((x) => dense(plainFeatures(x, drawn)));
      const masks = { causal, ...(inputs.keyMask && { keyMask: dense(inputs.keyMask) }) };
      const expected = referenceLinearAttention(phiQueries, phiKeys, dense(inputs.values), masks);
      compared++;
      expectClose(outputOf(anyPerformer, drawn, inputs), { ...expected, dtype: 'float64' }, ROUNDING, 'output');
    });
  }
  assert.ok(compared > 30, `${compared}`);
});

test('trigonometric features: the same, with denominators kept off zero at half a standard error', () => {
  let kept = 0;
  let raised = 0;
  forAllCases(anyPerformer, { dtype: 'float64', maxLength: 30, maxHeadDim: 8 }, 60, (drawn) => {
    const options = { ...optionsOf(drawn), kernel: 'softmax-trigonometric' } as const;
    const inputs = inputsOf(drawn);
    const { shape, mask } = drawn;
    const [phiQueries, phiKeys] = [inputs.queries, inputs.keys].map((x) =>
      rowsOf(plainFeatures(x, { ...drawn, options })),
    );
    const values = rowsOf(inputs.values);
    const output = rowsOf(attend(performer, inputs, options, { parameters: parametersOf(anyPerformer, drawn) }));
    for (let head = 0; head < shape.batch * shape.heads; head++) {
      const real = mask?.[Math.floor(head / shape.heads)];
      for (let i = 0; i < shape.queryLength; i++) {
        const query = phiQueries[head * shape.queryLength + i];
        let denominator = 0;
        let most = 0;
        const numerators = new Array<number>(shape.headDim).fill(0);
        for (let j = 0; j < (options.causal ? i + 1 : shape.keyLength); j++) {
          if (real?.[j] === 0) continue;
          const key = phiKeys[head * shape.keyLength + j];
          const weight = dot(query, key);
          denominator += weight;
          most += Math.sqrt(dot(query, query) * dot(key, key));
          values[head * shape.keyLength + j].forEach((value, c) => {
            numerators[c] += weight * value;
          });
        }
        const least = (0.5 / Math.sqrt(2 * options.numRandomFeatures)) * most;
        if (denominator >= least) kept++;
        else raised++;
        numerators.forEach((numerator, c) => {
          const expected = most === 0 ? 0 : numerator / Math.max(denominator, least);
          const actual = output[head * shape.queryLength + i][c];
          assert.ok(Math.abs(actual - expected) < ROUNDING * Math.max(1, Math.abs(expected)), `${actual}, ${expected}`);
        });
      }
    }
  });
  assert.ok(kept > 30 && raised > 30, `${kept} denominators kept, ${raised} raised`);
});

test('positive features: weights are at least 0 and sum to 1, causal and padded, for long vectors too', () => {
  let rows = 0;
  for (const factor of [1, 10, 30]) {
    forAllCases(anyPerformer, { maxLength: 24 }, 25, (drawn) => {
      const { kernel, epsilon, causal } = optionsOf(drawn);
      if (kernel === 'softmax-trigonometric' || (kernel === 'relu' && epsilon === 0)) return;
      const { batch, heads, keyLength, queryLength } = drawn.shape;
      // Unit vectors as values bring out the weights.
      const unit = Array.from({ length: keyLength ** 2 }, (_, n) => (n % (keyLength + 1) === 0 ? 1 : 0));
      const values = fromArray(
        Array.from({ length: batch * heads }, () => unit).flat(),
        [batch, heads, keyLength, keyLength],
        drawn.shape.dtype,
      );
      const inputs = { ...lengthened(drawn, factor), values };
      // Numerators and denominator are rounded apart, each after hundreds of terms.
      const rounding = drawn.shape.dtype === 'float32' ? 1e-4 : 1e-12;
      rowsOf(attend(performer, inputs, drawn.options, { parameters: parametersOf(anyPerformer, drawn) })).forEach(
        (weights, row) => {
          const entry = Math.floor(row / (heads * queryLength));
          const seen = (key: number) => (!causal || key <= row % queryLength) && drawn.mask?.[entry][key] !== 0;
          const expected = weights.some((_, key) => seen(key)) ? 1 : 0;
          const total = weights.reduce((sum, weight) => sum + weight, 0);
          rows++;
          assert.ok(Math.abs(total - expected) <= rounding, `factor ${factor}, row ${row}: weights sum to ${total}`);
          weights.forEach((weight, key) => {
            assert.ok(seen(key) ? weight >= 0 : weight === 0, `factor ${factor}, row ${row}: ${weight} for ${key}`);
          });
        },
      );
    });
  }
  assert.ok(rows > 300, `${rows}`);
});

test('the error against full attention falls as 1/√m', () => {
  const { inputs: longer, shape } = oneHead('float64', 48);
  // A third as long as standard normal vectors: with longer ones a few terms decide, and the law sets in at larger m.
  const inputs = { ...longer, queries: scale(longer.queries, 0.35), keys: scale(longer.keys, 0.35) };
  const exact = referenceAttention({
    queries: dense(inputs.queries),
    keys: dense(inputs.keys),
    values: dense(inputs.values),
  });
  const counts = [64, 256, 1024, 4096];
  const points = counts.map((numRandomFeatures) => {
    const options = { ...performer.defaults(48), numRandomFeatures, projection: 'iid' } as const;
    const squares = Array.from({ length: 40 }, (_, seed) =>
      scope(() => {
        const parameters = drawParameters(performer, options, shape, seed);
        return relativeFrobeniusError(dense(attend(performer, inputs, options, { parameters })), exact) ** 2;
      }),
    );
    const mean = squares.reduce((sum, square) => sum + square, 0) / squares.length;
    const variance = squares.reduce((sum, square) => sum + (square - mean) ** 2, 0) / (squares.length - 1);
    // Half the logarithm of the mean square, and its standard error.
    return {
      x: Math.log(numRandomFeatures),
      y: Math.log(mean) / 2,
      error: Math.sqrt(variance / squares.length) / (2 * mean),
    };
  });
  const middle = points.reduce((sum, { x }) => sum + x, 0) / points.length;
  const spread = points.reduce((sum, { x }) => sum + (x - middle) ** 2, 0);
  const slope = points.reduce((sum, { x, y }) => sum + (x - middle) * y, 0) / spread;
  const error = Math.sqrt(points.reduce((sum, point) => sum + ((point.x - middle) * point.error) ** 2, 0)) / spread;
  assert.ok(Math.abs(slope + 0.5) < 5 * error, `slope ${slope} ± ${error}`);
});

test('cost: operations grow in proportion to L and to m', () => {
  const shape = { batch: 2, heads: 2, queryLength: 512, keyLength: 512, headDim: 16, dtype: 'float32' } as const;
  const options = performer.defaults(512);
  const { flops } = performer.cost(shape, options);
  assert.is(performer.cost({ ...shape, queryLength: 1024, keyLength: 1024 }, options).flops, 2 * flops);
  assert.is(performer.cost(shape, { ...options, numRandomFeatures: 512 }).flops, 2 * flops);
});

test.run();
