/** Running sums of log-gates, as forgetting attention adds them to its scores and a generation keeps them. */
import { recordAll } from '../autograd.ts';
import { ArgumentError, expectShape, formatShape, ShapeError } from '../errors.ts';
import { elements, empty, type Tensor } from '../tensor.ts';
import { expectFloat, expectTensor } from './check.ts';

/** A gate below e^−10⁶ is as good as 0. Larger sums of such gates would leave no digits for those that follow. */
const CLOSED = -1e6;

/**
 * G_t = G_{t−1} + log f_t along every list of log-gates [batch, heads, length], each finite and at most 0, as
 * [batch, heads, length, 1]. `before` [batch, heads, 1, 1] is the sum that the list continues; absent: 0. Always float64:
 * scores get differences of far sums. Differentiable. Throws ShapeError or ArgumentError for arguments that do not fit.
 */
export function sumGates(logGates: Tensor, before?: Tensor): Tensor {
  expectFloat('logGates', logGates);
  const { shape } = logGates;
  if (shape.length !== 3) {
    throw new ShapeError(`logGates: expected [batch, heads, length], got ${formatShape(shape)}`);
  }
  const [batch, heads, length] = shape;
  if (before !== undefined) {
    expectTensor('before', before);
    expectShape('before', before.shape, [batch, heads, 1, 1], 'to match logGates');
    if (before.dtype !== 'float64') throw new ArgumentError(`before: expected float64, got ${before.dtype}`);
  }
  const gates = elements(logGates);
  const at = gates.findIndex((gate) => !(gate <= 0 && gate > Number.NEGATIVE_INFINITY));
  if (at >= 0) {
    throw new ArgumentError(`logGates: expected finite numbers of at most 0, got ${gates[at]} at element ${at}`);
  }
  const sums = empty([batch, heads, length, 1], 'float64');
  const [from, to] = [before && elements(before), elements(sums)];
  for (let list = 0, row = 0; list < batch * heads; list++) {
    let sum = from?.[list] ?? 0;
    for (const end = row + length; row < end; row++) to[row] = sum += Math.max(CLOSED, gates[row]);
  }
  const inputs = before === undefined ? [logGates] : [logGates, before];
  recordAll('sumGates', [sums], inputs, ([gradient]) => {
    const ofGates = empty(shape, logGates.dtype);
    const ofBefore = empty([batch, heads, 1, 1], 'float64');
    const [rows, ofRows, ofLists] = [elements(gradient as Tensor), elements(ofGates), elements(ofBefore)];
    for (let list = 0; list < batch * heads; list++) {
      let sum = 0;
      for (let row = (list + 1) * length - 1; row >= list * length; row--) ofRows[row] = sum += rows[row];
      ofLists[list] = sum;
    }
    return before === undefined ? [ofGates] : [ofGates, ofBefore];
  });
  return sums;
}
