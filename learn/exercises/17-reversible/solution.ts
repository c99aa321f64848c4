/**
 * A reversible layer and its inverse.
 *
 * To train a model, the inputs of every layer are kept for the way back, so memory grows with the number of layers. A reversible
 * layer needs none of it: its inputs can be computed from its outputs. It splits what it gets into two halves. In a transformer
 * f is attention and g the feed-forward layer:
 *
 *     y1 = x1 + f(x2)        y2 = x2 + g(y1)
 *
 * Neither f nor g has an inverse, and none is needed: whoever knows y1 and y2 can first find x2, and then x1.
 *
 * Task: write `forward`, which returns { y1, y2 }, and `inverse`, which returns { x1, x2 } from them. Both get f and g.
 *
 * Source: Gomez et al. 2017, "The reversible residual network"; Kitaev, Kaiser and Levskaya 2020, "Reformer", eqs. 7 and 8.
 */

/** Given. */
type Branch = (x: number[]) => number[];

export function forward(x1: number[], x2: number[], f: Branch, g: Branch): { y1: number[]; y2: number[] } {
  const y1 = plus(x1, f(x2));
  const y2 = plus(x2, g(y1));
  return { y1, y2 };
}

export function inverse(y1: number[], y2: number[], f: Branch, g: Branch): { x1: number[]; x2: number[] } {
  // What was computed last is undone first: y1 is known, so g(y1) is.
  const x2 = minus(y2, g(y1));
  const x1 = minus(y1, f(x2));
  return { x1, x2 };
}

/** Given: a + b */
function plus(a: number[], b: number[]): number[] {
  return a.map((x, i) => x + b[i]);
}

/** Given: a − b */
function minus(a: number[], b: number[]): number[] {
  return a.map((x, i) => x - b[i]);
}
