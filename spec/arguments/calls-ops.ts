/** Right arguments for every op, to be made wrong one by one. */

import { fromArray, zeros } from '../../src/core/tensor.ts';
import { ops, Random, randomNormal, type Tensor } from '../../src/index.ts';
import type { Call } from './wrong.ts';

const drawn = (shape: readonly number[], seed = 1): Tensor => randomNormal(shape, new Random(seed));
const SEQUENCES = [1, 2, 6, 4];
const mask = (): Tensor => fromArray([1, 1, 1, 1, 0, 0], [1, 6], 'uint8');
const groups = (): Tensor => fromArray([0, 1, 0, 1, 0, 1, 1, 1, 0, 0, 0, 1], [1, 2, 1, 6], 'int32');

const of = (run: Call['run'], args: () => unknown[], more: Partial<Call> = {}): Call => ({ run, args, ...more });

const unary = Object.fromEntries(
  (
    [
      ...['negate', 'exp', 'log', 'sqrt', 'square', 'reciprocal', 'sin', 'cos', 'tanh', 'sigmoid', 'relu', 'elu'],
      ...['logEluPlusOne', 'gelu', 'geluExact', 'softmax', 'normalizeRows', 'argMax', 'detach', 'contiguous'],
    ] as const
  ).map((name) => [name, of(ops[name as 'exp'], () => [drawn([3, 4])], { names: ['x'] })]),
);

/** A number stands for a tensor full of it, also one that is not finite. */
const numbers = {
  also: { 0: ['number', 'fraction', 'negative', 'NaN'], 1: ['number', 'fraction', 'negative', 'NaN'] },
} as const;
const binary = Object.fromEntries(
  (['add', 'subtract', 'multiply', 'divide', 'maximum'] as const).map((name) => [
    name,
    of(ops[name], () => [drawn([3, 4]), drawn([3, 4], 2)], numbers),
  ]),
);

const attended = () => ({ output: drawn([1, 2, 3, 4]), logSumExp: drawn([1, 2, 3]) });
const sums = () => ops.featureSums(drawn(SEQUENCES), drawn([1, 2, 6, 3]));
const segments = () => ops.segmentsOf(6, 2);
const labels = (): Tensor => fromArray([0, 1, 0, 1, 0, -1], [1, 1, 6], 'int32');
const layout = (): ops.AttentionLayout => ops.everything(6, 6);

const named: { readonly [Name in keyof typeof ops]?: Call } = {
  scale: of(ops.scale, () => [drawn([3]), 2], { also: { 1: ['NaN'] } }),
  shift: of(ops.shift, () => [drawn([3]), 2], { also: { 1: ['NaN'] } }),
  sum: of(ops.sum, () => [drawn([3, 4]), 0, true]),
  mean: of(ops.mean, () => [drawn([3, 4]), 0, true]),
  max: of(ops.max, () => [drawn([3, 4]), 0, true]),
  logSumExp: of(ops.logSumExp, () => [drawn([3, 4]), 0, true]),
  matmul: of(ops.matmul, () => [drawn([3, 4]), drawn([5, 4]), { transposeA: false, transposeB: true }]),
  layerNorm: of(ops.layerNorm, () => [drawn([3, 4]), drawn([4]), drawn([4]), 1e-5]),
  dropout: of(ops.dropout, () => [drawn([3, 4]), 0.5, new Random(1)]),
  reshape: of(ops.reshape, () => [drawn([3, 4]), [2, 6]]),
  transpose: of(ops.transpose, () => [drawn([3, 4]), [1, 0]]),
  slice: of(ops.slice, () => [drawn([3, 4]), 0, 1, 3]),
  concat: of(ops.concat, () => [[drawn([3, 4]), drawn([2, 4])], 0]),
  stack: of(ops.stack, () => [[drawn([3, 4]), drawn([3, 4])], 1]),
  expandDims: of(ops.expandDims, () => [drawn([3, 4]), 1]),
  broadcastTo: of(ops.broadcastTo, () => [drawn([1, 4]), [3, 4]]),
  padRows: of(ops.padRows, () => [drawn([3, 4]), 0, 2]),
  gatherRows: of(ops.gatherRows, () => [drawn([3, 4]), fromArray([2, 0], [2], 'int32'), { constantRow: 1 }], {
    also: { 1: ['typed array'] },
  }),
  scatterRows: of(ops.scatterRows, () => [drawn([3, 4]), Int32Array.of(2, 0), drawn([2, 4])], {
    also: { 1: ['tensor'] },
  }),
  scan: of(ops.scan, () => [
    drawn(SEQUENCES),
    drawn(SEQUENCES),
    drawn([1, 2, 6, 3]),
    { logDecay: zeros([1, 2, 6]), beta: zeros([1, 2, 6]), keyMask: mask(), state: drawn([1, 2, 4, 3]) },
  ]),
  selectiveScan: of(ops.selectiveScan, () => [
    drawn(SEQUENCES),
    drawn(SEQUENCES),
    drawn([1, 2, 6, 3]),
    { steps: zeros([1, 2, 6, 3]), rates: zeros([2, 3, 4]), keyMask: mask(), state: drawn([1, 2, 3, 4]) },
  ]),
  featureAttention: of(
    ops.featureAttention,
    () => [
      drawn(SEQUENCES),
      drawn(SEQUENCES),
      drawn([1, 2, 6, 3]),
      { map: 'elu-plus-one', keyScale: drawn([1, 2, 6]), keyMask: mask(), state: sums(), causal: true },
    ],
    { names: ['queries', 'keys', 'values', 'options'] },
  ),
  featureSums: of(ops.featureSums, () => [
    drawn(SEQUENCES),
    drawn([1, 2, 6, 3]),
    { map: 'exp', keyScale: drawn([1, 2, 6]), keyMask: mask(), state: sums() },
  ]),
  readFeatureSums: of(ops.readFeatureSums, () => [drawn(SEQUENCES), sums(), { map: 'elu-plus-one' }]),
  runningMaximum: of(ops.runningMaximum, () => [drawn([1, 2, 6]), mask(), drawn([1, 2])]),
  convolveLong: of(ops.convolveLong, () => [drawn([1, 2, 6, 4]), drawn(SEQUENCES), 1]),
  cast: of(ops.cast, () => [drawn([2, 3]), 'float64']),
  convolveRows: of(ops.convolveRows, () => [drawn([2, 3]), drawn(SEQUENCES), 1]),
  crossEntropy: of(ops.crossEntropy, () => [
    drawn([2, 3]),
    fromArray([1, 2], [2], 'int32'),
    { ignoreIndex: -1, mask: fromArray([1, 0], [2], 'uint8'), reduction: 'sum' },
  ]),
  countCorrect: of(ops.countCorrect, () => [
    drawn([2, 3]),
    fromArray([1, 2], [2], 'int32'),
    { ignoreIndex: -1, mask: fromArray([1, 0], [2], 'uint8') },
  ]),
  countingSort: of(ops.countingSort, () => [groups(), 2]),
  directionHash: of(ops.directionHash, () => [drawn(SEQUENCES), drawn([2, 1, 4, 3])]),
  attention: of(ops.attention, () => [
    drawn(SEQUENCES),
    drawn(SEQUENCES),
    drawn([1, 2, 6, 3]),
    { layout: layout(), labels: labels(), except: [0], causal: true },
    {
      keyMask: mask(),
      scale: 0.5,
      queryStart: 0,
      bias: drawn([1, 2, 6, 6]),
      relative: { queries: drawn(SEQUENCES), keys: drawn([2, 12, 4]), nearest: -6 },
      slopes: [0.5, 0.25],
      logGates: zeros([1, 2, 6]),
      softCap: 5,
      selfBias: -1,
      sinks: drawn([2]),
      dropout: { rate: 0.1, random: new Random(1) },
    },
  ]),
  chooseBlocks: of(ops.chooseBlocks, () => [
    drawn(SEQUENCES),
    zeros([1, 2, 3, 4], 'float64'),
    { blockSize: 2, count: 2, start: 0, real: fromArray([1, 0, 1], [1, 3], 'int32') },
  ]),
  entmax: of(ops.entmax, () => [drawn(SEQUENCES), fromArray([1, 1.5], [2])]),
  entmaxAttention: of(ops.entmaxAttention, () => [
    drawn(SEQUENCES),
    drawn(SEQUENCES),
    drawn([1, 2, 6, 3]),
    fromArray([1.25, 2], [2]),
    { causal: true, queryStart: 0, keyMask: mask(), scale: 0.5 },
  ]),
  sumGates: of(ops.sumGates, () => [zeros([1, 2, 6]), zeros([1, 2, 1, 1], 'float64')]),
  joinAttention: of(ops.joinAttention, () => [[attended(), attended()]]),
  everything: of(ops.everything, () => [6, 7]),
  causal: of(ops.causal, () => [6]),
  upTo: of(ops.upTo, () => [2, 6]),
  band: of(ops.band, () => [6, { before: 1, after: 1, dilation: [1, 2], start: 0 }], {
    also: { '1.dilation': ['number'] },
  }),
  runs: of(ops.runs, () => [Int32Array.of(0, 0), Int32Array.of(1, 2), 2, 1, 0]),
  perHead: of(ops.perHead, () => [[layout(), layout()]]),
  withoutQueries: of(ops.withoutQueries, () => [layout(), [0, 2]]),
  pairsOf: of(ops.pairsOf, () => [layout(), 2]),
  pickKeys: of(ops.pickKeys, () => [mask(), Int32Array.of(0, -1)]),
  zeroMasked: of(ops.zeroMasked, () => [drawn(SEQUENCES), mask()]),
  withoutMaskedRows: of(ops.withoutMaskedRows, () => [drawn(SEQUENCES), mask(), () => true]),
  quietMasked: of(ops.quietMasked, () => [drawn(SEQUENCES), mask()]),
  segmentsOf: of(ops.segmentsOf, () => [6, 2]),
  realTokens: of(ops.realTokens, () => [segments(), mask()]),
  meanTaps: of(ops.meanTaps, () => [[[3, 3]], segments(), 'float32']),
  mixSegments: of(ops.mixSegments, () => [drawn([1, 1, 2, 3]), drawn(SEQUENCES), segments()]),
  rowsWithTokens: of(ops.rowsWithTokens, () => [[[3, 0]], 2]),
};

export const callsOfOps: Readonly<Record<string, Call>> = { ...unary, ...binary, ...named };
