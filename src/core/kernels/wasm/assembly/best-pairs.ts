/**
 * The best pairs of two lists of scores, as kernels/best-pairs.ts, which says why a few halves of each list are enough.
 *
 * Halves are taken as integers of the same order, of which −2³¹ is none and stands for one that was taken. A list keeps the
 * largest of each block of 16, so the best that is left takes a look at these and at one block.
 */

/** After every number, −∞ included. */
const TAKEN: i32 = i32.MIN_VALUE;
/** That of −∞. */
const LOWEST: i32 = 0x807fffff;

// @ts-ignore: decorator
@inline
function paddedTo(count: i32, unit: i32): usize {
  return <usize>((count + unit - 1) & ~(unit - 1));
}

/** The order of integers: that of the numbers, where −0 is 0, and NaN is −∞. */
// @ts-ignore: decorator
@inline
function ordered(scores: v128): v128 {
  const x = f32x4.add(scores, f32x4.splat(0));
  const keys = v128.xor(x, i32x4.shr_u(i32x4.shr_s(x, 31), 1));
  return v128.bitselect(keys, i32x4.splat(LOWEST), f32x4.eq(x, x));
}

/** The number that has this place in the order. */
// @ts-ignore: decorator
@inline
function numberOf(key: i32): f64 {
  return <f64>reinterpret<f32>(key ^ <i32>(<u32>(key >> 31) >>> 1));
}

// @ts-ignore: decorator
@inline
function largestOf(keys: v128): v128 {
  const pairs = i32x4.max_s(keys, v128.shuffle<i32>(keys, keys, 2, 3, 0, 1));
  return i32x4.max_s(pairs, v128.shuffle<i32>(pairs, pairs, 1, 0, 3, 2));
}

/** Fills `keys`, whole blocks, and the largest of each in `largest`, a multiple of four. */
function fill(scores: usize, n: i32, keys: usize, largest: usize, blocks: i32): void {
  const whole = n >> 4;
  for (let block = 0; block < whole; block++) {
    const from = scores + ((<usize>block) << 6);
    const to = keys + ((<usize>block) << 6);
    const a = ordered(v128.load(from));
    const b = ordered(v128.load(from, 16));
    const c = ordered(v128.load(from, 32));
    const d = ordered(v128.load(from, 48));
    v128.store(to, a);
    v128.store(to, b, 16);
    v128.store(to, c, 32);
    v128.store(to, d, 48);
    const all = largestOf(i32x4.max_s(i32x4.max_s(a, b), i32x4.max_s(c, d)));
    store<i32>(largest + ((<usize>block) << 2), i32x4.extract_lane(all, 0));
  }
  if (whole < blocks) {
    let most = TAKEN;
    for (let i = whole << 4; i < blocks << 4; i++) {
      const at = (<usize>i) << 2;
      const key = i < n ? i32x4.extract_lane(ordered(v128.load32_zero(scores + at)), 0) : TAKEN;
      store<i32>(keys + at, key);
      most = max(most, key);
    }
    store<i32>(largest + ((<usize>whole) << 2), most);
  }
  for (let block = blocks; block & 3; block++) store<i32>(largest + ((<usize>block) << 2), TAKEN);
}

/** Takes the best that is left, of equals the first: its place to `place`, and the number to `value`. */
function take(keys: usize, largest: usize, blocks: i32, place: usize, value: usize): void {
  const end = largest + ((<usize>blocks) << 2);
  let four = v128.load(largest);
  for (let at = largest + 16; at < end; at += 16) four = i32x4.max_s(four, v128.load(at));
  const best = largestOf(four);
  let at = largest;
  let found = i32x4.bitmask(i32x4.eq(v128.load(at), best));
  while (found === 0) {
    at += 16;
    found = i32x4.bitmask(i32x4.eq(v128.load(at), best));
  }
  const which = ctz(found);
  const number = (<i32>((at - largest) >> 2)) + which;
  const block = keys + ((<usize>number) << 6);
  const a = v128.load(block);
  const b = v128.load(block, 16);
  const c = v128.load(block, 32);
  const d = v128.load(block, 48);
  const left = i16x8.narrow_i32x4_s(i32x4.eq(a, best), i32x4.eq(b, best));
  const right = i16x8.narrow_i32x4_s(i32x4.eq(c, best), i32x4.eq(d, best));
  const lane = ctz(i8x16.bitmask(i8x16.narrow_i16x8_s(left, right)));
  store<i32>(place, (number << 4) + lane);
  store<f64>(value, numberOf(i32x4.extract_lane(best, 0)));
  // In vectors, because a vector load would wait for a store of a part of it.
  const lanes = i32x4.splat(lane);
  const taken = i32x4.splat(TAKEN);
  const newA = v128.bitselect(taken, a, i32x4.eq(lanes, i32x4(0, 1, 2, 3)));
  const newB = v128.bitselect(taken, b, i32x4.eq(lanes, i32x4(4, 5, 6, 7)));
  const newC = v128.bitselect(taken, c, i32x4.eq(lanes, i32x4(8, 9, 10, 11)));
  const newD = v128.bitselect(taken, d, i32x4.eq(lanes, i32x4(12, 13, 14, 15)));
  v128.store(block, newA);
  v128.store(block, newB, 16);
  v128.store(block, newC, 32);
  v128.store(block, newD, 48);
  const all = largestOf(i32x4.max_s(i32x4.max_s(newA, newB), i32x4.max_s(newC, newD)));
  v128.store(at, v128.bitselect(all, v128.load(at), i32x4.eq(i32x4.splat(which), i32x4(0, 1, 2, 3))));
}

/** A sum of halves in the order of pairs: ∞ − ∞ is −∞. */
// @ts-ignore: decorator
@inline
function sumOfHalves(values1: usize, a: i32, values2: usize, b: i32): f64 {
  const sum = load<f64>(values1 + ((<usize>a) << 3)) + load<f64>(values2 + ((<usize>b) << 3));
  return sum === sum ? sum : -Infinity;
}

// @ts-ignore: decorator
@inline
function put(sums: usize, a: i32, sum: f64): void {
  const at = sums + ((<usize>(a >> 1)) << 4);
  const own = i64x2.eq(i64x2.splat(<i64>(a & 1)), i64x2(0, 1));
  v128.store(at, v128.bitselect(f64x2.splat(sum), v128.load(at), own));
}

/** Two bits for each of eight sums: whether it is this one. */
// @ts-ignore: decorator
@inline
function bitsOf(sums: usize, sum: v128): i32 {
  const left = i16x8.narrow_i32x4_s(f64x2.eq(v128.load(sums), sum), f64x2.eq(v128.load(sums, 16), sum));
  const right = i16x8.narrow_i32x4_s(f64x2.eq(v128.load(sums, 32), sum), f64x2.eq(v128.load(sums, 48), sum));
  return i8x16.bitmask(i8x16.narrow_i16x8_s(left, right));
}

/** Which of the first `count` sums is the largest, of equals the first. Sums fill groups of eight, the last with −∞. */
// @ts-ignore: decorator
@inline
function placeOfLargest(sums: usize, count: i32): i32 {
  const end = sums + ((<usize>((count + 7) >> 3)) << 6);
  let a = v128.load(sums);
  let b = v128.load(sums, 16);
  let c = v128.load(sums, 32);
  let d = v128.load(sums, 48);
  for (let at = sums + 64; at < end; at += 64) {
    a = f64x2.pmax(a, v128.load(at));
    b = f64x2.pmax(b, v128.load(at, 16));
    c = f64x2.pmax(c, v128.load(at, 32));
    d = f64x2.pmax(d, v128.load(at, 48));
  }
  const two = f64x2.pmax(f64x2.pmax(a, b), f64x2.pmax(c, d));
  const best = f64x2.pmax(two, v128.shuffle<i64>(two, two, 1, 0));
  let found = bitsOf(sums, best);
  let first = 0;
  // Without a branch where there are up to sixteen, because either group is as good as random.
  if (count > 8) {
    const more = bitsOf(sums + 64, best) << 16;
    found |= more;
    for (; found === 0; first += 8) found = bitsOf(sums + 128 + ((<usize>first) << 3), best);
    if (first > 0) first += 8;
  }
  return first + (ctz(found) >> 1);
}

/** Rows that go step by step together: each step waits for the one before it, but not for those of other rows. */
const TOGETHER: i32 = 4;

/**
 * Rows of `n` scores each: the places of the k best pairs to `first` and `second`, k of a row. `room` is as many bytes for each of
 * the rows that go together as numbersOfRoom in kernels/best-pairs.ts says. `begin` halves of each list are taken at once, 1 … k:
 * about as many as are reached, because whether the next one is reached cannot be foreseen.
 */
export function bestPairs(
  scores1: usize,
  scores2: usize,
  first: usize,
  second: usize,
  room: usize,
  n: i32,
  k: i32,
  rows: i32,
  begin: i32,
): void {
  const blocks = (n + 15) >> 4;
  // The parts of the room of a row.
  const keys1: usize = 16;
  const keys2 = keys1 + ((<usize>blocks) << 6);
  const largest1 = keys2 + ((<usize>blocks) << 6);
  const largest2 = largest1 + (paddedTo(blocks, 4) << 2);
  const values1 = largest2 + (paddedTo(blocks, 4) << 2);
  const values2 = values1 + (paddedTo(k, 2) << 3);
  const sums = values2 + (paddedTo(k, 2) << 3);
  const best1 = sums + (paddedTo(k, 8) << 3);
  const best2 = best1 + (paddedTo(k, 4) << 2);
  const next = best2 + (paddedTo(k, 4) << 2);
  const size = next + (paddedTo(k, 4) << 2);
  const nothing = f64x2.splat(-Infinity);
  const list = (<usize>n) << 2;
  const pairs = (<usize>k) << 2;
  for (let row = 0; row < rows; row += TOGETHER) {
    const end = room + size * (<usize>min(TOGETHER, rows - row));
    for (let own = room; own < end; own += size) {
      fill(scores1, n, own + keys1, own + largest1, blocks);
      fill(scores2, n, own + keys2, own + largest2, blocks);
      scores1 += list;
      scores2 += list;
      for (let at = own + sums; at < own + best1; at += 16) v128.store(at, nothing);
      store<i32>(own, begin);
      store<i32>(own, begin, 4);
    }
    for (let a = 0; a < begin; a++) {
      const at = (<usize>a) << 2;
      for (let own = room; own < end; own += size) {
        take(own + keys1, own + largest1, blocks, own + best1 + at, own + values1 + (at << 1));
        take(own + keys2, own + largest2, blocks, own + best2 + at, own + values2 + (at << 1));
        put(own + sums, a, sumOfHalves(own + values1, a, own + values2, 0));
        store<i32>(own + next + at, 0);
      }
    }
    for (let c = 0; c < k; c++) {
      let to = (<usize>c) << 2;
      for (let own = room; own < end; own += size, to += pairs) {
        const started = load<i32>(own);
        const known = load<i32>(own, 4);
        const a = placeOfLargest(own + sums, started);
        const place = (<usize>a) << 2;
        const b = load<i32>(own + next + place);
        store<i32>(own + next + place, b + 1);
        store<i32>(first + to, load<i32>(own + best1 + place));
        store<i32>(second + to, load<i32>(own + best2 + ((<usize>b) << 2)));
        if (b + 1 === known && known < k) {
          const at = (<usize>known) << 2;
          take(own + keys2, own + largest2, blocks, own + best2 + at, own + values2 + (at << 1));
          store<i32>(own, known + 1, 4);
        }
        // After the k-th pair of a row of the table there is none that could be among the k best.
        put(own + sums, a, b + 1 < k ? sumOfHalves(own + values1, a, own + values2, b + 1) : -Infinity);
        if (a + 1 === started && b === 0 && started < k) {
          const at = (<usize>started) << 2;
          take(own + keys1, own + largest1, blocks, own + best1 + at, own + values1 + (at << 1));
          store<i32>(own + next + at, 0);
          put(own + sums, started, sumOfHalves(own + values1, started, own + values2, 0));
          store<i32>(own, started + 1);
        }
      }
    }
    first += pairs * (<usize>TOGETHER);
    second += pairs * (<usize>TOGETHER);
  }
}
