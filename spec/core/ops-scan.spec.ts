/** Linear recurrences against the plain loop over tokens. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, noGrad } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { checkGradients } from '../../src/core/gradient-check.ts';
import { measureMemory, memoryStatistics } from '../../src/core/memory.ts';
import { concat, multiply, reshape, scan, slice, transpose } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { type Dense, referenceScan } from '../../src/core/reference.ts';
import { scope } from '../../src/core/scope.ts';
import { filled, fromArray, randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import { effort } from '../laws/effort.ts';
import { assertSameBitsOnThreads } from './on-threads.ts';

/** Chunks are 32 places, windows of groups 256 and more: lengths on, before and after every kind of cut, and primes. */
const LENGTHS = [1, 2, 7, 31, 32, 33, 64, 97, 255, 256, 257, 293, 521];

type Float = 'float32' | 'float64';

interface Case {
  batch: number;
  heads: number;
  length: number;
  m: number;
  n: number;
  decay: 'none' | 'scalar' | 'channel';
  /** −log a is this times the absolute value of a normal number; some are ∞. */
  forgetting: number;
  delta: boolean;
  /** Whether it reads with one vector what it takes out with another, in place of a delta rule. */
  erase?: boolean;
  masked: boolean;
  continued: boolean;
  dtype: Float;
  seed: number;
}

const extent = (max: number) => fc.integer({ min: 1, max });
const cases = (lengths = LENGTHS, forgetting = [0.01, 1, 10, 300]): fc.Arbitrary<Case> =>
  fc.record({
    batch: extent(2),
    heads: extent(2),
    length: fc.constantFrom(...lengths),
    m: extent(11),
    n: extent(9),
    decay: fc.constantFrom('none', 'scalar', 'channel'),
    forgetting: fc.constantFrom(...forgetting),
    delta: fc.boolean(),
    erase: fc.boolean(),
    masked: fc.boolean(),
    continued: fc.boolean(),
    dtype: fc.constantFrom('float32', 'float64'),
    seed: fc.nat(),
  });

interface Inputs {
  queries: Tensor;
  keys: Tensor;
  values: Tensor;
  logDecay?: Tensor;
  beta?: Tensor;
  reads?: Tensor;
  erases?: Tensor;
  keyMask?: Tensor;
  state?: Tensor;
}

function inputsOf({
  batch,
  heads,
  length,
  m,
  n,
  decay,
  forgetting,
  delta,
  erase = false,
  masked,
  continued,
  dtype,
  seed,
}: Case): Inputs {
  const random = new Random(seed);
  const draw = (name: string, ...shape: number[]) => randomNormal([batch, heads, ...shape], random.split(name), dtype);
  const mapped = (x: Tensor, f: (value: number, at: number) => number) => fromArray(x.toArray().map(f), x.shape, dtype);
  const keys = draw('keys', length, m);
  const steps = decay === 'none' ? null : draw('decay', length, ...(decay === 'channel' ? [m] : []));
  const readsAndErases = () => {
    const reads = unitRows(draw('reads', length, m));
    // Near what is read, as in the models that use it: in another direction the state would grow with every token.
    const other = unitRows(draw('erases', length, m)).toArray();
    return { reads, erases: mapped(reads, (value, at) => 0.6 * value + 0.3 * other[at]) };
  };
  const flags = random.split('mask');
  const forgets = random.split('forgets');
  return {
    queries: draw('queries', length, m),
    // Long ones make the state of a delta rule explode.
    keys: delta ? unitRows(keys) : keys,
    values: draw('values', length, n),
    ...(steps && {
      logDecay: mapped(steps, (x) =>
        forgets.integer(50) === 0 ? Number.NEGATIVE_INFINITY : -Math.abs(x) * forgetting,
      ),
    }),
    ...(erase && readsAndErases()),
    ...(delta && !erase && { beta: mapped(draw('beta', length), (x) => 1 / (1 + Math.exp(-x))) }),
    ...(masked && {
      keyMask: fromArray(
        Array.from({ length: batch * length }, () => flags.integer(2)),
        [batch, length],
        'uint8',
      ),
    }),
    ...(continued && { state: draw('state', m, n) }),
  };
}

/** With rows of length 1. */
function unitRows(x: Tensor): Tensor {
  const numbers = x.toArray();
  const width = x.shape[x.shape.length - 1];
  for (let start = 0; start < numbers.length; start += width) {
    let squares = 0;
    for (let at = start; at < start + width; at++) squares += numbers[at] ** 2;
    for (let at = start; at < start + width; at++) numbers[at] /= Math.sqrt(squares);
  }
  return fromArray(numbers, x.shape, x.dtype);
}

const run = ({ queries, keys, values, ...options }: Inputs) => scan(queries, keys, values, options);
const dense = (tensor: Tensor): Dense => ({ shape: tensor.shape, data: tensor.toArray() });
const denseOptions = ({ logDecay, beta, reads, erases, keyMask, state }: Inputs) => ({
  ...(logDecay && { logDecay: dense(logDecay) }),
  ...(beta && { beta: dense(beta) }),
  ...(reads && erases && { reads: dense(reads), erases: dense(erases) }),
  ...(keyMask && { keyMask: dense(keyMask) }),
  ...(state && { state: dense(state) }),
});
const oracle = (inputs: Inputs) =>
  referenceScan(dense(inputs.queries), dense(inputs.keys), dense(inputs.values), denseOptions(inputs));

/**
 * The sums of the absolute values of all terms: the same without signs, and without what a delta rule takes out. That it
 * takes from channels that remember and puts, with its rounding, into channels that have forgotten: so every channel then
 * counts as the largest key, the largest row of the state before, and the slowest decay.
 */
function sizesOf(inputs: Inputs) {
  const mixed = inputs.beta !== undefined || inputs.reads !== undefined;
  const size = (tensor: Tensor): Dense => ({ shape: tensor.shape, data: tensor.toArray().map(Math.abs) });
  const { beta: _, reads: _r, erases: _e, state, logDecay, ...options } = denseOptions(inputs);
  const [keys, before] = [size(inputs.keys), state && size(inputs.state as Tensor)];
  const largest = (x: Dense, step: number): Dense => (mixed ? { ...x, data: largestOfChannels(x, step) } : x);
  const sizes = {
    ...options,
    ...(logDecay && { logDecay: logDecay.shape.length === 4 ? largest(logDecay, 1) : logDecay }),
    ...(before && { state: largest(before, before.shape[3]) }),
  };
  return referenceScan(size(inputs.queries), largest(keys, 1), size(inputs.values), sizes);
}

/** Each number replaced by the largest of its channel axis, whose neighbours are `step` places apart. */
function largestOfChannels({ shape, data }: Dense, step: number): Float64Array {
  const channels = step === 1 ? shape[3] : shape[2];
  return Float64Array.from(data, (_, at) => {
    const first = Math.floor(at / (channels * step)) * channels * step + (at % step);
    let largest = data[first];
    for (let c = 1; c < channels; c++) largest = Math.max(largest, data[first + c * step]);
    return largest;
  });
}

/**
 * A sum of N terms is off by at most N roundings of the sum of their absolute values: m for a product of rows, one for each
 * token. An exponent within a chunk is at most 20, and as many roundings of a decay. What a delta rule takes out is as large
 * as what it puts in, at most, and so are the errors of it: four times as much.
 */
function roundingsOf({ m, length, delta, erase }: Case): number {
  return (m + length + 60) * (delta || erase ? 4 : 1);
}

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

const unitOf = (dtype: string) => (dtype === 'float32' ? 2 ** -24 : 2 ** -53);

function assertScan(drawn: Case): void {
  const inputs = inputsOf(drawn);
  const { output, state } = run(inputs);
  assert.equal(output.shape, inputs.values.shape);
  assert.is(output.dtype, drawn.dtype);
  const [expected, sizes] = [oracle(inputs), sizesOf(inputs)];
  const rounding = roundingsOf(drawn) * unitOf(drawn.dtype);
  // Of underflow: e^−87 and less of a state is nothing in float32.
  const least = 1e-30;
  close(output.toArray(), expected.output.data, (at) => rounding * sizes.output.data[at] + least, 'output');
  close(state.toArray(), expected.state.data, (at) => rounding * sizes.state.data[at] + least, 'state');
}

test('equals the loop over tokens: all decays, with and without a delta rule, masked, and with a state before', () => {
  fc.assert(
    fc.property(cases(), (drawn) => {
      scope(() => assertScan(drawn));
    }),
    effort(120),
  );
});

test('every length with every rule, so that none is left to chance', () => {
  for (const length of LENGTHS) {
    for (const decay of ['none', 'scalar', 'channel'] as const) {
      for (const rule of ['sum', 'delta', 'erase']) {
        const drawn: Case = {
          batch: 1,
          heads: 2,
          length,
          m: 5,
          n: 3,
          decay,
          forgetting: 1,
          delta: rule === 'delta',
          erase: rule === 'erase',
          masked: false,
          continued: true,
          dtype: 'float64',
          seed: length,
        };
        scope(() => assertScan(drawn));
      }
    }
  }
});

test('a state wider than a group is long: groups grow', () => {
  const wide = {
    batch: 1,
    heads: 1,
    decay: 'channel',
    forgetting: 0.1,
    masked: false,
    continued: false,
    seed: 3,
  } as const;
  scope(() => assertScan({ ...wide, delta: false, dtype: 'float64', length: 700, m: 290, n: 280 }));
  scope(() => assertScan({ ...wide, delta: true, dtype: 'float32', length: 290, m: 70, n: 33 }));
});

test('a decay of 1 is no decay', () => {
  fc.assert(
    fc.property(cases(), (drawn) => {
      scope(() => {
        const { logDecay, ...inputs } = inputsOf(drawn);
        if (logDecay === undefined) return;
        const rounding = (at: number) => 1e3 * unitOf(drawn.dtype) * sizes.output.data[at];
        const sizes = sizesOf(inputs);
        const kept = run({ ...inputs, logDecay: zeros(logDecay.shape, drawn.dtype) });
        close(kept.output.toArray(), run(inputs).output.toArray(), rounding, 'output');
      });
    }),
    effort(20),
  );
});

test('a decay of 0 forgets everything before it: bit by bit as if it had never been', () => {
  fc.assert(
    fc.property(cases(LENGTHS.slice(1), [0.01, 1]), (drawn) => {
      scope(() => {
        const inputs = inputsOf({ ...drawn, decay: drawn.decay === 'none' ? 'scalar' : drawn.decay, masked: false });
        const gate = new Random(drawn.seed).integer(drawn.length);
        const logDecay = inputs.logDecay as Tensor;
        const width = logDecay.size / (drawn.batch * drawn.heads * drawn.length);
        const data = logDecay.toArray().map((g, at) => {
          const position = Math.floor(at / width) % drawn.length;
          return position === gate ? Number.NEGATIVE_INFINITY : g;
        });
        const gated = { ...inputs, logDecay: fromArray(data, logDecay.shape, drawn.dtype) };
        const other = inputsOf({ ...drawn, seed: drawn.seed ^ 1, continued: true });
        const before = (name: 'keys' | 'values') => {
          const tensor = gated[name];
          return gate === 0
            ? tensor
            : concat([slice(other[name], 2, 0, gate), slice(tensor, 2, gate, drawn.length)], 2);
        };
        const changed = { ...gated, keys: before('keys'), values: before('values'), state: other.state as Tensor };
        const after = (given: Inputs) => {
          const { output, state } = run(given);
          return [slice(output, 2, gate, drawn.length).toArray(), state.toArray()];
        };
        // Chunks and groups begin where they began, so the rest is the same to the bit from the next group on, at least.
        const [[o, s], [p, t]] = [after(gated), after(changed)];
        const sizes = sizesOf(gated);
        const most = Math.max(1, ...sizes.output.data) * roundingsOf(drawn) * unitOf(drawn.dtype);
        close(p, o, () => most, 'output');
        close(t, s, () => most, 'state');
      });
    }),
    effort(30),
  );
});

test('with β = 1 and orthonormal keys a delta rule stores each value and gives it back, and overwrites', () => {
  for (const dtype of ['float32', 'float64'] as const) {
    scope(() => {
      const m = 8;
      const unit = (row: number) => Array.from({ length: m }, (_, c) => (c === row ? 1 : 0));
      // Eight keys, then the first four again, with other values.
      const order = [0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3];
      const keys = fromArray(order.flatMap(unit), [1, 1, 12, m], dtype);
      const values = randomNormal([1, 1, 12, 3], new Random(1), dtype);
      const beta = filled([1, 1, 12], 1, dtype);
      const { output, state } = scan(keys, keys, values, { beta });
      const stored = values.toArray();
      // What was there is taken out by its difference to what comes.
      const rounding = () => 8 * unitOf(dtype);
      close(output.toArray(), stored, rounding, 'output');
      close(state.toArray(), [...stored.slice(24), ...stored.slice(12, 24)], rounding, 'state');
    });
  }
});

test('tokens after i move no bit of output i', () => {
  fc.assert(
    fc.property(cases(LENGTHS.slice(1)), (drawn) => {
      scope(() => {
        const { length, n } = drawn;
        const last = new Random(drawn.seed).split('last').integer(length - 1);
        const [before, other] = [inputsOf(drawn), inputsOf({ ...drawn, seed: drawn.seed ^ 1 })];
        const after = Object.fromEntries(
          Object.entries(before).map(([name, tensor]) => {
            if (name === 'keyMask' || name === 'state') return [name, tensor];
            const parts = [slice(tensor, 2, 0, last + 1), slice(other[name as 'keys'], 2, last + 1, length)];
            return [name, concat(parts, 2)];
          }),
        ) as unknown as Inputs;
        const seen = (inputs: Inputs) =>
          run(inputs)
            .output.toArray()
            .filter((_, at) => Math.floor(at / n) % length <= last);
        assert.equal(seen(after), seen(before));
      });
    }),
    effort(60),
  );
});

function part(inputs: Inputs, begin: number, end: number): Inputs {
  const cut = Object.entries(inputs).map(([name, tensor]) => [
    name,
    name === 'state' ? tensor : slice(tensor, name === 'keyMask' ? 1 : 2, begin, end),
  ]);
  return Object.fromEntries(cut) as unknown as Inputs;
}

test('parts, each with the state that the last has left, and single tokens, give what one run gives', () => {
  fc.assert(
    fc.property(cases([2, 5, 33, 70, 293]), fc.boolean(), (drawn, singly) => {
      scope(() => {
        const inputs = inputsOf(drawn);
        const { length } = drawn;
        const cut = 1 + new Random(drawn.seed).split('cut').integer(length - 1);
        const ends = singly ? Array.from({ length: Math.min(40, length) }, (_, i) => i + 1) : [cut];
        const outputs: Tensor[] = [];
        let state = inputs.state;
        let begin = 0;
        for (const end of new Set([...ends, length])) {
          const next = run({ ...part(inputs, begin, end), ...(state && { state }) });
          outputs.push(next.output);
          [state, begin] = [next.state, end];
        }
        const whole = run(inputs);
        const sizes = sizesOf(inputs);
        const rounding = 2 * roundingsOf(drawn) * unitOf(drawn.dtype);
        close(
          concat(outputs, 2).toArray(),
          whole.output.toArray(),
          (at) => rounding * sizes.output.data[at] + 1e-30,
          'output',
        );
        close(
          (state as Tensor).toArray(),
          whole.state.toArray(),
          (at) => rounding * sizes.state.data[at] + 1e-30,
          'state',
        );
      });
    }),
    effort(40),
  );
});

test('what is masked changes no state, no other output and no gradient, whatever it holds', () => {
  fc.assert(
    fc.property(
      cases([1, 5, 33, 70, 293]),
      fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, 3e38),
      (drawn, rubbish) => {
        scope(() => {
          const inputs = inputsOf({ ...drawn, masked: true });
          const flags = (inputs.keyMask as Tensor).toArray();
          const isMasked = (tensor: Tensor) => {
            const [, heads, length] = tensor.shape;
            const width = tensor.size / (drawn.batch * heads * length);
            return (at: number) => {
              const row = Math.floor(at / width);
              return flags[Math.floor(row / (heads * length)) * length + (row % length)] === 0;
            };
          };
          const spoilt = Object.fromEntries(
            Object.entries(inputs).map(([name, tensor]: [string, Tensor]) => {
              if (name === 'keyMask' || name === 'state')
                return [name, fromArray(tensor.toArray(), tensor.shape, tensor.dtype)];
              const masked = isMasked(tensor);
              const data = tensor.toArray().map((value: number, at: number) => (masked(at) ? rubbish : value));
              return [name, fromArray(data, tensor.shape, drawn.dtype)];
            }),
          ) as unknown as Inputs;
          const all = (given: Inputs) => {
            const leaves = Object.values(given).filter((tensor: Tensor) => tensor.dtype !== 'uint8') as Tensor[];
            for (const leaf of leaves) leaf.withGrad();
            const { output, state } = run(given);
            const masked = isMasked(output);
            const weights = output.toArray().map((value, at) => (masked(at) || !Number.isFinite(value) ? 0 : 1));
            backward(
              concat([reshape(output, [-1]), reshape(state, [-1])], 0),
              fromArray([...weights, ...state.toArray().fill(1)], [output.size + state.size], drawn.dtype),
            );
            const seen = output.toArray().map((value, at) => (masked(at) ? 0 : value));
            return [seen, state.toArray(), ...leaves.map(({ grad }) => grad?.toArray())];
          };
          assert.equal(all(spoilt), all(inputs));
        });
      },
    ),
    effort(40),
  );
});

test('gradients of everything agree with central differences, of the output and of the last state', () => {
  fc.assert(
    fc.property(cases([1, 2, 5, 33, 70, 293], [0.01, 1, 5]), (drawn) => {
      scope(() => {
        const inputs = inputsOf({ ...drawn, dtype: 'float64' });
        // A step must not raise a decay above 1; one of 0 has no differences.
        const { logDecay } = inputs;
        if (logDecay !== undefined) {
          const kept = logDecay.toArray().map((g) => Math.max(Math.min(g, -1e-3), -8 * drawn.forgetting));
          inputs.logDecay = fromArray(kept, logDecay.shape, 'float64');
        }
        const names = Object.keys(inputs).filter((name) => name !== 'keyMask') as (keyof Inputs)[];
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

test('gradients in float32 are those in float64, at all decays', () => {
  fc.assert(
    fc.property(cases([7, 70, 293, 521]), (drawn) => {
      scope(() => {
        const single = inputsOf({ ...drawn, dtype: 'float32' });
        const double = Object.fromEntries(
          Object.entries(single).map(([name, tensor]: [string, Tensor]) => [
            name,
            name === 'keyMask' ? tensor : fromArray(tensor.toArray(), tensor.shape, 'float64'),
          ]),
        ) as unknown as Inputs;
        const gradients = (inputs: Inputs) => {
          const names = Object.keys(inputs).filter((name) => name !== 'keyMask') as (keyof Inputs)[];
          for (const name of names) inputs[name]?.withGrad();
          const { output } = run(inputs);
          backward(multiply(output, output));
          return names.map((name) => ({ name, data: ((inputs[name] as Tensor).grad as Tensor).toArray() }));
        };
        const [actual, expected] = [gradients(single), gradients(double)];
        const largest = (name: 'queries' | 'keys') =>
          largestOf(single[name].toArray()) * largestOf((double[name].grad as Tensor).toArray());
        expected.forEach(({ name, data }, index) => {
          // Gradients of decays are sums of what queries gain and keys lose, q ∘ q̄ − k ∘ k̄, which may nearly cancel.
          const terms = name === 'logDecay' ? drawn.m * (largest('queries') + largest('keys')) : 0;
          const size = Math.max(1e-3, largestOf(data), terms);
          close(actual[index].data, data, () => 1e-4 * size, name);
          if (name !== 'logDecay') return;
          single.logDecay?.toArray().forEach((g, at) => {
            if (g === Number.NEGATIVE_INFINITY) assert.is(actual[index].data[at], 0);
          });
        });
      });
    }),
    effort(30),
  );
});

const largestOf = (numbers: ArrayLike<number>) => Array.from(numbers).reduce((a, x) => Math.max(a, Math.abs(x)), 0);

test('1, 2 and 3 threads give the same bits, forward and backward', async () => {
  const bits = () =>
    scope(() =>
      (['sum channel', 'sum scalar', 'delta channel', 'delta scalar', 'erase channel'] as const).map((each) => {
        const [rule, decay] = each.split(' ') as ['sum' | 'delta' | 'erase', 'channel' | 'scalar'];
        // Several groups, or two sequences: every kernel has items to share out.
        const drawn: Case = {
          batch: 1,
          heads: 2,
          length: 700,
          m: 60,
          n: 40,
          decay,
          forgetting: 0.1,
          delta: rule === 'delta',
          erase: rule === 'erase',
          masked: true,
          continued: true,
          dtype: 'float32',
          seed: 8,
        };
        const inputs = inputsOf(drawn);
        const leaves = Object.values(inputs).filter((tensor: Tensor) => tensor.dtype === 'float32') as Tensor[];
        for (const leaf of leaves) leaf.withGrad();
        const { output, state } = run(inputs);
        backward(output);
        return [output, state, ...leaves.map(({ grad }) => grad as Tensor)].map((tensor) => tensor.toArray());
      }),
    );
  await assertSameBitsOnThreads(bits);
});

test('strided views give the bits that packed copies give', () => {
  scope(() => {
    const drawn: Case = {
      batch: 2,
      heads: 3,
      length: 41,
      m: 5,
      n: 4,
      decay: 'channel',
      forgetting: 1,
      delta: true,
      masked: true,
      continued: false,
      dtype: 'float64',
      seed: 9,
    };
    const inputs = inputsOf(drawn);
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
      const drawn: Case = {
        batch: 1,
        heads: 1,
        length,
        m: 64,
        n: 64,
        decay: 'scalar',
        forgetting: 0.1,
        delta: false,
        masked: false,
        continued: false,
        dtype: 'float32',
        seed: 1,
      };
      const inputs = inputsOf(drawn);
      const before = memoryStatistics().liveBytes;
      const { result, peakBytes } = measureMemory(() => noGrad(() => scope(() => run(inputs))));
      assert.is(memoryStatistics().liveBytes - before, result.output.block.bytes + result.state.block.bytes);
      return peakBytes;
    });
  const [short, long] = [at(2048), at(4096)];
  assert.ok(long <= 2.1 * short, `${short} bytes at 2048, ${long} at 4096`);
  // The result, and the states of a window, 17 of 64 × 64.
  assert.ok(long <= 1.4 * 4 * 4096 * 64, `${long} bytes for a result of ${4 * 4096 * 64}`);
});

test('operands that do not fit are refused by name', () => {
  const a = zeros([1, 2, 5, 3]);
  const ones = filled([1, 2, 5, 3], 1);
  const refuses = (type: typeof ShapeError | typeof ArgumentError, start: string, body: () => void) =>
    assert.throws(body, (error: Error) => error instanceof type && error.message.startsWith(start));
  refuses(ShapeError, 'keys: ', () => scan(a, zeros([1, 2, 5, 4]), a));
  refuses(ShapeError, 'keys: ', () => scan(a, zeros([1, 2, 4, 3]), a));
  refuses(ShapeError, 'values: ', () => scan(a, a, zeros([1, 2, 4, 3])));
  refuses(ShapeError, 'queries: ', () => scan(zeros([2, 5, 3]), a, a));
  refuses(ArgumentError, 'values: ', () => scan(a, a, zeros([1, 2, 5, 3], 'float64')));
  refuses(ArgumentError, 'queries: ', () => scan(zeros([1, 2, 5, 3], 'int32'), a, a));
  refuses(ShapeError, 'logDecay: ', () => scan(a, a, a, { logDecay: zeros([1, 2, 4]) }));
  refuses(ShapeError, 'logDecay: ', () => scan(a, a, a, { logDecay: zeros([1, 2, 5, 2]) }));
  refuses(ArgumentError, 'logDecay: ', () => scan(a, a, a, { logDecay: filled([1, 2, 5], 1e-3) }));
  refuses(ArgumentError, 'logDecay: ', () => scan(a, a, a, { logDecay: zeros([1, 2, 5], 'float64') }));
  for (const outside of [-1e-3, 2.001, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]) {
    refuses(ArgumentError, 'beta: ', () => scan(a, a, a, { beta: filled([1, 2, 5], outside) }));
  }
  refuses(ShapeError, 'beta: ', () => scan(a, a, a, { beta: zeros([1, 2, 4]) }));
  for (const options of [{ logDecay: filled([1, 2, 5], Number.NaN) }, { beta: filled([1, 2, 5], Number.NaN) }]) {
    assert.ok(scan(ones, ones, ones, options).output.toArray().every(Number.isNaN));
  }
  refuses(ShapeError, 'state: ', () => scan(a, a, a, { state: zeros([1, 2, 3, 4]) }));
  refuses(ArgumentError, 'state: ', () => scan(a, a, a, { state: zeros([1, 2, 3, 3], 'float64') }));
  refuses(ArgumentError, 'keyMask: ', () => scan(a, a, a, { keyMask: zeros([1, 5]) }));
});

test('with r = k and e = β k it is the delta rule, for values β v', () => {
  fc.assert(
    fc.property(cases(), (drawn) => {
      scope(() => {
        const { beta, ...inputs } = inputsOf({ ...drawn, delta: true, erase: false, dtype: 'float64' });
        const factors = reshape(beta as Tensor, [...(beta as Tensor).shape, 1]);
        const { keys, values } = inputs;
        const erasing = { ...inputs, reads: keys, erases: multiply(factors, keys), values: multiply(factors, values) };
        const [actual, expected] = [run(erasing), run({ ...inputs, beta: beta as Tensor })];
        const sizes = sizesOf(inputs);
        const rounding = 1e3 * unitOf('float64');
        const least = 1e-30;
        close(
          actual.output.toArray(),
          expected.output.toArray(),
          (at) => rounding * sizes.output.data[at] + least,
          'output',
        );
      });
    }),
    effort(20),
  );
});

test('refuses reads without erases, erases without reads, either beside a β, and other shapes', () => {
  scope(() => {
    const rows = zeros([1, 1, 3, 2]);
    const beta = zeros([1, 1, 3]);
    const refuses = (options: object, kind: unknown, part: RegExp) =>
      assert.throws(
        () => scan(rows, rows, rows, options),
        (error: Error) => error instanceof (kind as typeof Error) && part.test(error.message),
      );
    refuses({ reads: rows }, ArgumentError, /^erases: .*got none/);
    refuses({ erases: rows }, ArgumentError, /^reads: .*got none/);
    refuses({ reads: rows, erases: rows, beta }, ArgumentError, /^reads: .*beside beta/);
    refuses({ reads: rows, erases: zeros([1, 1, 3, 3]) }, ShapeError, /^erases: /);
    refuses({ reads: zeros([1, 1, 3, 2], 'float64'), erases: rows }, ArgumentError, /^reads: .*float32/);
  });
});

test.run();
