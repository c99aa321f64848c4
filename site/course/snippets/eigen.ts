/** Singular values of a square matrix, by Jacobi's rotations: for the pictures of lesson 8. */

export interface Singular {
  /** The largest first. */
  values: number[];
  /** Right singular vectors, in the same order. */
  vectors: number[][];
}

/** One-sided Jacobi: columns of A V are turned against each other until all are at right angles. `A` has rows. */
export function singular(A: readonly (readonly number[])[]): Singular {
  const n = A.length;
  const columns = Array.from({ length: n }, (_, c) => A.map((row) => row[c]));
  const V = Array.from({ length: n }, (_, c) => Array.from({ length: n }, (_, r) => (r === c ? 1 : 0)));
  for (let sweep = 0; sweep < 12; sweep++) {
    let turned = false;
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        const [a, b, c] = [dot(columns[p], columns[p]), dot(columns[q], columns[q]), dot(columns[p], columns[q])];
        if (Math.abs(c) <= 1e-10 * Math.sqrt(a * b)) continue;
        turned = true;
        const t = (b - a) / (2 * c);
        const tangent = Math.sign(t || 1) / (Math.abs(t) + Math.hypot(1, t));
        const cosine = 1 / Math.hypot(1, tangent);
        turn(columns[p], columns[q], cosine, cosine * tangent);
        turn(V[p], V[q], cosine, cosine * tangent);
      }
    }
    if (!turned) break;
  }
  const order = columns
    .map((column, c) => ({ value: Math.sqrt(dot(column, column)), c }))
    .sort((a, b) => b.value - a.value);
  return { values: order.map(({ value }) => value), vectors: order.map(({ c }) => V[c]) };
}

function turn(x: number[], y: number[], cosine: number, sine: number): void {
  for (let n = 0; n < x.length; n++) [x[n], y[n]] = [cosine * x[n] - sine * y[n], sine * x[n] + cosine * y[n]];
}

function dot(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let n = 0; n < a.length; n++) sum += a[n] * b[n];
  return sum;
}
