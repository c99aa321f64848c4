/** Attention by features against the dense oracle that works with logarithms, at exponents of any size. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, noGrad } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { checkGradients } from '../../src/core/gradient-check.ts';
import { measureMemory, memoryStatistics } from '../../src/core/memory.ts';
import type * as ops from '../../src/core/ops/index.ts';
import {
  add,
  concat,
  exp,
  expandDims,
  type FeatureState,
  featureAttention,
  multiply,
  reshape,
  slice,
} from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { referenceExponentAttention } from '../../src/core/reference.ts';
import { scope } from '../../src/core/scope.ts';
import { filled, fromArray, randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import { effort } from '../laws/effort.ts';
import { assertSameBitsOnThreads } from './on-threads.ts';

/** Groups are 256 places and more, chunks of a group 32: lengths on, before and after every kind of cut. */
const LENGTHS = [1, 2, 7, 31, 32, 33, 64, 97, 255, 256, 257, 293, 521];

interface Case {
  batch: number;
  heads: number;
  queryLength: number;
  keyLength: number;
  m: number;
  n: number;
  causal: boolean;
  scaled: boolean;
  masked: boolean;
  map: ops.FeatureMapName;
  /** Standard deviation of queries and keys, and that of one token, which may be loud. */
  size: number;
  loud: number;
  dtype: 'float32' | 'float64';
  seed: number;
}

const extent = (max: number) => fc.integer({ min: 1, max });
const cases = (lengths = LENGTHS, sizes = [1e-3, 1, 10, 100, 1e4]): fc.Arbitrary<Case> =>
  fc
    .record({
      batch: extent(2),
      heads: extent(2),
      queryLength: fc.constantFrom(...lengths),
      keyLength: fc.constantFrom(...lengths),
      m: extent(11),
      n: extent(9),
      causal: fc.boolean(),
      scaled: fc.boolean(),
      masked: fc.boolean(),
      map: fc.constantFrom('exp' as const, 'elu-plus-one' as const),
      size: fc.constantFrom(...sizes),
      loud: fc.constantFrom(1, 100),
      dtype: fc.constantFrom('float32' as const, 'float64' as const),
      seed: fc.nat(),
    })
    .map((drawn) => ({ ...drawn, keyLength: drawn.causal ? drawn.queryLength : drawn.keyLength }));

interface Inputs {
  queries: Tensor;
  keys: Tensor;
  values: Tensor;
  keyScale?: Tensor;
  keyMask?: Tensor;
}

function inputsOf(drawn: Case): Inputs {
  const { batch, heads, queryLength, keyLength, m, n, size, loud, dtype, scaled, masked } = drawn;
  const random = new Random(drawn.seed);
  const draw = (name: string, shape: number[], factor: number) => {
    const data = randomNormal(shape, random.split(name), dtype).toArray();
    const token = random.split(`loud ${name}`).integer(shape[2]);
    const width = shape[3] ?? 1;
    const sizes = data.map((value, at) => value * factor * (Math.floor(at / width) % shape[2] === token ? loud : 1));
    return fromArray(name === 'values' ? data : sizes, shape, dtype);
  };
  const flags = random.split('mask');
  return {
    queries: draw('queries', [batch, heads, queryLength, m], size),
    keys: draw('keys', [batch, heads, keyLength, m], size),
    values: draw('values', [batch, heads, keyLength, n], 1),
    ...(scaled && { keyScale: draw('scale', [batch, heads, keyLength], size) }),
    ...(masked && {
      keyMask: fromArray(
        Array.from({ length: batch * keyLength }, () => flags.integer(2)),
        [batch, keyLength],
        'uint8',
      ),
    }),
  };
}

type Form = Pick<Case, 'causal' | 'map'>;

function run({ queries, keys, values, ...rest }: Inputs, { causal, map }: Form, state?: FeatureState) {
  return featureAttention(queries, keys, values, { ...rest, causal, map, state });
}

/** log φ(x), and its derivative by x. */
const logOf = (x: number, map: Case['map']) => (map === 'exp' || x <= 0 ? x : Math.log1p(x));
const slopeOf = (x: number, map: Case['map']) => (map === 'exp' || x <= 0 ? 1 : 1 / (1 + x));
const logsOf = (tensor: Tensor, map: Case['map']) => Float64Array.from(tensor.toArray(), (x) => logOf(x, map));

/** The sizes of the largest exponents, queries and keys together. */
function largestExponent({ queries, keys, keyScale }: Inputs): number {
  const most = (tensor?: Tensor) => (tensor === undefined ? 0 : largestOf(tensor.toArray()));
  return most(queries) + most(keys) + most(keyScale);
}

/**
 * An exponent of size E is a sum of four numbers of about that size, and is off by a few roundings of it; that is the
 * relative error of a weight. 16 more roundings for exp, and one for each of hundreds of terms of a sum.
 */
function roundingOf(inputs: Inputs, dtype: string): number {
  return (8 * largestExponent(inputs) + 600) * (dtype === 'float32' ? 2 ** -24 : 2 ** -53);
}

const dense = (tensor: Tensor) => ({ shape: tensor.shape, data: tensor.toArray() });

function oracle({ queries, keys, values, keyScale, keyMask }: Inputs, { causal, map }: Form) {
  const masks = { causal, ...(keyMask && { keyMask: dense(keyMask) }) };
  const [a, b] = [logsOf(queries, map), shiftedLogs(keys, keyScale, map)];
  return referenceExponentAttention(
    { shape: queries.shape, data: a },
    { shape: keys.shape, data: b },
    dense(values),
    masks,
  );
}

function shiftedLogs(keys: Tensor, keyScale: Tensor | undefined, map: Case['map']): Float64Array {
  const scales = keyScale?.toArray();
  return logsOf(keys, map).map((value, at) => value + (scales?.[Math.floor(at / keys.shape[3])] ?? 0));
}

function close(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number, claim = ''): void {
  assert.is(actual.length, expected.length);
  for (let at = 0; at < expected.length; at++) {
    // Written so that NaN fails.
    if (Math.abs(actual[at] - expected[at]) <= tolerance * Math.max(1, Math.abs(expected[at]))) continue;
    throw new Error(`${claim} got ${actual[at]}, expected ${expected[at]} at ${at}, ${tolerance} allowed`);
  }
}

test('equals the dense weights, causal and not, masked, with loud tokens, at exponents from 10⁻³ to 10⁶', () => {
  fc.assert(
    fc.property(cases(), (drawn) => {
      scope(() => {
        const inputs = inputsOf(drawn);
        const { output } = run(inputs, drawn);
        assert.is(output.dtype, drawn.dtype);
        // Values are within ±5.
        close(output.toArray(), oracle(inputs, drawn).data, 10 * roundingOf(inputs, drawn.dtype));
      });
    }),
    effort(60),
  );
});

test('logSumExp is the logarithm of the sum of all weights before they are divided by it', () => {
  fc.assert(
    fc.property(cases(LENGTHS, [1, 10]), (drawn) => {
      scope(() => {
        const inputs = { ...inputsOf({ ...drawn, loud: 1, scaled: true }) };
        // One more key, met by every query with the weight 1 of exponents that cancel, tells the others' sum by its share.
        const { logSumExp, output } = run(inputs, drawn);
        const total = logSumExp.toArray();
        const [batch, heads, length] = inputs.keys.shape;
        const flags = inputs.keyMask?.toArray();
        const [a, b] = [inputs.queries, inputs.keys].map((tensor) => logsOf(tensor, drawn.map));
        const c = (inputs.keyScale as Tensor).toArray();
        for (let row = 0; row < total.length; row++) {
          const sequence = Math.floor(row / inputs.queries.shape[2]);
          const i = row % inputs.queries.shape[2];
          let largest = Number.NEGATIVE_INFINITY;
          const exponents: number[] = [];
          for (let j = 0; j < (drawn.causal ? i + 1 : length); j++) {
            if (flags?.[Math.floor(sequence / heads) * length + j] === 0) continue;
            for (let f = 0; f < drawn.m; f++) {
              exponents.push(
                a[row * drawn.m + f] + b[(sequence * length + j) * drawn.m + f] + c[sequence * length + j],
              );
              largest = Math.max(largest, exponents[exponents.length - 1]);
            }
          }
          const sum = exponents.reduce((s, exponent) => s + Math.exp(exponent - largest), 0);
          const expected = exponents.length === 0 ? Number.NEGATIVE_INFINITY : largest + Math.log(sum);
          if (total[row] === expected) continue;
          close([total[row]], [expected], 2 * roundingOf(inputs, drawn.dtype), `batch ${batch}`);
        }
        assert.ok(output.toArray().every(Number.isFinite));
      });
    }),
    effort(20),
  );
});

test('values that are all 1 give 1, wherever something is seen', () => {
  fc.assert(
    fc.property(cases(), (drawn) => {
      scope(() => {
        const inputs = inputsOf({ ...drawn, masked: false });
        const values = filled(inputs.values.shape, 1, drawn.dtype);
        const { output } = run({ ...inputs, values }, drawn);
        close(output.toArray(), new Float64Array(output.size).fill(1), drawn.dtype === 'float32' ? 1e-5 : 1e-13);
      });
    }),
    effort(40),
  );
});

test('causal: tokens after i move no bit of output i, however loud they are', () => {
  fc.assert(
    fc.property(cases(LENGTHS.slice(1)), (drawn) => {
      scope(() => {
        const { queryLength: length, n, dtype, seed } = drawn;
        const causal = { ...drawn, causal: true, keyLength: length };
        const last = new Random(seed).split('last').integer(length - 1);
        const [before, other] = [inputsOf(causal), inputsOf({ ...causal, size: 30 * drawn.size, seed: seed ^ 1 })];
        const after = Object.fromEntries(
          Object.entries(before).map(([name, tensor]) => {
            if (name === 'keyMask') return [name, tensor];
            const parts = [slice(tensor, 2, 0, last + 1), slice((other as never)[name], 2, last + 1, length)];
            return [name, concat(parts, 2)];
          }),
        ) as unknown as Inputs;
        const seen = (inputs: Inputs) => {
          const rows = run(inputs, causal).output.toArray();
          return rows.filter((_, at) => Math.floor(at / n) % length <= last);
        };
        assert.equal(seen(after), seen(before), dtype);
      });
    }),
    effort(40),
  );
});

/** Tokens from `begin` to `end` of everything. */
function part(inputs: Inputs, begin: number, end: number): Inputs {
  const cut = Object.entries(inputs).map(([name, tensor]) => [
    name,
    slice(tensor, name === 'keyMask' ? 1 : 2, begin, end),
  ]);
  return Object.fromEntries(cut) as unknown as Inputs;
}

test('a prefix and what comes after it, with its state, give what one run gives; and so do single tokens', () => {
  fc.assert(
    fc.property(cases([2, 5, 33, 70, 293]), fc.boolean(), (drawn, singly) => {
      scope(() => {
        const length = drawn.queryLength;
        const inputs = inputsOf({ ...drawn, causal: true, keyLength: length });
        const form = { causal: true, map: drawn.map };
        const whole = run(inputs, form);
        const cut = 1 + new Random(drawn.seed).split('cut').integer(length - 1);
        const ends = singly ? Array.from({ length: Math.min(length, 40) }, (_, i) => i + 1) : [cut];
        const outputs: Tensor[] = [];
        let state: FeatureState | undefined;
        let begin = 0;
        for (const end of new Set([...ends, length])) {
          const next = run(part(inputs, begin, end), form, state);
          outputs.push(next.output);
          [state, begin] = [next.state, end];
        }
        const tolerance = 10 * roundingOf(inputs, drawn.dtype);
        close(concat(outputs, 2).toArray(), whole.output.toArray(), tolerance, 'output');
        // What is in the state, under whatever scales, is what another query gets from it.
        const last = part(inputs, length - 1, length);
        const onlyState = { ...last, keyMask: zeros([drawn.batch, 1], 'uint8') };
        const [one, other] = [state, whole.state].map((each) =>
          run(onlyState, { ...form, causal: false }, each).output.toArray(),
        );
        close(one, other, tolerance, 'state');
      });
    }),
    effort(30),
  );
});

test('without causality keys may come in several calls: the last state holds them all', () => {
  fc.assert(
    fc.property(cases([2, 5, 33, 70, 293]), (drawn) => {
      scope(() => {
        const inputs = inputsOf({ ...drawn, causal: false });
        const { queries, ...rest } = inputs;
        const cut = 1 + new Random(drawn.seed).split('cut').integer(drawn.keyLength - 1);
        const keys = (begin: number, end: number) => ({ ...part(rest as Inputs, begin, end), queries });
        const form = { causal: false, map: drawn.map };
        const first = run(keys(0, cut), form);
        const second = run(keys(cut, drawn.keyLength), form, first.state);
        close(second.output.toArray(), run(inputs, form).output.toArray(), 10 * roundingOf(inputs, drawn.dtype));
      });
    }),
    effort(20),
  );
});

test('what is masked has no influence, whatever it holds, forward and backward', () => {
  fc.assert(
    fc.property(
      cases([1, 5, 33, 70, 293]),
      fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, 3e38, -3e38),
      (drawn, rubbish) => {
        scope(() => {
          const masked = { ...drawn, masked: true, scaled: true };
          const inputs = inputsOf(masked);
          const flags = (inputs.keyMask as Tensor).toArray();
          const spoil = (tensor: Tensor) => {
            const [, heads, length, width = 1] = tensor.shape;
            const data = tensor.toArray().map((value, at) => {
              const row = Math.floor(at / width);
              return flags[Math.floor(row / (heads * length)) * length + (row % length)] === 0 ? rubbish : value;
            });
            return fromArray(data, tensor.shape, tensor.dtype);
          };
          const spoilt = {
            ...inputs,
            keys: spoil(inputs.keys),
            values: spoil(inputs.values),
            keyScale: spoil(inputs.keyScale as Tensor),
          };
          const all = (given: Inputs) => {
            const { queries, keys, values, keyScale } = given;
            const leaves = [queries, keys, values, keyScale as Tensor];
            for (const leaf of leaves) Object.assign(leaf.withGrad(), { grad: null });
            const { output, logSumExp } = run(given, drawn);
            backward(multiply(output, output));
            return [output, logSumExp, ...leaves.map(({ grad }) => grad as Tensor)].map((tensor) => tensor.toArray());
          };
          assert.equal(all(spoilt), all(inputs));
        });
      },
    ),
    effort(40),
  );
});

test('a query that is not finite and on which nothing depends leaves all gradients as they are', () => {
  for (const causal of [false, true]) {
    for (const dtype of ['float32', 'float64'] as const) {
      scope(() => {
        const drawn: Case = {
          batch: 1,
          heads: 1,
          queryLength: 40,
          keyLength: 40,
          m: 5,
          n: 3,
          causal,
          scaled: false,
          masked: false,
          map: 'exp',
          size: 1,
          loud: 1,
          dtype,
          seed: 2,
        };
        const all = (spoilt: number) => {
          const inputs = inputsOf(drawn);
          const queries = inputs.queries.toArray();
          queries.fill(spoilt, 5 * 7, 5 * 8);
          const leaves = [fromArray(queries, inputs.queries.shape, dtype), inputs.keys, inputs.values].map((leaf) =>
            leaf.withGrad(),
          );
          const gradient = randomNormal(inputs.values.shape, new Random(3), dtype).toArray();
          gradient.fill(0, 3 * 7, 3 * 8);
          const { output } = featureAttention(leaves[0], leaves[1], leaves[2], { causal });
          backward(output, fromArray(gradient, inputs.values.shape, dtype));
          return leaves.map(({ grad }) => grad?.toArray());
        };
        assert.equal(all(Number.NaN), all(1));
      });
    }
  }
});

test('gradients agree with central differences, of the results and through the state', () => {
  fc.assert(
    fc.property(cases([1, 2, 5, 33, 70], [0.1, 1, 3]), fc.boolean(), (drawn, continued) => {
      scope(() => {
        const { queryLength, keyLength, batch, heads, m, n } = drawn;
        const inputs = inputsOf({ ...drawn, loud: 1, dtype: 'float64', scaled: true });
        const first = inputsOf({ ...drawn, loud: 1, dtype: 'float64', seed: drawn.seed ^ 1 });
        const before = noGrad(() => run({ ...first, keyMask: undefined } as never, drawn)).state;
        const leaves = [
          inputs.queries,
          inputs.keys,
          inputs.values,
          inputs.keyScale as Tensor,
          before.sums,
          before.totals,
        ];
        assert.is(queryLength > 0 && keyLength > 0, true);
        const f = (queries: Tensor, keys: Tensor, values: Tensor, keyScale: Tensor, sums: Tensor, totals: Tensor) => {
          const given = { ...inputs, queries, keys, values, keyScale };
          const state = continued ? { sums, totals, scales: before.scales } : undefined;
          const { output, logSumExp, state: after } = run(given, drawn, state);
          const finite = logSumExp.toArray().every(Number.isFinite);
          // The sums themselves: what they are held with is a constant to gradients, but not the same for other inputs.
          const factors = exp(add(after.scales, -5 * drawn.size));
          const whole = [multiply(after.sums, expandDims(factors, 3)), multiply(after.totals, factors)];
          const results = [output, ...whole, ...(finite ? [logSumExp] : [])];
          return concat(
            results.map((tensor) => reshape(tensor, [tensor.size])),
            0,
          );
        };
        assert.is(before.sums.size, batch * heads * m * n);
        checkGradients(f, leaves, { maxEntries: 5, seed: drawn.seed, tolerance: 1e-5 });
      });
    }),
    effort(30),
  );
});

test('gradients at wide exponents, and across groups, are those of the dense weights', () => {
  fc.assert(
    fc.property(cases([5, 40, 293], [1, 30, 300]), (drawn) => {
      scope(() => {
        const inputs = inputsOf(drawn);
        const leaves = [inputs.queries, inputs.keys, inputs.values].map((leaf) => leaf.withGrad());
        const g = randomNormal([drawn.batch, drawn.heads, drawn.queryLength, drawn.n], new Random(9), drawn.dtype);
        backward(run(inputs, drawn).output, g);
        const expected = denseGradients(inputs, drawn, g.toArray());
        leaves.forEach(({ grad }, index) => {
          const tolerance = 100 * roundingOf(inputs, drawn.dtype) * Math.max(1, largestOf(expected[index]));
          close((grad as Tensor).toArray(), expected[index], tolerance, `input ${index}:`);
        });
      });
    }),
    effort(25),
  );
});

const largestOf = (numbers: ArrayLike<number>) => Array.from(numbers).reduce((a, x) => Math.max(a, Math.abs(x)), 0);

/** By p_ijf = φ(a_if) φ(b_jf) exp(c_j − λ_i): ∂/∂(log φ(a_if) + log φ(b_jf)) = p_ijf (g_i · v_j − g_i · o_i), pair by pair. */
function denseGradients(
  inputs: Inputs,
  { causal, map, batch, heads, queryLength, keyLength, m, n }: Case,
  g: ArrayLike<number>,
) {
  const [a, b] = [logsOf(inputs.queries, map), shiftedLogs(inputs.keys, inputs.keyScale, map)];
  const v = inputs.values.toArray();
  const flags = inputs.keyMask?.toArray();
  const [ofA, ofB, ofV] = [a, b, v].map((array) => new Float64Array(array.length));
  for (let sequence = 0; sequence < batch * heads; sequence++) {
    for (let i = 0; i < queryLength; i++) {
      const row = sequence * queryLength + i;
      const seen = Array.from({ length: causal ? i + 1 : keyLength }, (_, j) => j).filter(
        (j) => flags?.[Math.floor(sequence / heads) * keyLength + j] !== 0,
      );
      const exponents = seen.map((j) =>
        Array.from({ length: m }, (_, f) => a[row * m + f] + b[(sequence * keyLength + j) * m + f]),
      );
      const largest = Math.max(...exponents.flat());
      const total = exponents.flat().reduce((sum, exponent) => sum + Math.exp(exponent - largest), 0);
      const p = exponents.map((each) => each.map((exponent) => Math.exp(exponent - largest) / total));
      const weights = p.map((each) => each.reduce((x, y) => x + y, 0));
      const products = seen.map((j) => {
        let sum = 0;
        for (let c = 0; c < n; c++) sum += g[row * n + c] * v[(sequence * keyLength + j) * n + c];
        return sum;
      });
      const mean = products.reduce((sum, product, k) => sum + weights[k] * product, 0);
      seen.forEach((j, k) => {
        for (let f = 0; f < m; f++) {
          ofA[row * m + f] += p[k][f] * (products[k] - mean);
          ofB[(sequence * keyLength + j) * m + f] += p[k][f] * (products[k] - mean);
        }
        for (let c = 0; c < n; c++) ofV[(sequence * keyLength + j) * n + c] += weights[k] * g[row * n + c];
      });
    }
  }
  const [ofQueries, ofKeys] = [inputs.queries, inputs.keys].map((tensor, side) => {
    const x = tensor.toArray();
    return [ofA, ofB][side].map((slope, at) => slope * slopeOf(x[at], map));
  });
  return [ofQueries, ofKeys, ofV];
}

test('1, 2 and 3 threads give the same bits, forward and backward', async () => {
  const bits = () =>
    scope(() =>
      [
        { causal: true, map: 'exp' as const },
        { causal: false, map: 'exp' as const },
        { causal: true, map: 'elu-plus-one' as const },
        { causal: false, map: 'elu-plus-one' as const },
      ].map((form) => {
        // Three groups; wide enough that chunks end early, and that channels are shared out.
        const drawn: Case = {
          batch: 1,
          heads: 2,
          queryLength: 700,
          keyLength: 700,
          m: 60,
          n: 40,
          ...form,
          scaled: true,
          masked: true,
          size: 10,
          loud: 10,
          dtype: 'float32',
          seed: 8,
        };
        const inputs = inputsOf(drawn);
        const leaves = [inputs.queries, inputs.keys, inputs.values].map((leaf) => leaf.withGrad());
        const { output, state } = run(inputs, form);
        backward(output);
        return [output, state.sums, state.scales, ...leaves.map(({ grad }) => grad as Tensor)].map((each) =>
          each.toArray(),
        );
      }),
    );
  await assertSameBitsOnThreads(bits);
});

test('memory grows with the length by the results alone', () => {
  const at = (length: number) =>
    scope(() => {
      const drawn: Case = {
        batch: 1,
        heads: 1,
        queryLength: length,
        keyLength: length,
        m: 64,
        n: 64,
        causal: true,
        scaled: false,
        masked: false,
        map: 'exp',
        size: 1,
        loud: 1,
        dtype: 'float32',
        seed: 1,
      };
      const inputs = inputsOf(drawn);
      const before = memoryStatistics().liveBytes;
      const { result, peakBytes } = measureMemory(() => noGrad(() => scope(() => run(inputs, drawn).output)));
      assert.is(memoryStatistics().liveBytes - before, result.block.bytes);
      return peakBytes;
    });
  const [short, long] = [at(2048), at(4096)];
  assert.ok(long <= 2.1 * short, `${short} bytes at 2048, ${long} at 4096`);
  // The result, and a state of 64 × 66 for every 256 places.
  assert.ok(long <= 1.6 * 4 * 4096 * 64, `${long} bytes for a result of ${4 * 4096 * 64}`);
});

test('operands that do not fit are refused by name', () => {
  const a = zeros([1, 2, 5, 3]);
  const refuses = (type: typeof ShapeError | typeof ArgumentError, start: string, body: () => void) =>
    assert.throws(body, (error: Error) => error instanceof type && error.message.startsWith(start));
  refuses(ShapeError, 'queries: ', () => featureAttention(a, zeros([1, 2, 5, 4]), a));
  refuses(ShapeError, 'causal: ', () =>
    featureAttention(a, zeros([1, 2, 4, 3]), zeros([1, 2, 4, 3]), { causal: true }),
  );
  refuses(ShapeError, 'values: ', () => featureAttention(a, a, zeros([1, 2, 4, 3])));
  refuses(ShapeError, 'queries: ', () => featureAttention(zeros([2, 5, 3]), a, a));
  refuses(ShapeError, 'keyScale: ', () => featureAttention(a, a, a, { keyScale: zeros([1, 2, 4]) }));
  refuses(ArgumentError, 'values: ', () => featureAttention(a, a, zeros([1, 2, 5, 3], 'float64')));
  refuses(ArgumentError, 'queries: ', () => featureAttention(zeros([1, 2, 5, 3], 'int32'), a, a));
  refuses(ArgumentError, 'keyMask: ', () => featureAttention(a, a, a, { keyMask: zeros([1, 5]) }));
  const state = { sums: zeros([1, 2, 3, 3]), totals: zeros([1, 2, 3]), scales: zeros([1, 2, 2], 'float64') };
  refuses(ShapeError, 'state.scales: ', () => featureAttention(a, a, a, { state }));
});

test.run();
