/**
 * Relative shift.
 *
 * Transformer-XL scores a pair by how far apart its tokens are. Query i of L queries comes after M remembered tokens, so it
 * stands at place M + i, and key j of M + L keys at place j: their distance is M + i − j. One product of matrices gives the
 * scores of every query with every *distance*. Its columns begin with the greatest distance:
 *
 *     byDistance[i][c] = score of query i with distance M + L − 1 − c
 *     byKey[i][j]      = score of query i with distance M + i − j
 *
 * where byKey is 0 if the key is later than the query, j > M + i. So each row has to move to the left, the first row the most
 * and the last row not at all. Fast code does it with a trick of memory (pad one column, and read the same numbers in rows of
 * another length); it leaves numbers of the next row behind the last key, which a mask has to hide. Here it is enough to find
 * the column of each key.
 *
 * Task: return byKey. L is the number of rows, and M follows from the number of columns.
 *
 * Source: Dai et al. 2019, "Transformer-XL", appendix B.
 */

export function relativeShift(byDistance: number[][]): number[][] {
  const L = byDistance.length;
  return byDistance.map((row, i) => {
    const left = L - 1 - i;
    // Beyond the last column are keys that come after the query.
    return row.map((_, j) => (j + left < row.length ? row[j + left] : 0));
  });
}
