/**
 * Steps towards the pseudo-inverse of small matrices, by products alone (Xiong et al. 2021, eq. 14), and their gradients:
 *
 *     P = A Z      T = 7 I − P      U = 15 I − P T      W = 13 I − P U      Z′ = ¼ Z W
 *
 * Items are matrices: what a step needs stays in the cache, and one call does the work of some thirty small ones.
 */
import type { NumericArray } from '../memory.ts';
import { defineKernel } from './kernel.ts';
import { isOnHeap, vectorKernels } from './simd.ts';
import { type Block, block, inPanels, multiplyTile, transposed } from './tile.ts';
import { VECTOR_FUNCTIONS } from './vector-kernels.ts';

const SCALE = VECTOR_FUNCTIONS.indexOf('scale');
/** Columns and rows of B visited together, as in matmul.ts. */
const PANEL = 64;
const DEPTH = 256;

/** Matrices that a step leaves for its gradient: Z, P, U, W. */
export const MATRICES_OF_A_STEP = 4;
/** Matrices that a gradient computes with. Not scratch of a thread: that may be too small for large ones. */
export const MATRICES_OF_A_GRADIENT = 6;

/** C = α A B, or C + α A B, of m × m matrices. C is neither A nor B. */
function multiply(c: Block, a: Block, b: Block, m: number, alpha: number, accumulate = false): void {
  for (let depth = 0; depth < m; depth += DEPTH) {
    const inner = Math.min(DEPTH, m - depth);
    const left = block(a.data, a.offset + depth * a.columnStride, a.rowStride, a.columnStride);
    for (let column = 0; column < m; column += PANEL) {
      const columns = Math.min(PANEL, m - column);
      const from = b.offset + depth * b.rowStride + column * b.columnStride;
      const part = block(b.data, from, b.rowStride, b.columnStride);
      const right = b.rowStride > 2 * PANEL ? inPanels('right', part, inner, columns) : part;
      const target = block(c.data, c.offset + column, c.rowStride);
      multiplyTile(target, left, right, m, columns, inner, alpha, accumulate || depth > 0);
    }
  }
}

/** c = −a. */
function negate(c: Block, a: Block, m: number): void {
  const count = m * m;
  const fast = vectorKernels();
  if (fast !== null && isOnHeap(a.data) && isOnHeap(c.data)) {
    fast.unaryForward(SCALE, a.data.byteOffset + 4 * a.offset, c.data.byteOffset + 4 * c.offset, count, -1);
    return;
  }
  for (let n = 0; n < count; n++) c.data[c.offset + n] = -a.data[a.offset + n];
}

/** c + factor · I. */
function raiseDiagonal({ data, offset, rowStride }: Block, m: number, factor: number): void {
  for (let i = 0; i < m; i++) data[offset + i * (rowStride + 1)] += factor;
}

/** A matrix of a list, m × m. */
const matrix = (data: NumericArray, index: number, m: number): Block => block(data, index * m * m, m);

/** T = 7 I − P. */
function subtractFrom7(T: Block, P: Block, m: number): void {
  negate(T, P, m);
  raiseDiagonal(T, m, 7);
}

/**
 * `result` = Z after `steps` steps from `start`, for matrices `a` [matrices, m, m]. `history` [matrices, rooms, 4, m, m]: step j
 * leaves Z, P, U and W in the room j modulo `rooms`, of which there are two or more unless there is only one step. Items: matrices.
 */
export const inverseStepsKernel = defineKernel(
  'inverse-steps',
  { arrays: ['a', 'start', 'result', 'history'], numbers: ['m', 'steps', 'rooms'] },
  (begin, end, { a, start, result, history }, { m, steps, rooms }) => {
    for (let item = begin; item < end; item++) {
      const A = matrix(a, item, m);
      const kept = (step: number, which: number) =>
        matrix(history, (item * rooms + (step % rooms)) * MATRICES_OF_A_STEP + which, m);
      const first = kept(0, 0);
      for (let n = 0; n < m * m; n++) history[first.offset + n] = start[item * m * m + n];
      for (let j = 0; j < steps; j++) {
        const [Z, P, U, W] = [kept(j, 0), kept(j, 1), kept(j, 2), kept(j, 3)];
        multiply(P, A, Z, m, 1);
        // T, until W takes its place.
        subtractFrom7(W, P, m);
        multiply(U, P, W, m, -1);
        raiseDiagonal(U, m, 15);
        multiply(W, P, U, m, -1);
        raiseDiagonal(W, m, 13);
        multiply(j + 1 < steps ? kept(j + 1, 0) : matrix(result, item, m), Z, W, m, 1 / 4);
      }
    }
  },
);

/**
 * The gradients of A and of the start, from that of the result, with a `history` that has a room for every step:
 *
 *     ∂W = ¼ Zᵀ ∂Z′    ∂U = −Pᵀ ∂W    ∂P = −∂W Uᵀ − ∂U Tᵀ + Pᵀ ∂U    ∂Z = ¼ ∂Z′ Wᵀ + Aᵀ ∂P    ∂A = Σ ∂P Zᵀ
 *
 * Items: matrices.
 */
export const inverseStepsGradientKernel = defineKernel(
  'inverse-steps-gradient',
  { arrays: ['a', 'history', 'gradient', 'room', 'ofA', 'ofStart'], numbers: ['m', 'steps'] },
  (begin, end, { a, history, gradient, room, ofA, ofStart }, { m, steps }) => {
    for (let item = begin; item < end; item++) {
      const from = item * MATRICES_OF_A_GRADIENT;
      const [T, ofW, ofU, ofP, even, odd] = [0, 1, 2, 3, 4, 5].map((which) => matrix(room, from + which, m));
      const A = matrix(a, item, m);
      for (let j = steps - 1; j >= 0; j--) {
        const kept = (item * steps + j) * MATRICES_OF_A_STEP;
        const [Z, P, U, W] = [0, 1, 2, 3].map((which) => matrix(history, kept + which, m));
        const before = j === steps - 1 ? matrix(gradient, item, m) : j % 2 === 0 ? odd : even;
        const ofZ = j === 0 ? matrix(ofStart, item, m) : j % 2 === 0 ? even : odd;
        multiply(ofW, transposed(Z), before, m, 1 / 4);
        multiply(ofU, transposed(P), ofW, m, -1);
        multiply(ofP, ofW, transposed(U), m, -1);
        subtractFrom7(T, P, m);
        multiply(ofP, ofU, transposed(T), m, -1, true);
        multiply(ofP, transposed(P), ofU, m, 1, true);
        multiply(ofZ, before, transposed(W), m, 1 / 4);
        multiply(ofZ, transposed(A), ofP, m, 1, true);
        multiply(matrix(ofA, item, m), ofP, transposed(Z), m, 1, j < steps - 1);
      }
    }
  },
);
