/** The building blocks of random numbers, from operations that every engine rounds the same way. */

/** Fractional bits of √2, √3, √5 and √7: four words without a pattern, to start from. */
export const ROOT_KEY: readonly number[] = [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a].map((word) => word | 0);
const GOLDEN = 0x9e3779b1; // 2³² over the golden ratio, rounded to a prime

/**
 * Stirs one 32-bit word into a key. The same word never maps two keys to one (each step can be undone), and two words never
 * map one key to the same key. Two passes, so that every word of the key depends on every other.
 */
export function absorb(key: readonly number[], word: number): number[] {
  const lanes = [...key];
  let previous = lanes[3] ^ word;
  for (let step = 0; step < 8; step++) {
    previous = scramble(lanes[step % 4] + Math.imul(previous, GOLDEN) + GOLDEN);
    lanes[step % 4] = previous;
  }
  return lanes;
}

/** A key for a name below this one. */
export function absorbName(key: readonly number[], name: string): readonly number[] {
  let own = key;
  for (let index = 0; index < name.length; index++) own = absorb(own, name.charCodeAt(index));
  // No code unit reaches 0x10000, so this end mark keeps split('ab') apart from split('a').split('b').
  return absorb(own, 0x10000 + name.length);
}

/** The finaliser of MurmurHash3 (Appleby): a bijection of 32 bits in which each bit in flips each bit out half the time. */
export function scramble(word: number): number {
  let bits = word | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}

/**
 * ln x for x in (0, 1), from operations that every engine rounds the same way. With x = 2ᵉ·m and m in [√½, √2): ln x = e ln 2
 * + 2 artanh s, s = (m − 1)/(m + 1), |s| < 0.172, so the series terms left out are below 2⁻⁵⁴ of the sum.
 */
export function naturalLogarithm(x: number): number {
  let mantissa = x;
  let exponent = 0;
  while (mantissa < Math.SQRT1_2) {
    mantissa *= 2;
    exponent -= 1;
  }
  const s = (mantissa - 1) / (mantissa + 1);
  let series = 0;
  for (let power = 19; power >= 1; power -= 2) series = series * s * s + 1 / power;
  return exponent * Math.LN2 + 2 * s * series;
}
