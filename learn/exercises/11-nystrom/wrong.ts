/** Nyströmformer with one thing wrong each. */
import type { Code } from '../../exercise.ts';
import { multiply, softmax, transpose } from '../../given.ts';

type M = number[][];

const sum = (numbers: number[]) => numbers.reduce((total, x) => total + x, 0);
const largest = (rows: M) => Math.max(...rows.map((row) => sum(row.map(Math.abs))));
const weights = (Q: M, K: M) =>
  multiply(Q, transpose(K)).map((row) => softmax(row.map((s) => s / Math.sqrt(Q[0].length))));
const scaled = (A: M, factor: number) => A.map((row) => row.map((a) => a * factor));
const minus = (factor: number, A: M) => A.map((row, i) => row.map((a, j) => (i === j ? factor : 0) - a));

interface Parts {
  landmarks: (X: M, m: number) => M;
  start: (A: M) => M;
  middle: (A: M, inverse: M) => M | null;
  share: number;
  count: (steps: number) => number;
  product: (A: M, Z: M) => M;
}
const RIGHT: Parts = {
  landmarks: (X, m) => averaged(X, m, (n, size) => Math.floor(n / size)),
  start: (A) => scaled(transpose(A), 1 / (largest(A) * largest(transpose(A)))),
  middle: (_, inverse) => inverse,
  share: 1 / 4,
  count: (steps) => steps,
  product: multiply,
};

function averaged(X: M, m: number, segmentOf: (row: number, size: number) => number): M {
  const size = X.length / m;
  return Array.from({ length: m }, (_, s) => {
    const rows = X.filter((_, n) => segmentOf(n, size) === s);
    return transpose(rows).map((column) => sum(column) / size);
  });
}

function changed(parts: Partial<Parts>): Code {
  const { landmarks, start, middle, share, count, product } = { ...RIGHT, ...parts };
  const pseudoInverse = (A: M, steps: number) => {
    let Z = start(A);
    for (let j = 0; j < count(steps); j++) {
      const AZ = product(A, Z);
      Z = scaled(multiply(Z, minus(13, multiply(AZ, minus(15, multiply(AZ, minus(7, AZ)))))), share);
    }
    return Z;
  };
  const nystrom = (Q: M, K: M, V: M, m: number, steps: number) => {
    const [Qm, Km] = [landmarks(Q, m), landmarks(K, m)];
    const A = weights(Qm, Km);
    const summaries = multiply(weights(Qm, K), V);
    const between = middle(A, pseudoInverse(A, steps));
    return multiply(weights(Q, Km), between === null ? summaries : multiply(between, summaries));
  };
  return { landmarksOf: landmarks, pseudoInverse, nystrom };
}

export const firstTokens = changed({ landmarks: (X, m) => X.filter((_, n) => n % (X.length / m) === 0) });
export const everyMth = changed({ landmarks: (X, m) => averaged(X, m, (n) => n % m) });
export const sums = changed({ landmarks: (X, m) => scaled(RIGHT.landmarks(X, m), X.length / m) });
export const notTransposed = changed({ start: (A) => transpose(RIGHT.start(A)) });
export const notScaled = changed({ start: transpose });
export const oneNorm = changed({ start: (A) => scaled(transpose(A), 1 / largest(transpose(A)) ** 2) });
export const noInverse = changed({ middle: () => null });
export const notInverted = changed({ middle: (A) => A });
export const noQuarter = changed({ share: 1 });
export const oneStepLess = changed({ count: (steps) => steps - 1 });
export const otherOrder = changed({ product: (A, Z) => multiply(Z, A) });
