/**
 * A tile of attention in one call, where nothing but the borders of runs hides its pairs: the steps that
 * kernels/attention-forward.ts and kernels/attention-backward.ts else call one by one, with the same bits.
 */
import { log4 } from './elementary';
import { hideRuns } from './pairs';
import { packPanels } from './panels';
import { exponentiateRows, weighRows } from './softmax';
import { multiplyPanels, multiplyTile } from './tile';
import { at } from './vector';

/** ROWS_THAT_PAY of kernels/tile.ts. */
const ROWS_THAT_PAY = 8;

/** C = α A Bᵀ, with room for the panels of Bᵀ: multiplyTile of kernels/tile.ts. */
function multiplyTransposed(
  c: usize,
  cRow: i32,
  a: usize,
  aRow: i32,
  b: usize,
  bRow: i32,
  panels: usize,
  rows: i32,
  columns: i32,
  inner: i32,
  alpha: f32,
): void {
  if (bRow == 1 || rows < ROWS_THAT_PAY) {
    multiplyTile(c, cRow, a, aRow, 1, b, 1, bRow, rows, columns, inner, alpha, false);
    return;
  }
  packPanels(panels, b, 1, bRow, inner, columns);
  multiplyPanels(c, cRow, a, aRow, 1, panels, rows, columns, inner, alpha, false);
}

/**
 * `rows` queries meet `count` keys: scores of `products` rows, of which those beyond `rows` are never read, exponentials, and
 * weighted sums of values. `begins` 0: no pair is hidden.
 */
export function attendTile(
  scores: usize,
  stride: i32,
  panels: usize,
  q: usize,
  qRow: i32,
  k: usize,
  kRow: i32,
  v: usize,
  vRow: i32,
  products: i32,
  rows: i32,
  count: i32,
  width: i32,
  valueWidth: i32,
  scale: f32,
  places: usize,
  begins: usize,
  ends: usize,
  first: i32,
  largest: usize,
  sums: usize,
  weighted: usize,
): void {
  multiplyTransposed(scores, stride, q, qRow, k, kRow, panels, products, count, width, scale);
  if (begins != 0) hideRuns(scores, stride, rows, count, places, begins, ends, first);
  exponentiateRows(scores, stride, rows, count, largest, sums, weighted, valueWidth);
  multiplyTile(weighted, valueWidth, scores, stride, 1, v, vRow, 1, rows, valueWidth, count, 1, true);
}

/** The gradients of such a tile. A gradient at 0 is not wanted; rows of gradients lie as those of their tensors. */
export function passBackTile(
  scores: usize,
  slopes: usize,
  stride: i32,
  panels: usize,
  q: usize,
  qRow: i32,
  g: usize,
  gRow: i32,
  k: usize,
  kRow: i32,
  v: usize,
  vRow: i32,
  rows: i32,
  count: i32,
  width: i32,
  valueWidth: i32,
  scale: f32,
  places: usize,
  begins: usize,
  ends: usize,
  first: i32,
  shifts: usize,
  shares: usize,
  delta: usize,
  step: i32,
  ofQueries: usize,
  ofKeys: usize,
  ofValues: usize,
): void {
  multiplyTransposed(scores, stride, q, qRow, k, kRow, panels, rows, count, width, scale);
  if (begins != 0) hideRuns(scores, stride, rows, count, places, begins, ends, first);
  multiplyTransposed(slopes, stride, g, gRow, v, vRow, panels, rows, count, valueWidth, 1);
  weighRows(scores, slopes, stride, rows, count, shifts, shares, delta, step);
  if (ofValues != 0) multiplyTile(ofValues, vRow, scores, 1, stride, g, gRow, 1, count, valueWidth, rows, 1, true);
  if (ofKeys != 0) multiplyTile(ofKeys, kRow, slopes, 1, stride, q, qRow, 1, count, width, rows, scale, true);
  if (ofQueries != 0) multiplyTile(ofQueries, qRow, slopes, stride, 1, k, kRow, 1, rows, width, count, scale, true);
}

/** The loop of attentionRowsKernel in kernels/attention-backward.ts; `along` 0: no gradient of the log-sum-exp. */
export function attentionRows(
  output: usize,
  gradient: usize,
  along: usize,
  largest: usize,
  sums: usize,
  delta: usize,
  shifts: usize,
  shares: usize,
  rows: i32,
  width: i32,
): void {
  const vectors = width & ~3;
  for (let row = 0; row < rows; row++) {
    let low = f64x2.splat(0);
    let high = low;
    let asked = i32x4.splat(0);
    for (let c = 0; c < vectors; c += 4) {
      const g = v128.load(at(gradient, c));
      const isAsked = f32x4.ne(g, f32x4.splat(0));
      asked = v128.or(asked, isAsked);
      const o = v128.and(v128.load(at(output, c)), isAsked);
      low = f64x2.add(low, f64x2.mul(f64x2.promote_low_f32x4(o), f64x2.promote_low_f32x4(g)));
      const a = v128.shuffle<f32>(o, o, 2, 3, 0, 1);
      const b = v128.shuffle<f32>(g, g, 2, 3, 0, 1);
      high = f64x2.add(high, f64x2.mul(f64x2.promote_low_f32x4(a), f64x2.promote_low_f32x4(b)));
    }
    const both = f64x2.add(low, high);
    let dot = f64x2.extract_lane(both, 0) + f64x2.extract_lane(both, 1);
    let isAsked = v128.any_true(asked);
    for (let c = vectors; c < width; c++) {
      const g = load<f32>(at(gradient, c));
      if (g == 0) continue;
      isAsked = true;
      dot += (<f64>load<f32>(at(output, c))) * (<f64>g);
    }
    const own: f32 = along == 0 ? 0 : load<f32>(at(along, row));
    store<f32>(at(delta, row), <f32>(dot - <f64>own));
    store<f32>(at(shifts, row), isAsked || own != 0 ? load<f32>(at(largest, row)) : -Infinity);
    const sum = load<f32>(at(sums, row));
    store<f32>(at(shares, row), sum == 0 ? 0 : 1 / sum);
    output = at(output, width);
    gradient = at(gradient, width);
  }
}

/**
 * The end of a tile whose queries meet no further set: finishRows of kernels/attention-finish.ts. `highest` and `totals` are
 * float64, one a query; the others point at the first row of the head.
 */
export function finishRows(
  tokens: usize,
  count: i32,
  highest: usize,
  totals: usize,
  weighted: usize,
  width: i32,
  output: usize,
  logSumExp: usize,
  largest: usize,
  sums: usize,
): void {
  const vectors = width & ~3;
  for (let i = 0; i < count; i++) {
    const row = load<i32>(at(tokens, i));
    const top = load<f64>(highest + ((<usize>i) << 3));
    const total = load<f64>(totals + ((<usize>i) << 3));
    const log = f32x4.extract_lane(log4(f32x4.splat(<f32>total)), 0);
    store<f32>(at(logSumExp, row), total == 0 ? -Infinity : <f32>(top + <f64>log));
    store<f32>(at(largest, row), <f32>top);
    store<f32>(at(sums, row), <f32>total);
    const share: f32 = total == 0 ? 0 : <f32>(1 / total);
    const factor = f32x4.splat(share);
    const to = at(output, row * width);
    for (let c = 0; c < vectors; c += 4) v128.store(at(to, c), f32x4.mul(v128.load(at(weighted, c)), factor));
    for (let c = vectors; c < width; c++) store<f32>(at(to, c), load<f32>(at(weighted, c)) * share);
    weighted = at(weighted, width);
  }
}
