/**
 * The numbers that every peer computes with, the same in every language: a hash of the index, so that nothing has to be
 * sent. bench/pytorch/inputs.py draws the same bits.
 */

// A name's numbers follow from its place: new ones go to the end.
const NAMES = [
  ...['queries', 'keys', 'values', 'upstream', 'a', 'b', 'tokens', 'targets', 'wq', 'wk', 'wv', 'wo', 'wy'],
  ...['logDecay', 'logForget', 'delta', 'beta', 'A_log', 'D'],
];

/** Uniform with mean 0 and variance `deviation`², in float32. Throws for a name that bench/pytorch does not know. */
export function draw(name: string, count: number, deviation = 1): Float32Array {
  const scale = 2 * Math.sqrt(3) * deviation;
  return drawn(name, count, (share) => (share - 0.5) * scale);
}

/** Uniform from `least` to `most`, in float32: gates and parameters, which have a range. Throws as `draw` does. */
export function drawBetween(name: string, count: number, least: number, most: number): Float32Array {
  return drawn(name, count, (share) => least + share * (most - least));
}

function drawn(name: string, count: number, place: (share: number) => number): Float32Array {
  const salt = NAMES.indexOf(name);
  if (salt < 0) throw new Error(`inputs: no numbers are called '${name}'`);
  const array = new Float32Array(count);
  // The highest 24 bits of a hash, so that float64 and float32 hold each share without rounding.
  for (let n = 0; n < count; n++) array[n] = place(((hash(n, salt + 1) >>> 8) + 0.5) / 2 ** 24);
  return array;
}

/** Mixes all bits of both numbers into all bits of the result (multiplications by odd constants, shifts folded in). */
function hash(index: number, salt: number): number {
  let x = Math.imul(index, 0x9e3779b1) ^ Math.imul(salt, 0x85ebca77);
  x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d);
  x = Math.imul(x ^ (x >>> 12), 0x297a2d39);
  return x ^ (x >>> 15);
}
