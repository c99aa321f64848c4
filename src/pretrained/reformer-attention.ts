/** The attention of one layer of a Reformer, local or by hashing: the released model's own, or a variant in its place. */

import { ArgumentError, expectShape } from '../core/errors.ts';
import { expectTensor } from '../core/ops/check.ts';
import {
  concat,
  contiguous,
  countingSort,
  directionHash,
  divide,
  mean,
  multiply,
  normalizeRows,
  padRows,
  reshape,
  scale,
  shift,
  slice,
  sqrt,
  transpose,
} from '../core/ops/index.ts';
import { Random } from '../core/random.ts';
import { elements, fromArray, randomNormal, type Tensor } from '../core/tensor.ts';
import { type FloatType, type Linear, linear } from '../training/linear.ts';
import { type Module, named } from '../training/module.ts';
import type { OwnLosses } from '../training/own-loss.ts';
import type { Pass } from '../training/repeatable.ts';
import type { AttentionInputs } from '../variants/variant.ts';
import type { AttendInstead, Rotations } from './architecture.ts';
import { attendedInstead } from './inputs.ts';
import { attendInCircle, type Rounds } from './reformer-circle.ts';
import { bucketsFor, type ChunkSettings, type ReformerDescription } from './reformer-config.ts';
import { REPLACEMENT, type Replacement } from './replacement.ts';
import { unfilledLinear } from './unfilled.ts';

export interface ReformerAttentionCall {
  training: boolean;
  pass: Pass;
  /** uint8 [batch, full] */
  keyMask?: Tensor | undefined;
  /** The length of the texts before they were padded to whole chunks. */
  length: number;
  attend?: AttendInstead | undefined;
  rotations?: Rotations | undefined;
  /** Where the loss of a replacing variant goes. */
  losses?: OwnLosses | undefined;
}

/** A token attends to itself only if it sees no other token. */
const SELF_BIAS = -1e5;
/** Added to the mean square of a key before the key is divided by the root. */
const KEY_EPSILON = 1e-6;

export class ReformerAttention implements Module {
  /** Local attention has three; with hashing, queries are keys too. */
  readonly projections: { query?: Linear; key?: Linear; queryKey?: Linear; value: Linear };
  readonly output: Linear;
  readonly replacement: Replacement | null;
  readonly #description: ReformerDescription;
  readonly #layer: number;
  readonly #seed: number;

  constructor(
    description: ReformerDescription,
    layer: number,
    { dtype, seed, replacement }: { dtype: FloatType; seed: number; replacement: Replacement | null },
  ) {
    const { modelDim, heads, headDim, attention } = description;
    this.#description = description;
    this.#layer = layer;
    this.#seed = seed;
    const projection = () => unfilledLinear(modelDim, heads * headDim, dtype, false);
    this.projections =
      attention[layer] === 'lsh'
        ? { queryKey: projection(), value: projection() }
        : { query: projection(), key: projection(), value: projection() };
    this.output = unfilledLinear(heads * headDim, modelDim, dtype, false);
    this.replacement = replacement;
  }

  tensors(): Map<string, Tensor> {
    const { projections, output, replacement } = this;
    return named({ ...projections, output, [REPLACEMENT]: replacement?.own ? replacement.mixing.parameters : {} });
  }

  /**
   * Self-attention of x [batch, full, modelDim]; the result has the same shape. The rows from `call.length` on are our
   * padding.
   */
  forward(x: Tensor, call: ReformerAttentionCall): Tensor {
    const { query, key, queryKey, value } = this.projections;
    const values = this.#heads(x, value);
    const queries = this.#heads(x, (queryKey ?? query) as Linear);
    const keys = key && this.#heads(x, key);
    const released = () =>
      keys === undefined ? this.#byHashing(queries, values, call) : this.#local(queries, keys, values, call.keyMask);
    if (this.replacement === null && call.attend === undefined) return this.#merge(released());
    return this.#merge(this.#instead({ queries, keys, values }, released, call));
  }

  /** With a variant or a caller's function in its place. These see the text without our padding. */
  #instead(
    { queries, keys, values }: { queries: Tensor; keys: Tensor | undefined; values: Tensor },
    released: () => Tensor,
    { attend, keyMask, length, pass, training, losses }: ReformerAttentionCall,
  ): Tensor {
    const full = queries.shape[2];
    const ofText = (rows: Tensor) => (full === length ? rows : contiguous(slice(rows, 2, 0, length)));
    // In the paper's terms, scores of hashing use queries √d times as long and keys of norm 1.
    const shared = keys === undefined ? scale(queries, Math.sqrt(this.#description.headDim)) : queries;
    const mask = keyMask && maskOfText(keyMask, length);
    const inputs: AttentionInputs = {
      queries: ofText(shared),
      keys: ofText(keys ?? normalizeRows(shared)),
      values: ofText(values),
      ...(mask && { keyMask: mask }),
    };
    let whole: Tensor | undefined;
    const own = () => {
      const replaced = this.replacement?.mixing.attend(inputs, { training, once: pass.once, losses });
      if (replaced !== undefined) return replaced;
      whole = released();
      return ofText(whole);
    };
    const rows = attend === undefined ? own() : attendedInstead(attend, inputs, this.#layer, own);
    if (full === length) return rows;
    return whole === undefined ? padRows(rows, 2, full - length) : concat([rows, slice(whole, 2, length, full)], 2);
  }

  #local(queries: Tensor, keys: Tensor, values: Tensor, keyMask: Tensor | undefined): Tensor {
    const [batch, heads, length, headDim] = queries.shape;
    const scaled = scale(keys, 1 / Math.sqrt(headDim));
    const places = Int32Array.from({ length: batch * heads * length }, (_, n) => n % length);
    const order = fromArray(places, [batch, heads, 1, length], 'int32');
    return this.#inCircle({ queries, keys: scaled, values }, { order, place: order }, { keyMask, selfBias: 0 });
  }

  #byHashing(queries: Tensor, values: Tensor, call: ReformerAttentionCall): Tensor {
    const [batch, heads, length, headDim] = queries.shape;
    const { chunks, hashes } = this.#description;
    const rootMeanSquare = sqrt(shift(mean(multiply(queries, queries), -1, true), KEY_EPSILON));
    const keys = scale(divide(queries, rootMeanSquare), 1 / Math.sqrt(headDim));
    // A single chunk is not hashed: one bucket, one round.
    const hashed = length > (chunks.lsh as ChunkSettings).chunkLength;
    const count = hashed ? bucketsFor(this.#description, length).reduce((product, each) => product * each, 1) : 1;
    const shape = [batch, heads, hashed ? hashes : 1, length];
    const buckets = hashed
      ? call.pass.once('buckets', () => this.#buckets(queries, count, call))
      : fromArray(new Int32Array(batch * heads * length), shape, 'int32');
    const options = { keyMask: call.keyMask, selfBias: SELF_BIAS };
    return this.#inCircle({ queries, keys, values }, countingSort(buckets, count + 1), options);
  }

  /** int32 [batch, heads, hashes, length]; padding has its own bucket, the last. */
  #buckets(queries: Tensor, count: number, call: ReformerAttentionCall): Tensor {
    const [batch, heads, length, headDim] = queries.shape;
    const { hashes } = this.#description;
    const factors = bucketsFor(this.#description, length);
    const directions = factors.reduce((total, factor) => total + factor / 2, 0);
    const drawn = this.#rotations([heads, headDim, hashes, directions], queries.dtype as FloatType, call);
    const rotations = contiguous(transpose(drawn, [0, 2, 1, 3]));
    const buckets = new Int32Array(batch * heads * hashes * length);
    const real = call.keyMask && elements(call.keyMask);
    let [begin, step] = [0, 1];
    for (const factor of factors) {
      const hash = elements(directionHash(queries, contiguous(slice(rotations, 3, begin, begin + factor / 2))));
      for (let n = 0; n < hash.length; n++) buckets[n] += step * hash[n];
      begin += factor / 2;
      step *= factor;
    }
    for (let n = 0; n < buckets.length; n++) {
      const text = Math.floor(n / (heads * hashes * length));
      if (real?.[text * length + (n % length)] === 0) buckets[n] = count;
    }
    return fromArray(buckets, [batch, heads, hashes, length], 'int32');
  }

  #rotations(shape: readonly [number, number, number, number], dtype: FloatType, call: ReformerAttentionCall): Tensor {
    const [heads, headDim, hashes, directions] = shape;
    if (call.rotations !== undefined) {
      const given = call.rotations({ layer: this.#layer, heads, headDim, hashes, directions });
      expectTensor('rotations', given);
      expectShape('rotations', given.shape, shape, 'as [heads, headDim, hashes, directions]');
      if (given.dtype !== dtype) throw new ArgumentError(`rotations: expected ${dtype}, got ${given.dtype}`);
      return given;
    }
    const { hashSeed } = this.#description;
    // With a seed, all layers with the same number of directions get the same ones.
    if (hashSeed !== null) return randomNormal(shape, new Random(hashSeed).split('rotations'), dtype);
    const random = call.training ? call.pass.random : new Random(this.#seed).split(`layer ${this.#layer}`);
    return randomNormal(shape, random.split('rotations'), dtype);
  }

  #inCircle(
    inputs: { queries: Tensor; keys: Tensor; values: Tensor },
    rounds: Rounds,
    { keyMask, selfBias }: { keyMask: Tensor | undefined; selfBias: number },
  ): Tensor {
    const { causal, chunks, attention } = this.#description;
    const length = inputs.queries.shape[2];
    const settings = chunks[attention[this.#layer]] as ChunkSettings;
    const whole = length <= settings.chunkLength ? { chunkLength: length, before: 0, after: 0 } : settings;
    return attendInCircle(inputs, rounds, { ...whole, causal, selfBias, keyMask });
  }

  #heads(x: Tensor, projection: Linear): Tensor {
    const { heads, headDim } = this.#description;
    const rows = reshape(linear(x, projection), [x.shape[0], x.shape[1], heads, headDim]);
    return contiguous(transpose(rows, [0, 2, 1, 3]));
  }

  #merge(mixed: Tensor): Tensor {
    const [batch, heads, length, headDim] = mixed.shape;
    return linear(reshape(transpose(mixed, [0, 2, 1, 3]), [batch, length, heads * headDim]), this.output);
  }
}

/** The flags of the text itself; undefined if all tokens are real. */
function maskOfText(keyMask: Tensor, length: number): Tensor | undefined {
  const [batch, full] = keyMask.shape;
  const all = elements(keyMask);
  const flags = Array.from({ length: batch }, (_, text) => [...all.subarray(text * full, text * full + length)]).flat();
  return flags.every((flag) => flag === 1) ? undefined : fromArray(flags, [batch, length], 'uint8');
}
