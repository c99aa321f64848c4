/** A choice by rank, without sorting. */

/** The n-th largest of the first `length` numbers, 1 ≤ n ≤ length, which it puts into another order (Hoare's selection). */
export function nthLargest(numbers: Float64Array, length: number, n: number): number {
  let [low, high] = [0, length - 1];
  while (low < high) {
    const pivot = numbers[(low + high) >> 1];
    let [i, j] = [low, high];
    while (i <= j) {
      while (numbers[i] > pivot) i++;
      while (numbers[j] < pivot) j--;
      if (i > j) break;
      [numbers[i], numbers[j]] = [numbers[j], numbers[i]];
      i++;
      j--;
    }
    if (n - 1 <= j) high = j;
    else if (n - 1 >= i) low = i;
    else break;
  }
  return numbers[n - 1];
}
