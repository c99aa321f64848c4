/** Where rows are largest and smallest: the loop of kernels/hash.ts. */
import { at } from './vector';

/** Takes the first of equal ones, as the comparison of one entry after another does. */
// @ts-ignore: decorator
@inline
function better(value: f32, place: i32, than: f32, at: i32): bool {
  return value > than || (value == than && place < at);
}

/**
 * Updates the extremes of `rows` rows with `columns` more columns, the first of which is column `begin`. Values are float64,
 * places int32; a value stands until a larger (or smaller) one comes.
 */
export function extremesOfRows(
  x: usize,
  stride: i32,
  rows: i32,
  columns: i32,
  begin: i32,
  largest: usize,
  smallest: usize,
  atLargest: usize,
  atSmallest: usize,
): void {
  const vectors = columns & ~3;
  for (let row = 0; row < rows; row++) {
    const from = at(x, row * stride);
    const value = (<usize>row) << 3;
    let most = <f32>load<f64>(largest + value);
    let least = <f32>load<f64>(smallest + value);
    let mostAt = load<i32>(at(atLargest, row));
    let leastAt = load<i32>(at(atSmallest, row));
    if (vectors > 0) {
      let highest = f32x4.splat(most);
      let lowest = f32x4.splat(least);
      let highestAt = i32x4.splat(mostAt);
      let lowestAt = i32x4.splat(leastAt);
      let places = i32x4.add(i32x4.splat(begin), i32x4(0, 1, 2, 3));
      for (let c = 0; c < vectors; c += 4) {
        const each = v128.load(at(from, c));
        const isHigher = f32x4.gt(each, highest);
        const isLower = f32x4.lt(each, lowest);
        highest = v128.bitselect(each, highest, isHigher);
        highestAt = v128.bitselect(places, highestAt, isHigher);
        lowest = v128.bitselect(each, lowest, isLower);
        lowestAt = v128.bitselect(places, lowestAt, isLower);
        places = i32x4.add(places, i32x4.splat(4));
      }
      if (better(f32x4.extract_lane(highest, 0), i32x4.extract_lane(highestAt, 0), most, mostAt)) {
        most = f32x4.extract_lane(highest, 0);
        mostAt = i32x4.extract_lane(highestAt, 0);
      }
      if (better(-f32x4.extract_lane(lowest, 0), i32x4.extract_lane(lowestAt, 0), -least, leastAt)) {
        least = f32x4.extract_lane(lowest, 0);
        leastAt = i32x4.extract_lane(lowestAt, 0);
      }
      if (better(f32x4.extract_lane(highest, 1), i32x4.extract_lane(highestAt, 1), most, mostAt)) {
        most = f32x4.extract_lane(highest, 1);
        mostAt = i32x4.extract_lane(highestAt, 1);
      }
      if (better(-f32x4.extract_lane(lowest, 1), i32x4.extract_lane(lowestAt, 1), -least, leastAt)) {
        least = f32x4.extract_lane(lowest, 1);
        leastAt = i32x4.extract_lane(lowestAt, 1);
      }
      if (better(f32x4.extract_lane(highest, 2), i32x4.extract_lane(highestAt, 2), most, mostAt)) {
        most = f32x4.extract_lane(highest, 2);
        mostAt = i32x4.extract_lane(highestAt, 2);
      }
      if (better(-f32x4.extract_lane(lowest, 2), i32x4.extract_lane(lowestAt, 2), -least, leastAt)) {
        least = f32x4.extract_lane(lowest, 2);
        leastAt = i32x4.extract_lane(lowestAt, 2);
      }
      if (better(f32x4.extract_lane(highest, 3), i32x4.extract_lane(highestAt, 3), most, mostAt)) {
        most = f32x4.extract_lane(highest, 3);
        mostAt = i32x4.extract_lane(highestAt, 3);
      }
      if (better(-f32x4.extract_lane(lowest, 3), i32x4.extract_lane(lowestAt, 3), -least, leastAt)) {
        least = f32x4.extract_lane(lowest, 3);
        leastAt = i32x4.extract_lane(lowestAt, 3);
      }
    }
    for (let c = vectors; c < columns; c++) {
      const each = load<f32>(at(from, c));
      if (each > most) {
        most = each;
        mostAt = begin + c;
      }
      if (each < least) {
        least = each;
        leastAt = begin + c;
      }
    }
    store<f64>(largest + value, <f64>most);
    store<f64>(smallest + value, <f64>least);
    store<i32>(at(atLargest, row), mostAt);
    store<i32>(at(atSmallest, row), leastAt);
  }
}
