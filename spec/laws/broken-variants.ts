/** Copies of the dummy with one thing wrong each, and the laws that must notice. */
import { record } from '../../src/core/autograd.ts';
import { ArgumentError } from '../../src/core/errors.ts';
import {
  add,
  attention,
  band,
  detach,
  divide,
  exp,
  expandDims,
  matmul,
  max,
  mean,
  multiply,
  reshape,
  scale,
  shift,
  slice,
  softmax,
  subtract,
  sum,
  tanh,
} from '../../src/core/ops/index.ts';
import { threadCount } from '../../src/core/parallel/pool.ts';
import { keep } from '../../src/core/scope.ts';
import { elements, fromArray, type Tensor, zeros } from '../../src/core/tensor.ts';
import type { Attending, AttentionInputs, AttentionVariant } from '../../src/variants/variant.ts';
import { type DummyOptions, dummy, windowed } from './dummy-variant.ts';

export interface Broken {
  /** What is wrong. */
  fault: string;
  /** Parts of the names of the laws that must fail. */
  laws: string[];
  variant: AttentionVariant<DummyOptions>;
}

/** What notices that something of a masked key gets through. */
const seesPadding = [
  'what a masked key and its value hold',
  'in masked keys and values change no bit',
  'no output and no gradient of real ones',
];

export const brokenVariants: Broken[] = [
  broken('leaks one future token', ['up to i stays', 'has no gradient in the tokens after i'], {
    attend: ({ queries, keys, values, keyMask }, { causal, reach }) => {
      const layout = band(keys.shape[2], { before: reach, after: causal ? 1 : reach });
      return attention(queries, keys, values, layout, { keyMask }).output;
    },
  }),
  broken('counts masked keys', [...seesPadding, 'where all keys are masked the output'], {
    attend: ({ keyMask, ...inputs }, options) => windowed(inputs, options),
  }),
  broken(
    'sees further than its pattern says',
    ['zero outside its pattern', 'equals dense attention under its pattern'],
    {
      attend: (inputs, options) => windowed(inputs, { ...options, reach: options.reach + 1 }),
    },
  ),
  broken('says that it weighs keys out of its window', ['above 0 for every key'], { weighsAll: () => true }),
  broken('divides by zero where nothing is visible', ['where all keys are masked the output'], {
    attend: (inputs, options) => {
      const output = windowed(inputs, options);
      const { keyMask } = inputs;
      if (keyMask === undefined) return output;
      const counts = fromArray(elements(keyMask), keyMask.shape, output.dtype);
      const visible = expandDims(expandDims(sum(counts, 1, true), 1), 1);
      return divide(output, divide(visible, visible));
    },
  }),
  broken('builds an L × L array', ['attending takes O(L)', 'training takes O(L)'], {
    attend: ({ queries, keys, values }) => {
      const scores = scale(matmul(queries, keys, { transposeB: true }), 1 / Math.sqrt(queries.shape[3]));
      return matmul(softmax(scores), values);
    },
  }),
  broken('builds an L × L mask outside tensor memory', ['attending takes O(L)'], {
    attend: (inputs, options) => {
      const length = inputs.keys.shape[2];
      const mask = new Float32Array(length * length);
      mask[0] = 1;
      return mask[0] === 1 ? windowed(inputs, options) : inputs.values;
    },
  }),
  broken('is random without a seed', ['the same seed gives the same bits'], {
    attend: (inputs, options) => scale(windowed(inputs, options), 1 + Math.random()),
  }),
  broken('writes into its inputs', ['the inputs are left as they were'], {
    attend: (inputs, options) => {
      const output = windowed(inputs, options);
      elements(inputs.values)[0] += 1;
      return output;
    },
  }),
  broken('is not linear in the values', ['linear in the values', 'equals dense attention under its pattern'], {
    attend: (inputs, options) => tanh(windowed(inputs, options)),
  }),
  broken('mixes the entries of a batch', ['a batch gives what its entries give alone'], {
    attend: (inputs, options) => leaning(windowed(inputs, options), 0),
  }),
  broken('mixes heads', ['a head sees nothing of the other heads'], {
    attend: (inputs, options) => leaning(windowed(inputs, options), 1),
  }),
  broken('has no gradient in the keys', ['agree with central differences'], {
    attend: ({ keys, ...inputs }, options) => windowed({ ...inputs, keys: detach(keys) }, options),
  }),
  broken('has a gradient in the values that is 1% too large', ['agree with central differences'], {
    attend: ({ values, ...inputs }, options) =>
      windowed({ ...inputs, values: withScaledGradient(values, 1.01) }, options),
  }),
  broken('has another output where its gradients are whole', ['cut off leave the output as it is'], {
    withWholeGradient: (options) => ({ ...options, reach: Math.max(0, options.reach - 1) }),
  }),
  broken('depends on the number of threads', ['threads: 1, 2, 3 and 8'], {
    attend: (inputs, options) => scale(windowed(inputs, options), 1 + threadCount() / 1000),
  }),
  broken('keeps memory', ['after attending, only the output is left'], {
    attend: (inputs, options) => {
      kept.push(keep(zeros([64])));
      return windowed(inputs, options);
    },
  }),
  broken('reads the rows of a view in the wrong order', ['strided views'], {
    attend: (inputs, options) => windowed({ ...inputs, values: misread(inputs.values) }, options),
  }),
  broken(
    'lets the padding at the end move the attention',
    ['masked tokens at the end give what the shorter input gives'],
    {
      attend: (inputs, options) => scale(windowed(inputs, options), 1 / inputs.keys.shape[2]),
    },
  ),
  broken('drops the last query', ['has the shape of the queries'], {
    attend: (inputs, options) => {
      const output = windowed(inputs, options);
      const length = output.shape[2];
      return length === 1 ? output : slice(output, 2, 0, length - 1);
    },
  }),
  broken('counts some pairs twice in its cost', ['each counted once', 'are those that run'], {
    cost: (shape, options) => ({ flops: 1.3 * dummy.cost(shape, options).flops }),
  }),
  broken(
    'subtracts one maximum from all scores, so that what is smaller by far underflows',
    ['up to i stays', 'come out as 1', 'under its pattern (float32'],
    {
      attend: (inputs, options) => byHand(inputs, options, { stabiliser: 'of all', floor: 1e-30 }),
    },
  ),
  broken(
    'leaves its sum of exponentials to overflow',
    ['stability: outputs and gradients are finite', 'float32 gives what float64 gives'],
    {
      attend: (inputs, options) => byHand(inputs, options, { stabiliser: 'none', floor: 1e-30 }),
    },
  ),
  broken(
    'adds a floor to the sum that is seen where the weights are small',
    ['come out as 1', 'equals dense attention'],
    {
      attend: (inputs, options) => byHand(inputs, options, { stabiliser: 'none', floor: 1e-3 }),
    },
  ),
  broken(
    'multiplies by the mask what was scaled by the largest score of all keys',
    ['what a masked key and its value'],
    {
      attend: (inputs, options) => byHand(inputs, options, { stabiliser: 'of row, masked too', floor: 1e-30 }),
    },
  ),
  broken(
    'goes on from a state with one token of its window missing',
    ['decoding: every step gives the row', 'continuing: pieces of any lengths'],
    {
      attend: (inputs, options, parameters, state) => {
        const shorter = { ...options, reach: Math.max(0, options.reach - 1) };
        return dummy.attend(inputs, state === undefined ? options : shorter, parameters, state);
      },
    },
  ),
  broken('counts the tokens that it goes on from twice', ['continuing: pieces of any lengths'], {
    attend: (inputs, options, parameters, state) => {
      const { output, state: next } = dummy.attend(inputs, options, parameters, state) as Attending;
      const keys = next?.tensors.keys;
      if (next === null || keys === undefined) return { output, state: next };
      return { output, state: { ...next, tensors: { ...next.tensors, keys: scale(keys, 2) } } };
    },
  }),
  broken('has a cost that shrinks', ['cost'], {
    cost: ({ keyLength }) => ({ flops: 1e9 / keyLength }),
  }),
  broken('accepts no options at all', ['linear in the values', 'the same seed gives the same bits', 'cost'], {
    check: () => {
      throw new ArgumentError('reach: never right');
    },
  }),
];

const kept: Tensor[] = [];

function broken(fault: string, laws: string[], part: Partial<AttentionVariant<DummyOptions>>): Broken {
  return { fault, laws, variant: { ...dummy, name: 'broken', ...part } };
}

/** The dummy's attention written out, with the exponentials and the sum as an engineer in a hurry may have them. */
function byHand(
  { queries, keys, values, keyMask }: AttentionInputs,
  { causal, reach }: DummyOptions,
  { stabiliser, floor }: { stabiliser: 'of all' | 'of row, masked too' | 'none'; floor: number },
): Tensor {
  const [batch, heads, length, headDim] = keys.shape;
  const seen = new Uint8Array(batch * heads * length * length);
  const flags = keyMask && elements(keyMask);
  for (let at = 0; at < seen.length; at++) {
    const [key, query] = [at % length, Math.floor(at / length) % length];
    const isNear = key >= query - reach && key <= query + (causal ? 0 : reach);
    seen[at] = isNear && flags?.[Math.floor(at / (heads * length * length)) * length + key] !== 0 ? 1 : 0;
  }
  const visible = fromArray(seen, [batch, heads, length, length], keys.dtype);
  const scores = scale(matmul(queries, keys, { transposeB: true }), 1 / Math.sqrt(headDim));
  const largest = max(stabiliser === 'of all' ? reshape(scores, [1, scores.size]) : scores, -1, true);
  const shifted = stabiliser === 'none' ? scores : subtract(scores, largest);
  const weights = multiply(exp(shifted), visible);
  return divide(matmul(weights, values), shift(sum(weights, 3, true), floor));
}

/** `output` plus a little of the sum of its neighbours along `axis`. */
function leaning(output: Tensor, axis: number): Tensor {
  return add(output, scale(mean(output, axis, true), 0.01));
}

function withScaledGradient(tensor: Tensor, factor: number): Tensor {
  const copy = fromArray(tensor.toArray(), tensor.shape, tensor.dtype);
  return record('scaled gradient', copy, [tensor], (gradient) => [scale(gradient, factor)]);
}

/** Takes the elements in the order of the heap, whatever the strides say. */
function misread(tensor: Tensor): Tensor {
  const { data, offset } = tensor.array;
  return fromArray(data.slice(offset, offset + tensor.size), tensor.shape, tensor.dtype);
}
