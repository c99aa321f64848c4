/** Clustered attention, held to loops over its definition: its clusters, its top keys, and what it is with many clusters. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { noGrad } from '../../src/core/autograd.ts';
import { ArgumentError } from '../../src/core/errors.ts';
import { nearestKeys } from '../../src/core/ops/nearest-keys.ts';
import { Random } from '../../src/core/random.ts';
import { filled, fromArray, randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import { attend } from '../../src/variants/attend.ts';
import { signsOf } from '../../src/variants/clustered/hamming.ts';
import { type ClusteredOptions, clustered } from '../../src/variants/clustered.ts';
import { full } from '../../src/variants/full.ts';
import { type AnyVariant, findVariant } from '../../src/variants/registry.ts';
import type { AttentionInputs, Parameters } from '../../src/variants/variant.ts';
import { type AttentionCase, forAllCases, inputsOf } from '../laws/draw.ts';
import { expectClose, type Output, outputOf, parametersOf, ROUNDING, read } from '../laws/evaluate.ts';

const variant = findVariant('clustered') as AnyVariant;

const optionsOf = ({ options }: AttentionCase) => options as ClusteredOptions;
const withOptions = (attentionCase: AttentionCase, own: Partial<ClusteredOptions>): AttentionCase => ({
  ...attentionCase,
  options: { ...attentionCase.options, ...own },
});

const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  let sum = 0;
  for (let c = 0; c < a.length; c++) sum += a[c] * b[c];
  return sum;
};

/** Rows of one head of a batch entry. */
function rowsOf(tensor: Tensor, list: number): number[][] {
  const [, , length, width] = tensor.shape;
  const numbers = tensor.toArray();
  return Array.from({ length }, (_, i) =>
    Array.from(numbers.slice((list * length + i) * width, (list * length + i + 1) * width)),
  );
}

/** Lloyd's algorithm on signs, query by query. */
function clustersByLoops(queries: number[][], planes: number[][], isReal: boolean[], options: ClusteredOptions) {
  const places = [...queries.keys()].filter((i) => isReal[i]);
  const count = Math.min(options.numClusters, queries.length);
  if (places.length === 0) return queries.map(() => 0);
  const bitsOf = (q: number[]) => planes.map((plane) => dot(q, plane) > 0);
  const bits = queries.map(bitsOf);
  const distance = (a: boolean[], b: boolean[]) => a.filter((each, n) => each !== b[n]).length;
  const used = Math.min(count, places.length);
  let centroids = Array.from({ length: used }, (_, c) => bits[places[Math.floor((c * places.length) / used)]]);
  let clusters: number[] = [];
  for (let step = 0; step < options.iterations; step++) {
    clusters = bits.map((own) => {
      const distances = centroids.map((each) => distance(own, each));
      return distances.indexOf(Math.min(...distances));
    });
    centroids = centroids.map((before, c) => {
      const members = places.filter((i) => clusters[i] === c);
      if (members.length === 0) return before;
      return before.map((_, bit) => members.filter((i) => bits[i][bit]).length > members.length / 2);
    });
  }
  if (places.length <= count) for (const [c, i] of places.entries()) clusters[i] = c;
  return clusters;
}

/** What a copy may get wrong. */
interface Rule {
  /** The keys of a cluster that are weighed anew, from all real ones, the best first. */
  top(ranked: number[], k: number): number[];
  /** Whether the top keys keep the part of the weight that they have for the centroid. */
  keepsMass: boolean;
}

const paper: Rule = { top: (ranked, k) => ranked.slice(0, k), keepsMass: true };

/** Eqs. 3 to 11, query by query in float64. */
function byLoops(inputs: AttentionInputs, { R }: Parameters, options: ClusteredOptions, rule = paper): Output {
  const { queries, keys, values, keyMask } = inputs;
  const [batch, heads, length, d] = queries.shape;
  const width = values.shape[3];
  const mask = keyMask?.toArray();
  const output = new Float64Array(batch * heads * length * width);
  for (let list = 0; list < batch * heads; list++) {
    const [b, h] = [Math.floor(list / heads), list % heads];
    const [q, k, v] = [queries, keys, values].map((each) => rowsOf(each, list));
    const real = k.map((_, j) => mask?.[b * k.length + j] !== 0);
    const isReal = q.length === k.length ? real : q.map(() => true);
    const columns = rowsOf(fromArray(R.toArray(), [1, ...R.shape], 'float64'), h);
    const planes = columns[0].map((_, bit) => columns.map((row) => row[bit]));
    const clusters = clustersByLoops(q, planes, isReal, options);
    const seen = [...k.keys()].filter((j) => real[j]);
    const weigh = (row: number[], among: number[]) => {
      const logs = among.map((j) => dot(row, k[j]) / Math.sqrt(d));
      const largest = Math.max(...logs);
      const weights = logs.map((log) => Math.exp(log - largest));
      const total = weights.reduce((sum, each) => sum + each, 0);
      return new Map(among.map((j, n) => [j, weights[n] / total]));
    };
    for (let i = 0; i < length; i++) {
      const members = [...q.keys()].filter((each) => isReal[each] && clusters[each] === clusters[i]);
      const centroid = q[0].map((_, c) => members.reduce((sum, each) => sum + q[each][c], 0) / members.length);
      if (members.length === 0 || seen.length === 0) continue;
      const shared = weigh(centroid, seen);
      const ranked = [...seen].sort((x, y) => dot(centroid, k[y]) - dot(centroid, k[x]) || x - y);
      const top = rule.top(ranked, options.topKeys);
      const mass = rule.keepsMass ? top.reduce((sum, j) => sum + (shared.get(j) as number), 0) : 1;
      if (top.length > 0) for (const [j, weight] of weigh(q[i], top)) shared.set(j, mass * weight);
      for (const [j, weight] of shared) {
        for (let c = 0; c < width; c++) output[(list * length + i) * width + c] += weight * v[j][c];
      }
    }
  }
  return { shape: [batch, heads, length, width], dtype: 'float64', data: output };
}

test('Lloyd on signs, the mean of each cluster, and its top keys weighed anew, as the paper has them', () => {
  forAllCases(variant, { dtype: 'float64', maxLength: 40 }, 60, (drawn) => {
    const attentionCase = withOptions(drawn, { bits: 1 + (drawn.seed % 20), iterations: 1 + (drawn.seed % 5) });
    const inputs = inputsOf(attentionCase);
    const parameters = parametersOf(variant, attentionCase);
    const expected = byLoops(inputs, parameters, optionsOf(attentionCase));
    expectClose(outputOf(variant, attentionCase, inputs, parameters), expected, ROUNDING, 'output');
  });
});

test('the loops notice the worst keys, one too many, and weights that keep no mass', () => {
  const wrong: Rule[] = [
    { ...paper, top: (ranked, k) => ranked.slice(-k) },
    { ...paper, top: (ranked, k) => ranked.slice(0, k + 1) },
    { ...paper, keepsMass: false },
  ];
  const wishes = { dtype: 'float64', masked: false, selfAttention: true, minLength: 20, maxLength: 40, minHeadDim: 4 };
  forAllCases(variant, wishes as never, 10, (drawn) => {
    const attentionCase = withOptions(drawn, { numClusters: 3, topKeys: 4, bits: 8, iterations: 3 });
    const inputs = inputsOf(attentionCase);
    const parameters = parametersOf(variant, attentionCase);
    const output = outputOf(variant, attentionCase, inputs, parameters);
    for (const rule of wrong) {
      const other = byLoops(inputs, parameters, optionsOf(attentionCase), rule);
      assert.throws(() => expectClose(output, other, 1e-6, 'output'));
    }
  });
});

test('with as many clusters as queries it is full attention, improved or not, where tokens are real', () => {
  forAllCases(variant, {}, 40, (drawn) => {
    const attentionCase = withOptions(drawn, { numClusters: drawn.shape.queryLength });
    const inputs = inputsOf(attentionCase);
    const isSelf = drawn.shape.queryLength === drawn.shape.keyLength;
    const real = (batch: number, _head: number, i: number) => !isSelf || drawn.mask?.[batch][i] !== 0;
    const tolerance = drawn.shape.dtype === 'float64' ? ROUNDING : 1e-5;
    const expected = read(noGrad(() => attend(full, inputs)));
    expectClose(outputOf(variant, attentionCase, inputs), expected, tolerance, 'output', real);
  });
});

test('with all keys corrected it is full attention, whatever the clusters', () => {
  forAllCases(variant, { dtype: 'float64' }, 30, (drawn) => {
    const attentionCase = withOptions(drawn, { topKeys: drawn.shape.keyLength });
    const inputs = inputsOf(attentionCase);
    const expected = read(noGrad(() => attend(full, inputs)));
    // A padded query is in a cluster like another.
    expectClose(outputOf(variant, attentionCase, inputs), expected, ROUNDING, 'output');
  });
});

test('queries that are alike in each cluster get what full attention gives them', () => {
  const [length, kinds, d] = [60, 4, 8];
  const [few, keys, values] = ['queries', 'keys', 'values'].map((name, n) =>
    randomNormal([1, 1, n === 0 ? kinds : length, d], new Random(3).split(name), 'float64'),
  );
  const rows = Array.from({ length }, (_, i) => rowsOf(few, 0)[(i * 7) % kinds]).flat();
  const inputs = { queries: fromArray(rows, [1, 1, length, d], 'float64'), keys, values };
  const expected = read(noGrad(() => attend(full, inputs)));
  for (const topKeys of [0, 5]) {
    const output = noGrad(() => attend(clustered, inputs, { numClusters: kinds + 8, topKeys }));
    expectClose(read(output), expected, ROUNDING, `${topKeys} top keys`);
  }
});

test('decisions of a run are taken over by another', () => {
  forAllCases(variant, { dtype: 'float64', minLength: 8, minHeadDim: 2 }, 15, (attentionCase) => {
    const inputs = inputsOf(attentionCase);
    const parameters = parametersOf(variant, attentionCase);
    const decided = noGrad(() => clustered.decisions!(inputs, optionsOf(attentionCase), parameters));
    const others = parametersOf(variant, { ...attentionCase, seed: attentionCase.seed + 1 });
    const forced = outputOf(variant, attentionCase, inputs, { ...others, ...decided });
    expectClose(forced, outputOf(variant, attentionCase, inputs, parameters), 0, 'with the planes of others');
  });
});

test('float32 decides as float64 does for the same numbers: signs, and keys that are nearly equally near', () => {
  const [n, d] = [200, 16];
  const queries = randomNormal([1, 1, n, d], new Random(1));
  const R = randomNormal([1, d, 40], new Random(2));
  // Some queries are nearly at right angles to the first plane.
  const numbers = queries.toArray();
  const plane = R.toArray();
  for (let i = 0; i < n; i += 2) {
    let [product, square] = [0, 0];
    for (let c = 0; c < d; c++) {
      product += numbers[i * d + c] * plane[c * 40];
      square += plane[c * 40] ** 2;
    }
    for (let c = 0; c < d; c++) numbers[i * d + c] -= (product / square) * plane[c * 40];
  }
  const inFloat32 = fromArray(numbers, [1, 1, n, d], 'float32');
  const inFloat64 = (x: Tensor) => fromArray(x.toArray(), x.shape, 'float64');
  const [single, double] = [signsOf(inFloat32, R), signsOf(inFloat64(inFloat32), inFloat64(R))];
  assert.equal([...single.toArray()], [...double.toArray()]);
  // Keys that differ in their last digits alone.
  const keys = fromArray(
    Array.from({ length: n * d }, (_, at) => Math.fround(1 + (numbers[at] - 0.5) * 1e-6)),
    [1, 1, n, d],
    'float32',
  );
  const rows = randomNormal([1, 1, 7, d], new Random(4), 'float64');
  const lists = nearestKeys(rows, keys, 9).toArray();
  const [all, own] = [rowsOf(keys, 0), rowsOf(rows, 0)];
  for (let row = 0; row < 7; row++) {
    const ranked = [...all.keys()].sort((a, b) => dot(own[row], all[b]) - dot(own[row], all[a]) || a - b);
    const expected = ranked.slice(0, 9).sort((a, b) => a - b);
    assert.equal([...lists.slice(row * 9, (row + 1) * 9)], expected);
  }
});

test('what the variant and its op cannot do is refused by name', () => {
  const rows = zeros([1, 2, 6, 4]);
  const inputs = { queries: rows, keys: rows, values: rows };
  const refused = (name: string, run: () => unknown) =>
    assert.throws(run, (error: Error) => error instanceof ArgumentError && error.message.startsWith(`${name}:`));
  const R = zeros([2, 4, 63]);
  refused('parameters.clusters', () =>
    attend(clustered, inputs, { numClusters: 2 }, { parameters: { R, clusters: filled([1, 2, 6], 2, 'int32') } }),
  );
  refused('parameters.clusters', () =>
    attend(clustered, inputs, {}, { parameters: { R, clusters: zeros([1, 2, 6]) } }),
  );
  refused('topKeys', () => attend(clustered, inputs, { topKeys: 7 }));
  refused('rows', () => nearestKeys(rows, rows, 2));
  refused('count', () => nearestKeys(zeros([1, 2, 3, 4], 'float64'), rows, 0));
});

test.run();
