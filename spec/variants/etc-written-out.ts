/** The oracle of etc.spec.ts: both softmaxes of ETC, pair by pair in float64, with the label of each pair written out. */
import type { EtcOptions } from '../../src/variants/etc.ts';
import type { AttentionInputs, Parameters } from '../../src/variants/variant.ts';
import type { Output } from '../laws/evaluate.ts';

/** What of the definition a copy gets wrong, for the law to notice. */
export interface Definition {
  /** The label of a distance j − i. */
  distance(difference: number, k: number): number;
  /** The scale of q·a^K, beside 1/√d of q·k. */
  labelScale(d: number): number;
  /** Whether a token of the long input belongs to a global token. */
  belongs(token: number, global: number, segmentLength: number): boolean;
  /** Whose vectors the pairs of a query take. */
  vectorsOf(queryIsGlobal: boolean, keyIsGlobal: boolean): 'a_g' | 'a_l';
  /** How far apart tokens of the long input meet. */
  reach(radius: number): number;
}

export const paper: Definition = {
  distance: (difference, k) => Math.min(k, Math.max(-k, difference)),
  labelScale: (d) => 1 / Math.sqrt(d),
  belongs: (token, global, segmentLength) => Math.floor(token / segmentLength) === global,
  vectorsOf: (queryIsGlobal) => (queryIsGlobal ? 'a_g' : 'a_l'),
  reach: (radius) => radius,
};

export function byLoops(inputs: AttentionInputs, options: EtcOptions, parameters: Parameters, how = paper): Output {
  const { numGlobals: n, radius, segmentLength, maxDistance: k, ownSegment } = options;
  const { queries, keys, values, keyMask } = inputs;
  const [batch, heads, length, d] = queries.shape;
  const width = values.shape[3];
  const labels = 2 * k + 3;
  const [q, key, v, mask] = [queries.toArray(), keys.toArray(), values.toArray(), keyMask?.toArray()];
  const vectors = { a_g: parameters.a_g?.toArray(), a_l: parameters.a_l.toArray() };
  const data = new Float64Array(batch * heads * length * width);
  for (let sequence = 0; sequence < batch * heads; sequence++) {
    const [b, h] = [Math.floor(sequence / heads), sequence % heads];
    for (let i = 0; i < length; i++) {
      const met: { j: number; score: number }[] = [];
      for (let j = 0; j < length; j++) {
        if (mask?.[b * length + j] === 0) continue;
        const [ofGlobal, toGlobal] = [i < n, j < n];
        let label = k + how.distance(j - i, k);
        if (ofGlobal === toGlobal) {
          if (!ofGlobal && Math.abs(i - j) > how.reach(radius)) continue;
        } else {
          const own = ofGlobal ? how.belongs(j - n, i, segmentLength) : how.belongs(i - n, j, segmentLength);
          if (ofGlobal && ownSegment && !own) continue;
          label = own ? 2 * k + 1 : 2 * k + 2;
        }
        const a = vectors[how.vectorsOf(ofGlobal, toGlobal)];
        let [product, labelled] = [0, 0];
        for (let c = 0; c < d; c++) {
          const number = q[(sequence * length + i) * d + c];
          product += number * key[(sequence * length + j) * d + c];
          labelled += number * a[(h * labels + label) * d + c];
        }
        met.push({ j, score: product / Math.sqrt(d) + how.labelScale(d) * labelled });
      }
      const most = Math.max(...met.map(({ score }) => score));
      const total = met.reduce((sum, { score }) => sum + Math.exp(score - most), 0);
      for (const { j, score } of met) {
        const weight = Math.exp(score - most) / total;
        for (let c = 0; c < width; c++) {
          data[(sequence * length + i) * width + c] += weight * v[(sequence * length + j) * width + c];
        }
      }
    }
  }
  return { shape: [batch, heads, length, width], dtype: queries.dtype, data };
}
