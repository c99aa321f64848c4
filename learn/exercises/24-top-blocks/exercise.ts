import fc from 'fast-check';
import { only, tensors, together } from '../../draw.ts';
import { EXACT, type Exercise, law, mistake, shown } from '../../exercise.ts';
import { dot, multiply, softmax } from '../../given.ts';
import { type Matrix, mixed, attention as plain, product } from '../../plain.ts';

/** Sizes that are powers of 2: then means have no rounding, and equal scores are equal. */
const inputs = together(
  tensors(
    { length: [1, 9], dim: [1, 2], width: [1, 2] },
    { Q: ['length', 'dim'], K: ['length', 'dim'], V: ['length', 'width'] },
  ),
  fc.record({ size: fc.constantFrom(1, 2, 4), count: fc.integer({ min: 1, max: 3 }) }),
);

interface Inputs {
  Q: Matrix;
  K: Matrix;
  size: number;
  count: number;
}
const unit = (K: Matrix) => K.map((_, i) => K.map((_, j) => (i === j ? 1 : 0)));

/** A past block is chosen if fewer than count − 1 past blocks beat it. */
function isChosen({ Q, K, size, count }: Inputs, i: number, block: number): boolean {
  const own = Math.floor(i / size);
  if (block >= own) return block === own;
  const score = (n: number) => {
    const members = K.slice(n * size, (n + 1) * size);
    const mean = mixed(new Array(size).fill(1 / size), members, K[0].length);
    return product(Q[i], mean);
  };
  let better = 0;
  for (let n = 0; n < own; n++) if (score(n) > score(block) || (score(n) === score(block) && n < block)) better++;
  return better < count - 1;
}

interface Parts {
  /** The blocks that may be chosen beside the own one, and how many of them. */
  contest: (own: number, blocks: number) => number;
  places: (count: number) => number;
  score: (products: number[]) => number;
  /** Beside the contest; or too, where it takes part in it. */
  keepsOwn: boolean | 'too';
  meets: (i: number, j: number) => boolean;
  /** Of blocks with equal scores. */
  tie: (a: number, b: number) => number;
  root: (dim: number) => number;
}
const RIGHT: Parts = {
  contest: (own) => own,
  places: (count) => count - 1,
  score: (products) => products.reduce((sum, x) => sum + x, 0) / products.length,
  keepsOwn: true,
  meets: (i, j) => j <= i,
  tie: (a, b) => a - b,
  root: Math.sqrt,
};
function changed(parts: Partial<Parts>) {
  const { contest, places, score, keepsOwn, meets, tie, root } = { ...RIGHT, ...parts };
  const chosenBlocks = (Q: Matrix, K: Matrix, size: number, count: number): Matrix =>
    Q.map((q, i) => {
      const own = Math.floor(i / size);
      const blocks = Array.from({ length: contest(own, Math.ceil(K.length / size)) }, (_, n) => n);
      const scores = blocks.map((n) => score(K.slice(n * size, (n + 1) * size).map((k) => dot(q, k))));
      const best = blocks
        .filter((n) => keepsOwn !== true || n !== own)
        .sort((a, b) => scores[b] - scores[a] || tie(a, b));
      const chosen = new Set([...best.slice(0, places(count)), ...(keepsOwn ? [own] : [])]);
      return [...chosen].sort((a, b) => a - b);
    });
  const blockAttention = (Q: Matrix, K: Matrix, V: Matrix, size: number, count: number): Matrix => {
    const chosen = chosenBlocks(Q, K, size, count);
    return Q.map((q, i) => {
      const met = K.map((_, j) => j).filter((j) => meets(i, j) && chosen[i].includes(Math.floor(j / size)));
      const weights = softmax(met.map((j) => dot(q, K[j]) / root(q.length)));
      const rows = met.map((j) => [...V[j]]);
      return rows.length === 0 ? V[0].map(() => 0) : multiply([weights], rows)[0];
    });
  };
  return { chosenBlocks, blockAttention };
}

export const topBlocks: Exercise = {
  name: 'top-blocks',
  title: 'Top-k blocks',
  functions: ['chosenBlocks', 'blockAttention'],
  laws: [
    shown(
      'your list of blocks for each query, sorted from small to large',
      law(
        'each query takes its own block, and the past blocks that fewer than count − 1 others beat',
        only(inputs, 'Q', 'K', 'size', 'count'),
        (code, { Q, K, size, count }) =>
          (code.chosenBlocks(Q, K, size, count) as Matrix).map((blocks) => [...blocks].sort((a, b) => a - b)),
        (all) =>
          all.Q.map((_, i) => {
            const blocks = Array.from({ length: Math.ceil(all.K.length / all.size) }, (_, n) => n);
            return blocks.filter((block) => isChosen(all, i, block));
          }),
        EXACT,
      ),
    ),
    shown(
      'the weights: your outputs where V is the identity matrix',
      law(
        'the weights equal those of full attention in which all other scores are −∞',
        only(inputs, 'Q', 'K', 'size', 'count'),
        (code, { Q, K, size, count }) => code.blockAttention(Q, K, unit(K), size, count),
        (all) => plain(all.Q, all.K, unit(all.K), (i, j) => j <= i && isChosen(all, i, Math.floor(j / all.size))),
      ),
    ),
    shown(
      'the outputs of `blockAttention` where count is the number of keys',
      law(
        'with as many places as blocks it is full causal attention',
        only(inputs, 'Q', 'K', 'V', 'size'),
        (code, { Q, K, V, size }) => code.blockAttention(Q, K, V, size, K.length),
        ({ Q, K, V }) => plain(Q, K, V, (i, j) => j <= i),
      ),
    ),
  ],
  mistakes: [
    mistake(
      'later blocks in the contest',
      'You let a query choose among all blocks. A causal query takes none that comes after its own.',
      changed({ contest: (_, blocks) => blocks }),
    ),
    mistake(
      'own block in the contest',
      'You let the own block win its place by its score. It is always taken, and its mean, which holds keys after the query, must decide nothing.',
      changed({ contest: (own) => own + 1, places: (count) => count, keepsOwn: false }),
    ),
    mistake(
      'own block not counted',
      'You take `count` blocks beside the own one. It counts too: count − 1 places are left for the past.',
      changed({ places: (count) => count }),
    ),
    mistake(
      'best key instead of the mean',
      'You score a block by its best key. MoBA scores it by the mean of its keys, which costs one product for each block.',
      changed({ score: (products) => Math.max(...products) }),
    ),
    mistake(
      'smallest scores',
      'You take the blocks of the smallest scores. Sort from large to small: scores[b] - scores[a].',
      changed({ score: (products) => -RIGHT.score(products) }),
    ),
    mistake(
      'own block met in full',
      'You let a query meet its whole own block. The keys after the query are hidden from it there too.',
      changed({ meets: () => true }),
    ),
    mistake(
      'first blocks',
      'You take the first blocks of the text and ignore the scores.',
      changed({ score: () => 0 }),
    ),
    mistake(
      'later of equals',
      'You prefer the later of blocks with equal scores. The earlier wins: sort by the number of the block where scores are equal.',
      changed({ tie: (a, b) => b - a }),
    ),
    mistake(
      'own block takes a place of the past',
      'You let the own block compete with the past ones and add it if it lost. Where it wins, it takes a place that belongs to a past block: choose count − 1 among the past blocks alone.',
      changed({ contest: (own) => own + 1, places: (count) => count - 1, keepsOwn: 'too' }),
    ),
    mistake(
      'no scale',
      'You left out the division of the scores by √d in the attention, where d is the length of a query.',
      {
        ...changed({ root: () => 1 }),
      },
    ),
    mistake(
      'nearest blocks',
      'You take the blocks just before the own one, as a window does. The scores choose.',
      changed({ tie: (a, b) => b - a, score: () => 0 }),
    ),
    mistake(
      'absolute scores',
      'You compare scores without their sign. A mean key that points away from the query has a low score, not a high one.',
      changed({ score: (products) => Math.abs(RIGHT.score(products)) }),
    ),
    mistake(
      'all past blocks',
      'You take all blocks before the own one. Only count − 1 of them are chosen.',
      changed({ places: () => Number.POSITIVE_INFINITY }),
    ),
  ],
  hints: [
    'The own block of query i is Math.floor(i / size), so its past blocks are those with smaller numbers. Score them, sort their numbers by score, take count - 1, add the own one.',
    "q · mean(keys) is the mean of q · k over the keys of the block. JavaScript's sort is stable: with (a, b) => scores[b] - scores[a], equal blocks stay in order.",
    'In blockAttention, the keys of query i are the j <= i with chosen[i].includes(Math.floor(j / size)); then a softmax of their scores and a mixture of their values.',
  ],
  see: 'src/variants/moba.ts',
};
