/** Numbers from 10⁻⁴⁵ to 3·10³⁸, where a float32 ends, and the two kernel sets on them. */
import * as assert from 'uvu/assert';
import { backward } from '../../src/core/autograd.ts';
import { chooseKernelSet } from '../../src/core/kernels/simd.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, fromArray, randomNormal, type Tensor } from '../../src/core/tensor.ts';

const EXPONENTS = [-45, -42, -40, -38, -37, -30, -20, -19, -10, -3, 0, 0, 3, 10, 18, 19, 20, 30, 37, 38];
/** What a vector kernel may make 0: numbers below this have not all of their digits. */
export const SMALLEST_NORMAL = 2 ** -126;
const LARGEST = 3.4028234663852886e38;
/** Some tens of roundings of a float32. */
export const ROUNDINGS = 4e-6;

/** Rows of numbers around 10ᵉ, e drawn for a row or, in some rows, for each number; every twelfth number is 0. */
export function ofAllSizes(shape: readonly number[], random: Random, most = 38): Tensor {
  const exponents = EXPONENTS.filter((exponent) => exponent <= most);
  const draw = () => exponents[random.integer(exponents.length)];
  const columns = shape[shape.length - 1];
  const data = new Float32Array(shape.reduce((product, extent) => product * extent, 1));
  for (let row = 0; row < data.length; row += columns) {
    const own = random.integer(4) === 0 ? null : draw();
    for (let c = row; c < row + columns; c++) {
      const size = Math.max(1.5e-45, 10 ** (own ?? draw()) * (0.1 + 3.2 * random.uniform()));
      data[c] = random.integer(12) === 0 ? 0 : random.integer(2) === 0 ? size : -size;
    }
  }
  return fromArray(data, shape);
}

interface Evaluated {
  output: number[];
  gradients: number[][];
}

function evaluateWith(set: 'plain' | 'simd', f: (...inputs: Tensor[]) => Tensor, inputs: readonly Tensor[]): Evaluated {
  chooseKernelSet(set);
  return scope(() => {
    const leaves = inputs.map((input) => fromArray(elements(input), input.shape).withGrad());
    const result = f(...leaves);
    if (result.node === null) return { output: [...result.toArray()], gradients: [] };
    backward(result, randomNormal(result.shape, new Random(7)));
    return {
      output: [...result.toArray()],
      gradients: leaves.map(({ grad, size }) =>
        grad === null ? new Array<number>(size).fill(0) : [...grad.toArray()],
      ),
    };
  });
}

/** The same, or within `bound`; infinite where the other is, unless both are at the end of the range. */
export function expectNear(vector: number, plain: number, bound: number, claim: () => string): void {
  if (Object.is(vector, plain) || vector === plain || Math.abs(vector - plain) <= bound) return;
  const atTheEnd = (x: number) => Math.abs(x) >= LARGEST * (1 - ROUNDINGS);
  if (atTheEnd(vector) && atTheEnd(plain) && Math.sign(vector) === Math.sign(plain)) return;
  assert.unreachable(`${claim()}: ${vector}, expected ${plain} within ${bound}`);
}

/** By the plain kernels and by the vector ones. */
export function inBothSets(f: (...inputs: Tensor[]) => Tensor, inputs: readonly Tensor[]): [Evaluated, Evaluated] {
  return [evaluateWith('plain', f, inputs), evaluateWith('simd', f, inputs)];
}

export const largestOf = (row: ArrayLike<number>) => Math.max(...Array.from(row, Math.abs));
