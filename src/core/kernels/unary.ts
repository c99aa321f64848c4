/**
 * Elementwise functions, each next to its derivative, which is written in terms of the input x and the output y,
 * whichever is cheaper. An item is a run of `RUN` elements. Every loop is written out, because V8 does not inline a
 * function that one shared loop receives as an argument: that made `scale` five times slower.
 */
import type { NumericArray } from '../memory.ts';
import { defineKernel, type Kernel } from './kernel.ts';
import { normalDensity, normalDistribution } from './normal-distribution.ts';
import { isOnHeap, vectorKernels } from './simd.ts';
import { VECTOR_FUNCTIONS } from './vector-kernels.ts';

export const RUN = 1024;

export interface UnaryKernels {
  /** From x to y, with the function's constant if it has one. */
  forward: Kernel<'x' | 'y', 'constant', never, never>;
  /** From the gradient g of y to that of x, d. */
  derivative: Kernel<'x' | 'y' | 'g' | 'd', 'constant', never, never>;
  /** Approximate cost of an element, in multiply-adds. */
  cost: number;
}

/** Elements `from` … `to` − 1 of a loop. */
type Forward = (x: NumericArray, y: NumericArray, from: number, to: number, constant: number) => void;
type Derivative = (
  x: NumericArray,
  y: NumericArray,
  g: NumericArray,
  d: NumericArray,
  from: number,
  to: number,
  constant: number,
) => void;

const FORTH = { arrays: ['x', 'y'], numbers: ['constant'] } as const;
const BACK = { arrays: ['x', 'y', 'g', 'd'], numbers: ['constant'] } as const;

function unary(name: string, cost: number, forward: Forward, derivative: Derivative): UnaryKernels {
  const which = VECTOR_FUNCTIONS.indexOf(name);
  return {
    cost,
    forward: defineKernel(name, FORTH, (begin, end, { x, y }, { constant }) => {
      const [from, to] = [begin * RUN, Math.min(end * RUN, x.length)];
      const fast = which < 0 ? null : vectorKernels();
      if (fast === null || !isOnHeap(x) || !isOnHeap(y)) return forward(x, y, from, to, constant);
      fast.unaryForward(which, x.byteOffset + 4 * from, y.byteOffset + 4 * from, to - from, constant);
    }),
    derivative: defineKernel(`${name}-derivative`, BACK, (begin, end, { x, y, g, d }, { constant }) => {
      const [from, to] = [begin * RUN, Math.min(end * RUN, x.length)];
      const fast = which < 0 ? null : vectorKernels();
      if (fast === null || ![x, y, g, d].every(isOnHeap)) return derivative(x, y, g, d, from, to, constant);
      const [atX, atY, atG, atD] = [x, y, g, d].map(({ byteOffset }) => byteOffset + 4 * from);
      fast.unaryDerivative(which, atX, atY, atG, atD, to - from, constant);
    }),
  };
}

const SQRT_2_OVER_PI = Math.sqrt(2 / Math.PI);
const GELU_CUBIC = 0.044715;

export const unaryKernels = {
  scale: unary(
    'scale',
    2,
    (x, y, from, to, c) => {
      for (let i = from; i < to; i++) y[i] = c * x[i];
    },
    (_x, _y, g, d, from, to, c) => {
      for (let i = from; i < to; i++) d[i] = c * g[i];
    },
  ),
  shift: unary(
    'shift',
    2,
    (x, y, from, to, c) => {
      for (let i = from; i < to; i++) y[i] = x[i] + c;
    },
    (_x, _y, g, d, from, to) => {
      for (let i = from; i < to; i++) d[i] = g[i];
    },
  ),
  exp: unary(
    'exp',
    16,
    (x, y, from, to) => {
      for (let i = from; i < to; i++) y[i] = Math.exp(x[i]);
    },
    (_x, y, g, d, from, to) => {
      for (let i = from; i < to; i++) d[i] = g[i] * y[i];
    },
  ),
  log: unary(
    'log',
    16,
    (x, y, from, to) => {
      for (let i = from; i < to; i++) y[i] = Math.log(x[i]);
    },
    (x, _y, g, d, from, to) => {
      for (let i = from; i < to; i++) d[i] = g[i] / x[i];
    },
  ),
  sqrt: unary(
    'sqrt',
    6,
    (x, y, from, to) => {
      for (let i = from; i < to; i++) y[i] = Math.sqrt(x[i]);
    },
    (_x, y, g, d, from, to) => {
      for (let i = from; i < to; i++) d[i] = (0.5 * g[i]) / y[i];
    },
  ),
  square: unary(
    'square',
    2,
    (x, y, from, to) => {
      for (let i = from; i < to; i++) y[i] = x[i] * x[i];
    },
    (x, _y, g, d, from, to) => {
      for (let i = from; i < to; i++) d[i] = 2 * x[i] * g[i];
    },
  ),
  reciprocal: unary(
    'reciprocal',
    4,
    (x, y, from, to) => {
      for (let i = from; i < to; i++) y[i] = 1 / x[i];
    },
    (_x, y, g, d, from, to) => {
      for (let i = from; i < to; i++) d[i] = -g[i] * y[i] * y[i];
    },
  ),
  sin: unary(
    'sin',
    20,
    (x, y, from, to) => {
      for (let i = from; i < to; i++) y[i] = Math.sin(x[i]);
    },
    (x, _y, g, d, from, to) => {
      for (let i = from; i < to; i++) d[i] = g[i] * Math.cos(x[i]);
    },
  ),
  cos: unary(
    'cos',
    20,
    (x, y, from, to) => {
      for (let i = from; i < to; i++) y[i] = Math.cos(x[i]);
    },
    (x, _y, g, d, from, to) => {
      for (let i = from; i < to; i++) d[i] = -g[i] * Math.sin(x[i]);
    },
  ),
  tanh: unary(
    'tanh',
    24,
    (x, y, from, to) => {
      for (let i = from; i < to; i++) y[i] = Math.tanh(x[i]);
    },
    (_x, y, g, d, from, to) => {
      for (let i = from; i < to; i++) d[i] = g[i] * (1 - y[i] * y[i]);
    },
  ),
  sigmoid: unary(
    'sigmoid',
    20,
    (x, y, from, to) => {
      for (let i = from; i < to; i++) y[i] = 1 / (1 + Math.exp(-x[i]));
    },
    (_x, y, g, d, from, to) => {
      for (let i = from; i < to; i++) d[i] = g[i] * y[i] * (1 - y[i]);
    },
  ),
  relu: unary(
    'relu',
    2,
    (x, y, from, to) => {
      for (let i = from; i < to; i++) y[i] = Math.max(x[i], 0);
    },
    (x, _y, g, d, from, to) => {
      for (let i = from; i < to; i++) d[i] = x[i] > 0 ? g[i] : 0;
    },
  ),
  elu: unary(
    'elu',
    16,
    (x, y, from, to) => {
      for (let i = from; i < to; i++) y[i] = x[i] > 0 ? x[i] : Math.expm1(x[i]);
    },
    (x, y, g, d, from, to) => {
      for (let i = from; i < to; i++) d[i] = x[i] > 0 ? g[i] : g[i] * (y[i] + 1);
    },
  ),
  /** The logarithm of φ = elu + 1. Below 0, φ is exp, so the logarithm stays exact however small φ is. */
  logEluPlusOne: unary(
    'log-elu-plus-one',
    16,
    (x, y, from, to) => {
      for (let i = from; i < to; i++) y[i] = x[i] > 0 ? Math.log1p(x[i]) : x[i];
    },
    (x, _y, g, d, from, to) => {
      for (let i = from; i < to; i++) d[i] = x[i] > 0 ? g[i] / (1 + x[i]) : g[i];
    },
  ),
  /** The tanh form of Hendrycks & Gimpel 2016. */
  gelu: unary(
    'gelu',
    28,
    (x, y, from, to) => {
      for (let i = from; i < to; i++) {
        const u = x[i];
        y[i] = 0.5 * u * (1 + Math.tanh(SQRT_2_OVER_PI * (u + GELU_CUBIC * u * u * u)));
      }
    },
    (x, _y, g, d, from, to) => {
      for (let i = from; i < to; i++) {
        const u = x[i];
        const t = Math.tanh(SQRT_2_OVER_PI * (u + GELU_CUBIC * u * u * u));
        const inner = SQRT_2_OVER_PI * (1 + 3 * GELU_CUBIC * u * u);
        d[i] = g[i] * (0.5 * (1 + t) + 0.5 * u * (1 - t * t) * inner);
      }
    },
  ),
  /** The definition, x Φ(x). */
  geluExact: unary(
    'gelu-exact',
    40,
    (x, y, from, to) => {
      // Φ(−∞) is 0, and the product −∞ · 0 is meant to be 0 too.
      for (let i = from; i < to; i++) y[i] = x[i] === Number.NEGATIVE_INFINITY ? 0 : x[i] * normalDistribution(x[i]);
    },
    (x, _y, g, d, from, to) => {
      for (let i = from; i < to; i++) d[i] = g[i] * (normalDistribution(x[i]) + x[i] * normalDensity(x[i]));
    },
  ),
} satisfies Record<string, UnaryKernels>;

export type UnaryName = keyof typeof unaryKernels;
