/** SHA-256 (FIPS 180-4) of bytes that come in pieces, at once: what a browser has of its own answers by a promise. */

const BLOCK = 64;
/** The first 32 bits of the fractional parts of the cube roots (K) and square roots (H) of the first primes. */
const PRIMES = firstPrimes(64);
const K = Uint32Array.from(PRIMES, (prime) => fractionOf(Math.cbrt(prime)));
const H = Uint32Array.from(PRIMES.slice(0, 8), (prime) => fractionOf(Math.sqrt(prime)));

export class Sha256 {
  readonly #state = H.slice();
  readonly #schedule = new Uint32Array(64);
  /** Bytes that do not fill a block yet. */
  readonly #rest = new Uint8Array(BLOCK);
  #held = 0;
  #length = 0;

  /** Takes bytes in, which may be in memory that threads share. */
  update(bytes: Uint8Array): this {
    this.#length += bytes.length;
    let at = 0;
    if (this.#held > 0) at = this.#hold(bytes);
    for (; at + BLOCK <= bytes.length; at += BLOCK) this.#compress(bytes, at);
    if (at < bytes.length) this.#hold(bytes.subarray(at));
    return this;
  }

  /** In hexadecimal. Nothing may be taken in after it. */
  digest(): string {
    const bits = this.#length * 8;
    // A bit, zeros, and the length in 64 bits fill up the last block.
    const padding = new Uint8Array(((this.#held < BLOCK - 8 ? BLOCK : 2 * BLOCK) - this.#held) | 0);
    padding[0] = 0x80;
    const view = new DataView(padding.buffer);
    view.setUint32(padding.length - 8, Math.floor(bits / 2 ** 32));
    view.setUint32(padding.length - 4, bits >>> 0);
    this.update(padding);
    return Array.from(this.#state, (word) => word.toString(16).padStart(8, '0')).join('');
  }

  /** Moves bytes to those that wait for a block; says how many. */
  #hold(bytes: Uint8Array): number {
    const count = Math.min(BLOCK - this.#held, bytes.length);
    this.#rest.set(bytes.subarray(0, count), this.#held);
    this.#held += count;
    if (this.#held === BLOCK) {
      this.#compress(this.#rest, 0);
      this.#held = 0;
    }
    return count;
  }

  /** Section 6.2.2. */
  #compress(bytes: Uint8Array, at: number): void {
    const [W, state] = [this.#schedule, this.#state];
    for (let t = 0, byte = at; t < 16; t++, byte += 4) {
      W[t] = (bytes[byte] << 24) | (bytes[byte + 1] << 16) | (bytes[byte + 2] << 8) | bytes[byte + 3];
    }
    for (let t = 16; t < 64; t++) {
      const [early, late] = [W[t - 15], W[t - 2]];
      const s0 = turned(early, 7) ^ turned(early, 18) ^ (early >>> 3);
      const s1 = turned(late, 17) ^ turned(late, 19) ^ (late >>> 10);
      W[t] = W[t - 16] + s0 + W[t - 7] + s1;
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let t = 0; t < 64; t++) {
      const S1 = turned(e, 6) ^ turned(e, 11) ^ turned(e, 25);
      const T1 = (h + S1 + ((e & f) ^ (~e & g)) + K[t] + W[t]) | 0;
      const S0 = turned(a, 2) ^ turned(a, 13) ^ turned(a, 22);
      const T2 = (S0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + T1) | 0;
      d = c;
      c = b;
      b = a;
      a = (T1 + T2) | 0;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
    state[5] += f;
    state[6] += g;
    state[7] += h;
  }
}

/** To the right, by so many bits. */
function turned(word: number, by: number): number {
  return (word >>> by) | (word << (32 - by));
}

function fractionOf(root: number): number {
  return Math.floor((root % 1) * 2 ** 32);
}

function firstPrimes(count: number): number[] {
  const primes: number[] = [];
  for (let n = 2; primes.length < count; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  return primes;
}
