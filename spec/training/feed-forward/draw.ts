/** What the specs of feed-forward layers share: calls, and a mixture of experts in plain loops. */
import { Random } from '../../../src/core/random.ts';
import { elements, randomNormal, type Tensor } from '../../../src/core/tensor.ts';
import type { FeedForwardCall, Routed } from '../../../src/training/feed-forward/kind.ts';
import { completeFeedForward, feedForwardKind } from '../../../src/training/feed-forward/registry.ts';

/** A call that keeps what the layer noted, and its own losses, which count `scale`. */
export function callOf({
  scale = 0,
  ...settings
}: Partial<FeedForwardCall> & { scale?: number } = {}): FeedForwardCall & {
  noted: Routed[];
  lost: number[];
} {
  const noted: Routed[] = [];
  const lost: number[] = [];
  return {
    training: true,
    random: new Random(5),
    once: (_, make) => make(),
    losses: { scale, note: (loss) => lost.push(loss) },
    note: (routed) => noted.push(routed),
    ...settings,
    noted,
    lost,
  };
}

/** A layer with biases that are not zero, in float64, and its input [batch, length, width]. */
export function layerOf(
  name: string,
  given: Record<string, number | string | boolean>,
  {
    batch,
    length,
    width,
    hidden,
    seed,
  }: { batch: number; length: number; width: number; hidden: number; seed: number },
) {
  const kind = feedForwardKind(name);
  const { kind: _, ...options } = completeFeedForward({ kind: name, ...given });
  const random = new Random(seed);
  const parameters = { ...kind.parameters(options, { width, hidden, dtype: 'float64' }, random) };
  for (const each of Object.keys(parameters)) {
    parameters[each] = randomNormal(parameters[each].shape, random.split(`drawn ${each}`), 'float64').withGrad();
  }
  const x = randomNormal([batch, length, width], random.split('x'), 'float64').withGrad();
  return { kind, options, parameters, x, apply: (call: FeedForwardCall) => kind.apply(x, options, parameters, call) };
}

export const gelu = (u: number) => 0.5 * u * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (u + 0.044715 * u ** 3)));

/** Rows of a tensor as plain numbers, by their width. */
export function rowsOf(tensor: Tensor, width: number): number[][] {
  const all = Array.from(elements(tensor));
  return Array.from({ length: all.length / width }, (_, n) => all.slice(n * width, (n + 1) * width));
}

export const dot = (a: readonly number[], b: readonly number[]) => a.reduce((total, each, n) => total + each * b[n], 0);

/** softmax(x W) and the scores, in plain loops. */
export function scoresOf(x: readonly number[], router: Tensor): { scores: number[]; p: number[] } {
  const [width, experts] = router.shape;
  const W = rowsOf(router, experts);
  const scores = Array.from({ length: experts }, (_, e) => {
    let total = 0;
    for (let c = 0; c < width; c++) total += x[c] * W[c][e];
    return total;
  });
  const largest = Math.max(...scores);
  const powers = scores.map((each) => Math.exp(each - largest));
  const total = powers.reduce((sum, each) => sum + each, 0);
  return { scores, p: powers.map((each) => each / total) };
}

/** E_e(x) in plain loops. */
export function expertOf(x: readonly number[], e: number, parameters: Readonly<Record<string, Tensor>>): number[] {
  const [experts, width, hidden] = parameters.W1.shape;
  const W1 = rowsOf(parameters.W1, width * hidden)[e];
  const W2 = rowsOf(parameters.W2, width * hidden)[e];
  const b1 = rowsOf(parameters.b1, hidden)[e];
  const b2 = rowsOf(parameters.b2, width)[e];
  if (experts <= e) throw new Error(`no expert ${e}`);
  const inner = b1.map((bias, h) => {
    let total = bias;
    for (let c = 0; c < width; c++) total += x[c] * W1[c * hidden + h];
    return gelu(total);
  });
  return b2.map((bias, c) => {
    let total = bias;
    for (let h = 0; h < hidden; h++) total += inner[h] * W2[h * width + c];
    return total;
  });
}

/** A mixture's result in plain loops, token by token, with who was refused. */
export function mixtureInLoops(
  x: Tensor,
  parameters: Readonly<Record<string, Tensor>>,
  { perToken, capacity, real }: { perToken: number; capacity: number; real: (token: number) => boolean },
) {
  const width = x.shape[2];
  const rows = rowsOf(x, width);
  const loads = parameters.router.shape[1] === 0 ? [] : new Array<number>(parameters.router.shape[1]).fill(0);
  const output = rows.map(() => new Array<number>(width).fill(0));
  const chosen = rows.map((row) => {
    const { p } = scoresOf(row, parameters.router);
    return p
      .map((probability, expert) => ({ probability, expert }))
      .sort((a, b) => b.probability - a.probability || a.expert - b.expert)
      .slice(0, perToken);
  });
  let dropped = 0;
  for (let c = 0; c < perToken; c++) {
    rows.forEach((row, t) => {
      const choice = chosen[t][c];
      if (!real(t) || choice === undefined) return;
      if (loads[choice.expert] >= capacity) {
        dropped++;
        return;
      }
      loads[choice.expert]++;
      const both = chosen[t].reduce((total, { probability }) => total + probability, 0);
      const gate = perToken === 1 ? choice.probability : choice.probability / both;
      expertOf(row, choice.expert, parameters).forEach((each, n) => {
        output[t][n] += gate * each;
      });
    });
  }
  return { output: output.flat(), loads, dropped };
}
