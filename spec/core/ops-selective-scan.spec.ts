/** The selective scan against the plain loop over tokens. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, noGrad } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { checkGradients } from '../../src/core/gradient-check.ts';
import { type KernelSet, kernelSet } from '../../src/core/kernels/simd.ts';
import { measureMemory, memoryStatistics } from '../../src/core/memory.ts';
import { concat, multiply, reshape, scan, selectiveScan, slice, transpose } from '../../src/core/ops/index.ts';
import { setKernels } from '../../src/core/parallel/pool.ts';
import { Random } from '../../src/core/random.ts';
import { type Dense, referenceSelectiveScan } from '../../src/core/reference.ts';
import { scope } from '../../src/core/scope.ts';
import { filled, fromArray, randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import { effort } from '../laws/effort.ts';
import { assertSameBitsOnThreads } from './on-threads.ts';

type Float = 'float32' | 'float64';

interface Case {
  batch: number;
  heads: number;
  length: number;
  m: number;
  n: number;
  /** −A is up to this, and so is Δ. */
  strength: number;
  masked: boolean;
  continued: boolean;
  dtype: Float;
  seed: number;
}

/** Chunks are 64 tokens, items 16 channels: sizes on, before and after every cut, and primes. */
const LENGTHS = [1, 2, 7, 63, 64, 65, 128, 131, 193];
const CHANNELS = [1, 2, 5, 16, 17, 33];

const cases = (lengths = LENGTHS, strengths = [0, 0.03, 1, 10]): fc.Arbitrary<Case> =>
  fc.record({
    batch: fc.integer({ min: 1, max: 2 }),
    heads: fc.integer({ min: 1, max: 2 }),
    length: fc.constantFrom(...lengths),
    m: fc.integer({ min: 1, max: 11 }),
    n: fc.constantFrom(...CHANNELS),
    strength: fc.constantFrom(...strengths),
    masked: fc.boolean(),
    continued: fc.boolean(),
    dtype: fc.constantFrom('float32', 'float64'),
    seed: fc.nat(),
  });

interface Inputs {
  queries: Tensor;
  keys: Tensor;
  values: Tensor;
  steps: Tensor;
  rates: Tensor;
  keyMask?: Tensor;
  state?: Tensor;
}

const mapped = (x: Tensor, f: (value: number) => number) => fromArray(x.toArray().map(f), x.shape, x.dtype);

function inputsOf({ batch, heads, length, m, n, strength, masked, continued, dtype, seed }: Case): Inputs {
  const random = new Random(seed);
  const draw = (name: string, ...shape: number[]) => randomNormal(shape, random.split(name), dtype);
  const flags = random.split('mask');
  return {
    queries: draw('queries', batch, heads, length, m),
    keys: draw('keys', batch, heads, length, m),
    values: draw('values', batch, heads, length, n),
    steps: mapped(draw('steps', batch, heads, length, n), (x) => strength * Math.abs(x)),
    rates: mapped(draw('rates', heads, n, m), (x) => -strength * Math.abs(x)),
    ...(masked && {
      keyMask: fromArray(
        Array.from({ length: batch * length }, () => flags.integer(2)),
        [batch, length],
        'uint8',
      ),
    }),
    ...(continued && { state: draw('state', batch, heads, n, m) }),
  };
}

const run = ({ queries, keys, values, ...options }: Inputs) => selectiveScan(queries, keys, values, options);

/** The loop over tokens, for inputs whose signs `change` may take away. */
function oracle(inputs: Inputs, change: (value: number) => number = (value) => value) {
  const dense = (tensor: Tensor): Dense => ({ shape: tensor.shape, data: tensor.toArray() });
  const of = (tensor: Tensor): Dense => ({ shape: tensor.shape, data: tensor.toArray().map(change) });
  const { queries, keys, values, steps, rates, keyMask, state } = inputs;
  return referenceSelectiveScan(of(queries), of(keys), of(values), {
    steps: dense(steps),
    rates: dense(rates),
    ...(keyMask && { keyMask: dense(keyMask) }),
    ...(state && { state: of(state) }),
  });
}

const unitOf = (dtype: string) => (dtype === 'float32' ? 2 ** -24 : 2 ** -53);

/**
 * A sum of N terms is off by at most N roundings of the sum of their absolute values: m for a product of rows, one for each
 * token. An exponent Δ A is off by a rounding of itself, and e^−x (x + 4) is below 4 for any of them.
 */
const roundingsOf = ({ m, length }: Case) => m + 5 * length + 10;

function close(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: (at: number) => number,
  claim: string,
) {
  assert.is(actual.length, expected.length);
  for (let at = 0; at < expected.length; at++) {
    // Written so that NaN fails.
    if (Math.abs(actual[at] - expected[at]) <= tolerance(at)) continue;
    throw new Error(`${claim}: got ${actual[at]}, expected ${expected[at]} at ${at}, ${tolerance(at)} allowed`);
  }
}

/** What underflows: a number of a state below 10⁻³⁰ is nothing in float32. */
const LEAST = 1e-30;

function assertClose(drawn: Case, inputs: Inputs, output: Tensor, state: Tensor): void {
  const [expected, sizes] = [oracle(inputs), oracle(inputs, Math.abs)];
  const rounding = roundingsOf(drawn) * unitOf(drawn.dtype);
  close(output.toArray(), expected.output.data, (at) => rounding * sizes.output.data[at] + LEAST, 'output');
  close(state.toArray(), expected.state.data, (at) => rounding * sizes.state.data[at] + LEAST, 'state');
}

test('equals the loop over tokens: all sizes and steps, masked, and with a state before', () => {
  fc.assert(
    fc.property(cases(), (drawn) => {
      scope(() => {
        const inputs = inputsOf(drawn);
        const { output, state } = run(inputs);
        assert.equal(output.shape, inputs.values.shape);
        assert.is(output.dtype, drawn.dtype);
        assertClose(drawn, inputs, output, state);
      });
    }),
    effort(120),
  );
});

test('parts, each with the state that the last has left, and single tokens, have the bits of one run', () => {
  fc.assert(
    fc.property(cases([2, 7, 65, 131]), fc.boolean(), (drawn, singly) => {
      scope(() => {
        const inputs = inputsOf(drawn);
        const { length } = drawn;
        const cut = 1 + new Random(drawn.seed).split('cut').integer(length - 1);
        const ends = singly ? Array.from({ length: Math.min(20, length) }, (_, t) => t + 1) : [cut];
        const outputs: Tensor[] = [];
        let [state, begin] = [inputs.state, 0];
        for (const end of new Set([...ends, length])) {
          const entries = Object.entries(inputs).map(([name, tensor]: [string, Tensor]) => {
            if (name === 'state' || name === 'rates') return [name, tensor];
            return [name, slice(tensor, name === 'keyMask' ? 1 : 2, begin, end)];
          });
          const next = run({ ...(Object.fromEntries(entries) as unknown as Inputs), ...(state && { state }) });
          outputs.push(next.output);
          [state, begin] = [next.state, end];
        }
        const whole = run(inputs);
        assert.equal(concat(outputs, 2).toArray(), whole.output.toArray());
        assert.equal((state as Tensor).toArray(), whole.state.toArray());
      });
    }),
    effort(40),
  );
});

test('steps of 0 keep a state to the bit and write nothing', () => {
  fc.assert(
    fc.property(cases(), (drawn) => {
      scope(() => {
        const inputs = inputsOf({ ...drawn, continued: true });
        const { state } = run({ ...inputs, steps: zeros(inputs.values.shape, drawn.dtype) });
        assert.equal(state.toArray(), (inputs.state as Tensor).toArray());
      });
    }),
    effort(20),
  );
});

test('with one rate and one step for a head it is the scan with a scalar decay', () => {
  fc.assert(
    fc.property(cases(), (drawn) => {
      scope(() => {
        const { queries, keys, values, keyMask, state, ...selection } = inputsOf(drawn);
        const [batch, heads, length, n] = values.shape;
        const each = selection.steps.toArray();
        const own = Array.from({ length: batch * heads * length }, (_, row) => each[row * n]);
        const rate = -Math.fround(drawn.strength / 3);
        const wide = fromArray(
          each.map((_, at) => own[Math.floor(at / n)]),
          values.shape,
          drawn.dtype,
        );
        const given = { ...(keyMask && { keyMask }) };
        const inputs: Inputs = {
          queries,
          keys,
          values,
          steps: wide,
          rates: filled([heads, n, drawn.m], rate, drawn.dtype),
        };
        const logDecay = fromArray(
          own.map((step) => step * rate),
          [batch, heads, length],
          drawn.dtype,
        );
        const expected = scan(queries, keys, multiply(wide, values), {
          ...given,
          logDecay,
          ...(state && { state: transpose(state, [0, 1, 3, 2]) }),
        });
        const actual = run({ ...inputs, ...given, ...(state && { state }) });
        const sizes = oracle({ ...inputs, ...given, ...(state && { state }) }, Math.abs);
        // The scan has roundings of its own: its exponents are sums over a chunk, of at most 20.
        const rounding = 2 * (roundingsOf(drawn) + 60) * unitOf(drawn.dtype);
        const right = expected.output.toArray();
        close(actual.output.toArray(), right, (at) => rounding * sizes.output.data[at] + LEAST, 'output');
        const last = transpose(expected.state, [0, 1, 3, 2]).toArray();
        close(actual.state.toArray(), last, (at) => rounding * sizes.state.data[at] + LEAST, 'state');
      });
    }),
    effort(60),
  );
});

test('what is masked changes no state, no other output and no gradient, whatever it holds', () => {
  const rubbish = fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, 3e38);
  fc.assert(
    fc.property(cases([1, 7, 65, 131]), rubbish, (drawn, spoiling) => {
      scope(() => {
        const inputs = inputsOf({ ...drawn, masked: true });
        const flags = (inputs.keyMask as Tensor).toArray();
        const isMasked = (tensor: Tensor, at: number) => {
          const row = Math.floor(at / tensor.shape[3]);
          return flags[Math.floor(row / (drawn.heads * drawn.length)) * drawn.length + (row % drawn.length)] === 0;
        };
        const entries = Object.entries(inputs).map(([name, tensor]: [string, Tensor]) => {
          if (['keyMask', 'state', 'rates'].includes(name)) {
            return [name, fromArray(tensor.toArray(), tensor.shape, tensor.dtype)];
          }
          const data = tensor.toArray().map((value: number, at: number) => (isMasked(tensor, at) ? spoiling : value));
          return [name, fromArray(data, tensor.shape, drawn.dtype)];
        });
        const all = (given: Inputs) => {
          const leaves = Object.values(given).filter((tensor: Tensor) => tensor.dtype !== 'uint8') as Tensor[];
          for (const leaf of leaves) leaf.withGrad();
          const { output, state } = run(given);
          const weights = output.toArray().map((_, at) => (isMasked(output, at) ? 0 : 1));
          backward(
            concat([reshape(output, [-1]), reshape(state, [-1])], 0),
            fromArray([...weights, ...state.toArray().fill(1)], [output.size + state.size], drawn.dtype),
          );
          const seen = output.toArray().map((value, at) => (isMasked(output, at) ? 0 : value));
          return [seen, state.toArray(), ...leaves.map(({ grad }) => grad?.toArray())];
        };
        assert.equal(all(Object.fromEntries(entries) as unknown as Inputs), all(inputs));
      });
    }),
    effort(40),
  );
});

const LEAVES = ['queries', 'keys', 'values', 'steps', 'rates', 'state'] as const;

test('gradients of everything agree with central differences, of the output and of the last state', () => {
  fc.assert(
    fc.property(cases([1, 2, 5, 66, 131], [0.1, 1, 3]), (drawn) => {
      scope(() => {
        const inputs = inputsOf({ ...drawn, dtype: 'float64' });
        // Neither a step may fall below 0 nor a rate rise above it.
        inputs.steps = mapped(inputs.steps, (x) => x + 1e-3);
        inputs.rates = mapped(inputs.rates, (x) => x - 1e-3);
        const names = LEAVES.filter((name) => inputs[name] !== undefined);
        const f = (...leaves: Tensor[]) => {
          const given = { ...inputs, ...Object.fromEntries(names.map((name, index) => [name, leaves[index]])) };
          const { output, state } = run(given);
          return concat([reshape(output, [output.size]), reshape(state, [state.size])], 0);
        };
        const leaves = names.map((name) => inputs[name] as Tensor);
        checkGradients(f, leaves, { maxEntries: 5, seed: drawn.seed, tolerance: 2e-6 });
      });
    }),
    effort(50),
  );
});

test('gradients in float32 are those in float64, for all steps and norms', () => {
  fc.assert(
    fc.property(cases([7, 70, 293, 1031]), fc.constantFrom(1e-3, 1, 100), (drawn, size) => {
      scope(() => {
        const single = inputsOf({ ...drawn, dtype: 'float32' });
        for (const name of ['queries', 'keys', 'values'] as const) single[name] = mapped(single[name], (x) => size * x);
        const double = Object.fromEntries(
          Object.entries(single).map(([name, tensor]: [string, Tensor]) => [
            name,
            name === 'keyMask' ? tensor : fromArray(tensor.toArray(), tensor.shape, 'float64'),
          ]),
        ) as unknown as Inputs;
        const names = LEAVES.filter((name) => single[name] !== undefined);
        const weights = randomNormal(single.values.shape, new Random(drawn.seed).split('weights'), 'float32');
        const gradients = (inputs: Inputs) => {
          for (const name of names) inputs[name]?.withGrad();
          const { output } = run(inputs);
          backward(output, fromArray(weights.toArray(), weights.shape, output.dtype));
          return names.map((name) => (inputs[name] as Tensor).grad?.toArray() as Float64Array);
        };
        const [actual, expected] = [gradients(single), gradients(double)];
        // Sums over up to a thousand tokens, as a share of the largest.
        names.forEach((name, index) => {
          const largest = expected[index].reduce((most, x) => Math.max(most, Math.abs(x)), 1e-30);
          close(actual[index], expected[index], () => 1e-4 * largest, `gradient of ${name}`);
        });
      });
    }),
    effort(40),
  );
});

const usual = kernelSet();
if (usual === 'plain') console.log('No vector kernels here: they are not compared.');

(usual === 'simd' ? test : test.skip)('the vector kernels agree with the plain ones, forward and backward', () => {
  const outcomes = (set: KernelSet, drawn: Case) => {
    setKernels(set);
    const inputs = inputsOf(drawn);
    const leaves = LEAVES.flatMap((name) => inputs[name]?.withGrad() ?? []);
    const { output, state } = run(inputs);
    const weights = randomNormal([output.size + state.size], new Random(drawn.seed).split('weights'), 'float32');
    backward(concat([reshape(output, [-1]), reshape(state, [-1])], 0), weights);
    return { inputs, output, state, gradients: leaves.map(({ grad }) => (grad as Tensor).toArray() as Float32Array) };
  };
  try {
    fc.assert(
      // Less than a vector, whole vectors, and some numbers beyond them.
      fc.property(cases(), fc.constantFrom(1, 3, 4, 5, 8, 16, 30, 64, 67), (drawn, m) => {
        scope(() => {
          const drawnWith = { ...drawn, m, dtype: 'float32' } as const;
          const [plain, vector] = (['plain', 'simd'] as const).map((set) => outcomes(set, drawnWith));
          const sizes = oracle(plain.inputs, Math.abs);
          // Both are off by roundings.
          const rounding = 2 * roundingsOf(drawnWith) * unitOf('float32');
          for (const name of ['output', 'state'] as const) {
            const tolerance = (at: number) => rounding * sizes[name].data[at] + LEAST;
            close(vector[name].toArray(), plain[name].toArray(), tolerance, name);
          }
          // Sums over up to two hundred tokens, as a share of the largest.
          plain.gradients.forEach((expected, index) => {
            const largest = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-30);
            close(vector.gradients[index], expected, () => 2e-5 * largest, `gradient ${index}`);
          });
        });
      }),
      effort(60),
    );
  } finally {
    setKernels(usual);
  }
});

test('1, 2 and 3 threads give the same bits, forward and backward', async () => {
  const drawn = { batch: 2, heads: 2, length: 300, m: 24, n: 40, strength: 1, masked: true, continued: true } as const;
  await assertSameBitsOnThreads(() =>
    scope(() => {
      const inputs = inputsOf({ ...drawn, dtype: 'float32', seed: 8 });
      const leaves = LEAVES.map((name) => (inputs[name] as Tensor).withGrad());
      const { output, state } = run(inputs);
      backward(output);
      return [output, state, ...leaves.map(({ grad }) => grad as Tensor)].map((tensor) => tensor.toArray());
    }),
  );
});

test('strided views give the bits that packed copies give', () => {
  scope(() => {
    const drawn = { batch: 2, heads: 3, length: 41, m: 5, n: 4, strength: 1, masked: true, continued: true } as const;
    const inputs = inputsOf({ ...drawn, dtype: 'float64', seed: 9 });
    const views = Object.entries(inputs).map(([name, tensor]: [string, Tensor]) => {
      if (name === 'keyMask') return [name, tensor];
      const order = tensor.shape.length === 3 ? [0, 2, 1] : [0, 2, 1, 3];
      const stored = transpose(tensor, order);
      return [name, transpose(fromArray(stored.toArray(), stored.shape, 'float64'), order)];
    });
    assert.equal(run(Object.fromEntries(views)).output.toArray(), run(inputs).output.toArray());
  });
});

test('memory grows with the length, and nothing but the results is left', () => {
  const at = (length: number) =>
    scope(() => {
      const drawn = { batch: 1, heads: 1, m: 16, n: 64, strength: 0.1, masked: false, continued: false } as const;
      const inputs = inputsOf({ ...drawn, length, dtype: 'float32', seed: 1 });
      const before = memoryStatistics().liveBytes;
      const { result, peakBytes } = measureMemory(() => noGrad(() => scope(() => run(inputs))));
      assert.is(memoryStatistics().liveBytes - before, result.output.block.bytes + result.state.block.bytes);
      return peakBytes;
    });
  const [short, long] = [at(1024), at(2048)];
  assert.ok(long <= 2.1 * short, `${short} bytes at 1024, ${long} at 2048`);
  // The result, and a state of 64 × 16 for every 64 tokens.
  assert.ok(long <= 1.4 * 4 * 2048 * 64, `${long} bytes for a result of ${4 * 2048 * 64}`);
});

test('operands that do not fit are refused by name', () => {
  const a = zeros([1, 2, 5, 3]);
  const options = { steps: a, rates: zeros([2, 3, 3]) };
  const refuses = (type: typeof ShapeError | typeof ArgumentError, start: string, body: () => void) =>
    assert.throws(body, (error: Error) => error instanceof type && error.message.startsWith(start));
  refuses(ShapeError, 'queries: ', () => selectiveScan(zeros([2, 5, 3]), a, a, options));
  refuses(ArgumentError, 'queries: ', () => selectiveScan(zeros([1, 2, 5, 3], 'int32'), a, a, options));
  refuses(ShapeError, 'keys: ', () => selectiveScan(a, zeros([1, 2, 5, 4]), a, options));
  refuses(ShapeError, 'values: ', () => selectiveScan(a, a, zeros([1, 2, 4, 3]), options));
  refuses(ArgumentError, 'values: ', () => selectiveScan(a, a, zeros([1, 2, 5, 3], 'float64'), options));
  const refusesOptions = (type: typeof ShapeError | typeof ArgumentError, name: string, changed: Tensor) =>
    refuses(type, `${name}: `, () => selectiveScan(a, a, a, { ...options, [name]: changed }));
  refusesOptions(ShapeError, 'steps', zeros([1, 2, 5]));
  refusesOptions(ShapeError, 'rates', zeros([2, 3]));
  refusesOptions(ArgumentError, 'steps', zeros([1, 2, 5, 3], 'float64'));
  refusesOptions(ShapeError, 'state', zeros([1, 2, 3, 4]));
  refusesOptions(ArgumentError, 'keyMask', zeros([1, 5]));
  refuses(ArgumentError, 'steps: expected at least 0, got -0.5 at element 0', () =>
    selectiveScan(a, a, a, { ...options, steps: filled([1, 2, 5, 3], -0.5) }),
  );
  refuses(ArgumentError, 'rates: expected at most 0, got 0.5 at element 0', () =>
    selectiveScan(a, a, a, { ...options, rates: filled([2, 3, 3], 0.5) }),
  );
  refuses(ArgumentError, 'rates: ', () => selectiveScan(a, a, a, { steps: a } as never));
});

test.run();
