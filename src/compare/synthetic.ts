/** Random queries, keys and values of any length, for three kinds of attention: even, by cluster, or on one key. */
import { ArgumentError, expectInteger } from '../core/errors.ts';
import { expectList, expectOptions, integerOf } from '../core/expect.ts';
import { Random } from '../core/random.ts';
import { fromArray } from '../core/tensor.ts';
import { unknownName } from '../terminal/suggest.ts';
import type { AttentionInputs } from '../variants/variant.ts';
import type { ComparisonInput } from './inputs.ts';
import { expectRoom } from './room.ts';

/** The effect of each distribution on attention, in words for help and reports. */
export const DISTRIBUTIONS = {
  gaussian: 'independent normal numbers: attention is almost even',
  clustered: 'tokens of 16 kinds: a token attends to those of its own kind, wherever they are',
  peaked: 'each token attends to one token at or before it, and to little else',
} as const;

/** The kinds of random numbers that `syntheticInput` can draw. */
export type Distribution = keyof typeof DISTRIBUTIONS;

/** The sizes and the distribution of the input that `syntheticInput` draws. */
export interface SyntheticSettings {
  lengths: readonly number[];
  /** `gaussian` by default. */
  distribution?: Distribution;
  batch?: number;
  heads?: number;
  headDim?: number;
  seed?: number;
}

const CLUSTERS = 16;
/** Noise of a clustered token around the centre of its kind, which is itself standard normal. */
const SPREAD = 0.5;
/** A peaked query is this many times the key it looks for: a score of about 2√headDim against a deviation of 2. */
const PEAK = 2;

/**
 * Random queries, keys and values, one case for each distinct length; the numbers of a length do not depend on the others.
 * Throws ArgumentError.
 *
 * @example
 * ```ts
 * const input = syntheticInput({ lengths: [1024, 4096], heads: 1, headDim: 64 });
 * ```
 */
export function syntheticInput(settings: SyntheticSettings): ComparisonInput {
  expectOptions('settings', settings, {
    lengths: expectList,
    distribution: (name, value) => {
      const known = Object.keys(DISTRIBUTIONS);
      if (!known.includes(value as string)) throw new ArgumentError(`${name}: ${unknownName('input', value, known)}`);
    },
    batch: integerOf(1),
    heads: integerOf(1),
    headDim: integerOf(1),
    seed: integerOf(Number.MIN_SAFE_INTEGER),
  });
  const { lengths, distribution = 'gaussian', batch = 1, heads = 2, headDim = 64, seed = 0 } = settings;
  expectList('lengths', lengths, (_, length) => expectInteger('length', length, 1), 1);
  const random = new Random(seed).split('input').split(distribution);
  return {
    name: `${distribution} numbers, ${heads} ${heads === 1 ? 'head' : 'heads'} of width ${headDim}`,
    source: 'synthetic',
    detail: distribution,
    batch,
    heads,
    headDim,
    cases: [...new Set(lengths)].map((length) => ({
      length,
      load: () => drawInputs(distribution, [batch, heads, length, headDim], random.split(`length ${length}`)),
    })),
  };
}

function drawInputs(distribution: Distribution, shape: readonly number[], random: Random): AttentionInputs {
  const [batch, heads, length, headDim] = shape;
  expectRoom({ batch, heads, queryLength: length, keyLength: length, headDim, dtype: 'float32' }, 'synthetic');
  const normal = (name: string): Float32Array =>
    random.split(name).fillNormal(new Float32Array(batch * heads * length * headDim));
  const [queries, keys, values] = [normal('queries'), normal('keys'), normal('values')];
  for (let head = 0; head < batch * heads; head++) {
    const part = head * length * headDim;
    const own = random.split(`head ${head}`);
    if (distribution === 'clustered') cluster(queries, keys, part, length, headDim, own);
    if (distribution === 'peaked') aim(queries, keys, part, length, headDim, own);
  }
  return {
    queries: fromArray(queries, shape),
    keys: fromArray(keys, shape),
    values: fromArray(values, shape),
  };
}

/** Every token gets a kind; its query and its key are the kind's centre and a little noise each. */
function cluster(
  queries: Float32Array,
  keys: Float32Array,
  part: number,
  length: number,
  headDim: number,
  random: Random,
): void {
  const centres = random.split('centres').fillNormal(new Float32Array(CLUSTERS * headDim));
  for (let token = 0; token < length; token++) {
    const kind = random.integer(CLUSTERS);
    for (let c = 0; c < headDim; c++) {
      const at = part + token * headDim + c;
      queries[at] = centres[kind * headDim + c] + SPREAD * queries[at];
      keys[at] = centres[kind * headDim + c] + SPREAD * keys[at];
    }
  }
}

/** Every query points towards the key of one token that is not after it, so that it finds the key causally too. */
function aim(
  queries: Float32Array,
  keys: Float32Array,
  part: number,
  length: number,
  headDim: number,
  random: Random,
): void {
  for (let token = 0; token < length; token++) {
    const target = random.integer(token + 1);
    for (let c = 0; c < headDim; c++) queries[part + token * headDim + c] = PEAK * keys[part + target * headDim + c];
  }
}
