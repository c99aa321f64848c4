/** The peak of the processor: multiply-adds alone, without memory. The roofline in bench/ is measured against it. */
import { multiplyAdd, sumOf } from './vector';

/**
 * `rounds` × 12 multiply-adds of four lanes each, 96 operations a round, and the sum of all lanes. The twelve chains are
 * independent: with fewer, this would measure the latency of a multiply-add and not its rate; with thirteen, registers run
 * out and the rate halves. With factor ½ and term 1 every lane goes to 2, and the sum to 96.
 */
export function peak(rounds: i32, factor: f32, term: f32): f32 {
  // Arguments, so that they stay in registers: constants would be written out at every use.
  const x = f32x4.splat(factor);
  const y = f32x4.splat(term);
  let a = f32x4.splat(0);
  let b = a;
  let c = a;
  let d = a;
  let e = a;
  let f = a;
  let g = a;
  let h = a;
  let i = a;
  let j = a;
  let k = a;
  let l = a;
  for (let round = 0; round < rounds; round++) {
    a = multiplyAdd(a, x, y);
    b = multiplyAdd(b, x, y);
    c = multiplyAdd(c, x, y);
    d = multiplyAdd(d, x, y);
    e = multiplyAdd(e, x, y);
    f = multiplyAdd(f, x, y);
    g = multiplyAdd(g, x, y);
    h = multiplyAdd(h, x, y);
    i = multiplyAdd(i, x, y);
    j = multiplyAdd(j, x, y);
    k = multiplyAdd(k, x, y);
    l = multiplyAdd(l, x, y);
  }
  const abcd = f32x4.add(f32x4.add(a, b), f32x4.add(c, d));
  const efgh = f32x4.add(f32x4.add(e, f), f32x4.add(g, h));
  const ijkl = f32x4.add(f32x4.add(i, j), f32x4.add(k, l));
  return sumOf(f32x4.add(f32x4.add(abcd, efgh), ijkl));
}
