/** Cluster-Former, held to loops over its windows (Wang et al. 2020), to full attention, and to what training makes of centroids. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { noGrad } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { gatherRows } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { filled, fromArray, randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { attend, checkOptions } from '../../src/variants/attend.ts';
import { moved } from '../../src/variants/cluster-former/centroids.ts';
import { windowsOf } from '../../src/variants/cluster-former/windows.ts';
import { type ClusterFormerOptions, clusterFormer } from '../../src/variants/cluster-former.ts';
import { full } from '../../src/variants/full.ts';
import { type AnyVariant, findVariant } from '../../src/variants/registry.ts';
import type { Parameters } from '../../src/variants/variant.ts';
import { type AttentionCase, forAllCases, inputsOf } from '../laws/draw.ts';
import { expectClose, outputOf, parametersOf, ROUNDING, read, redrawn } from '../laws/evaluate.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { equalsLoops, squareShape } from '../laws/written-out.ts';
import { byLoops, clustersByLoops, type Definition, paper } from './cluster-former-written-out.ts';

const variant = findVariant('cluster-former') as AnyVariant;
const optionsOf = ({ options }: AttentionCase) => options as ClusterFormerOptions;
const withOptions = (drawn: AttentionCase, own: Partial<ClusterFormerOptions>): AttentionCase => ({
  ...drawn,
  options: { ...drawn.options, ...own },
});

for (const { name, run } of equalsLoops(variant, { maxLength: 40, minHeadDim: 2 }, 60, byLoops)) test(name, run);

const caseOf = (options: Partial<ClusterFormerOptions> = {}, length = 23): AttentionCase => ({
  ...{ shape: squareShape(length), mask: null, seed: 5 },
  options: checkOptions(
    clusterFormer,
    { windowLength: 7, overlap: 0.3, numClusters: 4, ...options },
    squareShape(length),
  ),
});

test('the loops notice another stride, a sum in place of a mean, clusters of one head and another order', () => {
  const broken: Partial<Definition>[] = [
    { stride: (size) => size },
    { stride: (size, overlap) => paper.stride(size, overlap) - 1 },
    { share: () => 1 },
    { ofAllHeads: false },
    { within: (i, j) => j - i },
  ];
  const attentionCase = caseOf();
  const [inputs, parameters] = [inputsOf(attentionCase), parametersOf(variant, attentionCase)];
  const output = outputOf(variant, attentionCase, inputs, parameters);
  expectClose(output, byLoops(inputs, optionsOf(attentionCase), parameters), ROUNDING, 'the definition');
  for (const change of broken) {
    const other = byLoops(inputs, optionsOf(attentionCase), parameters, { ...paper, ...change });
    assert.throws(() => expectClose(output, other, 1e-4, `${Object.keys(change)}`), `${Object.keys(change)}`);
  }
});

test('with a window of all tokens it is full attention, whatever the clusters', () => {
  forAllCases(variant, { dtype: 'float64' }, 30, (drawn) => {
    const attentionCase = withOptions(drawn, { windowLength: drawn.shape.keyLength });
    const inputs = inputsOf(attentionCase);
    const output = outputOf(variant, attentionCase, inputs);
    expectClose(output, read(noGrad(() => attend(full, inputs))), ROUNDING, 'full attention');
  });
});

test('with one cluster it is windows over positions, where a token meets those nearer than l alone', () => {
  forAllCases(variant, { dtype: 'float64', masked: false, minLength: 3 }, 30, (drawn) => {
    const one = withOptions(drawn, { order: 'cluster', numClusters: 1 });
    const sliding = withOptions(drawn, { order: 'position' });
    const { queries, keys, values } = inputsOf(drawn);
    const output = outputOf(variant, sliding, { queries, keys, values }, {});
    expectClose(outputOf(variant, one, { queries, keys, values }), output, ROUNDING, 'one cluster');
    const { keyLength: length } = drawn.shape;
    const token = drawn.seed % length;
    const random = new Random(drawn.seed);
    const changed = [keys, values].map((x, n) => redrawn(x, (_b, _h, at) => at === token, random.split(`${n}`)));
    const after = outputOf(variant, sliding, { queries, keys: changed[0], values: changed[1] }, {});
    output.data.forEach((number, at) => {
      const i = Math.floor(at / values.shape[3]) % length;
      if (Math.abs(i - token) >= optionsOf(drawn).windowLength) assert.is(after.data[at], number, `${i}, ${token}`);
    });
    assert.not.equal(Array.from(after.data), Array.from(output.data));
  });
});

test('tokens of a cluster meet, however far apart they are', () => {
  const [length, d] = [24, 4];
  const random = new Random(3);
  // Three kinds of tokens, at right angles, take turns: kind n points along channel n of the first head.
  const kinds = Array.from({ length: 2 * length * d }, (_, n) => {
    const [head, token, channel] = [Math.floor(n / (length * d)), Math.floor(n / d) % length, n % d];
    return head === 0 && channel === token % 3 ? 1 : 0;
  });
  const queries = fromArray(kinds, [1, 2, length, d], 'float64');
  const C = fromArray(
    Array.from({ length: 3 * 2 * d }, (_, n) => (n % (2 * d) === Math.floor(n / (2 * d)) ? 1 : 0)),
    [3, 2 * d],
    'float64',
  );
  const [keys, values] = ['k', 'v'].map((name) => randomNormal([1, 2, length, d], random.split(name), 'float64'));
  const options = { order: 'cluster', windowLength: 8, overlap: 0, numClusters: 3 } as const;
  const output = noGrad(() => attend(clusterFormer, { queries, keys, values }, options, { parameters: { C } }));
  for (const kind of [0, 1, 2]) {
    const own = Int32Array.from({ length: 8 }, (_, n) => 3 * n + kind);
    const pick = (x: Tensor) => noGrad(() => gatherRows(x, own));
    const alone = noGrad(() => attend(full, { queries: pick(queries), keys: pick(keys), values: pick(values) }));
    expectClose(read(pick(output)), read(alone), ROUNDING, `kind ${kind}`);
  }
});

test('padding between tokens is as padding behind them', () => {
  forAllCases(variant, { dtype: 'float64', masked: true, minLength: 2 }, 30, (drawn) => {
    const { keyLength: length } = drawn.shape;
    const [row] = drawn.mask as number[][];
    const kept = row.flatMap((flag, i) => (flag === 1 ? [i] : []));
    if (kept.length === 0) return;
    const shape = { ...drawn.shape, batch: 1 };
    const attentionCase = withOptions({ ...drawn, shape, mask: [row] }, { order: 'cluster' });
    const inputs = inputsOf(attentionCase);
    const parameters = parametersOf(variant, attentionCase);
    const order = Int32Array.from([...kept, ...row.flatMap((flag, i) => (flag === 1 ? [] : [i]))]);
    const sorted = (x: Tensor) => noGrad(() => gatherRows(x, order));
    const { queries, keys, values } = inputs;
    const keyMask = fromArray(
      Array.from({ length }, (_, i) => (i < kept.length ? 1 : 0)),
      [1, length],
      'uint8',
    );
    const behind = { queries: sorted(queries), keys: sorted(keys), values: sorted(values), keyMask };
    const between = outputOf(variant, attentionCase, inputs, parameters);
    const isReal = (_b: number, _h: number, i: number) => i < kept.length;
    const moved = read(sorted(fromArray(between.data, between.shape, 'float64')));
    expectClose(outputOf(variant, attentionCase, behind, parameters), moved, ROUNDING, `tokens ${kept}`, isReal);
  });
});

test('training moves a centroid towards the mean direction of its tokens, and leaves one without tokens', () => {
  const [heads, d, length, p, decay] = [2, 3, 17, 6, 0.8];
  const random = new Random(4);
  const queries = randomNormal([2, heads, length, d], random.split('q'), 'float64');
  const drawn = randomNormal([p, heads * d], random.split('C'), 'float64').toArray();
  const unit = (row: readonly number[]) => row.map((each) => each / Math.hypot(...row));
  const rowsOf = (numbers: ArrayLike<number>) =>
    Array.from({ length: p }, (_, n) => Array.from({ length: heads * d }, (_, c) => numbers[n * heads * d + c]));
  const start = rowsOf(drawn).map(unit);
  const keyMask = fromArray(
    Array.from({ length: 2 * length }, (_, n) => (n % 5 === 0 ? 0 : 1)),
    [2, length],
    'uint8',
  );
  const inputs = { queries, keys: queries, values: queries, keyMask };
  const C = fromArray(start.flat(), [p, heads * d], 'float64');
  const after = rowsOf(noGrad(() => moved(inputs, C, decay)).toArray());
  const q = queries.toArray();
  const members: number[][][] = start.map(() => []);
  for (const b of [0, 1]) {
    clustersByLoops(inputs, { C }, b, paper).forEach((cluster, i) => {
      if (cluster === p) return;
      const at = (n: number) => ((b * heads + Math.floor(n / d)) * length + i) * d + (n % d);
      members[cluster].push(unit(Array.from({ length: heads * d }, (_, n) => q[at(n)])));
    });
  }
  assert.ok(members.some((own) => own.length > 1));
  start.forEach((row, n) => {
    const mean = (c: number) => members[n].reduce((sum, each) => sum + each[c], 0) / members[n].length;
    const expected = members[n].length === 0 ? row : unit(row.map((each, c) => decay * each + (1 - decay) * mean(c)));
    expected.forEach((each, c) => {
      assert.ok(Math.abs(after[n][c] - each) < 1e-12, `${n} ${c}`);
    });
  });
});

test('an overlap of 1 − m/l, however it is rounded, has windows begin m places apart', () => {
  for (let l = 1; l <= 300; l++) {
    for (let m = Math.ceil(l / 2); m <= l; m++) {
      const { size, stride, count } = windowsOf(5 * l, { windowLength: l, overlap: 1 - m / l });
      assert.equal([size, stride, count], [l, m, Math.ceil((4 * l) / m) + 1], `windows of ${l}, ${m} apart`);
    }
  }
});

test('cost: linear in the length at fixed l and p', () => {
  for (const order of ['cluster', 'position'] as const) {
    const options = { ...clusterFormer.defaults(4096), order };
    const flops = (length: number) => clusterFormer.cost({ ...squareShape(length), headDim: 64 }, options).flops;
    // A stride of 224: every 224 tokens are one window more.
    for (let length = 2048; length <= 2 ** 18; length *= 2) {
      assert.is(flops(length + 448) - flops(length + 224), flops(length + 224) - flops(length), `${length}`);
    }
  }
});

test('an empty window, an overlap of more than half, and clusters of another shape or type are refused by name', () => {
  const inputs = inputsOf(caseOf());
  expectThrows(ArgumentError, 'windowLength', () => void attend(clusterFormer, inputs, { windowLength: 0 }));
  expectThrows(ArgumentError, 'overlap', () => void attend(clusterFormer, inputs, { overlap: 0.6 }));
  const C = parametersOf(variant, caseOf({ numClusters: 5 })).C;
  expectThrows(ShapeError, 'parameters.C', () => {
    attend(clusterFormer, inputs, { numClusters: 4 }, { parameters: { C } });
  });
  const known = (shape: number[], dtype: 'int32' | 'uint8') => ({ C, clusters: filled(shape, 0, dtype) });
  const given = (parameters: Parameters) => {
    clusterFormer.attend(inputs, { ...clusterFormer.defaults(23), numClusters: 5 }, parameters);
  };
  expectThrows(ShapeError, 'parameters.clusters', () => given(known([2, 1, 22], 'int32')));
  expectThrows(ArgumentError, 'parameters.clusters', () => given(known([2, 1, 23], 'uint8')));
});

test.run();
