/** Pictures of the parts around one head: several heads, masks, and positions. */
import { noGrad } from '../../../src/core/autograd.ts';
import { scope } from '../../../src/core/scope.ts';
import { elements, fromArray, ones } from '../../../src/core/tensor.ts';
import { Rotary, sinusoids } from '../../../src/training/positions.ts';
import { type Drawn, number, type Settings } from '../drawn.ts';
import { LAYERS, square, weightsOf, words } from './tools.ts';

const HEADS = [0, 1, 2, 3, 4, 5];
const SHOWN = 24;

export function heads(settings: Settings): Drawn {
  const layer = String(settings.layer ?? LAYERS[0][0]);
  const causal = settings.causal === true;
  const padding = number(settings, 'padding');
  return scope(() => {
    const matrices = HEADS.map((head) => {
      const { inputs } = words(layer, head, 0, SHOWN);
      const real = Uint8Array.from({ length: SHOWN }, (_, token) => (token < SHOWN - padding ? 1 : 0));
      return weightsOf('full', { ...inputs, keyMask: fromArray(real, [1, SHOWN], 'uint8') }, { causal });
    });
    const apart = matrices.flatMap((one, n) => matrices.slice(n + 1).map((other) => distance(one, other)));
    const seen = matrices[0].filter((weight) => weight !== 0).length;
    return {
      panels: matrices.map((weights, n) => square(`Head ${n + 1}`, weights)),
      says: `Each head allows ${seen} of ${SHOWN ** 2} pairs. Two heads put ${percent(Math.min(...apart))} to ${percent(Math.max(...apart))} of their weight in different places.`,
    };
  });
}

/** The mean total-variation distance of two matrices' rows: the share of a row's weight that lies elsewhere. */
function distance(one: readonly number[], other: readonly number[]): number {
  return one.reduce((sum, weight, n) => sum + Math.abs(weight - other[n]), 0) / 2 / SHOWN;
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;

const PLACES = 32;
const WIDTH = 32;

/** Scores between positions alone: of every token the vector is the same. */
export function positions(settings: Settings): Drawn {
  const kind = String(settings.kind ?? 'sinusoidal');
  const shift = number(settings, 'shift');
  return scope(() =>
    noGrad(() => {
      const from = (begin: number): number[][] => rowsOf(kind, begin);
      const rows = from(shift);
      const scores = rows.flatMap((a) => rows.map((b) => dot(a, b) / WIDTH));
      const unshifted = from(0);
      const changed = Math.max(...scores.map((score, n) => Math.abs(score - entry(unshifted, n))));
      return {
        panels: [
          {
            kind: 'matrix',
            title: 'The vector of each position',
            rows: PLACES,
            columns: WIDTH,
            values: rows.flat(),
            shading: 'linear',
            axes: ['positions', 'columns'],
          },
          {
            kind: 'matrix',
            title: 'Products of two positions',
            rows: PLACES,
            columns: PLACES,
            values: scores,
            shading: 'linear',
            axes: ['positions', 'positions'],
          },
        ],
        says: `Positions ${shift} to ${shift + PLACES - 1}. The products depend on the distance alone: compared with positions 0 to ${PLACES - 1}, the largest change is ${changed < 1e-5 ? 'no more than rounding' : changed.toFixed(2)}.`,
      };
    }),
  );
}

const entry = (rows: readonly number[][], n: number): number =>
  dot(rows[Math.floor(n / PLACES)], rows[n % PLACES]) / WIDTH;

function rowsOf(kind: string, begin: number): number[][] {
  if (kind === 'sinusoidal') return split(elements(sinusoids(begin + PLACES, WIDTH, 'float32')), begin);
  const turned = new Rotary(begin + PLACES, WIDTH, 'float32').turn(ones([1, 1, PLACES, WIDTH]), begin);
  return split(elements(turned), 0);
}

function split(all: ArrayLike<number>, begin: number): number[][] {
  const numbers = Array.from(all);
  return Array.from({ length: PLACES }, (_, row) => numbers.slice((begin + row) * WIDTH, (begin + row + 1) * WIDTH));
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, each, n) => sum + each * b[n], 0);
}

/** What a dense kernel would compute for a batch, and what masks leave of it. */
export function masked(settings: Settings): Drawn {
  const [length, real] = ['length', 'real'].map((name) => number(settings, name));
  const causal = settings.causal === true;
  const tokens = Math.min(length, Math.round((length * real) / 100));
  const used = causal ? (tokens * (tokens + 1)) / 2 : tokens ** 2;
  return {
    panels: [
      {
        kind: 'bars',
        title: 'Pairs of query and key',
        most: length ** 2,
        bars: [
          { name: 'all', value: length ** 2, text: (length ** 2).toLocaleString('en') },
          { name: 'used', value: used, text: used.toLocaleString('en') },
        ],
      },
    ],
    says: `Of ${length} places, ${tokens} hold a token. ${percent(used / length ** 2)} of the pairs have a weight above 0; a kernel that does not know the mask computes the rest for nothing.`,
  };
}
