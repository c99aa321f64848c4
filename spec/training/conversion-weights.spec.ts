/** Conversion by weights: the loss of Hedgehog, what learns by it, and what is refused. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, noGrad } from '../../src/core/autograd.ts';
import { UnsupportedError } from '../../src/core/errors.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, fromArray, randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { convertModel, type ModelConversionSettings } from '../../src/training/conversion/learner.ts';
import { softmaxWeights, weightPair, weightsCrossEntropy, weightsOf } from '../../src/training/conversion/weights.ts';
import { Mixing } from '../../src/training/mixing.ts';
import { endRun, type Run, runDefaults, startRun } from '../../src/training/run.ts';
import { train } from '../../src/training/trainer.ts';
import type { AttentionInputs } from '../../src/variants/variant.ts';
import { effort } from '../laws/effort.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';

interface Drawn {
  batch: number;
  heads: number;
  length: number;
  d: number;
  causal: boolean;
  featureMap: 'elu' | 'hedgehog';
  dtype: 'float32' | 'float64';
  norm: number;
  masked: boolean;
  seed: number;
}

const drawn = (norms: fc.Arbitrary<number>, dtypes: fc.Arbitrary<Drawn['dtype']>): fc.Arbitrary<Drawn> =>
  fc.record({
    batch: fc.integer({ min: 1, max: 2 }),
    heads: fc.integer({ min: 1, max: 2 }),
    length: fc.integer({ min: 1, max: 9 }),
    d: fc.integer({ min: 1, max: 5 }),
    causal: fc.boolean(),
    featureMap: fc.constantFrom('elu', 'hedgehog'),
    dtype: dtypes,
    norm: norms,
    masked: fc.boolean(),
    seed: fc.nat(),
  });

/** Of the original, of the attention that learns, its parameters, and the mask. */
function made({ batch, heads, length, d, causal, featureMap, dtype, norm, masked, seed }: Drawn) {
  const random = new Random(seed);
  const rows = (name: string) => {
    const numbers = randomNormal([batch, heads, length, d], random.split(name), dtype).toArray();
    return fromArray(
      [...numbers].map((x) => norm * x),
      [batch, heads, length, d],
      dtype,
    );
  };
  // The last tokens of the last text are padding, but not its first.
  const padding = random.split('padding').integer(length);
  const flags = Array.from({ length: batch * length }, (_, at) => Number(at === 0 || at < batch * length - padding));
  flags[(batch - 1) * length] = 1;
  const keyMask = masked ? fromArray(flags, [batch, length], 'uint8') : undefined;
  const place = { modelDim: heads * d, heads, headDim: d, length, causal, rotary: false, dtype };
  const mixing = new Mixing({ variant: 'linear-transformer', options: { featureMap } }, place, random.split('mixing'));
  for (const [name, parameter] of Object.entries(mixing.parameters)) {
    const noise = randomNormal(parameter.shape, random.split(name), dtype).toArray();
    elements(parameter).set([...parameter.toArray()].map((x, n) => x + 0.3 * noise[n]));
  }
  const inputs = (which: string): AttentionInputs => ({
    queries: rows(`queries of ${which}`),
    keys: rows(`keys of ${which}`),
    values: rows('values'),
    ...(keyMask && { keyMask }),
  });
  const [original, own] = [inputs('original'), inputs('own')];
  const loss = () => {
    const teacher = () => softmaxWeights(original, causal);
    return weightsCrossEntropy(
      weightPair(teacher, () => weightsOf(mixing, own, true)),
      keyMask,
    );
  };
  return { original, own, mixing, flags, keyMask, loss };
}

const logSumExp = (x: readonly number[]): number => {
  const most = Math.max(...x);
  return most + Math.log(x.reduce((sum, each) => sum + Math.exp(each - most), 0));
};

/** The same by plain loops in float64, from logarithms; and the largest number in an exponent. */
function oracle(given: Drawn): { loss: number; largest: number; least: number } {
  const { batch, heads, length, d, causal, featureMap, masked } = given;
  const { original, own, mixing, flags } = made(given);
  const row = (tensor: Tensor, b: number, h: number, i: number) => {
    const from = ((b * heads + h) * length + i) * d;
    return [...tensor.toArray().subarray(from, from + d)];
  };
  let [total, rows, largest, least] = [0, 0, 0, 1];
  /** log φ of a row, by the head's own map. */
  const logPhi = (x: number[], side: 'q' | 'k', h: number): number[] => {
    if (featureMap === 'elu') return x.map((each) => (each > 0 ? Math.log1p(each) : each));
    const [W, b] = [`W_${side}`, `b_${side}`].map((name) => [...mixing.parameters[name].toArray()]);
    const y = x.map((_, r) => x.reduce((sum, each, c) => sum + W[(h * d + r) * d + c] * each, b[h * d + r]));
    return [...y, ...y.map((each) => -each)];
  };
  for (let b = 0; b < batch; b++) {
    const isReal = (j: number) => !masked || flags[b * length + j] === 1;
    for (let h = 0; h < heads; h++) {
      for (let i = 0; i < length; i++) {
        if (!isReal(i)) continue;
        rows++;
        const keys = Array.from({ length }, (_, j) => j).filter((j) => isReal(j) && (!causal || j <= i));
        const [q, qOwn] = [row(original.queries, b, h, i), logPhi(row(own.queries, b, h, i), 'q', h)];
        const scores = keys.map((j) => {
          return row(original.keys, b, h, j).reduce((sum, each, c) => sum + each * q[c], 0) / Math.sqrt(d);
        });
        const logs = keys.map((j) =>
          logSumExp(logPhi(row(own.keys, b, h, j), 'k', h).map((each, f) => each + qOwn[f])),
        );
        const [ofScores, ofLogs] = [logSumExp(scores), logSumExp(logs)];
        keys.forEach((_, n) => {
          const weight = Math.exp(logs[n] - ofLogs);
          largest = Math.max(largest, Math.abs(scores[n]), Math.abs(logs[n]));
          least = Math.min(least, weight);
          const below = 2 ** -64;
          const log = weight >= below ? logs[n] - ofLogs : Math.log(below) + weight / below - 1;
          total -= Math.exp(scores[n] - ofScores) * log;
        });
      }
    }
  }
  return { loss: total / rows, largest, least };
}

test('the loss is the cross-entropy of the weights by plain loops, for every head and real query', () => {
  const dtypes = fc.constantFrom('float32' as const, 'float64' as const);
  fc.assert(
    fc.property(drawn(fc.constantFrom(1e-3, 0.1, 1, 10, 1e2), dtypes), (given) => {
      scope(() => {
        const { loss, largest } = oracle(given);
        const actual = noGrad(made(given).loss).item();
        // A weight has the rounding of its exponent; a softmax over a few keys of hundreds decides by their difference.
        const rounding = given.dtype === 'float32' ? 2 ** -23 : 2 ** -52;
        const tolerance = 32 * rounding * (1 + largest) * (1 + Math.abs(loss));
        assert.ok(Math.abs(actual - loss) <= tolerance, `${actual}, expected ${loss} within ${tolerance}`);
      });
    }),
    effort(150),
  );
});

test('the gradients of features and of what they read agree with central differences', () => {
  fc.assert(
    fc.property(drawn(fc.constantFrom(0.1, 1), fc.constant('float64' as const)), (given) => {
      scope(() => {
        const { own, mixing, loss } = made(given);
        const read = { ...mixing.parameters, queries: own.queries, keys: own.keys };
        for (const tensor of Object.values(read)) tensor.withGrad();
        backward(loss());
        const random = new Random(given.seed).split('direction');
        for (const [name, tensor] of Object.entries(read)) {
          const numbers = elements(tensor);
          const direction = randomNormal(tensor.shape, random.split(name), 'float64').toArray();
          const before = numbers.slice();
          const step = 1e-5;
          const at = (sign: number) => {
            for (let n = 0; n < numbers.length; n++) numbers[n] = before[n] + sign * step * direction[n];
            return noGrad(() => scope(() => loss().item()));
          };
          const expected = (at(1) - at(-1)) / (2 * step);
          numbers.set(before);
          const gradient = tensor.grad === null ? new Float64Array(numbers.length) : elements(tensor.grad);
          const actual = [...gradient].reduce((sum, each, n) => sum + each * direction[n], 0);
          // elu + 1 has a second derivative that jumps at 0, and the difference is right to the square of the step.
          assert.ok(Math.abs(actual - expected) <= 1e-6 * (1 + Math.abs(expected)), `${name}: ${actual}, ${expected}`);
        }
      });
    }),
    effort(60),
  );
});

test('the same weights have the entropy as their loss and no gradient; those that are 0 have finite ones', () => {
  const numbers = [0.7, 0.2, 0.1, 1, 0, 0];
  const weights = (values: number[]) => fromArray(values, [1, 1, 2, 3], 'float64');
  const student = weights(numbers).withGrad();
  const loss = weightsCrossEntropy({ teacher: weights(numbers), student }, undefined);
  const entropy = -(0.7 * Math.log(0.7) + 0.2 * Math.log(0.2) + 0.1 * Math.log(0.1)) / 2;
  assert.ok(Math.abs(loss.item() - entropy) < 1e-15);
  backward(loss);
  // Of weights that sum to 1 it is the same for each, so that moving them along gives nothing.
  assert.equal([...elements(student.grad as Tensor)], [-0.5, -0.5, -0.5, -0.5, 0, 0]);
  const lost = weights([0, 1, 0, 0.5, 0.5, 0]).withGrad();
  const far = weightsCrossEntropy({ teacher: weights(numbers), student: lost }, undefined);
  backward(far);
  assert.ok(far.item() > 0.5 * 0.7 * 44 && Number.isFinite(far.item()), `${far.item()}`);
  assert.ok([...elements(lost.grad as Tensor)].every((each) => each <= 0 && Number.isFinite(each)));
});

async function trained(variant: string, options: Record<string, unknown> = {}): Promise<Run> {
  const run = startRun({
    ...runDefaults,
    task: { name: 'copy', length: 16 },
    model: { layers: 2, modelDim: 16, heads: 2, attention: { variant, options } },
    schedule: { kind: 'constant', rate: 0.01 },
    ...{ steps: 60, batch: 8, evaluateEvery: 60, evaluationExamples: 1, seed: 2 },
  });
  await train(run);
  return run;
}

const copy = await trained('full');
const modelOf = ({ learner, settings, step, task }: Run) => ({ learner, settings, step, alphabet: task.alphabet });
const by = (variant: string, options: Record<string, unknown>, more: Partial<ModelConversionSettings> = {}) => ({
  ...({ steps: 80, rate: 0.01, train: 'attention', match: 'weights', seed: 1, heldOut: 2, batch: 8 } as const),
  attention: { variant, options },
  ...more,
});

test('the weights come nearer, only what they depend on learns, and Hedgehog comes nearer than elu + 1', async () => {
  const ends: number[] = [];
  for (const featureMap of ['elu', 'hedgehog']) {
    let start: Map<string, string> | null = null;
    const losses: number[] = [];
    const numbers = (run: Run) => new Map([...run.learner.model.parameters()].map(([n, t]) => [n, t.toArray().join()]));
    const { run, report } = await convertModel(modelOf(copy), by('linear-transformer', { featureMap }), {
      onSwapped: (run) => {
        start = numbers(run);
      },
      onStep: ({ loss }) => losses.push(loss),
      shouldStop: () => losses.length >= 40,
    });
    const sum = (some: readonly number[]) => some.reduce((total, each) => total + each, 0);
    assert.ok(sum(losses.slice(-10)) < 0.95 * sum(losses.slice(0, 10)), `${losses}`);
    ends.push(sum(losses.slice(-10)));
    for (const [layer, drift] of report.drift.matched.entries()) assert.ok(drift < report.drift.swapped[layer]);
    const moved = [...numbers(run)].filter(([name, now]) => start?.get(name) !== now).map(([name]) => name);
    assert.ok(moved.length > 0 && moved.every((name) => /attention\.(query|key|W_|b_)/.test(name)), `${moved}`);
    endRun(run);
  }
  assert.ok(ends[1] < ends[0], `${ends}`);
});

test('attentions without weights of this form are refused by name, before any work, on either side', async () => {
  const refused = async (from: Run, message: RegExp, variant: string, options: Record<string, unknown> = {}) => {
    const observer = { onSwapped: () => assert.unreachable(variant) };
    const thrown = await convertModel(modelOf(from), by(variant, options), observer).catch((error) => error);
    expectThrows(UnsupportedError, 'match', () => {
      throw thrown;
    });
    assert.match((thrown as Error).message, message);
  };
  await refused(copy, /match: expected 'outputs', because gla does not/, 'gla');
  await refused(copy, /because local-attention does not/, 'local-attention');
  await refused(copy, /because performer with these options does not/, 'performer', {
    kernel: 'softmax-trigonometric',
  });
  const near = await trained('local-attention');
  await refused(near, /because local-attention does not/, 'linear-transformer');
  endRun(near);
});

test.run();
