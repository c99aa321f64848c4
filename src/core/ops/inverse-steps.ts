/** Steps towards the pseudo-inverse of small matrices (Xiong et al. 2021, eq. 14). */
import { isRecording, record } from '../autograd.ts';
import { expectInteger, expectShape } from '../errors.ts';
import {
  inverseStepsGradientKernel,
  inverseStepsKernel,
  MATRICES_OF_A_GRADIENT,
  MATRICES_OF_A_STEP,
} from '../kernels/inverse-steps.ts';
import { allocate, release } from '../memory.ts';
import { parallelFor } from '../parallel/pool.ts';
import { elements, empty, type Tensor } from '../tensor.ts';
import { expectAxes, expectFloat, expectSameDType } from './check.ts';

/** Steps that a call without gradients keeps: the one that it takes, and the next. */
const ROOMS = 2;

/**
 * Z_n of Z_{j+1} = ¼ Z_j (13 I − A Z_j (15 I − A Z_j (7 I − A Z_j))) from Z_0 = `start`, for each matrix of A [..., m, m]:
 * n = `steps`, at least 0. `start` has the shape of A. For its gradient a step keeps four matrices. Throws ArgumentError or
 * ShapeError, with the argument's name.
 */
export function inverseSteps(A: Tensor, start: Tensor, steps: number): Tensor {
  expectFloat('A', A);
  expectAxes('A', A, 2);
  const m = A.shape[A.shape.length - 1];
  expectShape('A', A.shape, A.shape.with(-2, m), 'as many rows as columns');
  expectFloat('start', start);
  expectSameDType('start', start, A.dtype, 'to match A');
  expectShape('start', start.shape, A.shape, 'to match A');
  expectInteger('steps', steps, 0);
  if (steps === 0) return start;
  const matrices = A.size / (m * m);
  const isKept = isRecording() && (A.requiresGrad || start.requiresGrad);
  const rooms = isKept ? steps : Math.min(ROOMS, steps);
  const length = matrices * rooms * MATRICES_OF_A_STEP * m * m;
  // Where it is kept, it lives as long as the tape, which holds it.
  const history = allocate(A.dtype, length);
  const result = empty(A.shape, A.dtype);
  const a = elements(A);
  const arrays = { a, start: elements(start), result: elements(result), history };
  parallelFor(inverseStepsKernel, matrices, arrays, { m, steps, rooms }, { costPerItem: 4 * steps * m ** 3 });
  if (!isKept) release(history);
  return record('inverseSteps', result, [A, start], (gradient) => {
    const [ofA, ofStart] = [empty(A.shape, A.dtype), empty(A.shape, A.dtype)];
    const room = allocate(A.dtype, MATRICES_OF_A_GRADIENT * A.size);
    const back = { a, history, room, gradient: elements(gradient), ofA: elements(ofA), ofStart: elements(ofStart) };
    parallelFor(inverseStepsGradientKernel, matrices, back, { m, steps }, { costPerItem: 8 * steps * m ** 3 });
    release(room);
    return [ofA, ofStart];
  });
}
