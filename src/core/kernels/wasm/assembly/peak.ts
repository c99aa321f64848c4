/** The peak of the processor: multiply-adds alone, without memory. The roofline in bench/ is measured against it. */
import { sumOf } from './vector';

/**
 * One multiply-add of a chain. Fused, it adds x·y to the chain, as the tiles of products do: the register of the sum is then
 * that of the result, and the engine moves nothing. Unfused, x·y would be computed once before the loop, so the chain is a
 * factor there.
 */
// @ts-ignore: decorator
@inline
function chained(chain: v128, x: v128, y: v128): v128 {
  // @ts-ignore: a constant of the build
  if (RELAXED) return f32x4.relaxed_madd(x, y, chain);
  return f32x4.add(f32x4.mul(chain, x), y);
}

/**
 * `rounds` × 12 multiply-adds of four lanes each, 96 operations a round, and the sum of all lanes. The twelve chains are
 * independent: with fewer, this would measure the latency of a multiply-add and not its rate; with thirteen, registers run
 * out and the rate halves. With factor ½ and term 1 every lane goes to 2, and the sum to 96; fused, every lane to half of
 * `rounds`.
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
    a = chained(a, x, y);
    b = chained(b, x, y);
    c = chained(c, x, y);
    d = chained(d, x, y);
    e = chained(e, x, y);
    f = chained(f, x, y);
    g = chained(g, x, y);
    h = chained(h, x, y);
    i = chained(i, x, y);
    j = chained(j, x, y);
    k = chained(k, x, y);
    l = chained(l, x, y);
  }
  const abcd = f32x4.add(f32x4.add(a, b), f32x4.add(c, d));
  const efgh = f32x4.add(f32x4.add(e, f), f32x4.add(g, h));
  const ijkl = f32x4.add(f32x4.add(i, j), f32x4.add(k, l));
  return sumOf(f32x4.add(f32x4.add(abcd, efgh), ijkl));
}
