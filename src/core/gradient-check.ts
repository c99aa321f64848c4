/** Checks the gradients of a function against central differences, in float64. */
import { backward, noGrad, zeroGrad } from './autograd.ts';
import { ArgumentError, describe, NumericalError } from './errors.ts';
import { expectFunction, expectList, expectOptions, integerOf, numberOf } from './expect.ts';
import { type NumericArray, release } from './memory.ts';
import { Random } from './random.ts';
import { scope } from './scope.ts';
import { elements, expectTensor, isContiguous, randomNormal, Tensor } from './tensor.ts';

/** The tolerance of `checkGradients`, and how many entries it tries. */
export interface GradientCheckOptions {
  /** Half the distance between the two points of a difference quotient, relative to max(1, |x|). */
  epsilon?: number;
  /** The largest difference allowed, relative to max(1, |gradient|). */
  tolerance?: number;
  /** Entries tried per input, drawn at random where it has more. */
  maxEntries?: number;
  seed?: number;
}

const checks = {
  epsilon: numberOf(Number.MIN_VALUE, 1),
  tolerance: numberOf(0),
  maxEntries: integerOf(1),
  seed: integerOf(Number.MIN_SAFE_INTEGER),
};

/**
 * Contracts f(…inputs) with a fixed random tensor, so that one number depends on every output, and compares its
 * gradient with (f(x + h) − f(x − h)) / 2h, whose own error is of order h² + 10⁻¹⁶ / h. Where they differ, a quotient with
 * h/4 takes the term of h² out: steep functions, such as sines of sines, need that. Returns the worst relative difference;
 * throws a NumericalError that names the input and the entry if it is above the tolerance. The inputs must be contiguous
 * float64 leaves, and come back with their values, `requiresGrad` and no `grad`.
 */
export function checkGradients(
  f: (...inputs: Tensor[]) => Tensor,
  inputs: Tensor[],
  options: GradientCheckOptions = {},
): { worst: number } {
  expectFunction('f', f);
  const { epsilon = 1e-5, tolerance = 1e-6, maxEntries = 64, seed = 1 } = expectOptions('options', options, checks);
  expectList('inputs', inputs, expectTensor, 1);
  inputs.forEach((input, index) => {
    if (input.dtype !== 'float64' || input.node !== null || !isContiguous(input)) {
      const kind = input.node !== null ? 'a result' : isContiguous(input) ? input.dtype : 'a strided view';
      throw new ArgumentError(`inputs[${index}]: expected a contiguous float64 leaf, got ${kind}`);
    }
  });
  const random = new Random(seed).split('gradient check');
  const required = inputs.map((input) => input.requiresGrad);
  // Dense in the outputs, so that a wrong Jacobian column cannot hide.
  const direction = scope(() => {
    const output = noGrad(() => f(...inputs));
    if (!(output instanceof Tensor))
      throw new ArgumentError(`f: expected a function that returns a tensor, got ${describe(output)}`);
    return randomNormal(output.shape, random.split('direction'), 'float64');
  });
  const contracted = () => scope(() => noGrad(() => dot(f(...inputs), direction)));

  try {
    zeroGrad(inputs);
    for (const input of inputs) input.requiresGrad = true;
    scope(() => {
      backward(f(...inputs), direction);
    });
    return { worst: inputs.reduce((worst, input, index) => Math.max(worst, compare(input, index)), 0) };
  } finally {
    release(direction.array.data);
    zeroGrad(inputs);
    inputs.forEach((input, index) => {
      input.requiresGrad = required[index];
    });
  }

  function compare(input: Tensor, index: number): number {
    const values = elements(input);
    const gradients = input.grad === null ? new Float64Array(input.size) : elements(input.grad);
    let worst = 0;
    for (const entry of random.choose(input.size, Math.min(maxEntries, input.size))) {
      let expected = centralDifference(values, entry, epsilon);
      const apart = () => Math.abs(gradients[entry] - expected) / Math.max(1, Math.abs(expected));
      if (!(apart() <= tolerance)) expected = (16 * centralDifference(values, entry, epsilon / 4) - expected) / 15;
      const difference = apart();
      // A NaN fails too.
      if (!(difference <= tolerance)) {
        throw new NumericalError(
          `gradient of input ${index}, entry ${entry}: ${gradients[entry]} by backward, ${expected} by differences ` +
            `(relative difference ${difference.toExponential(1)}, allowed ${tolerance})`,
        );
      }
      worst = Math.max(worst, difference);
    }
    return worst;
  }

  function centralDifference(values: NumericArray, entry: number, step: number): number {
    const value = values[entry];
    const h = step * Math.max(1, Math.abs(value));
    try {
      values[entry] = value + h;
      const above = contracted();
      values[entry] = value - h;
      return (above - contracted()) / (2 * h);
    } finally {
      values[entry] = value;
    }
  }
}

function dot(a: Tensor, b: Tensor): number {
  const [x, y] = [elements(a), elements(b)];
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i] * y[i];
  return sum;
}
