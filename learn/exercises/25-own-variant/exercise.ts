import fc from 'fast-check';
import { only, tensors, together } from '../../draw.ts';
import { type Code, EXACT, type Exercise, law, mistake, shown } from '../../exercise.ts';
import { type Matrix, attention as plain } from '../../plain.ts';
import * as wrong from './wrong.ts';

const options = fc.record({ causal: fc.boolean(), reach: fc.integer({ min: 0, max: 3 }) });
type Options = { causal: boolean; reach: number };
interface Head {
  Q: Matrix;
  K: Matrix;
  V: Matrix;
}

/** Two heads, a direction for the outputs, and numbers that say which tokens only fill up. */
const inputs = together(
  tensors({ length: [1, 5], dim: [1, 2] }, {
    ...{ Q: ['length', 'dim'], K: ['length', 'dim'], V: ['length', 'dim'], dO: ['length', 'dim'] },
    ...{ Q2: ['length', 'dim'], K2: ['length', 'dim'], V2: ['length', 'dim'], drawn: ['length'] },
  } as const),
  options.map((each) => ({ options: each })),
).map(({ drawn, ...all }) => ({ ...all, real: drawn.map((x) => (x > 0.5 ? 0 : 1)) }));
const keys = only(inputs, 'Q', 'K', 'options');

const square = (length: number, entry: (i: number, j: number) => number): Matrix =>
  Array.from({ length }, (_, i) => Array.from({ length }, (_, j) => entry(i, j)));
const unit = (K: Matrix) => square(K.length, (i, j) => (i === j ? 1 : 0));
const nothing = (rows: Matrix, width = rows[0].length) => rows.map(() => new Array<number>(width).fill(0));
const less = (one: Matrix, other: Matrix) => one.map((row, i) => row.map((x, c) => x - other[i][c]));
const all = (rows: Matrix) => rows.map(() => 1);
const run = (code: Code, head: Head, chosen: Options, real = all(head.K)) =>
  (code.run([head], chosen, real) as Matrix[])[0];
const meets = (code: Code, chosen: Options) => (i: number, j: number) => code.meets(i, j, chosen) as boolean;
const countOf = (code: Code, length: number, chosen: Options) => {
  let count = 0;
  for (let i = 0; i < length; i++) for (let j = 0; j < length; j++) if (meets(code, chosen)(i, j)) count++;
  return count;
};

const STEP = 1e-5;
/** How fast Σ dO ∘ O grows in the direction of the second head, measured on both sides. */
function slope(code: Code, head: Head, second: Head, chosen: Options, dO: Matrix): number {
  const moved = (step: number) => {
    const by = (rows: Matrix, other: Matrix) => rows.map((row, i) => row.map((x, c) => x + step * other[i][c]));
    return { Q: by(head.Q, second.Q), K: by(head.K, second.K), V: by(head.V, second.V) };
  };
  const loss = (step: number) =>
    run(code, moved(step), chosen)
      .flat()
      .reduce((sum, o, n) => sum + o * dO.flat()[n], 0);
  return (loss(STEP) - loss(-STEP)) / (2 * STEP);
}

export const ownVariant: Exercise = {
  name: 'own-variant',
  title: 'A variant of your own',
  functions: ['attend', 'meets', 'pairs'],
  laws: [
    shown(
      '1 where your `meets` lets a query meet a later key, else 0',
      law(
        'causal: no query meets a later key',
        fc.record({ length: fc.integer({ min: 1, max: 6 }), reach: fc.integer({ min: 0, max: 3 }) }),
        (code, { length, reach }) =>
          square(length, (i, j) => (j > i && meets(code, { causal: true, reach })(i, j) ? 1 : 0)),
        ({ length }) => square(length, () => 0),
        EXACT,
      ),
    ),
    shown(
      'the number that `pairs` returns less the number of pairs of `meets`',
      law(
        '`pairs` counts each pair of `meets` once',
        fc.record({ length: fc.integer({ min: 1, max: 12 }), options }),
        (code, { length, options }) => (code.pairs(length, options) as number) - countOf(code, length, options),
        () => 0,
        EXACT,
      ),
    ),
    shown(
      'whether `pairs(32, options)` is less than half of all pairs, which are 528 where the model is causal and else 1,024',
      law(
        'with a reach of 0 to 3, a text of 32 tokens has fewer than half of all pairs',
        fc.record({ options }),
        (code, { options }) => (code.pairs(32, options) as number) < (options.causal ? (32 * 33) / 2 : 32 * 32) / 2,
        () => true,
      ),
    ),
    shown(
      'the weights of keys that `meets` refuses, with 0 in the place of all others',
      law(
        'no weight goes to a key that `meets` refuses',
        keys,
        (code, { Q, K, options }) =>
          run(code, { Q, K, V: unit(K) }, options).map((row, i) =>
            row.map((weight, j) => (meets(code, options)(i, j) ? 0 : weight)),
          ),
        ({ K }) => nothing(K, K.length),
      ),
    ),
    shown(
      'your weights less those of dense attention',
      law(
        'the weights are those of dense attention over the pairs of `meets`',
        keys,
        (code, { Q, K, options }) => {
          const head = { Q, K, V: unit(K) };
          return less(run(code, head, options), plain(Q, K, head.V, meets(code, options)));
        },
        ({ K }) => nothing(K, K.length),
      ),
    ),
    shown(
      'how far the outputs move when K2 and V2 stand in the tokens that fill up',
      law(
        'what a token holds that only fills up the text (real is 0) changes nothing',
        only(inputs, 'Q', 'K', 'V', 'K2', 'V2', 'real', 'options'),
        (code, { Q, K, V, K2, V2, real, options }) => {
          const other = (rows: Matrix, second: Matrix) => rows.map((row, i) => (real[i] === 0 ? second[i] : row));
          const changed = run(code, { Q, K: other(K, K2), V: other(V, V2) }, options, real);
          return less(changed, run(code, { Q, K, V }, options, real));
        },
        ({ V }) => nothing(V),
      ),
    ),
    shown(
      'the outputs of the head Q2, K2, V2 beside the head Q, K, V, less its outputs when it is alone',
      law(
        'a head sees nothing of the other heads',
        only(inputs, 'Q', 'K', 'V', 'Q2', 'K2', 'V2', 'options'),
        (code, { Q, K, V, Q2, K2, V2, options }) => {
          const second = { Q: Q2, K: K2, V: V2 };
          return less((code.run([{ Q, K, V }, second], options, all(K)) as Matrix[])[1], run(code, second, options));
        },
        ({ V }) => nothing(V),
      ),
    ),
    shown(
      'how fast the sum of all dO_ic · O_ic grows when Q, K and V move towards Q2, K2 and V2: by your gradients, less by measuring',
      law(
        'its gradients give the slope that one measures by moving all inputs a little',
        only(inputs, 'Q', 'K', 'V', 'Q2', 'K2', 'V2', 'dO', 'options'),
        (code, { Q, K, V, Q2, K2, V2, dO, options }) => {
          const found = code.gradients({ Q, K, V }, options, dO) as Record<'Q' | 'K' | 'V', number[]>;
          const along = (gradient: number[], direction: Matrix) =>
            direction.flat().reduce((sum, x, n) => sum + x * gradient[n], 0);
          const sum = along(found.Q, Q2) + along(found.K, K2) + along(found.V, V2);
          return sum - slope(code, { Q, K, V }, { Q: Q2, K: K2, V: V2 }, options, dO);
        },
        () => 0,
        {
          tolerance: 1e-5,
          because:
            'with steps of 1e-5 in up to 30 numbers a slope of up to about 100 is off by 1e-7 from its curve, and by 1e-9 from rounding',
        },
      ),
    ),
  ],
  mistakes: [
    mistake(
      'first token counted twice',
      'You have the first token in both sets where the window reaches it, so that it counts twice. Let the window begin at 1 at the earliest.',
      wrong.counted,
    ),
    mistake(
      'mask not passed on',
      'You do not pass keyMask on to ops.attention, so tokens that only fill up a text are met like real ones.',
      wrong.unmasked,
    ),
    mistake(
      'causal ignored',
      'You ignore `causal`: with it, no query may meet a later key, in attend, in meets and in pairs.',
      wrong.notCausal,
    ),
    mistake(
      'first token left out of meets',
      'You leave the first token out of meets, although attend gives it weight. What is drawn, measured and compared then is not what runs.',
      wrong.forgotten,
    ),
    mistake(
      'first token left out of attend',
      'You say in meets that all tokens meet the first one, but attend does not give it weight where the window does not reach it.',
      wrong.windowOnly,
    ),
    mistake(
      'pairs counted twice',
      'You count the first token once more for queries whose window holds it. Each pair counts once, or the cost that is shown is too high.',
      wrong.tooMany,
    ),
    mistake(
      'end one too small',
      'You end the window before its last key where the model is not causal. end[i] is one past that key, i + reach + 1.',
      wrong.shortRight,
    ),
    mistake(
      'own key left out',
      'You end a causal window before the query. It holds the own key too, so end[i] is i + 1.',
      wrong.shortCausal,
    ),
    mistake(
      'end before its last key',
      'You end every window before its last key. end[i] is one past it: i + 1 where the model is causal, else i + reach + 1.',
      wrong.shortEnds,
    ),
    mistake(
      'causal forgotten in meets',
      'You leave `causal` out of meets, although attend and pairs have it: with it, no query meets a later key, key > query.',
      wrong.meetsLater,
    ),
    mistake(
      'first token left out of pairs',
      'You count the windows in pairs, and not the first token for the queries whose window does not reach it.',
      wrong.windowPairs,
    ),
    mistake(
      'pairs as if every window were whole',
      'You multiply the length by the size of a window. Windows are smaller at the ends of the text, and the first token comes to those that do not reach it.',
      wrong.fullWindows,
    ),
    mistake(
      'pairs of whole windows and the first token',
      'You multiply the length by the size of a window and 1 for the first token. Windows are smaller at the ends of the text, and those that hold the first token count it already.',
      wrong.fullWindowsAndFirst,
    ),
    mistake(
      'all pairs',
      'You let every query meet every key that it may. That is full attention: it is right, but it saves nothing.',
      wrong.everything,
    ),
  ],
  hints: [
    'attend needs two sets: the window as in exercise 5, but from key 1 on, and a run that holds key 0 alone for every query. meets is one condition, pairs a loop.',
    'begin[i] is Math.max(1, i - reach). end[i] is i + 1 where the model is causal, else Math.min(length, i + reach + 1), and at least 1 so that no run ends before it begins. Int32Array.from({ length }, (_, i) => …) makes such a list.',
    'first = ops.runs(new Int32Array(length), new Int32Array(length).fill(1), length); return ops.attention(queries, keys, values, [ops.runs(begin, end, length), first], { keyMask }).output. In pairs, a query counts its window, and 1 more if the window does not reach key 0.',
  ],
  see: 'examples/own-variant.mjs',
};
