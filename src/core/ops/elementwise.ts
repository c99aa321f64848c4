/** Elementwise ops, with numpy's broadcasting: shapes aligned at the end, extents equal or 1. */
import { record } from '../autograd.ts';
import { ArgumentError, describe } from '../errors.ts';
import { type BinaryName, binaryKernels } from '../kernels/elementwise.ts';
import { evenWalk, planWalk } from '../kernels/strided.ts';
import { RUN, type UnaryName, unaryKernels } from '../kernels/unary.ts';
import { parallelFor } from '../parallel/pool.ts';
import { isInOrder } from '../placement.ts';
import { elements, empty, filled, placementOf, Tensor } from '../tensor.ts';
import { broadcastShape, broadcastStrides, sumTo } from './broadcast.ts';
import { expectFloat, expectSameDType } from './check.ts';

/** An operand: a tensor, or a number that stands for a tensor full of it. */
export type Operand = Tensor | number;

/** a + b. */
export function add(a: Operand, b: Operand): Tensor {
  const [x, y] = operands(a, b);
  return record('add', combine('add', x, y), [x, y], (gradient) => [
    x.requiresGrad ? sumTo(gradient, x.shape) : null,
    y.requiresGrad ? sumTo(gradient, y.shape) : null,
  ]);
}

/** a − b. */
export function subtract(a: Operand, b: Operand): Tensor {
  const [x, y] = operands(a, b);
  return record('subtract', combine('subtract', x, y), [x, y], (gradient) => [
    x.requiresGrad ? sumTo(gradient, x.shape) : null,
    y.requiresGrad ? negate(sumTo(gradient, y.shape)) : null,
  ]);
}

/** a · b, element by element. */
export function multiply(a: Operand, b: Operand): Tensor {
  const [x, y] = operands(a, b);
  return record('multiply', combine('multiply', x, y), [x, y], (gradient) => [
    x.requiresGrad ? sumTo(multiply(gradient, y), x.shape) : null,
    y.requiresGrad ? sumTo(multiply(gradient, x), y.shape) : null,
  ]);
}

/** a / b. */
export function divide(a: Operand, b: Operand): Tensor {
  const [x, y] = operands(a, b);
  const quotient = combine('divide', x, y);
  return record('divide', quotient, [x, y], (gradient) => {
    const share = divide(gradient, y);
    return [
      x.requiresGrad ? sumTo(share, x.shape) : null,
      y.requiresGrad ? negate(sumTo(multiply(share, quotient), y.shape)) : null,
    ];
  });
}

/** The larger of a and b. Where they are equal, the gradient goes to a. */
export function maximum(a: Operand, b: Operand): Tensor {
  const [x, y] = operands(a, b);
  return record('maximum', combine('maximum', x, y), [x, y], (gradient) => {
    const toFirst = multiply(gradient, combine('atLeast', x, y));
    return [
      x.requiresGrad ? sumTo(toFirst, x.shape) : null,
      y.requiresGrad ? sumTo(subtract(gradient, toFirst), y.shape) : null,
    ];
  });
}

/** c · x, for a number c. */
export const scale = (x: Tensor, c: number): Tensor => unary('scale', x, expectNumber(c));
/** x + c, for a number c. */
export const shift = (x: Tensor, c: number): Tensor => unary('shift', x, expectNumber(c));
/** −x. */
export const negate = (x: Tensor): Tensor => unary('scale', x, -1);
/** e to the power x. */
export const exp = (x: Tensor): Tensor => unary('exp', x);
/** The natural logarithm. */
export const log = (x: Tensor): Tensor => unary('log', x);
/** The square root; NaN below 0. */
export const sqrt = (x: Tensor): Tensor => unary('sqrt', x);
/** x². */
export const square = (x: Tensor): Tensor => unary('square', x);
/** 1 / x. */
export const reciprocal = (x: Tensor): Tensor => unary('reciprocal', x);
/** The sine of x in radians. */
export const sin = (x: Tensor): Tensor => unary('sin', x);
/** The cosine of x in radians. */
export const cos = (x: Tensor): Tensor => unary('cos', x);
/** The hyperbolic tangent. */
export const tanh = (x: Tensor): Tensor => unary('tanh', x);
/** 1 / (1 + exp(−x)). */
export const sigmoid = (x: Tensor): Tensor => unary('sigmoid', x);
/** max(x, 0), with slope 0 at 0. */
export const relu = (x: Tensor): Tensor => unary('relu', x);
/** x for x > 0, else exp(x) − 1. */
export const elu = (x: Tensor): Tensor => unary('elu', x);
/** log(elu(x) + 1): log(x + 1) for x > 0, else x. It keeps its precision however small elu(x) + 1 is. */
export const logEluPlusOne = (x: Tensor): Tensor => unary('logEluPlusOne', x);
/** x times the normal distribution function, in its tanh form (Hendrycks & Gimpel 2016). */
export const gelu = (x: Tensor): Tensor => unary('gelu', x);
/** x times the normal distribution function itself: GELU by its definition, as BERT uses it. */
export const geluExact = (x: Tensor): Tensor => unary('geluExact', x);

function unary(name: UnaryName, x: Tensor, constant = 0): Tensor {
  expectFloat('x', x);
  const { forward, derivative, cost } = unaryKernels[name];
  const options = { costPerItem: cost * Math.min(RUN, x.size) };
  const items = Math.ceil(x.size / RUN);
  const y = empty(x.shape, x.dtype);
  parallelFor(forward, items, { x: elements(x), y: elements(y) }, { constant }, options);
  return record(name, y, [x], (gradient) => {
    const result = empty(x.shape, x.dtype);
    const arrays = { x: elements(x), y: elements(y), g: elements(gradient), d: elements(result) };
    parallelFor(derivative, items, arrays, { constant }, options);
    return [result];
  });
}

function expectNumber(c: number): number {
  if (typeof c !== 'number') throw new ArgumentError(`c: expected a number, got ${describe(c)}`);
  return c;
}

function combine(name: BinaryName, x: Tensor, y: Tensor): Tensor {
  const [first, second] = [placementOf(x), placementOf(y)];
  const shape = broadcastShape(first.shape, second.shape);
  const result = empty(shape, x.dtype);
  const isEven = isInOrder(first) && isInOrder(second) && first.size === result.size && second.size === result.size;
  const { items, elementsPerItem, plan } = isEven
    ? evenWalk(result.size, first.offset, second.offset)
    : planWalk(
        shape,
        { offset: first.offset, strides: broadcastStrides(x, shape) },
        { offset: second.offset, strides: broadcastStrides(y, shape) },
      );
  const arrays = { a: first.data, b: second.data, c: elements(result) };
  parallelFor(binaryKernels[name], items, arrays, { plan }, { costPerItem: 2 * elementsPerItem });
  return result;
}

function operands(a: Operand, b: Operand): [Tensor, Tensor] {
  const like = a instanceof Tensor ? a : b;
  if (!(like instanceof Tensor)) throw new ArgumentError('a: expected a tensor in a or b, got none');
  expectFloat(like === a ? 'a' : 'b', like);
  return [asTensor('a', a, like), asTensor('b', b, like)];
}

function asTensor(name: string, value: Operand, like: Tensor): Tensor {
  if (typeof value === 'number') return filled([], value, like.dtype);
  expectSameDType(name, value, like.dtype, 'to match the other operand');
  return value;
}
