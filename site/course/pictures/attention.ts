/** Pictures of what attention computes: one token by hand, then words of a trained model, then the same words shuffled. */

import { gatherRows } from '../../../src/core/ops/index.ts';
import { Random } from '../../../src/core/random.ts';
import { scope } from '../../../src/core/scope.ts';
import { type Drawn, number, type Settings } from '../drawn.ts';
import { attendOne } from '../snippets/attend-one.ts';
import { outputOf, square, table, weightsOf, words } from './tools.ts';

/** Small enough to follow with a pencil. */
const KEYS = [
  [1, 0],
  [0, 1],
  [1, 1],
];
const VALUES = [
  [2, 0],
  [0, 2],
  [4, 4],
];
const NAMES = ['token 1', 'token 2', 'token 3'];

export function oneToken(settings: Settings): Drawn {
  const query = [number(settings, 'first'), number(settings, 'second')];
  const { scores, weights, output } = attendOne(query, KEYS, VALUES);
  const column = (numbers: readonly number[]) => numbers.map((each) => [each]);
  const largest = Math.max(...weights);
  const best = weights.flatMap((weight, n) => (largest - weight < 1e-9 ? [n + 1] : []));
  return {
    panels: [
      table('1. keys k', KEYS, { rowNames: NAMES, digits: 0 }),
      table('2. scores q·k/√2', column(scores), { rowNames: NAMES }),
      table('3. weights, the softmax', column(weights), { rowNames: NAMES }),
      table('4. values v', VALUES, { rowNames: NAMES, digits: 0 }),
      table('5. output, the mean of the values', [output], { rowNames: ['output'] }),
    ],
    says:
      `The query is (${query.join(', ')}). The scores are ${listed(scores)} and the weights ${listed(weights)}. ` +
      `${heaviest(best)}. The output is (${listed(output)}).`,
  };
}

const heaviest = (best: readonly number[]): string => {
  if (best.length === 1) return `Token ${best[0]} has the largest weight`;
  return best.length === 2 ? `Tokens ${best.join(' and ')} share the largest weight` : 'All weights are equal';
};

const listed = (numbers: readonly number[]): string =>
  numbers.map((each) => each.toFixed(2).replace('-', '−')).join(', ');

const SHOWN = 16;

export function realHead(settings: Settings): Drawn {
  const [head, from, row] = ['head', 'from', 'row'].map((name) => number(settings, name));
  const layer = String(settings.layer);
  return scope(() => {
    const { inputs, tokens } = words(layer, head - 1, from - 1, SHOWN);
    const weights = weightsOf('full', inputs);
    const own = weights.slice((row - 1) * SHOWN, row * SHOWN);
    const strongest = own.map((weight, key) => ({ weight, key })).sort((a, b) => b.weight - a.weight);
    return {
      panels: [
        square(`Weights of head ${head}`, weights, tokens),
        {
          kind: 'bars',
          title: `Where “${tokens[row - 1]}” looks`,
          bars: strongest.slice(0, 8).map(({ weight, key }) => {
            return { name: `${key + 1} ${tokens[key]}`, value: weight, text: weight.toFixed(2) };
          }),
        },
      ],
      says: `“${tokens[row - 1]}” gives its largest weight, ${strongest[0].weight.toFixed(2)}, to “${tokens[strongest[0].key]}”, word ${strongest[0].key + 1} of these ${SHOWN}. A row’s weights have the sum ${own.reduce((sum, each) => sum + each, 0).toFixed(2)}.`,
    };
  });
}

const FEW = 8;

export function shuffled(settings: Settings): Drawn {
  return scope(() => {
    const { inputs, tokens } = words('layer1', 1, 1, FEW);
    const order = new Random(number(settings, 'seed')).permutation(FEW);
    const moved = {
      queries: gatherRows(inputs.queries, order),
      keys: gatherRows(inputs.keys, order),
      values: gatherRows(inputs.values, order),
    };
    const [before, after] = [outputOf('full', inputs), outputOf('full', moved)];
    const width = before.length / FEW;
    const differences = after.map((value, n) => {
      const own = order[Math.floor(n / width)] * width + (n % width);
      return Math.abs(value - before[own]);
    });
    const [names, movedNames] = [tokens, [...order].map((token) => tokens[token])];
    return {
      panels: [
        square('In the order of the text', weightsOf('full', inputs), names),
        square('Shuffled', weightsOf('full', moved), movedNames),
      ],
      says: `Each word keeps its weights, wherever it stands. The largest difference between a word’s output before and after is ${Math.max(
        ...differences,
      )
        .toExponential(0)
        .replace('-', '−')}, which is rounding.`,
    };
  });
}
