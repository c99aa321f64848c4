/**
 * Axial position embeddings: learned positions for long sequences, without a vector for each position.
 *
 * The sequence is laid out in l₁ rows of l₂, and the embedding of a position is its row's embedding concatenated with its
 * column's (from the code of Kitaev et al. 2020; images use the same idea):
 *
 *     e(p) = [E₁[⌊p / l₂⌋] ; E₂[p mod l₂]],      E₁ ∈ ℝ^{l₁×d₁},  E₂ ∈ ℝ^{l₂×d₂},  d = d₁ + d₂
 *
 * That takes l₁·d₁ + l₂·d₂ numbers and not l₁·l₂·d: half a million positions of 1024 numbers fit in 10⁶ parameters with l₁ =
 * 512, l₂ = 1024. It gives up independence: two positions in one row share d₁ of their numbers.
 */
import { expectInteger, formatShape, ShapeError } from '../core/errors.ts';
import { expectFloat, expectSameDType } from '../core/ops/check.ts';
import { concat, gatherRows } from '../core/ops/index.ts';
import type { Random } from '../core/random.ts';
import { randomNormal, type Tensor } from '../core/tensor.ts';

/** A type, not an interface, so that a model's record of learned tensors can hold it. */
export type AxialPositions = {
  /** [l₁, d₁]: a vector for each row of positions. */
  E1: Tensor;
  /** [l₂, d₂]: a vector for each place in a row. */
  E2: Tensor;
};

/** Standard normal embeddings, learned. `lengths` are l₁ and l₂, `widths` d₁ and d₂. */
export function axialPositionParameters(
  lengths: readonly [number, number],
  widths: readonly [number, number],
  random: Random,
  dtype: 'float32' | 'float64' = 'float32',
): AxialPositions {
  for (const [name, pair] of Object.entries({ lengths, widths })) {
    pair.forEach((each, index) => {
      expectInteger(`${name}[${index}]`, each, 1);
    });
  }
  return {
    E1: randomNormal([lengths[0], widths[0]], random.split('E1'), dtype).withGrad(),
    E2: randomNormal([lengths[1], widths[1]], random.split('E2'), dtype).withGrad(),
  };
}

/**
 * The embeddings of the first `length` positions, [length, d₁ + d₂]: add them to token embeddings. Throws ArgumentError
 * for more positions than l₁·l₂.
 */
export function axialPositions({ E1, E2 }: AxialPositions, length: number): Tensor {
  expectFloat('E1', E1);
  expectSameDType('E2', E2, E1.dtype, 'to match E1');
  for (const [name, { shape }] of Object.entries({ E1, E2 })) {
    if (shape.length !== 2) throw new ShapeError(`${name}: expected [positions, width], got ${formatShape(shape)}`);
  }
  const perRow = E2.shape[0];
  expectInteger('length', length, 1, E1.shape[0] * perRow);
  const position = Int32Array.from({ length }, (_, p) => p);
  const rows = gatherRows(
    E1,
    position.map((p) => Math.floor(p / perRow)),
  );
  const columns = gatherRows(
    E2,
    position.map((p) => p % perRow),
  );
  return concat([rows, columns], -1);
}
