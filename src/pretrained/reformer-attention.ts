/** The attention of one layer of a Reformer, local or by hashing, as released or with a variant in its place. */

import { ArgumentError, expectShape } from '../core/errors.ts';
import { expectTensor } from '../core/ops/check.ts';
import {
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
import { type Module, named } from '../training/named.ts';
import type { Pass } from '../training/repeatable.ts';
import type { AttentionInputs } from '../variants/variant.ts';
import type { AttendInstead, Rotations } from './architecture.ts';
import { attendedInstead } from './inputs.ts';
import { attendInCircle, type Rounds } from './reformer-circle.ts';
import { bucketsFor, type ChunkSettings, paddedLength, type ReformerDescription } from './reformer-config.ts';
import { REPLACEMENT, type Replacement } from './replacement.ts';
import { unfilledLinear } from './unfilled.ts';

export interface ReformerAttentionCall {
  training: boolean;
  pass: Pass;
  keyMask?: Tensor | undefined;
  attend?: AttendInstead | undefined;
  rotations?: Rotations | undefined;
}

/** A token attends to itself only if it has nobody else. */
const SELF_BIAS = -1e5;
/** Added to the mean square of a key before it is divided by its root. */
const KEY_EPSILON = 1e-6;

export class ReformerAttention implements Module {
  /** Of local attention three; by hashing, queries are keys too. */
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

  /** Self-attention of x [batch, length, modelDim], to the same. */
  forward(x: Tensor, call: ReformerAttentionCall): Tensor {
    const { query, key, queryKey, value } = this.projections;
    const { headDim } = this.#description;
    const { keyMask, attend, training, pass } = call;
    const values = this.#heads(x, value);
    const queries = this.#heads(x, (queryKey ?? query) as Linear);
    const keys = key && this.#heads(x, key);
    const released = () =>
      keys === undefined ? this.#byHashing(queries, values, call) : this.#local(queries, keys, values, keyMask);
    if (this.replacement === null && attend === undefined) return this.#merge(released());

    // In the paper's terms, scores of hashing are those of queries √d as long with keys of length 1.
    const shared = keys === undefined ? scale(queries, Math.sqrt(headDim)) : queries;
    const inputs: AttentionInputs = {
      queries: shared,
      keys: keys ?? normalizeRows(shared),
      values,
      ...(keyMask && { keyMask }),
    };
    const mixing = this.replacement?.mixing;
    const own = () => mixing?.attend(inputs, { training, once: pass.once }) ?? released();
    return this.#merge(attend === undefined ? own() : attendedInstead(attend, inputs, this.#layer, own));
  }

  #local(queries: Tensor, keys: Tensor, values: Tensor, keyMask: Tensor | undefined): Tensor {
    const [batch, heads, length, headDim] = queries.shape;
    const scaled = scale(keys, 1 / Math.sqrt(headDim));
    const full = paddedLength(this.#description, length);
    const places = Int32Array.from({ length: batch * heads * full }, (_, n) => n % full);
    const order = fromArray(places, [batch, heads, 1, full], 'int32');
    return this.#inCircle({ queries, keys: scaled, values }, { order, place: order }, { keyMask, selfBias: 0 });
  }

  #byHashing(queries: Tensor, values: Tensor, call: ReformerAttentionCall): Tensor {
    const [batch, heads, length, headDim] = queries.shape;
    const { chunks, hashes } = this.#description;
    const rootMeanSquare = sqrt(shift(mean(multiply(queries, queries), -1, true), KEY_EPSILON));
    const keys = scale(divide(queries, rootMeanSquare), 1 / Math.sqrt(headDim));
    const full = paddedLength(this.#description, length);
    // One chunk is not hashed: one bucket, one round.
    const hashed = full > (chunks.lsh as ChunkSettings).chunkLength;
    const count = hashed ? bucketsFor(this.#description, full).reduce((product, each) => product * each, 1) : 1;
    const shape = [batch, heads, hashed ? hashes : 1, full];
    const buckets = hashed
      ? call.pass.once('buckets', () => this.#buckets(queries, count, shape, call))
      : fromArray(new Int32Array(batch * heads * full), shape, 'int32');
    const options = { keyMask: call.keyMask, selfBias: SELF_BIAS };
    return this.#inCircle({ queries, keys, values }, countingSort(buckets, count + 1), options);
  }

  /** int32 [batch, heads, hashes, full]; padding, ours included, is in one more bucket, the last. */
  #buckets(queries: Tensor, count: number, shape: readonly number[], call: ReformerAttentionCall): Tensor {
    const [batch, heads, length, headDim] = queries.shape;
    const { hashes } = this.#description;
    const full = shape[3];
    const factors = bucketsFor(this.#description, full);
    const directions = factors.reduce((total, factor) => total + factor / 2, 0);
    const drawn = this.#rotations([heads, headDim, hashes, directions], queries.dtype as FloatType, call);
    const rotations = contiguous(transpose(drawn, [0, 2, 1, 3]));
    const buckets = new Int32Array(batch * heads * hashes * full).fill(count);
    const real = call.keyMask && elements(call.keyMask);
    let [begin, step] = [0, 1];
    for (const factor of factors) {
      const hash = elements(directionHash(queries, contiguous(slice(rotations, 3, begin, begin + factor / 2))));
      for (let n = 0; n < hash.length; n++) {
        const [round, token] = [Math.floor(n / length), n % length];
        if (real?.[Math.floor(round / (heads * hashes)) * length + token] === 0) continue;
        const at = round * full + token;
        buckets[at] = (begin === 0 ? 0 : buckets[at]) + step * hash[n];
      }
      begin += factor / 2;
      step *= factor;
    }
    return fromArray(buckets, shape, 'int32');
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
    // With a seed all layers that ask for as many get the same.
    if (hashSeed !== null) return randomNormal(shape, new Random(hashSeed).split('rotations'), dtype);
    const random = call.training ? call.pass.random : new Random(this.#seed).split(`layer ${this.#layer}`);
    return randomNormal(shape, random.split('rotations'), dtype);
  }

  /** Fills up to whole chunks with padding that nobody sees, and takes it off again. */
  #inCircle(
    inputs: { queries: Tensor; keys: Tensor; values: Tensor },
    rounds: Rounds,
    { keyMask, selfBias }: { keyMask: Tensor | undefined; selfBias: number },
  ): Tensor {
    const { causal, chunks, attention } = this.#description;
    const length = inputs.queries.shape[2];
    const full = rounds.order.shape[3];
    const settings = chunks[attention[this.#layer]] as ChunkSettings;
    const one = full <= settings.chunkLength;
    const filledUp = (x: Tensor) => (full === length ? x : padRows(x, 2, full - length));
    const attended = attendInCircle(
      { queries: filledUp(inputs.queries), keys: filledUp(inputs.keys), values: filledUp(inputs.values) },
      rounds,
      {
        ...(one ? { chunkLength: full, before: 0, after: 0 } : settings),
        causal,
        selfBias,
        keyMask: maskOf(inputs.queries.shape[0], length, full, keyMask),
      },
    );
    return full === length ? attended : contiguous(slice(attended, 2, 0, length));
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

/** The mask of a text that is filled up; undefined where all is real. */
function maskOf(batch: number, length: number, full: number, keyMask: Tensor | undefined): Tensor | undefined {
  if (full === length) return keyMask;
  const given = keyMask && elements(keyMask);
  const flags = new Uint8Array(batch * full);
  for (let text = 0; text < batch; text++) {
    for (let token = 0; token < length; token++) flags[text * full + token] = given?.[text * length + token] ?? 1;
  }
  return fromArray(flags, [batch, full], 'uint8');
}
