/** The scan that reads with one vector what it takes out with another (kernels/scan-erase.ts), and its gradients. */
import { recordAll } from '../autograd.ts';
import { CHUNK } from '../kernels/scan-chunk.ts';
import { scanErasingKernel, scanErasingKeysKernel, scanErasingQueriesKernel } from '../kernels/scan-erase.ts';
import { parallelFor } from '../parallel/pool.ts';
import { elements, empty, type Tensor, zeros } from '../tensor.ts';
import { withoutMaskedRows } from './mask.ts';
import {
  DecayGradient,
  numbersOf,
  type Rows,
  type ScanInputs,
  type Scanned,
  ScanStates,
  windowsOf,
} from './scan-states.ts';
import { contiguous } from './shape.ts';

/** Inputs of a scan without a β, and r and e, [batch, heads, length, m]. */
export interface ErasingInputs extends ScanInputs {
  r: Tensor;
  e: Tensor;
}

/** S_t = (I − e_t r_tᵀ) (a_t ∘ S_{t−1}) + k_t v_tᵀ and o_t = S_tᵀ q_t, for inputs that `scan` has checked. */
export function scannedErasing(given: ErasingInputs, before: Tensor): Scanned {
  const { q, k, v, g, r, e } = given;
  // What is taken out depends on all earlier tokens, so there is one group.
  const size = q.shape[2];
  const numbers = numbersOf(given, size, 0);
  const windows = windowsOf(numbers);
  const { sequences, length, m, n } = numbers;
  const cost = { costPerItem: 3 * length * m * (n + CHUNK) };
  const inputs = {
    keys: elements(k),
    values: elements(v),
    erases: elements(e),
    g: elements(g ?? q),
  };

  const [output, taken] = [empty(v.shape, v.dtype), empty(v.shape, v.dtype)];
  const states = new ScanStates(k, v, g, numbers, windows);
  states.start(elements(before));
  states.open(0, 1);
  const arrays = {
    ...inputs,
    queries: elements(q),
    reads: elements(r),
    states: states.states,
    output: elements(output),
    taken: elements(taken),
  };
  parallelFor(scanErasingKernel, sequences, arrays, numbers, cost);
  const after = states.last(before);

  const leaves = [q, k, v, r, e, ...[g, given.state].filter((tensor) => tensor !== null)];
  recordAll('scan', [output, after], leaves, ([ofOutput, ofState]) => {
    const gradient = contiguous(ofOutput ?? zeros(output.shape, output.dtype));
    const [ofQ, ofK, ofV, ofR, ofE, ofTaken] = [q, k, v, r, e, v].map(({ shape, dtype }) => empty(shape, dtype));
    // A padded query without any gradient writes nothing, whatever it holds.
    const rows = elements(gradient);
    const isIdle = (row: number) => rows.subarray(row * n, (row + 1) * n).every((value) => value === 0);
    const queries = withoutMaskedRows(q, given.keyMask, isIdle);

    const behind = new ScanStates(k, v, g, numbers, windows);
    behind.start(elements(before));
    behind.open(0, 1);
    const backwards = numbersOf(given, size, 1);
    const ahead = new ScanStates(queries, gradient, g, backwards, windows);
    ahead.start(elements(contiguous(ofState ?? zeros(before.shape, before.dtype))));
    const ofDecays = g && new DecayGradient(g, numbers, windows);
    ofDecays?.meet(0, elements(after), ahead.before);
    ahead.open(0, 1);
    const common = { ...inputs, taken: elements(taken), gradient: rows, ofTaken: elements(ofTaken) };
    const back = {
      ...common,
      queries: elements(queries),
      reads: elements(r),
      states: ahead.states,
      ofKeys: elements(ofK),
      ofValues: elements(ofV),
      ofErases: elements(ofE),
    };
    parallelFor(scanErasingKeysKernel, sequences, back, backwards, cost);
    const forth = { ...common, states: behind.states, ofQueries: elements(ofQ), ofReads: elements(ofR) };
    parallelFor(scanErasingQueriesKernel, sequences, forth, numbers, cost);
    behind.release();
    const ofBefore = ahead.last(before);

    const gradients = [ofQ, ofK, ofV, ofR, ofE];
    if (ofDecays !== null) {
      const reading: Rows[] = [
        [queries, ofQ],
        [r, ofR],
      ];
      const written: Rows[] = [
        [k, ofK],
        [e, ofE],
      ];
      gradients.push(ofDecays.from(reading, written));
    }
    if (given.state !== null) gradients.push(ofBefore);
    return gradients;
  });
  return { output, state: after };
}
