/**
 * The sparse feed-forward layer of Scaling Transformers (Jaszczur et al. 2021, *Sparse is Enough in Scaling Transformers*,
 * arXiv 2111.12763, §3.1): a controller chooses one hidden unit in each block of N.
 *
 * Problem: to decode one token, a feed-forward layer reads all of its weights.
 * Idea: a small network looks at the token and says which unit of each block of N may be other than 0, so that the weights of the
 *   others need not be read.
 * Cost: evaluation and generation take d_ff/N of the d_ff units and the controller's d_model · r + r · d_ff products; training
 *   computes all units, as in the paper.
 * It gives up: speed in training.
 *
 * The sparse projections of the paper's attention (§3.2) are ../multiplicative.ts, an option of any attention.
 *
 *     controller(x) = argmax of each block of N of x C₁ C₂,   C₁ [d_model, r], C₂ [r, d_ff]
 *     y = (max(0, x W₁ + b₁) ∘ controller(x)) W₂ + b₂
 *
 * While training the choice is that of a Gumbel softmax: argmax(log p + τ g), p the softmax of a block. In a share of the steps
 * (`hardShare`) units are multiplied by that choice, 0 or 1, with the gradient of p in its place; in the others by p itself.
 *
 * Departs from the paper: τ and the share, which the paper's text leaves to its code, are those of Trax, 0.1 and 0.3.
 */

import { ArgumentError } from '../../core/errors.ts';
import {
  add,
  concat,
  detach,
  expandDims,
  gatherRows,
  matmul,
  multiply,
  relu,
  reshape,
  scale,
  slice,
  softmax,
  subtract,
} from '../../core/ops/index.ts';
import type { Random } from '../../core/random.ts';
import { elements, fromArray, randomNormal, type Tensor, zeros } from '../../core/tensor.ts';
import { integer, number } from '../../variants/options.ts';
import type { FeedForwardCall, FeedForwardKind, FeedForwardPlace } from './kind.ts';
import { realRows } from './real-rows.ts';

/** Complete options of the controlled layer. */
export type ControlledOptions = { blockSize: number; lowRank: number; temperature: number; hardShare: number };

/** A type, so that a record of learned tensors can hold it. */
export type ControlledParameters = {
  /** [width, r] */
  C1: Tensor;
  /** [r, hidden] */
  C2: Tensor;
  /** W₁ᵀ, [hidden, width], so that the weights of a unit are a row. */
  W1: Tensor;
  /** [hidden] */
  b1: Tensor;
  /** [hidden, width] */
  W2: Tensor;
  /** [width] */
  b2: Tensor;
};

/** The layer for x [batch, length, width]. */
function apply(x: Tensor, options: ControlledOptions, parameters: ControlledParameters, call: FeedForwardCall): Tensor {
  const { blockSize, temperature, hardShare } = options;
  const { C1, C2, W1, b1, W2, b2 } = parameters;
  const [hidden, width] = W1.shape;
  const rows = reshape(x, [-1, width]);
  const [tokens] = rows.shape;
  const blocks = hidden / blockSize;
  const real = call.keyMask === undefined ? null : elements(call.keyMask);

  const p = softmax(reshape(matmul(matmul(rows, C1), C2), [tokens, blocks, blockSize]));
  const units = elements(call.once('choices', () => decide(p, call, temperature, real))) as Int32Array;
  let y: Tensor;
  if (call.training) {
    const isHard = call.random.split('hard').uniform() < hardShare;
    const mask = isHard ? add(subtract(p, detach(p)), oneOfEach(units, p)) : p;
    const inner = relu(add(matmul(rows, W1, { transposeB: true }), b1));
    y = add(matmul(multiply(inner, reshape(mask, [tokens, hidden])), W2), b2);
  } else {
    y = chosenUnits(rows, units, blocks, parameters);
  }
  return reshape(real === null ? y : multiply(y, realRows(real, x.dtype)), x.shape);
}

/** The unit of each block of each token, [tokens × blocks] of 0 … hidden − 1. */
function decide(p: Tensor, call: FeedForwardCall, temperature: number, real: ArrayLike<number> | null): Tensor {
  const [tokens, blocks, blockSize] = p.shape;
  const shares = elements(p);
  const random = call.training && temperature > 0 ? call.random.split('gumbel') : null;
  const units = new Int32Array(tokens * blocks);
  for (let at = 0; at < units.length; at++) {
    const begin = (at % blocks) * blockSize;
    let [best, highest] = [0, Number.NEGATIVE_INFINITY];
    for (let i = 0; i < blockSize; i++) {
      const share = shares[at * blockSize + i];
      // log p + τ g with g = −log(−log u); p itself has the same order as log p.
      const score = random === null ? share : Math.log(share) - temperature * Math.log(-Math.log(drawn(random)));
      if (score > highest) [best, highest] = [i, score];
    }
    units[at] = begin + best;
  }
  const choices = units.map((unit, at) => ((real?.[Math.floor(at / blocks)] ?? 1) === 1 ? unit : -1));
  const among = blocks * blockSize;
  const loads = new Int32Array(among);
  for (const unit of choices) if (unit >= 0) loads[unit]++;
  call.note({ choices, perToken: blocks, among, loads, dropped: 0, capacity: tokens });
  return fromArray(units, [tokens, blocks], 'int32');
}

/** In (0, 1), so that its logarithm is finite and not 0. */
function drawn(random: Random): number {
  return Math.min(1 - 2 ** -53, Math.max(2 ** -53, random.uniform()));
}

/** 1 at the chosen units, 0 elsewhere, of the shape of p. */
function oneOfEach(units: Int32Array, p: Tensor): Tensor {
  const [tokens, blocks, blockSize] = p.shape;
  const hidden = blocks * blockSize;
  const flags = new Float64Array(tokens * hidden);
  for (const [at, unit] of units.entries()) flags[Math.floor(at / blocks) * hidden + unit] = 1;
  return fromArray(flags, p.shape, p.dtype);
}

/** Numbers of gathered weights that are held at once. */
const HELD = 2 ** 21;

/** y with the chosen units alone, whose weights are read token by token. */
function chosenUnits(
  rows: Tensor,
  units: Int32Array,
  blocks: number,
  { W1, b1, W2, b2 }: ControlledParameters,
): Tensor {
  const [tokens, width] = rows.shape;
  const some = Math.max(1, Math.floor(HELD / (blocks * width)));
  const parts: Tensor[] = [];
  for (let begin = 0; begin < tokens; begin += some) {
    const end = Math.min(tokens, begin + some);
    const own = units.slice(begin * blocks, end * blocks);
    const shape = [end - begin, blocks, width];
    const x = expandDims(slice(rows, 0, begin, end), 1);
    const weights = reshape(gatherRows(W1, own), shape);
    const biases = reshape(gatherRows(reshape(b1, [-1, 1]), own), [end - begin, 1, blocks]);
    const inner = relu(add(matmul(x, weights, { transposeB: true }), biases));
    parts.push(reshape(matmul(inner, reshape(gatherRows(W2, own), shape)), [end - begin, width]));
  }
  return add(concat(parts, 0), b2);
}

/** r of the controller. */
function rankOf({ blockSize, lowRank }: ControlledOptions, width: number): number {
  return lowRank === 0 ? Math.max(1, Math.ceil(width / blockSize)) : lowRank;
}

/** Weights by Glorot & Bengio 2010; biases 0. */
function parameters(
  options: ControlledOptions,
  { width, hidden, dtype }: FeedForwardPlace,
  random: Random,
): ControlledParameters {
  const { blockSize } = options;
  if (hidden % blockSize !== 0) {
    throw new ArgumentError(`feedForward.blockSize: expected a divisor of d_ff ${hidden}, got ${blockSize}`);
  }
  const rank = rankOf(options, width);
  const draw = (name: string, from: number, to: number) =>
    scale(randomNormal([from, to], random.split(name), dtype), Math.sqrt(2 / (from + to))).withGrad();
  return {
    C1: draw('C1', width, rank),
    C2: draw('C2', rank, hidden),
    W1: draw('W1', hidden, width),
    b1: zeros([hidden], dtype).withGrad(),
    W2: draw('W2', hidden, width),
    b2: zeros([width], dtype).withGrad(),
  };
}

/** The layer of Scaling Transformers, as a kind for `feedForward` of a model. */
export const controlledKind: FeedForwardKind<ControlledOptions, ControlledParameters> = {
  name: 'controlled',
  papers: [
    {
      authors: 'Jaszczur et al.',
      year: 2021,
      title: 'Sparse is Enough in Scaling Transformers',
      arxiv: '2111.12763',
    },
  ],
  options: {
    blockSize: integer({
      symbol: 'N',
      minimum: 1,
      limit: 2 ** 16,
      default: 16,
      description: 'units of a block, of which one is used',
    }),
    lowRank: integer({
      symbol: 'r',
      minimum: 0,
      limit: 2 ** 16,
      default: 0,
      description: 'rank of the controller; 0: d_model / N, rounded up',
    }),
    temperature: number({
      symbol: 'τ',
      minimum: 0,
      maximum: 1e3,
      default: 0.1,
      description: 'weight of the noise while training',
    }),
    hardShare: number({
      minimum: 0,
      maximum: 1,
      default: 0.3,
      description: 'share of steps that train with single units',
    }),
  },
  counts: (options, { width, hidden }) => {
    const controller = (width + hidden) * rankOf(options, width);
    const of = (units: number) => controller + (2 * width + 1) * units + width;
    return { all: of(hidden), active: of(hidden / options.blockSize) };
  },
  parameters,
  apply,
};
