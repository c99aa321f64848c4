/**
 * Singular values of a square matrix in float64, by the eigenvalues of AᵀA: Householder's reduction to a tridiagonal matrix, then
 * implicit QL steps (Golub and Van Loan, Matrix Computations, §8.3). Values below √ε of the largest are lost to rounding.
 */

/** Of a [n, n] matrix by rows, the largest first. */
export function singularValues(matrix: Float64Array, n: number): Float64Array {
  const { diagonal, beside } = tridiagonal(gramOf(matrix, n), n);
  const squares = eigenvalues(diagonal, beside);
  return squares.map((square) => Math.sqrt(Math.max(0, square))).sort((a, b) => b - a);
}

/** AᵀA, summed row by row. */
function gramOf(a: Float64Array, n: number): Float64Array {
  const gram = new Float64Array(n * n);
  for (let row = 0; row < n; row++) {
    const line = a.subarray(row * n, (row + 1) * n);
    for (let i = 0; i < n; i++) {
      const factor = line[i];
      for (let j = 0; j < n; j++) gram[i * n + j] += factor * line[j];
    }
  }
  return gram;
}

/** H A H for reflections H that leave only the diagonal and its neighbours; overwrites the symmetric `a`. */
function tridiagonal(a: Float64Array, n: number) {
  const diagonal = new Float64Array(n);
  const beside = new Float64Array(n);
  const v = new Float64Array(n);
  const p = new Float64Array(n);
  for (let k = 0; k < n - 1; k++) {
    diagonal[k] = a[k * n + k];
    let norm = 0;
    for (let i = k + 1; i < n; i++) norm += a[i * n + k] ** 2;
    norm = Math.sqrt(norm);
    const first = a[(k + 1) * n + k];
    const alpha = first > 0 ? -norm : norm;
    beside[k] = alpha;
    if (norm === 0) continue;
    // v = x − α e₁, H = I − β v vᵀ with β = 2/‖v‖²
    for (let i = k + 1; i < n; i++) v[i] = a[i * n + k];
    v[k + 1] -= alpha;
    const beta = 1 / (norm * norm - alpha * first);
    let along = 0;
    for (let i = k + 1; i < n; i++) {
      let total = 0;
      for (let j = k + 1; j < n; j++) total += a[i * n + j] * v[j];
      p[i] = beta * total;
      along += p[i] * v[i];
    }
    for (let i = k + 1; i < n; i++) p[i] -= (beta / 2) * along * v[i];
    for (let i = k + 1; i < n; i++) {
      for (let j = k + 1; j < n; j++) a[i * n + j] -= v[i] * p[j] + p[i] * v[j];
    }
  }
  diagonal[n - 1] = a[n * n - 1];
  return { diagonal, beside };
}

/** Of a symmetric tridiagonal matrix; overwrites both. */
function eigenvalues(d: Float64Array, e: Float64Array): Float64Array {
  const n = d.length;
  for (let l = 0; l < n; l++) {
    for (;;) {
      let m = l;
      while (m < n - 1 && Math.abs(e[m]) > Number.EPSILON * (Math.abs(d[m]) + Math.abs(d[m + 1]))) m++;
      if (m === l) break;
      // Wilkinson's shift
      let g = (d[l + 1] - d[l]) / (2 * e[l]);
      const length = Math.hypot(g, 1);
      g = d[m] - d[l] + e[l] / (g + (g < 0 ? -length : length));
      let [s, c, p] = [1, 1, 0];
      let i = m - 1;
      for (; i >= l; i--) {
        const f = s * e[i];
        const b = c * e[i];
        const r = Math.hypot(f, g);
        e[i + 1] = r;
        if (r === 0) {
          d[i + 1] -= p;
          e[m] = 0;
          break;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1] - p;
        const t = (d[i] - g) * s + 2 * c * b;
        p = s * t;
        d[i + 1] = g + p;
        g = c * t - b;
      }
      if (i >= l) continue;
      d[l] -= p;
      e[l] = g;
      e[m] = 0;
    }
  }
  return d;
}
