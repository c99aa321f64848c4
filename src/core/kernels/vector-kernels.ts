import type { VectorAttention } from './vector-attention.ts';
import type { VectorAttentionTile } from './vector-attention-tile.ts';
import type { VectorScan } from './vector-scan.ts';

/** Functions of one number, in the order of wasm/assembly/unary.ts: `which` of `unaryForward`. */
export const VECTOR_FUNCTIONS: readonly string[] = [
  'scale',
  'shift',
  'exp',
  'log',
  'sqrt',
  'square',
  'reciprocal',
  'tanh',
  'sigmoid',
  'relu',
  'elu',
  'log-elu-plus-one',
  'gelu',
  'gelu-exact',
];

/** Functions of two numbers, in the order of wasm/assembly/elementwise.ts: `which` of `binary`. */
export const VECTOR_OPERATIONS: readonly string[] = ['add', 'subtract', 'multiply', 'divide'];

/** The functions of wasm/assembly/index.ts. Pointers are byte offsets in the heap. */
export interface VectorKernels extends VectorAttention, VectorAttentionTile, VectorScan {
  softmaxRows(x: number, y: number, rows: number, columns: number): void;
  unaryForward(which: number, x: number, y: number, count: number, constant: number): void;
  unaryDerivative(
    which: number,
    x: number,
    y: number,
    gradient: number,
    result: number,
    count: number,
    constant: number,
  ): void;
  binary(
    which: number,
    a: number,
    stepA: number,
    rowA: number,
    b: number,
    stepB: number,
    rowB: number,
    c: number,
    rows: number,
    count: number,
  ): void;
  multiplyFewRows(
    c: number,
    rowOfC: number,
    a: number,
    rowOfA: number,
    b: number,
    rowOfB: number,
    rows: number,
    columns: number,
    inner: number,
    room: number,
  ): void;
  copyRows(source: number, sourceRow: number, target: number, targetRow: number, rows: number, columns: number): void;
  repeatRows(source: number, sourceRow: number, target: number, targetRow: number, rows: number, columns: number): void;
  layerNormRows(
    x: number,
    gain: number,
    bias: number,
    y: number,
    means: number,
    shares: number,
    begin: number,
    end: number,
    columns: number,
    epsilon: number,
  ): void;
  layerNormGradients(
    x: number,
    gain: number,
    means: number,
    shares: number,
    gradient: number,
    result: number,
    toGain: number,
    toBias: number,
    rows: number,
    columns: number,
  ): void;
  rotateRows(
    x: number,
    rowOfX: number,
    y: number,
    rowOfY: number,
    cosines: number,
    sines: number,
    rows: number,
    width: number,
    direction: number,
  ): void;
  sumsOfRuns(x: number, y: number, rows: number, columns: number): void;
  sumOfRows(x: number, y: number, extent: number, stride: number, columns: number): void;
  largestOfRun(x: number, count: number): number;
  largestOfRuns(x: number, y: number, rows: number, columns: number): void;
  softmaxGradientRows(y: number, gradient: number, result: number, rows: number, columns: number): void;
  normalizeRows(x: number, y: number, rows: number, columns: number): void;
  normalizeGradientRows(x: number, gradient: number, result: number, rows: number, columns: number): void;
  sumOfExponentials(x: number, count: number, largest: number): number;
  scaledExponentials(x: number, y: number, count: number, shift: number, factor: number): void;
  sumOfSquares(x: number, count: number): number;
  adamW(
    theta: number,
    gradient: number,
    m: number,
    v: number,
    count: number,
    scale: number,
    rate: number,
    beta1: number,
    beta2: number,
    epsilon: number,
    decay: number,
    firstCorrection: number,
    secondCorrection: number,
  ): void;
  sgd(
    theta: number,
    gradient: number,
    velocity: number,
    count: number,
    scale: number,
    rate: number,
    momentum: number,
    decay: number,
    nesterov: number,
  ): void;
  squaresOfRows(x: number, sums: number, extent: number, stride: number, columns: number): void;
  adafactorSize(gradient: number, columnMeans: number, count: number, scale: number, share: number): number;
  adafactorUpdate(
    theta: number,
    gradient: number,
    columnMeans: number,
    count: number,
    scale: number,
    share: number,
    step: number,
    decay: number,
  ): void;
  dropout(
    x: number,
    y: number,
    begin: number,
    end: number,
    firstKey: number,
    secondKey: number,
    threshold: number,
    share: number,
  ): void;
  gatherRows(
    source: number,
    index: number,
    result: number,
    begin: number,
    end: number,
    length: number,
    width: number,
    count: number,
    own: number,
  ): void;
  scatterAdd(
    rows: number,
    index: number,
    result: number,
    length: number,
    width: number,
    count: number,
    columns: number,
  ): void;
  scatterWeighted(
    gradient: number,
    weights: number,
    index: number,
    result: number,
    length: number,
    width: number,
    rows: number,
    count: number,
    columns: number,
  ): void;
  addRows(target: number, index: number, rows: number, count: number, width: number): void;
  /** Not the twin of a plain loop: multiply-adds alone, for the roofline of the bench. */
  peak(rounds: number, factor: number, term: number): number;
}
