/** How well random features estimate the softmax's kernel, by their number. */
import { Random } from '../../../src/core/random.ts';
import { scope } from '../../../src/core/scope.ts';
import { elements, fromArray } from '../../../src/core/tensor.ts';
import { formatError } from '../../../src/terminal/format.ts';
import { type FeatureKernel, featureMap } from '../../../src/variants/performer.ts';
import { drawOmega, type Projection } from '../../../src/variants/performer-omega.ts';
import { type Drawn, number, type Settings } from '../drawn.ts';

const WIDTH = 16;
const PAIRS = 40;
const COUNTS = [4, 8, 16, 32, 64, 128, 256, 512];
const KINDS: readonly { name: string; kernel: FeatureKernel; projection: Projection }[] = [
  { name: 'positive, orthogonal', kernel: 'softmax-positive', projection: 'orthogonal' },
  { name: 'positive, independent', kernel: 'softmax-positive', projection: 'iid' },
  { name: 'sines and cosines', kernel: 'softmax-trigonometric', projection: 'iid' },
];

/** exp(x·y) for pairs of drawn vectors of one length. */
export function features(settings: Settings): Drawn {
  const [norm, seed] = ['norm', 'seed'].map((name) => number(settings, name));
  return scope(() => {
    const [x, y] = ['x', 'y'].map((name) => drawnRows(new Random(seed).split(name), norm));
    const exact = Array.from({ length: PAIRS }, (_, n) => Math.exp(dot(x, y, n)));
    const lines = KINDS.map(({ name, kernel, projection }) => ({
      name,
      points: COUNTS.map((count) => {
        // Sines and cosines are two features of one direction.
        const directions = kernel === 'softmax-trigonometric' ? count / 2 : count;
        const omega = drawOmega(directions, WIDTH, projection, new Random(seed).split(`ω ${count}`), 'float64');
        const [ofX, ofY] = [x, y].map((rows) => rowsOf(rows, omega, kernel));
        const errors = exact.map(
          (own, n) => (ofX[n].reduce((sum, each, m) => sum + each * ofY[n][m], 0) / directions - own) / own,
        );
        return [count, Math.sqrt(errors.reduce((sum, each) => sum + each ** 2, 0) / PAIRS)] as const;
      }),
    }));
    const last = lines.map(({ name, points }) => `${name} ${formatError(points[points.length - 1][1])}`);
    return {
      panels: [
        {
          kind: 'chart',
          title: 'Relative error of one weight',
          x: { label: 'features', log: true },
          y: { label: 'root mean square of the relative error', log: true },
          lines,
        },
      ],
      says: `Vectors of length ${norm}; weights from ${formatError(Math.min(...exact))} to ${formatError(Math.max(...exact))}. With ${COUNTS[COUNTS.length - 1]} features the relative error is: ${last.join(', ')}.`,
    };
  });
}

function drawnRows(random: Random, norm: number): Float64Array {
  const rows = random.fillNormal(new Float64Array(PAIRS * WIDTH));
  for (let n = 0; n < PAIRS; n++) {
    const length = Math.sqrt(dot(rows, rows, n));
    for (let c = n * WIDTH; c < (n + 1) * WIDTH; c++) rows[c] *= norm / length;
  }
  return rows;
}

/** φ of each row, without the factor 1/√m. */
function rowsOf(rows: Float64Array, omega: ReturnType<typeof drawOmega>, kernel: FeatureKernel): number[][] {
  const { logH, f } = featureMap(fromArray(rows, [1, 1, PAIRS, WIDTH], 'float64'), omega, { kernel, epsilon: 0 });
  const [scales, all] = [logH === undefined ? undefined : elements(logH), elements(f)];
  const width = all.length / PAIRS;
  return Array.from({ length: PAIRS }, (_, n) =>
    Array.from({ length: width }, (_, m) => {
      const [value, logScale] = [all[n * width + m], scales?.[n] ?? 0];
      return kernel === 'softmax-positive' ? Math.exp(value + logScale) : value * Math.exp(logScale);
    }),
  );
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>, row: number): number {
  let sum = 0;
  for (let c = row * WIDTH; c < (row + 1) * WIDTH; c++) sum += a[c] * b[c];
  return sum;
}
