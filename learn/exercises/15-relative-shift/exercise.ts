import { tensors } from '../../draw.ts';
import { EXACT, type Exercise, law, mistake } from '../../exercise.ts';
import type { Matrix } from '../../plain.ts';

/** Columns for the remembered tokens, and as many as there are queries. */
const inputs = tensors({ L: [1, 4], M: [0, 3] }, { queries: ['L', 'L'], remembered: ['L', 'M'] }).map(
  ({ queries, remembered }) => ({ byDistance: queries.map((row, i) => [...row, ...remembered[i]]) }),
);
/** Scores that are distances, counted from 1, so that 0 is left for later keys. */
const distances = inputs.map(({ byDistance }) => ({
  byDistance: byDistance.map((row) => row.map((_, c) => row.length - c)),
}));

/** Looks up every pair by its distance. */
function looked({ byDistance }: { byDistance: Matrix }): Matrix {
  const [L, all] = [byDistance.length, byDistance[0].length];
  return byDistance.map((row, i) => {
    const ofDistance = new Map(row.map((score, c) => [all - 1 - c, score]));
    return row.map((_, j) => ofDistance.get(all - L + i - j) ?? 0);
  });
}

/** Key j of query i from the number at (row, column), or 0. */
const from = (place: (i: number, j: number, L: number, all: number) => [row: number, column: number]) => ({
  relativeShift: (byDistance: Matrix): Matrix =>
    byDistance.map((each, i) =>
      each.map((_, j) => {
        const [row, column] = place(i, j, byDistance.length, each.length);
        return byDistance[row]?.[column] ?? 0;
      }),
    ),
});

/** With zeros for later keys, but also from places that no row has. */
const unguarded = (column: (i: number, j: number, L: number) => number) => ({
  relativeShift: (byDistance: Matrix): Matrix => {
    const L = byDistance.length;
    return byDistance.map((row, i) => row.map((_, j) => (j > row.length - L + i ? 0 : row[column(i, j, L)])));
  },
});

export const relativeShift: Exercise = {
  name: 'relative-shift',
  title: 'Relative shift',
  functions: ['relativeShift'],
  laws: [
    law(
      'where every score is the distance of its column plus 1, every pair gets its own distance plus 1',
      distances,
      (code, { byDistance }) => code.relativeShift(byDistance),
      ({ byDistance }) => {
        const M = byDistance[0].length - byDistance.length;
        return byDistance.map((row, i) => row.map((_, j) => Math.max(0, M + i - j + 1)));
      },
      EXACT,
    ),
    law(
      'equals looking up every distance',
      inputs,
      (code, { byDistance }) => code.relativeShift(byDistance),
      looked,
      EXACT,
    ),
  ],
  mistakes: [
    mistake(
      'numbers of the next row',
      'You leave numbers of the next row behind the last key of a query, as the trick of memory does before its mask. A later key has the score 0 here.',
      {
        relativeShift: (byDistance: Matrix): Matrix => {
          const all = byDistance[0].length;
          const padded = byDistance.flatMap((row) => [0, ...row]);
          return byDistance.map((row, i) => row.map((_, j) => padded[byDistance.length + i * all + j] ?? 0));
        },
      },
    ),
    mistake(
      'wraps around',
      'You let a row that moves to the left come in again on the right. What leaves it is for no key: the places of later keys are 0.',
      from((i, j, L, all) => [i, (j + L - 1 - i) % all]),
    ),
    mistake(
      'columns the wrong way round',
      'You read column c as distance c. The columns begin with the greatest distance, M + L − 1, and end with 0.',
      from((i, j, L, all) => [i, all - L + i - j]),
    ),
    mistake(
      'moved to the right',
      'You move the rows to the right. The column of key j is j + (L − 1 − i), further right, so the numbers move to the left.',
      from((i, j, L) => [i, j - (L - 1 - i)]),
    ),
    mistake(
      'later rows moved more',
      'You move row i by i. The last query, which is farthest from the beginning, needs no shift, and the first the largest: L − 1 − i.',
      from((i, j) => [i, j + i]),
    ),
    mistake(
      'nothing for later keys',
      'You read beyond the end of a row, where the list holds nothing: undefined. Such a key is later than the query, and its score is 0.',
      {
        relativeShift: (byDistance: Matrix): Matrix =>
          byDistance.map((row, i) => row.map((_, j) => row[j + byDistance.length - 1 - i])),
      },
    ),
    mistake(
      'rows cut off',
      'You return only the scores of the keys that are not later. Every row has a place for each key: those of later keys are 0.',
      {
        relativeShift: (byDistance: Matrix): Matrix => byDistance.map((row, i) => row.slice(byDistance.length - 1 - i)),
      },
    ),
    mistake(
      'own key left out',
      'You set the score of a query with its own key to 0, where the distance is 0. Only later keys have none, j > M + i.',
      from((i, j, L, all) => [i, j < all - L + i ? j + L - 1 - i : -1]),
    ),
    mistake(
      'moved to the right, out of the row',
      'You move the rows to the right, and read before their beginning, where the list holds nothing: undefined. The column of key j is j + (L − 1 − i).',
      unguarded((i, j, L) => j - (L - 1 - i)),
    ),
    mistake(
      'one too far, out of the row',
      'You move every row by one place too many, and read beyond its end: undefined. The column of key j is j + (L − 1 − i), so the last row stays where it is.',
      unguarded((i, j, L) => j + L - i),
    ),
    mistake('one too far', 'You move every row by one place too many: the last row stays where it is.', {
      ...from((i, j, L) => [i, j + L - i]),
    }),
    mistake(
      'memory forgotten',
      'You count the distance without the remembered tokens. Query i stands at place M + i, so that the last row stays where it is, however many columns there are.',
      from((i, j, _, all) => [i, j + all - 1 - i]),
    ),
    mistake(
      'distance without its sign',
      'You look up later keys too, by the distance without its sign. byKey is 0 where the key is later than the query.',
      from((i, j, L, all) => [i, all - 1 - Math.abs(all - L + i - j)]),
    ),
    mistake(
      'not moved',
      'You return the rows as they came. Column c stands for a distance there; in byKey it stands for a key.',
      from((i, j) => [i, j]),
    ),
    mistake(
      'not moved, only masked',
      'You put zeros for later keys but move no row. Each row has to move to the left, the first the most.',
      from((i, j, L, all) => [i, j <= all - L + i ? j : -1]),
    ),
    mistake(
      '−∞ for later keys',
      'You return −∞ for later keys. That is what a mask does to scores afterwards; here they are 0.',
      {
        relativeShift: (byDistance: Matrix): Matrix =>
          byDistance.map((row, i) => row.map((_, j) => row[j + byDistance.length - 1 - i] ?? Number.NEGATIVE_INFINITY)),
      },
    ),
  ],
  hints: [
    'Set the two distances equal: M + L − 1 − c = M + i − j. Which column c holds the score for key j?',
    'c = j + (L − 1 − i). M has dropped out. Where c is past the last column, the distance would be negative: the key is later, and its score is 0.',
    'byDistance.map((row, i) => row.map((_, j) => { const c = j + L - 1 - i; return c < row.length ? row[c] : 0; })).',
  ],
  see: 'src/variants/transformer-xl-distances.ts',
};
