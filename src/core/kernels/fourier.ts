/**
 * The discrete Fourier transform of 2ⁿ complex numbers in float64, X_k = Σ_j x_j e^{−2πi jk/N}, in place (Cooley & Tukey
 * 1965). `forward` leaves its result in bit-reversed order and `inverse` expects that, so nothing is ever sorted. Two steps
 * of radix 2 are taken at once: that reads the numbers half as often.
 *
 * Two real sequences travel as one complex one, x + iy. In bit-reversed order the frequencies k and −k, which tell them
 * apart, are at the places p and 3·2ᵐ − 1 − p of the run 2ᵐ … 2ᵐ⁺¹ − 1; 0 and N/2 are alone, at the places 0 and 1.
 */

/** N complex numbers. */
export interface Complex {
  re: Float64Array;
  im: Float64Array;
}

/** Transforms of up to this many numbers keep their tables and buffers for the next call on the same thread. */
const KEPT = 2 ** 18;

/** The tables of transforms of one size, and buffers of that size. */
export class Fourier {
  readonly size: number;
  /** e^{−2πi k/N}. */
  readonly #turns: Complex;
  readonly #buffers: Complex[] = [];

  constructor(size: number) {
    this.size = size;
    this.#turns = complex(size);
    for (let k = 0; k < size; k++) {
      this.#turns.re[k] = Math.cos((2 * Math.PI * k) / size);
      this.#turns.im[k] = -Math.sin((2 * Math.PI * k) / size);
    }
  }

  /** Buffer number n, as it was left. */
  buffer(n: number): Complex {
    while (this.#buffers.length <= n) this.#buffers.push(complex(this.size));
    return this.#buffers[n];
  }

  /** x becomes its transform, in bit-reversed order. */
  forward({ re, im }: Complex): void {
    const { size } = this;
    const { re: cos, im: sin } = this.#turns;
    let span = size;
    if (Math.log2(size) % 2 === 1) {
      halves(re, im, cos, sin, size);
      span = size / 2;
    }
    for (; span >= 4; span /= 4) {
      const quarter = span / 4;
      const step = size / span;
      for (let first = 0; first < size; first += span) {
        for (let i = 0; i < quarter; i++) {
          const a = first + i;
          const b = a + quarter;
          const c = b + quarter;
          const d = c + quarter;
          const sRe = re[a] + re[c];
          const sIm = im[a] + im[c];
          const uRe = re[a] - re[c];
          const uIm = im[a] - im[c];
          const tRe = re[b] + re[d];
          const tIm = im[b] + im[d];
          // v = −i (b − d).
          const vRe = im[b] - im[d];
          const vIm = re[d] - re[b];
          const w1 = i * step;
          const w2 = 2 * w1;
          const w3 = 3 * w1;
          re[a] = sRe + tRe;
          im[a] = sIm + tIm;
          re[b] = (sRe - tRe) * cos[w2] - (sIm - tIm) * sin[w2];
          im[b] = (sRe - tRe) * sin[w2] + (sIm - tIm) * cos[w2];
          re[c] = (uRe + vRe) * cos[w1] - (uIm + vIm) * sin[w1];
          im[c] = (uRe + vRe) * sin[w1] + (uIm + vIm) * cos[w1];
          re[d] = (uRe - vRe) * cos[w3] - (uIm - vIm) * sin[w3];
          im[d] = (uRe - vRe) * sin[w3] + (uIm - vIm) * cos[w3];
        }
      }
    }
  }

  /** From a transform in bit-reversed order to N times the numbers that it is of. */
  inverse({ re, im }: Complex): void {
    const { size } = this;
    const { re: cos, im: sin } = this.#turns;
    const isOdd = Math.log2(size) % 2 === 1;
    const last = isOdd ? size / 2 : size;
    for (let span = 4; span <= last; span *= 4) {
      const quarter = span / 4;
      const step = size / span;
      for (let first = 0; first < size; first += span) {
        for (let i = 0; i < quarter; i++) {
          const a = first + i;
          const b = a + quarter;
          const c = b + quarter;
          const d = c + quarter;
          const w1 = i * step;
          const w2 = 2 * w1;
          const w3 = 3 * w1;
          const bRe = re[b] * cos[w2] + im[b] * sin[w2];
          const bIm = im[b] * cos[w2] - re[b] * sin[w2];
          const cRe = re[c] * cos[w1] + im[c] * sin[w1];
          const cIm = im[c] * cos[w1] - re[c] * sin[w1];
          const dRe = re[d] * cos[w3] + im[d] * sin[w3];
          const dIm = im[d] * cos[w3] - re[d] * sin[w3];
          const sRe = re[a] + bRe;
          const sIm = im[a] + bIm;
          const tRe = re[a] - bRe;
          const tIm = im[a] - bIm;
          const uRe = cRe + dRe;
          const uIm = cIm + dIm;
          const vRe = cRe - dRe;
          const vIm = cIm - dIm;
          re[a] = sRe + uRe;
          im[a] = sIm + uIm;
          re[c] = sRe - uRe;
          im[c] = sIm - uIm;
          // b = t + iv, d = t − iv.
          re[b] = tRe - vIm;
          im[b] = tIm + vRe;
          re[d] = tRe + vIm;
          im[d] = tIm - vRe;
        }
      }
    }
    if (isOdd) halvesBack(re, im, cos, sin, size);
  }
}

const complex = (size: number): Complex => ({ re: new Float64Array(size), im: new Float64Array(size) });

function halves(re: Float64Array, im: Float64Array, cos: Float64Array, sin: Float64Array, size: number): void {
  for (let a = 0, b = size / 2; b < size; a++, b++) {
    const [uRe, uIm] = [re[a] - re[b], im[a] - im[b]];
    re[a] += re[b];
    im[a] += im[b];
    re[b] = uRe * cos[a] - uIm * sin[a];
    im[b] = uRe * sin[a] + uIm * cos[a];
  }
}

function halvesBack(re: Float64Array, im: Float64Array, cos: Float64Array, sin: Float64Array, size: number): void {
  for (let a = 0, b = size / 2; b < size; a++, b++) {
    const bRe = re[b] * cos[a] + im[b] * sin[a];
    const bIm = im[b] * cos[a] - re[b] * sin[a];
    re[b] = re[a] - bRe;
    im[b] = im[a] - bIm;
    re[a] += bRe;
    im[a] += bIm;
  }
}

/**
 * Products of transforms of two real sequences each, x₁ + ix₂ and y₁ + iy₂, frequency by frequency: those of x₁y₁ + ix₂y₂, or
 * of x₁ȳ₁ + ix₂ȳ₂ if `conjugate`. They are written to `target`, which may be x, or added to it.
 */
export function multiplySpectra(target: Complex, x: Complex, y: Complex, conjugate: boolean, adds: boolean): void {
  const size = x.re.length;
  for (let at = 0; at < 2; at++) multiplyAt(target, x, y, at, at, conjugate, adds);
  for (let run = 2; run < size; run *= 2) {
    for (let at = run; at < 1.5 * run; at++) multiplyAt(target, x, y, at, 3 * run - 1 - at, conjugate, adds);
  }
}

/** The frequency at place p, and its negative at place n. */
function multiplyAt(
  { re: toRe, im: toIm }: Complex,
  { re: xRe, im: xIm }: Complex,
  { re: yRe, im: yIm }: Complex,
  p: number,
  n: number,
  conjugate: boolean,
  adds: boolean,
): void {
  // X₁ = (X_k + X̄_−k) / 2 and X₂ = (X_k − X̄_−k) / 2i.
  const [x1Re, x1Im, x2Re, x2Im] = [xRe[p] + xRe[n], xIm[p] - xIm[n], xIm[p] + xIm[n], xRe[n] - xRe[p]];
  const sign = conjugate ? -0.25 : 0.25;
  const y1Re = 0.25 * (yRe[p] + yRe[n]);
  const y1Im = sign * (yIm[p] - yIm[n]);
  const y2Re = 0.25 * (yIm[p] + yIm[n]);
  const y2Im = sign * (yRe[n] - yRe[p]);
  const aRe = x1Re * y1Re - x1Im * y1Im;
  const aIm = x1Re * y1Im + x1Im * y1Re;
  const bRe = x2Re * y2Re - x2Im * y2Im;
  const bIm = x2Re * y2Im + x2Im * y2Re;
  // A + iB, and Ā + iB̄ at the negative frequency.
  if (adds) {
    toRe[p] += aRe - bIm;
    toIm[p] += aIm + bRe;
    if (n === p) return;
    toRe[n] += aRe + bIm;
    toIm[n] += bRe - aIm;
    return;
  }
  toRe[p] = aRe - bIm;
  toIm[p] = aIm + bRe;
  toRe[n] = aRe + bIm;
  toIm[n] = bRe - aIm;
}

let kept: Fourier | null = null;

/** Transforms of a power of two, at least 2. This thread's last ones stay, because calls mostly have one size. */
export function fourierOf(size: number): Fourier {
  if (kept?.size === size) return kept;
  const fresh = new Fourier(size);
  kept = size <= KEPT ? fresh : null;
  return fresh;
}
