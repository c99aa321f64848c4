/**
 * The gradient of a scan.
 *
 * A scan is a running sum that forgets. A gate a_t between 0 and 1 says how much of the old state stays:
 *
 *     h_t = a_t h_{t−1} + x_t        h before the first step is 0
 *
 * Each state matters twice: for what is read from it at once, and for all states after it. So its whole gradient g_t is the one
 * that comes from outside, dh_t, and what comes back from the next state, which took a_{t+1} of it:
 *
 *     g_t = dh_t + a_{t+1} g_{t+1}
 *     dx_t = g_t        da_t = g_t h_{t−1}
 *
 * Nothing comes back to the last step. So the gradient of a scan is a scan too, from back to front.
 *
 * Task: return { da, dx } from the gates a, the inputs x, and the gradients dh of all states.
 *
 * Source: Martin and Cundy 2018, "Parallelizing linear recurrent neural nets over sequence length"; the sums from back to front
 * are also in Katharopoulos et al. 2020, "Transformers are RNNs", eqs. 13 to 15.
 */

export function scanGradient(a: number[], x: number[], dh: number[]): { da: number[]; dx: number[] } {
  const before: number[] = []; // h_{t−1}
  for (let t = 0, h = 0; t < a.length; t++) {
    before.push(h);
    h = a[t] * h + x[t];
  }
  const da = a.map(() => 0);
  const dx = a.map(() => 0);
  for (let t = a.length - 1, back = 0; t >= 0; t--) {
    const g = dh[t] + back;
    dx[t] = g;
    da[t] = g * before[t];
    back = a[t] * g; // what the state before gets
  }
  return { da, dx };
}
