/**
 * The models' own attention, as transformers computes it at inference. It differs from the registered variant of the same
 * paper as follows:
 *
 * - Longformer: each text of a batch has its own global tokens, and rows of padding are zeros.
 * - BigBird: at inference transformers draws no random blocks. It uses the first block r times in their place, so inner rows count its keys 1 + r times; other blocks can be given. In training it draws them for each layer from a numpy seed; here the variant draws them, with the layer as its seed. Texts of at most (5 + 2r) b tokens get full attention (in transformers this also switches the whole model to full attention for good, here it does not). Rows of padding are zeros.
 * - Nyströmformer: padding counts in the landmarks, padded values enter the convolution, and the pseudo-inverse of every matrix starts from the largest norm of all heads and of the whole batch, so that texts of a batch affect each other a little.
 */
import { ShapeError } from '../core/errors.ts';
import {
  add,
  attention,
  concat,
  convolveRows,
  everything,
  matmul,
  meanTaps,
  mixSegments,
  realTokens,
  reshape,
  scale,
  segmentsOf,
  slice,
  softmax,
  sum,
  zeroMasked,
} from '../core/ops/index.ts';
import { largest } from '../core/ops/largest.ts';
import { elements, fromArray, type Tensor } from '../core/tensor.ts';
import { attend } from '../variants/attend.ts';
import { attendByPlan, bigbird } from '../variants/bigbird.ts';
import { planBlocks, withRandomBlocks } from '../variants/bigbird-blocks.ts';
import { full } from '../variants/full.ts';
import { mapTokens } from '../variants/inputs.ts';
import { longformer } from '../variants/longformer.ts';
import { pseudoInverse } from '../variants/nystromformer-inverse.ts';
import type { AttentionInputs } from '../variants/variant.ts';
import type { RandomBlocks } from './architecture.ts';
import type { OwnAttention } from './encoder-config.ts';

export interface OwnAttentionCall {
  layer: number;
  training: boolean;
  /** uint8 [batch, length]: 1 = global. */
  globalMask?: Tensor | undefined;
  /** Random blocks for BigBird, in place of those described above. */
  randomBlocks?: RandomBlocks | undefined;
  /** [heads, width], of Nyströmformer's convolution. */
  convolution?: Tensor | undefined;
}

/** Takes the three inputs, [batch, heads, length, headDim] each, and returns the same shape. */
export function attendAsReleased(inputs: AttentionInputs, own: OwnAttention, call: OwnAttentionCall): Tensor {
  if (own.kind === 'window') {
    return attendInWindow(inputs, own.windows[call.layer % own.windows.length], call.globalMask);
  }
  if (own.kind === 'blocks') return attendToBlocks(inputs, own, call);
  if (own.kind === 'landmarks') return attendByLandmarks(inputs, own, call.convolution);
  return attend(full, inputs, {}, { checkFinite: false });
}

function attendInWindow(inputs: AttentionInputs, window: number, globalMask: Tensor | undefined): Tensor {
  const [batch, , length] = inputs.queries.shape;
  const attentionWindow = Math.min(window, 2 * length);
  const globals = Array.from({ length: batch }, (_, text) => globalsOf(text, globalMask, inputs.keyMask));
  const over = (some: AttentionInputs, globalPositions: number[]) =>
    attend(longformer, some, { attentionWindow, globalPositions }, { checkFinite: false });
  const same = globals.every((own) => own.join() === globals[0].join());
  const output = same
    ? over(inputs, globals[0])
    : concat(
        globals.map((own, text) => over(textOf(inputs, text), own)),
        0,
      );
  return zeroMasked(output, inputs.keyMask);
}

/** The positions of the global tokens of one text. Padding is never global. */
function globalsOf(text: number, globalMask: Tensor | undefined, keyMask: Tensor | undefined): number[] {
  if (globalMask === undefined) return [];
  const length = globalMask.shape[1];
  const [flags, real] = [elements(globalMask), keyMask && elements(keyMask)];
  const positions = Array.from({ length }, (_, position) => position);
  return positions.filter(
    (p) => flags[text * length + p] === 1 && (real === undefined || real[text * length + p] === 1),
  );
}

/** One text of a batch, as a batch of one. */
function textOf(inputs: AttentionInputs, text: number): AttentionInputs {
  const { keyMask } = inputs;
  const mask = keyMask && elements(keyMask).slice(text * keyMask.shape[1], (text + 1) * keyMask.shape[1]);
  return {
    ...mapTokens(inputs, (rows) => slice(rows, 0, text, text + 1)),
    ...(mask && { keyMask: fromArray(mask, [1, mask.length], 'uint8') }),
  };
}

function attendToBlocks(
  inputs: AttentionInputs,
  { blockSize, randomBlocks }: { blockSize: number; randomBlocks: number },
  { layer, training, randomBlocks: choose }: OwnAttentionCall,
): Tensor {
  const [, heads, length] = inputs.queries.shape;
  if (length <= (5 + 2 * randomBlocks) * blockSize) return attend(full, inputs, {}, { checkFinite: false });
  const options = { ...bigbird.defaults(length), blockSize, globalBlocks: 1, randomBlocks, patternSeed: layer };
  const plan = planBlocks(length, heads, options);
  if (choose === undefined && training) return zeroMasked(attendByPlan(inputs, plan), inputs.keyMask);
  const chosen = (choose ?? repeatedFirstBlock)({ layer, heads, blocks: plan.blocks, randomBlocks });
  expectBlocks(chosen, heads, plan.blocks);
  const random = chosen.map((ofHead) => [[], ...ofHead.map((row) => [...row]), []]);
  return zeroMasked(attendByPlan(inputs, withRandomBlocks(plan, random)), inputs.keyMask);
}

/** The random blocks that transformers uses outside training. */
const repeatedFirstBlock: RandomBlocks = ({ heads, blocks, randomBlocks }) =>
  Array.from({ length: heads }, () =>
    Array.from({ length: blocks - 2 }, () => new Array<number>(randomBlocks).fill(0)),
  );

function expectBlocks(chosen: readonly (readonly (readonly number[])[])[], heads: number, blocks: number): void {
  const fits =
    chosen.length === heads &&
    chosen.every((ofHead) => ofHead.length === blocks - 2) &&
    chosen.flat(2).every((block) => Number.isInteger(block) && block >= 0 && block < blocks);
  if (fits) return;
  throw new ShapeError(
    `randomBlocks: expected lists of blocks 0 to ${blocks - 1} for ${heads} heads and ${blocks - 2} inner blocks each, ` +
      `got ${JSON.stringify(chosen).slice(0, 60)}`,
  );
}

function attendByLandmarks(
  inputs: AttentionInputs,
  own: Extract<OwnAttention, { kind: 'landmarks' }>,
  convolution: Tensor | undefined,
): Tensor {
  const { landmarks, textLength } = own;
  const length = inputs.queries.shape[2];
  if (landmarks !== null && length !== textLength) {
    throw new ShapeError(
      `tokens: expected texts of ${textLength} (segment_means_seq_len), padding included, got ${length}`,
    );
  }
  const attended =
    landmarks === null ? attend(full, inputs, {}, { checkFinite: false }) : nystromAsReleased(inputs, landmarks);
  if (convolution === undefined) return attended;
  return add(attended, convolveRows(convolution, inputs.values, Math.floor(convolution.shape[1] / 2)));
}

/** softmax(QK̃ᵀ/√d) Ã⁺ softmax(Q̃Kᵀ/√d) V (Xiong et al. 2021, eq. 13), with the differences described above. */
function nystromAsReleased({ queries, keys, values, keyMask }: AttentionInputs, landmarks: number): Tensor {
  const [batch, heads, length, headDim] = queries.shape;
  const segments = segmentsOf(length, landmarks);
  const taps = meanTaps(realTokens(segments, undefined), segments, queries.dtype);
  const [landmarkQueries, landmarkKeys] = [queries, keys].map((each) => mixSegments(taps, each, segments));

  const scores = scale(matmul(landmarkQueries, landmarkKeys, { transposeB: true }), 1 / Math.sqrt(headDim));
  const A = softmax(scores);
  // Rows of A add up to 1, so ‖A‖₁ ‖A‖_∞ is just the largest column sum.
  const columnSums = reshape(sum(A, -2), [1, 1, 1, batch * heads * landmarks]);
  const inverse = pseudoInverse(A, PINV_ITERATIONS, largest(columnSums));

  const toTokens = everything(landmarks, length);
  const summaries = attention(landmarkQueries, keys, values, toTokens, { keyMask }).output;
  const toLandmarks = everything(length, landmarks);
  return attention(queries, landmarkKeys, matmul(inverse, summaries), toLandmarks).output;
}

const PINV_ITERATIONS = 6;
