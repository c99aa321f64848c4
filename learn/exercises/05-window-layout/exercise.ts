import fc from 'fast-check';
import { EXACT, type Exercise, law, mistake } from '../../exercise.ts';

const inputs = fc.record({
  length: fc.integer({ min: 1, max: 8 }),
  reach: fc.integer({ min: 0, max: 9 }),
  causal: fc.boolean(),
});

/** A layout whose ends are changed. */
const layout =
  (first: (i: number, r: number) => number, end: (i: number, r: number, length: number, causal: boolean) => number) =>
  (length: number, reach: number, causal: boolean): number[][] =>
    Array.from({ length }, (_, i) => [first(i, reach), end(i, reach, length, causal)]);

const from = (i: number, r: number) => Math.max(0, i - r);
const to = (i: number, r: number, length: number, causal: boolean) => (causal ? i + 1 : Math.min(length, i + r + 1));

/** Keys one by one, by their distance. */
function counted({ length, reach, causal }: { length: number; reach: number; causal: boolean }): number[][] {
  return Array.from({ length }, (_, i) => {
    const near = Array.from({ length }, (_, j) => j).filter((j) => Math.abs(i - j) <= reach && !(causal && j > i));
    return [near[0], near[near.length - 1] + 1];
  });
}

export const windowLayout: Exercise = {
  name: 'window-layout',
  title: 'A window by layout',
  functions: ['windowLayout'],
  laws: [
    law(
      'holds the keys at most `reach` away, and no others',
      inputs,
      (code, { length, reach, causal }) => code.windowLayout(length, reach, causal),
      counted,
      EXACT,
    ),
  ],
  mistakes: [
    mistake(
      'last key left out',
      'Your end is the last key of the window. The end of a half-open range is one past it.',
      {
        windowLayout: layout(from, (i, r, length, causal) => (causal ? i : Math.min(length - 1, i + r))),
      },
    ),
    mistake('not cut off at the start', 'Your first key can be negative: there is no key before key 0.', {
      windowLayout: layout((i, r) => i - r, to),
    }),
    mistake('not cut off at the end', 'Your end can be past the length: there is no key after the last one.', {
      windowLayout: layout(from, (i, r, _, causal) => (causal ? i + 1 : i + r + 1)),
    }),
    mistake(
      'not cut off at either end',
      'Your window goes on past both ends of the text, where there are no keys: cut its first key off at 0 and its end at the length.',
      {
        windowLayout: layout(
          (i, r) => i - r,
          (i, r, _, causal) => (causal ? i + 1 : i + r + 1),
        ),
      },
    ),
    mistake(
      'causal ignored',
      'You leave the later keys in the window although the model is causal: it must end at the query.',
      {
        windowLayout: layout(from, (i, r, length) => Math.min(length, i + r + 1)),
      },
    ),
    mistake(
      'reach shared by both sides',
      'Your window has `reach` keys in all, half of them on each side. Here reach counts the keys of one side.',
      {
        windowLayout: layout(
          (i, r) => Math.max(0, i - Math.floor(r / 2)),
          (i, r, length, causal) => (causal ? i + 1 : Math.min(length, i + Math.floor(r / 2) + 1)),
        ),
      },
    ),
    mistake(
      'end one too small',
      'You leave out the last key of each window that is not cut off. The end is one past the last key: i + reach + 1, or i + 1 where the model is causal.',
      {
        windowLayout: layout(from, (i, r, length, causal) => (causal ? i : Math.min(length, i + r))),
      },
    ),
    mistake(
      'own key left out',
      'You end a causal window before the query. It holds the own key too, so its end is i + 1.',
      {
        windowLayout: layout(from, (i, r, length, causal) => (causal ? i : Math.min(length, i + r + 1))),
      },
    ),
    mistake(
      'last token left out',
      'You cut the end off at length − 1, so that no window holds the last token. The end is one past a key: cut it off at the length.',
      {
        windowLayout: layout(from, (i, r, length, causal) => Math.min(length - 1, causal ? i + 1 : i + r + 1)),
      },
    ),
    mistake(
      'window moved at the ends',
      'You move the window inwards at the ends of the text, so that it stays as large as elsewhere. It then holds keys that are more than `reach` away: let it become smaller.',
      {
        windowLayout: (length: number, reach: number, causal: boolean) =>
          Array.from({ length }, (_, i) => {
            const size = (causal ? reach : 2 * reach) + 1;
            const first = Math.min(from(i, reach), Math.max(0, length - size));
            return [first, Math.min(length, first + size)];
          }),
      },
    ),
    mistake(
      'one pair for all',
      'You return the pair of the last query for all. If you made the list by fill([…]): that puts one and the same pair into every place. Array.from({ length }, (_, i) => […]) makes a new one for each.',
      {
        windowLayout: (length: number, reach: number, causal: boolean) =>
          Array.from({ length }, () => [from(length - 1, reach), to(length - 1, reach, length, causal)]),
      },
    ),
    mistake(
      'keys written out',
      'You list the keys of each query. A layout has two numbers for each: the first key, and one past the last.',
      {
        windowLayout: (length: number, reach: number, causal: boolean) =>
          Array.from({ length }, (_, i) => {
            const first = from(i, reach);
            return Array.from({ length: to(i, reach, length, causal) - first }, (_, n) => first + n);
          }),
      },
    ),
    mistake(
      'number of keys for the end',
      'Your second number is how many keys there are. It is the number one past the last key.',
      { windowLayout: layout(from, (i, r, length, causal) => to(i, r, length, causal) - from(i, r)) },
    ),
    mistake(
      'causal window twice as long',
      'You let a causal window begin 2r before its query. It begins at i − r as the other does, and is shorter.',
      {
        windowLayout: (length: number, reach: number, causal: boolean) =>
          layout((i, r) => from(i, causal ? 2 * r : r), to)(length, reach, causal),
      },
    ),
    mistake(
      'end one too large',
      'You add 1 after you cut the end off, so that it lies beyond the text: cut off last.',
      { windowLayout: layout(from, (i, r, length, causal) => (causal ? i + 1 : Math.min(length, i + r) + 1)) },
    ),
  ],
  hints: [
    'Write the pair for a query in the middle of a long text first: [i - reach, i + reach + 1].',
    'Then cut it off: Math.max(0, …) for the first key, Math.min(length, …) for the end.',
    'A causal window is the same, but its end is i + 1.',
  ],
  see: 'src/core/ops/key-sets.ts',
};
