/**
 * Seeded random numbers. One seed names a tree of streams: `new Random(7).split('layer 3').split('dropout')` is the
 * same stream wherever and whenever it is asked for, however many numbers its parents have drawn. So adding a draw in one
 * module never changes the numbers of another.
 *
 * Generator: xoroshiro128+ (Blackman & Vigna, "Scrambled linear pseudorandom number generators", 2021) from
 * pure-rand, which returns the low 32 bits of each sum. Its lowest bits are linear in the state, so the five or six
 * lowest bits of each word are dropped here. Not for cryptography.
 *
 * What is guaranteed: the same seed, path of names and sequence of calls give the same bits on every platform. Only
 * 32-bit integer operations, the four float64 operations and `Math.sqrt` are used; integers are exact, and IEEE 754
 * rounds the others correctly. `Math.log`, `Math.cos`, `**` and their kin, whose last bits ECMAScript leaves to the
 * engine, are not used.
 */

import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';
import { ArgumentError, describe, expectInteger, wrongKind } from './errors.ts';
import { absorb, absorbName, naturalLogarithm, ROOT_KEY } from './portable.ts';
import { expectFinite, expectFloats, type WritableNumbers } from './writable.ts';

export type { WritableNumbers };

const MAX_INT32 = 0x7fffffff;
/** In place of a seed: the key follows. */
const LATER = Symbol('later');
/** One gibibyte of them. */
const LONGEST_PERMUTATION = 2 ** 28;
/** Entries of the largest Set of JavaScript. */
const MOST_CHOSEN = 2 ** 24;
const TWO_TO_53 = 0x20000000000000;

/**
 * A stream of random numbers. The same seed and the same names give the same bits on every machine.
 *
 * @example
 * ```ts
 * const random = new Random(0);
 * const queries = randomNormal([1, 8, 64, 32], random.split('queries'));
 * ```
 */
export class Random {
  /** The name in messages, even if a minifier renames the class. */
  static readonly name: string = 'Random';
  /** Four 32-bit words that stand for (seed, path of names). Drawing does not change them; `split` derives from them. */
  #key: readonly number[] | null = null;
  #generator: RandomGenerator | null = null;
  /** Where the key comes from, while it has not been needed: most streams of a model that does not train never draw. */
  #origin: { of: Random; name: string } | null = null;
  /** `normal` makes two values at a time; this is the one not yet returned. */
  #spareNormal: number | undefined;

  /** @throws ArgumentError unless `seed` is an integer that float64 holds exactly (negative is fine). */
  constructor(seed: number) {
    if ((seed as unknown) === LATER) return;
    expectInteger('seed', seed, Number.MIN_SAFE_INTEGER);
    this.#key = absorb(absorb(ROOT_KEY, seed | 0), Math.floor(seed / 0x100000000));
  }

  /**
   * The independent stream called `name` below this one: a function of the seed and the path of names alone.
   * Splitting draws nothing. The same name twice gives the same stream twice.
   * @throws ArgumentError unless `name` is a string.
   */
  split(name: string): Random {
    if (typeof name !== 'string') throw new ArgumentError(`name: expected a string, got ${describe(name)}`);
    const random = new Random(LATER as unknown as number);
    random.#origin = { of: this, name };
    return random;
  }

  #ownKey(): readonly number[] {
    const path: string[] = [];
    let from: Random = this;
    for (; from.#origin !== null; from = from.#origin.of) path.push(from.#origin.name);
    this.#key = path.reduceRight(absorbName, from.#key as readonly number[]);
    this.#origin = null;
    return this.#key;
  }

  #ownGenerator(): RandomGenerator {
    this.#generator ??= generatorOf(this.#ownKey());
    return this.#generator;
  }

  /** Uniform in [0, 1), a multiple of 2⁻⁵³. */
  uniform(): number {
    return this.#bits53() / TWO_TO_53;
  }

  /** Standard normal, by the polar method (Marsaglia & Bray 1964): a point in the unit disc gives two normals. */
  normal(): number {
    if (this.#spareNormal !== undefined) {
      const spare = this.#spareNormal;
      this.#spareNormal = undefined;
      return spare;
    }
    let x: number;
    let y: number;
    let squaredRadius: number;
    do {
      x = 2 * this.uniform() - 1;
      y = 2 * this.uniform() - 1;
      squaredRadius = x * x + y * y;
    } while (squaredRadius >= 1 || squaredRadius === 0);
    const stretch = Math.sqrt((-2 * naturalLogarithm(squaredRadius)) / squaredRadius);
    this.#spareNormal = y * stretch;
    return x * stretch;
  }

  /**
   * Uniform integer in [0, below), without bias: the 2⁵³ possible draws are cut into `below` equal ranges and the
   * few that are left over are drawn again.
   * @throws ArgumentError unless `below` is an integer of at least 1.
   */
  integer(below: number): number {
    expectInteger('below', below, 1);
    const width = Math.floor(TWO_TO_53 / below);
    let bits: number;
    do bits = this.#bits53();
    while (bits >= width * below);
    return Math.floor(bits / width);
  }

  /**
   * Fills `array` with normals of the given mean and standard deviation (rounded to the array's own type) and returns it.
   * @throws ArgumentError unless `array` can hold floats, `mean` is finite and `deviation` finite and not negative.
   */
  fillNormal<A extends WritableNumbers>(array: A, mean = 0, deviation = 1): A {
    expectFloats('array', array);
    expectFinite('mean', mean);
    expectFinite('deviation', deviation);
    if (deviation < 0) throw new ArgumentError(`deviation: expected at least 0, got ${deviation}`);
    for (let index = 0; index < array.length; index++) array[index] = mean + deviation * this.normal();
    return array;
  }

  /**
   * Fills `array` with numbers uniform in [low, high) and returns it. Rounding, above all to float32, may occasionally
   * produce `high` itself.
   * @throws ArgumentError unless `array` can hold floats, low ≤ high and both ends and their difference are finite.
   */
  fillUniform<A extends WritableNumbers>(array: A, low = 0, high = 1): A {
    expectFloats('array', array);
    expectFinite('low', low);
    expectFinite('high', high);
    expectFinite('high - low', high - low);
    if (low > high) throw new ArgumentError(`low: expected at most high (${high}), got ${low}`);
    for (let index = 0; index < array.length; index++) array[index] = low + (high - low) * this.uniform();
    return array;
  }

  /**
   * The integers 0 … n − 1 in uniformly random order (Fisher–Yates).
   * @throws ArgumentError unless `n` is an integer from 0 to 2²⁸.
   */
  permutation(n: number): Int32Array {
    expectInteger('n', n, 0, LONGEST_PERMUTATION);
    const order = Int32Array.from({ length: n }, (_, index) => index);
    for (let last = n - 1; last > 0; last--) {
      const other = this.integer(last + 1);
      [order[last], order[other]] = [order[other], order[last]];
    }
    return order;
  }

  /**
   * A uniformly random k-subset of 0 … n − 1, ascending, in O(k log k) whatever n is (Floyd's sampling: Bentley &
   * Floyd, "A sample of brilliance", CACM 1987).
   * @throws ArgumentError unless 0 ≤ k ≤ n ≤ 2³¹ − 1, integers, and k ≤ 2²⁴, as many as can be told apart here.
   */
  choose(n: number, k: number): Int32Array {
    expectInteger('n', n, 0, MAX_INT32);
    expectInteger('k', k, 0, Math.min(n, MOST_CHOSEN));
    const chosen = new Set<number>();
    for (let candidate = n - k; candidate < n; candidate++) {
      const drawn = this.integer(candidate + 1);
      chosen.add(chosen.has(drawn) ? candidate : drawn);
    }
    return Int32Array.from(chosen).sort();
  }

  /**
   * The Euclidean norm of a `degrees`-dimensional standard normal vector: a χ(degrees) variate, in O(degrees).
   * @throws ArgumentError unless `degrees` is an integer of at least 1.
   */
  chi(degrees: number): number {
    expectInteger('degrees', degrees, 1);
    let sumOfSquares = 0;
    for (let dimension = 0; dimension < degrees; dimension++) {
      const coordinate = this.normal();
      sumOfSquares += coordinate * coordinate;
    }
    return Math.sqrt(sumOfSquares);
  }

  /**
   * Everything `fromState` needs to continue with the same bits: 4 key words, 4 generator words, then whether a normal
   * is in reserve (0 or 1) and its value. Plain finite numbers, so JSON keeps them exactly; float32 would not.
   */
  state(): number[] {
    const reserve = this.#spareNormal === undefined ? [0, 0] : [1, this.#spareNormal];
    return [...this.#ownKey(), ...this.#ownGenerator().getState(), ...reserve];
  }

  /** @throws ArgumentError unless `state` is of the form that `state()` returns. */
  static fromState(state: readonly number[]): Random {
    if (!Array.isArray(state) || state.length !== 10) {
      const given = Array.isArray(state) ? `${state.length} numbers` : describe(state);
      throw new ArgumentError(`state: expected the 10 numbers that Random.state() returns, got ${given}`);
    }
    state.slice(0, 8).forEach((word, index) => {
      expectInteger(`state[${index}]`, word, -MAX_INT32 - 1, MAX_INT32);
    });
    if (state.slice(4, 8).every((word) => word === 0)) {
      throw new ArgumentError('state[4..7]: expected a generator state that is not all zeros');
    }
    expectInteger('state[8]', state[8], 0, 1);
    expectFinite('state[9]', state[9]);
    const random = new Random(LATER as unknown as number);
    random.#key = state.slice(0, 4);
    random.#generator = xoroshiro128plusFromState(state.slice(4, 8));
    random.#spareNormal = state[8] === 1 ? state[9] : undefined;
    return random;
  }

  #bits53(): number {
    const generator = this.#ownGenerator();
    const high = generator.next() >>> 6;
    const low = generator.next() >>> 5;
    return high * 0x8000000 + low;
  }
}

/** All zeros is the one state that xoroshiro cannot leave; setting one bit rules it out. */
function generatorOf(key: readonly number[]): RandomGenerator {
  return xoroshiro128plusFromState([key[0] | 1, key[1], key[2], key[3]]);
}

/** Throws ArgumentError unless it is a stream: an object that draws integers and splits into named streams. */
export function expectRandom(name: string, value: unknown): asserts value is Random {
  const { integer, split } = (value ?? {}) as { integer?: unknown; split?: unknown };
  if (typeof integer === 'function' && typeof split === 'function') return;
  const advice = typeof value === 'number' ? `new Random(${value}) is one` : 'new Random(0) is one';
  throw wrongKind(name, 'a Random', value, advice);
}
