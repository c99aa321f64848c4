/**
 * The weights of an attention, and how far another's are from them: what Hedgehog learns its feature maps by (Zhang et al. 2024,
 * 2402.04347, §4.2). For the weights a of a softmax and â of the attention that learns, of each head and query i,
 *
 *     L_i = −Σ_j a_ij log â_ij,   a_ij = exp(q_i·k_j/√d) / Σ exp(q_i·k/√d),   â_ij = φ(q_i)·φ(k_j) / Σ φ(q_i)·φ(k)
 *
 * Matrices are needed as a whole, so training takes O(length²) time and memory though the attention takes less: of a layer at a time,
 * both matrices, the values that read one, the gradients of both, and what made them: five to six times batch · heads · length² numbers.
 */
import { noGrad, record } from '../../core/autograd.ts';
import { UnsupportedError } from '../../core/errors.ts';
import { add, matmul, scale, softmax } from '../../core/ops/index.ts';
import { scope } from '../../core/scope.ts';
import { elements, empty, type Tensor, zeros } from '../../core/tensor.ts';
import { REFERENCE_VARIANT } from '../../variants/reference.ts';
import type { AttentionInputs } from '../../variants/variant.ts';
import type { Mixing } from '../mixing.ts';

/** Two attentions' weights for the same x, [batch, heads, length, length]. */
export interface WeightPair {
  /** Of the original, without a tape. */
  teacher: Tensor;
  student: Tensor;
}

/** Throws UnsupportedError unless these weights are like those of a softmax over all keys: see `weighsAll`. */
export function expectWeighsAll({ variant, options }: Pick<Mixing, 'variant' | 'options'>): void {
  if (variant.weighsAll?.(options)) return;
  const how = variant.weighsAll === undefined ? '' : ' with these options';
  throw new UnsupportedError(
    `match: expected 'outputs', because ${variant.name}${how} does not give every key a weight above 0 and all of them a sum of 1, got 'weights'`,
  );
}

/** The weights of a variant that has passed `expectWeighsAll`: what it gives for values that are the rows of I. Differentiable. */
export function weightsOf(mixing: Mixing, inputs: AttentionInputs, training: boolean): Tensor {
  if (mixing.variant.name === REFERENCE_VARIANT) return softmaxWeights(inputs, mixing.options.causal);
  return mixing.attend({ ...inputs, values: rowsOfIdentity(inputs.keys) }, { training });
}

/** softmax(QKᵀ/√d + M), where the attention itself never holds it                                  (Vaswani et al. 2017, eq. 1) */
export function softmaxWeights({ queries, keys, keyMask }: AttentionInputs, causal: boolean): Tensor {
  const scores = matmul(scale(queries, 1 / Math.sqrt(queries.shape[3])), keys, { transposeB: true });
  return softmax(causal || keyMask !== undefined ? add(scores, exclusions(keys, keyMask, causal)) : scores);
}

/** Far below any score, and finite: a row of padding may see nothing. */
const EXCLUDED = -1e30;

/** M: [batch, 1, length, length]. */
function exclusions({ shape: [batch, , length], dtype }: Tensor, keyMask: Tensor | undefined, causal: boolean): Tensor {
  const M = zeros([batch, 1, length, length], dtype);
  const [to, flags] = [elements(M), keyMask && elements(keyMask)];
  for (let row = 0, at = 0; row < batch * length; row++) {
    const [text, query] = [Math.floor(row / length), row % length];
    for (let key = 0; key < length; key++, at++) {
      if ((causal && key > query) || flags?.[text * length + key] === 0) to[at] = EXCLUDED;
    }
  }
  return M;
}

/** I for every head of these keys, [batch, heads, length, length]: values with which an attention gives its weights. */
export function rowsOfIdentity({ shape: [batch, heads, length], dtype }: Tensor): Tensor {
  const rows = zeros([batch, heads, length, length], dtype);
  const to = elements(rows);
  for (let row = 0; row < batch * heads * length; row++) to[row * length + (row % length)] = 1;
  return rows;
}

/** Below it, the logarithm goes on as its tangent, so that a weight that is 0 by rounding has a finite loss and a gradient. */
const LEAST = 2 ** -64;

/**
 * −Σ_j a_ij log â_ij, in nats, the mean over heads and real queries. A scalar; the gradient is that of the student, −a_ij / â_ij
 * each. Sums are in float64.
 */
export function weightsCrossEntropy({ teacher, student }: WeightPair, keyMask: Tensor | undefined): Tensor {
  const [, heads, length, columns] = student.shape;
  const [a, own, flags] = [elements(teacher), elements(student), keyMask && elements(keyMask)];
  const rows = own.length / columns;
  const isReal = (row: number) => flags?.[Math.floor(row / (heads * length)) * length + (row % length)] !== 0;
  let [total, counted] = [0, 0];
  for (let row = 0; row < rows; row++) {
    if (!isReal(row)) continue;
    counted++;
    for (let at = row * columns; at < (row + 1) * columns; at++) {
      // Where the softmax gives nothing, such as later keys, nothing is asked.
      if (a[at] > 0) total -= a[at] * logarithm(own[at]);
    }
  }
  const loss = empty([], student.dtype);
  elements(loss)[0] = total / Math.max(1, counted);
  return record('weightsCrossEntropy', loss, [student], (gradient) => {
    const share = gradient.item() / Math.max(1, counted);
    const result = zeros(student.shape, student.dtype);
    const to = elements(result);
    for (let row = 0; row < rows; row++) {
      if (!isReal(row)) continue;
      for (let at = row * columns; at < (row + 1) * columns; at++) {
        if (a[at] > 0) to[at] = (-share * a[at]) / Math.max(own[at], LEAST);
      }
    }
    return [result];
  });
}

function logarithm(weight: number): number {
  return weight >= LEAST ? Math.log(weight) : Math.log(LEAST) + (weight - LEAST) / LEAST;
}

/** Both weights of a layer. */
export function weightPair(teacher: () => Tensor, student: () => Tensor): WeightPair {
  return { teacher: noGrad(() => scope(teacher)), student: student() };
}
