/** The oracle of the Nyströmformer specs: every matrix whole, by plain loops in float64. */
import { type Dense, type Dense64, referenceMatmul, referenceWeights } from '../../src/core/reference.ts';
import type { Tensor } from '../../src/core/tensor.ts';
import type { NystromformerOptions } from '../../src/variants/nystromformer.ts';
import type { AttentionInputs, Parameters } from '../../src/variants/variant.ts';
import { loop } from '../core/tensors.ts';
import type { AttentionCase } from '../laws/draw.ts';

export const optionsOf = ({ options }: AttentionCase) => options as NystromformerOptions;

export const dense = (tensor: Tensor): Dense => ({ shape: tensor.shape, data: tensor.toArray() });

/** F̃ Z (B̃ V) plus the convolution of V, Z being what the stated number of steps makes of Ã⁺. */
export function writtenOutAttention(
  attentionCase: AttentionCase,
  inputs: AttentionInputs,
  { convolution }: Parameters,
): Dense {
  const { landmarks, pinvIterations, convolutionWidth } = optionsOf(attentionCase);
  const { batch, keyLength } = attentionCase.shape;
  const [queries, keys, values] = [inputs.queries, inputs.keys, inputs.values].map(dense);
  const mask = attentionCase.mask ?? Array.from({ length: batch }, () => new Array<number>(keyLength).fill(1));
  const keyMask = { shape: [batch, keyLength], data: mask.flat() };

  const members = (b: number, r: number) =>
    Array.from({ length: keyLength }, (_, j) => j).filter(
      (j) =>
        j >= Math.floor((r * keyLength) / landmarks) &&
        j < Math.floor(((r + 1) * keyLength) / landmarks) &&
        mask[b][j] === 1,
    );
  const means = (x: Dense) =>
    loop(x.shape.with(2, landmarks), ([b, h, r, c]) => {
      const tokens = members(b, r);
      return tokens.reduce((sum, j) => sum + element(x, b, h, j, c), 0) / Math.max(1, tokens.length);
    });
  const there = loop([batch, landmarks], ([b, r]) => Number(members(b, r).length > 0));
  const isThere = (b: number, r: number) => there.data[b * landmarks + r] === 1;
  const [Q, K] = [means(queries), means(keys)];

  const F = referenceWeights({ queries, keys: K, values: K }, { keyMask: there });
  const A = referenceWeights(
    { queries: Q, keys: K, values: K },
    { keyMask: there, allowedIn: (b, _h, r) => isThere(b, r) },
  );
  const B = referenceWeights({ queries: Q, keys, values }, { keyMask });
  const attended = referenceMatmul(F, referenceMatmul(iterated(A, pinvIterations), referenceMatmul(B, values)));

  return loop(attended.shape, ([b, h, i, c]) => {
    let sum = element(attended, b, h, i, c);
    for (let t = 0; t < convolutionWidth; t++) {
      const j = i + t - Math.floor(convolutionWidth / 2);
      if (j < 0 || j >= keyLength || mask[b][j] === 0) continue;
      sum += convolution.array.get(h, t) * element(values, b, h, j, c);
    }
    return sum;
  });
}

/** Z_n of eq. 14, from [batch, heads, m, m]. */
function iterated(A: Dense64, steps: number): Dense64 {
  const size = A.shape[3];
  const matrix = (entry: (b: number, h: number, i: number, j: number) => number): Dense64 => {
    const { shape, data } = loop(A.shape, ([b, h, i, j]) => entry(b, h, i, j));
    return { shape, data: Float64Array.from(data) };
  };
  const identityLess = (factor: number, x: Dense64) =>
    matrix((b, h, i, j) => (i === j ? factor : 0) - element(x, b, h, i, j));
  const range = Array.from({ length: size }, (_, i) => i);
  const norms = (b: number, h: number) => {
    const sums = (entry: (i: number, j: number) => number) =>
      Math.max(...range.map((i) => range.reduce((sum, j) => sum + entry(i, j), 0)));
    return sums((i, j) => element(A, b, h, j, i)) * sums((i, j) => element(A, b, h, i, j));
  };

  let Z = matrix((b, h, i, j) => (norms(b, h) === 0 ? 0 : element(A, b, h, j, i) / norms(b, h)));
  for (let step = 0; step < steps; step++) {
    const AZ = referenceMatmul(A, Z);
    const inner = identityLess(13, referenceMatmul(AZ, identityLess(15, referenceMatmul(AZ, identityLess(7, AZ)))));
    const next = referenceMatmul(Z, inner);
    Z = { shape: next.shape, data: next.data.map((each) => each / 4) };
  }
  return Z;
}

/**
 * What n steps leave of A − A Z A in the worst case, relative to √(‖A‖₁ ‖A‖_∞): max s(1 − t_n), where t_0 = s² for a
 * singular value of s times that root. On a grid, whose steps of 0.1 per cent miss the maximum by 10⁻⁶ of it.
 */
export function whatIsLeft(steps: number): number {
  let largest = 0;
  for (let s = 1; s > 1e-8; s *= 0.999) {
    let t = s * s;
    for (let step = 0; step < steps; step++) t = (t * (13 - t * (15 - t * (7 - t)))) / 4;
    largest = Math.max(largest, s * (1 - t));
  }
  return largest;
}

function element({ shape, data }: Dense, b: number, h: number, i: number, j: number): number {
  return data[((b * shape[1] + h) * shape[2] + i) * shape[3] + j];
}
