import { tensors } from '../../draw.ts';
import { type Exercise, law, mistake, part, shown } from '../../exercise.ts';

/** Gates from 0 to 1, which shrink to 1: nothing is forgotten. */
const inputs = tensors({ length: [1, 5] }, { a: ['length'], x: ['length'], dh: ['length'] }).map(({ a, x, dh }) => ({
  a: a.map((each) => 1 - Math.abs(each) / 2),
  x,
  dh,
}));

type X = number[];
interface Inputs {
  a: X;
  x: X;
  dh: X;
}
/** How much of state s is left in state t. */
function left(a: X, s: number, t: number): number {
  let share = 1;
  for (let u = s + 1; u <= t; u++) share *= a[u];
  return share;
}
/** Every state that step t reaches, written out. */
const reached = ({ a, dh }: Inputs, t: number) =>
  dh.reduce((sum, gradient, s) => (s >= t ? sum + gradient * left(a, t, s) : sum), 0);
const stateBefore = ({ a, x }: Inputs, t: number) =>
  x.reduce((sum, input, s) => (s < t ? sum + input * left(a, s, t - 1) : sum), 0);

interface Parts {
  /** The factor of the gradient that comes from the next state. */
  back: (a: X, t: number) => number;
  /** The state before the first step is undefined, as a list has it. */
  state: (before: number | undefined, after: number) => number;
  forGate: (g: number, dh: number) => number;
}
const RIGHT: Parts = { back: (a, t) => a[t + 1], state: (before) => before ?? 0, forGate: (g) => g };
function changed(parts: Partial<Parts>, direction: 1 | -1 = -1) {
  const { back, state, forGate } = { ...RIGHT, ...parts };
  const scanGradient = (a: X, x: X, dh: X) => {
    const h: X = [];
    for (let t = 0; t < a.length; t++) h.push(a[t] * (h[t - 1] ?? 0) + x[t]);
    const g: X = a.map(() => 0);
    const [first, end] = direction === -1 ? [a.length - 1, -1] : [0, a.length];
    for (let t = first; t !== end; t += direction) {
      const next = t - direction;
      g[t] = dh[t] + (next >= 0 && next < a.length ? back(a, t) * g[next] : 0);
    }
    return { da: g.map((each, t) => forGate(each, dh[t]) * state(h[t - 1], h[t])), dx: g };
  };
  return { scanGradient };
}

export const scanGradient: Exercise = {
  name: 'scan-gradient',
  title: 'The gradient of a scan',
  functions: ['scanGradient'],
  laws: [
    shown(
      'your dx',
      law(
        'dx equals the sum over all states that an input reaches',
        inputs,
        (code, { a, x, dh }) => part<X>(code.scanGradient(a, x, dh), 'dx'),
        (all) => all.x.map((_, t) => reached(all, t)),
      ),
    ),
    shown(
      'your da',
      law(
        'da equals that sum times the state that the gate let through',
        inputs,
        (code, { a, x, dh }) => part<X>(code.scanGradient(a, x, dh), 'da'),
        (all) => all.a.map((_, t) => reached(all, t) * stateBefore(all, t)),
      ),
    ),
  ],
  mistakes: [
    mistake(
      'gate of the wrong step',
      'You bring back the gradient of the next state by the gate a_t. The next state took a_{t+1} of this one.',
      changed({ back: (a, t) => a[t] }),
    ),
    mistake(
      'gates left out',
      'You add up the gradients of all later states in full. Each step lets through only its gate: multiply by a_{t+1}.',
      changed({ back: () => 1 }),
    ),
    mistake(
      'nothing comes back',
      'You use dh alone. A state also matters for all states after it: g_t = dh_t + a_{t+1} g_{t+1}.',
      changed({ back: () => 0 }),
    ),
    mistake(
      'from front to back',
      'You run from the first step to the last. A gradient goes back: from the last step to the first.',
      changed({ back: (a, t) => a[t] }, 1),
    ),
    mistake(
      'only the next state',
      'You bring back dh_{t+1} of the next state. It is the whole gradient of that state that comes back, g_{t+1}, which holds those of all later ones.',
      {
        scanGradient: (a: X, x: X, dh: X) => {
          const whole = dh.map((each, t) => each + (t + 1 < a.length ? a[t + 1] * dh[t + 1] : 0));
          return { da: whole.map((g, t) => g * stateBefore({ a, x, dh }, t)), dx: whole };
        },
      },
    ),
    mistake(
      'a gate after the last step',
      'You get NaN everywhere. If you read a[t + 1] at the last step, there is none: undefined times 0 is NaN, which then comes back to all steps. Nothing comes back to the last step.',
      { scanGradient: (a: X) => ({ da: a.map(() => Number.NaN), dx: a.map(() => Number.NaN) }) },
    ),
    mistake(
      'a state before the first step',
      'You get NaN for the first gate alone. If you read h[t - 1] there, the list holds nothing: the state before the first step is 0.',
      changed({ state: (before) => before ?? Number.NaN }),
    ),
    mistake(
      'lists from back to front',
      'You return both lists in the order in which you computed them, the last step first. Write to dx[t] and da[t], or turn the lists round at the end.',
      {
        scanGradient: (a: X, x: X, dh: X) => {
          const { da, dx } = changed({}).scanGradient(a, x, dh);
          return { da: da.reverse(), dx: dx.reverse() };
        },
      },
    ),
    mistake(
      'input instead of state',
      'You multiply by x_{t−1} for the gradient of the gate a_t. The gate multiplied the whole state before, h_{t−1}: run the scan once from front to back and keep its states.',
      {
        scanGradient: (a: X, x: X, dh: X) => {
          const { dx } = changed({}).scanGradient(a, x, dh);
          return { da: dx.map((g, t) => g * (x[t - 1] ?? 0)), dx };
        },
      },
    ),
    mistake(
      'state after instead of before',
      'You multiply by h_t for the gradient of the gate a_t. The gate multiplied the state before, h_{t−1}.',
      changed({ state: (_, after) => after }),
    ),
    mistake(
      'gate sees only its own state',
      'You use dh_t for the gradient of the gate. It needs the whole gradient of its state, g_t.',
      changed({ forGate: (_, dh) => dh }),
    ),
    mistake(
      'what comes back piles up',
      'You add to what comes back from step to step. g_{t+1} holds all of that already: back = a_t g_t, without what it was before.',
      {
        scanGradient: (a: X, x: X, dh: X) => {
          const h: X = [];
          for (let t = 0; t < a.length; t++) h.push(a[t] * (h[t - 1] ?? 0) + x[t]);
          const dx: X = a.map(() => 0);
          let back = 0;
          for (let t = a.length - 1; t >= 0; t--) {
            dx[t] = dh[t] + back;
            back += a[t] * dx[t];
          }
          return { da: dx.map((g, t) => g * (h[t - 1] ?? 0)), dx };
        },
      },
    ),
  ],
  hints: [
    'Two loops: one from front to back, which keeps the states, and one from back to front, which carries g.',
    'In the second loop, g = dh[t] + back, where back is what the step after it left: a[t + 1] times its g. After the last step it is 0.',
    'for (let t = a.length - 1, back = 0; t >= 0; t--) { const g = dh[t] + back; dx[t] = g; da[t] = g * (the state before step t); back = a[t] * g; }',
  ],
  see: 'src/core/kernels/scan-gradient.ts',
};
