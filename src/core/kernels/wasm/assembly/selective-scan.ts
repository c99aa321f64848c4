/**
 * The loops of kernels/selective-rows.ts, over four numbers of a state at a time. `table` lists where arrays lie, as int32, in
 * the order given there. Numbers beyond the last whole vector go through the first lane.
 */
import { expOfDifference } from './elementary';
import { at, multiplyAdd, sumOf } from './vector';

// @ts-ignore: decorator
@inline
function array(table: usize, index: i32): usize {
  return <usize>load<u32>(at(table, index));
}

/** One number, and zeros. */
// @ts-ignore: decorator
@inline
function single(pointer: usize): v128 {
  return v128.load_zero<f32>(pointer);
}

// @ts-ignore: decorator
@inline
function firstOf(x: v128): f32 {
  return f32x4.extract_lane(x, 0);
}

/** a ∘ h + Δx B. */
// @ts-ignore: decorator
@inline
function next(decay: v128, h: v128, written: v128, B: v128): v128 {
  return multiplyAdd(decay, h, f32x4.mul(written, B));
}

/** Table: queries, keys, values, steps, rates, h, output. */
export function selectiveScanRows(table: usize, rows: i32, channels: i32, n: i32, m: i32): void {
  let C = array(table, 0);
  let B = array(table, 1);
  let x = array(table, 2);
  let delta = array(table, 3);
  const rates = array(table, 4);
  const states = array(table, 5);
  let output = array(table, 6);
  const vectors = m & ~3;
  for (let r = 0; r < rows; r++) {
    let A = rates;
    let h = states;
    for (let c = 0; c < channels; c++) {
      const step = v128.load_splat<f32>(at(delta, c));
      const written = f32x4.mul(step, v128.load_splat<f32>(at(x, c)));
      let reads = f32x4.splat(0);
      for (let f = 0; f < vectors; f += 4) {
        const decay = expOfDifference(f32x4.mul(step, v128.load(at(A, f))));
        const state = next(decay, v128.load(at(h, f)), written, v128.load(at(B, f)));
        v128.store(at(h, f), state);
        reads = multiplyAdd(v128.load(at(C, f)), state, reads);
      }
      let read = sumOf(reads);
      for (let f = vectors; f < m; f++) {
        const decay = expOfDifference(f32x4.mul(step, single(at(A, f))));
        const state = firstOf(next(decay, single(at(h, f)), written, single(at(B, f))));
        store<f32>(at(h, f), state);
        read += load<f32>(at(C, f)) * state;
      }
      store<f32>(at(output, c), read);
      A = at(A, m);
      h = at(h, m);
    }
    C = at(C, m);
    B = at(B, m);
    x = at(x, n);
    delta = at(delta, n);
    output = at(output, n);
  }
}

/** The decays of one channel, and its states after each token; the state before them lies in front of `trail`. */
function retrace(decays: usize, trail: usize, B: usize, x: usize, delta: usize, A: usize, rows: i32, n: i32, m: i32): void {
  const vectors = m & ~3;
  for (let r = 0; r < rows; r++) {
    const h = trail - ((<usize>m) << 2);
    const step = v128.load_splat<f32>(delta);
    const written = f32x4.mul(step, v128.load_splat<f32>(x));
    for (let f = 0; f < vectors; f += 4) {
      const decay = expOfDifference(f32x4.mul(step, v128.load(at(A, f))));
      v128.store(at(decays, f), decay);
      v128.store(at(trail, f), next(decay, v128.load(at(h, f)), written, v128.load(at(B, f))));
    }
    for (let f = vectors; f < m; f++) {
      const decay = expOfDifference(f32x4.mul(step, single(at(A, f))));
      store<f32>(at(decays, f), firstOf(decay));
      store<f32>(at(trail, f), firstOf(next(decay, single(at(h, f)), written, single(at(B, f)))));
    }
    decays = at(decays, m);
    trail = at(trail, m);
    B = at(B, m);
    x = at(x, n);
    delta = at(delta, n);
  }
}

/**
 * Table: queries, keys, values, steps, rates, h, gradient, carried, ofQueries, ofKeys, ofValues, ofSteps, ofRates, and room:
 * decays and trail.
 */
export function selectiveGradientRows(table: usize, rows: i32, channels: i32, n: i32, m: i32): void {
  const vectors = m & ~3;
  const decays = array(table, 13);
  const trail = array(table, 14);
  for (let c = 0; c < channels; c++) {
    const A = at(array(table, 4), c * m);
    const carried = at(array(table, 7), c * m);
    const ofRates = at(array(table, 12), c * m);
    memory.copy(trail, at(array(table, 5), c * m), (<usize>m) << 2);
    retrace(decays, at(trail, m), array(table, 1), at(array(table, 2), c), at(array(table, 3), c), A, rows, n, m);
    for (let r = rows - 1; r >= 0; r--) {
      const own = r * n + c;
      const C = at(array(table, 0), r * m);
      const B = at(array(table, 1), r * m);
      const ofC = at(array(table, 8), r * m);
      const ofB = at(array(table, 9), r * m);
      const decay = at(decays, r * m);
      const before = at(trail, r * m);
      const after = at(before, m);
      const x = load<f32>(at(array(table, 2), own));
      const delta = load<f32>(at(array(table, 3), own));
      const ofOutput = v128.load_splat<f32>(at(array(table, 6), own));
      const step = f32x4.splat(delta);
      const written = f32x4.splat(delta * x);
      let us = f32x4.splat(0);
      let alongs = f32x4.splat(0);
      for (let f = 0; f < vectors; f += 4) {
        const g = multiplyAdd(ofOutput, v128.load(at(C, f)), v128.load(at(carried, f)));
        v128.store(at(ofC, f), multiplyAdd(ofOutput, v128.load(at(after, f)), v128.load(at(ofC, f))));
        v128.store(at(ofB, f), multiplyAdd(written, g, v128.load(at(ofB, f))));
        us = multiplyAdd(v128.load(at(B, f)), g, us);
        const back = f32x4.mul(v128.load(at(decay, f)), g);
        v128.store(at(carried, f), back);
        const e = f32x4.mul(back, v128.load(at(before, f)));
        alongs = multiplyAdd(v128.load(at(A, f)), e, alongs);
        v128.store(at(ofRates, f), multiplyAdd(step, e, v128.load(at(ofRates, f))));
      }
      let u = sumOf(us);
      let along = sumOf(alongs);
      for (let f = vectors; f < m; f++) {
        const ofY = f32x4.extract_lane(ofOutput, 0);
        const g = ofY * load<f32>(at(C, f)) + load<f32>(at(carried, f));
        store<f32>(at(ofC, f), ofY * load<f32>(at(after, f)) + load<f32>(at(ofC, f)));
        store<f32>(at(ofB, f), delta * x * g + load<f32>(at(ofB, f)));
        u += load<f32>(at(B, f)) * g;
        const back = load<f32>(at(decay, f)) * g;
        store<f32>(at(carried, f), back);
        const e = back * load<f32>(at(before, f));
        along += load<f32>(at(A, f)) * e;
        store<f32>(at(ofRates, f), delta * e + load<f32>(at(ofRates, f)));
      }
      store<f32>(at(array(table, 10), own), delta * u);
      store<f32>(at(array(table, 11), own), x * u + along);
    }
  }
}
