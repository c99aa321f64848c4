import fc from 'fast-check';
import { EXACT, type Exercise, law, mistake, shown } from '../../exercise.ts';

const inputs = fc.record({ buckets: fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 8 }) });

type Numbers = readonly number[];

/** Bucket by bucket, and the tokens of each from the first to the last. */
function gathered(buckets: Numbers): number[] {
  const order: number[] = [];
  for (let bucket = 0; bucket <= 12; bucket++) {
    for (let token = 0; token < buckets.length; token++) if (buckets[token] === bucket) order.push(token);
  }
  return order;
}
/** A row for each token, such as [3, 30]. */
const rowsOf = (buckets: Numbers) => buckets.map((_, token) => [token, 10 * token]);

const tokensOf = (buckets: Numbers) => buckets.map((_, token) => token);
const orderOf = (buckets: Numbers) => tokensOf(buckets).sort((a, b) => buckets[a] - buckets[b]);
const unsort = (sorted: readonly Numbers[], order: Numbers) => sorted.map((_, token) => sorted[order.indexOf(token)]);

export const sortUnsort: Exercise = {
  name: 'sort-unsort',
  title: 'Sort and unsort',
  functions: ['orderOf', 'unsort'],
  laws: [
    shown(
      'the numbers of your order, sorted from small to large',
      law(
        'the order visits every token once',
        inputs,
        (code, { buckets }) => [...(code.orderOf(buckets) as number[])].sort((a, b) => a - b),
        ({ buckets }) => buckets.map((_, token) => token),
        EXACT,
      ),
    ),
    shown(
      'the buckets of the tokens, one after another in your order',
      law(
        'in this order the buckets never fall',
        inputs,
        (code, { buckets }) => (code.orderOf(buckets) as number[]).map((token) => buckets[token] ?? -1),
        ({ buckets }) => [...buckets].sort((a, b) => a - b),
        EXACT,
      ),
    ),
    law(
      'the tokens of a bucket stay in the order of the text',
      inputs,
      (code, { buckets }) => code.orderOf(buckets),
      ({ buckets }) => gathered(buckets),
      EXACT,
    ),
    shown(
      'what `unsort` returns for rows sorted by bucket: the row of token t is [t, 10 t]',
      law(
        'unsort puts every row back to its token',
        inputs,
        (code, { buckets }) => {
          const order = gathered(buckets);
          const rows = rowsOf(buckets);
          return code.unsort(
            order.map((token) => rows[token]),
            order,
          );
        },
        ({ buckets }) => rowsOf(buckets),
        EXACT,
      ),
    ),
  ],
  mistakes: [
    mistake(
      'buckets instead of tokens',
      'You return the sorted buckets. The order consists of the numbers of the tokens: sort these, and let the comparison look up their buckets.',
      { orderOf: (buckets: Numbers) => [...buckets].sort((a, b) => a - b), unsort },
    ),
    mistake(
      'the argument sorted',
      'You sort the list of buckets that you were given. Others still need it, and its numbers are not those of the tokens: make a list of the tokens and sort that.',
      { orderOf: (buckets: number[]) => buckets.sort((a, b) => a - b), unsort },
    ),
    mistake(
      'sorted as text',
      'You sort the numbers as text, which JavaScript does without a comparison: 10 then comes before 2. Give sort a function that subtracts.',
      {
        orderOf: (buckets: Numbers) =>
          tokensOf(buckets).sort((a, b) => {
            const [one, other] = [String(buckets[a]), String(buckets[b])];
            return one < other ? -1 : one > other ? 1 : 0;
          }),
        unsort,
      },
    ),
    mistake(
      'not stable',
      'You turn the tokens of a bucket round: the later ones come first. Sort by the place in the text where buckets are equal.',
      { orderOf: (buckets: Numbers) => tokensOf(buckets).sort((a, b) => buckets[a] - buckets[b] || b - a), unsort },
    ),
    mistake(
      'places instead of tokens',
      'You return for each token the place that it moves to. That is the inverse of the order, which says for each place which token comes there.',
      {
        orderOf: (buckets: Numbers) => {
          const order = orderOf(buckets);
          return tokensOf(buckets).map((token) => order.indexOf(token));
        },
        unsort,
      },
    ),
    mistake(
      'sorted again instead of unsorted',
      'You take row order[n] to place n in unsort. That sorts once more: row n goes to place order[n].',
      { orderOf, unsort: (sorted: readonly Numbers[], order: Numbers) => order.map((token) => sorted[token]) },
    ),
    mistake('left sorted', 'You leave the rows in the sorted order. Row n belongs to token order[n].', {
      orderOf,
      unsort: (sorted: readonly Numbers[]) => sorted,
    }),
    mistake(
      'from large to small',
      'You sort from the largest bucket to the smallest. It goes the other way: (a, b) => buckets[a] - buckets[b].',
      { orderOf: (buckets: Numbers) => tokensOf(buckets).sort((a, b) => buckets[b] - buckets[a]), unsort },
    ),
    mistake(
      'not sorted',
      'You return the tokens in the order of the text. If you call sort: without a function it compares the numbers of the tokens, not their buckets; and a function that returns true or false never says that one is smaller. Subtract the buckets.',
      { orderOf: tokensOf, unsort },
    ),
    mistake(
      'found by indexOf',
      'You look for the token of each bucket by indexOf, which always finds the first one. So some tokens come several times and others never: sort the numbers of the tokens themselves.',
      {
        orderOf: (buckets: Numbers) => [...buckets].sort((a, b) => a - b).map((bucket) => buckets.indexOf(bucket)),
        unsort,
      },
    ),
  ],
  hints: [
    'The result of orderOf is a list of the numbers 0, 1, 2 … of the tokens, in another order. Begin with buckets.map((_, token) => token).',
    'tokens.sort((a, b) => …) compares two tokens; what counts is the difference of their buckets. JavaScript keeps equals in their order. In unsort, make a new list and fill it place by place.',
    'tokens.sort((a, b) => buckets[a] - buckets[b]) is the order. In unsort: rows[order[n]] = sorted[n] for each n.',
  ],
  see: 'src/core/ops/sort.ts',
};
