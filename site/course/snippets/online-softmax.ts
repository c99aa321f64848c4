/** Attention of one query that reads its keys one after the other, and keeps three things only. For lesson 4. */

/** What is known after some of the keys. */
export interface Sofar {
  /** m: the largest score. */
  largest: number;
  /** ℓ: the sum of e^(s − m). */
  sum: number;
  /** o: the sum of e^(s − m) v, not yet divided by ℓ. */
  output: number[];
}

/** Before the first key. */
export const nothing = (width: number): Sofar => ({ largest: -Infinity, sum: 0, output: new Array(width).fill(0) });

/** One more key, of this score and value. */
export function withKey({ largest, sum, output }: Sofar, score: number, value: readonly number[]): Sofar {
  const most = Math.max(largest, score);
  // What was summed relative to the old largest score is brought to the new one.
  const kept = Math.exp(largest - most);
  const added = Math.exp(score - most);
  return {
    largest: most,
    sum: kept * sum + added,
    output: output.map((each, n) => kept * each + added * value[n]),
  };
}

/** Two parts of the keys, each read by itself: the same rule joins them. */
export function joined(a: Sofar, b: Sofar): Sofar {
  const most = Math.max(a.largest, b.largest);
  if (most === -Infinity) return a;
  const [ofA, ofB] = [Math.exp(a.largest - most), Math.exp(b.largest - most)];
  return {
    largest: most,
    sum: ofA * a.sum + ofB * b.sum,
    output: a.output.map((each, n) => ofA * each + ofB * b.output[n]),
  };
}
