/** Pictures of the online softmax: what is kept while keys go by, and what memory that takes. */

import { scope } from '../../../src/core/scope.ts';
import { elements } from '../../../src/core/tensor.ts';
import { formatBytes } from '../../../src/terminal/format.ts';
import { type Drawn, number, type Settings } from '../drawn.ts';
import { joined, nothing, withKey } from '../snippets/online-softmax.ts';
import { outputOf, table, words } from './tools.ts';

const SHOWN = 12;

/** One query of MiniLM reads its keys from left to right, or in two parts that are joined. */
export function online(settings: Settings): Drawn {
  const [read, cut] = ['read', 'cut'].map((name) => number(settings, name));
  const row = number(settings, 'row') - 1;
  return scope(() => {
    const { inputs, tokens } = words('layer1', 3, 0, SHOWN);
    const [q, k, v] = [inputs.queries, inputs.keys, inputs.values].map((tensor) => rowsOf(elements(tensor)));
    const scores = k.map((key) => dot(q[row], key) / Math.sqrt(key.length));
    const after = [nothing(v[0].length)];
    for (let n = 0; n < SHOWN; n++) after.push(withKey(after[n], scores[n], v[n]));
    const part = (from: number, to: number) =>
      scores.slice(from, to).reduce((sofar, score, n) => withKey(sofar, score, v[from + n]), nothing(v[0].length));
    const whole = joined(part(0, cut), part(cut, SHOWN));
    const exact = rowsOf(Float32Array.from(outputOf('full', inputs)))[row];
    const apart = Math.max(...whole.output.map((each, n) => Math.abs(each / whole.sum - exact[n])));
    const shown = after.slice(1, read + 1);
    return {
      panels: [
        table(
          'Read so far',
          [scores.slice(0, read), shown.map(({ largest }) => largest), shown.map(({ sum }) => sum)],
          {
            rowNames: ['score', 'largest m', 'sum ℓ'],
            columnNames: tokens.slice(0, read),
            digits: 1,
          },
        ),
        {
          kind: 'bars',
          title: 'Weights of the keys that were read',
          most: 1,
          bars: scores.slice(0, read).map((score, n) => {
            const { largest, sum } = after[read];
            const weight = Math.exp(score - largest) / sum;
            return { name: tokens[n], value: weight, text: weight.toFixed(2) };
          }),
        },
      ],
      says: `After ${read} of ${SHOWN} keys of “${tokens[row]}”: m = ${after[read].largest.toFixed(2)}, ℓ = ${after[read].sum.toFixed(2)}. Read in two parts, ${cut} and ${SHOWN - cut} keys, and joined, the output differs from the library’s by at most ${apart.toExponential(0).replace('-', '−')}.`,
    };
  });
}

function rowsOf(all: ArrayLike<number>): number[][] {
  const width = all.length / SHOWN;
  return Array.from({ length: SHOWN }, (_, n) => Array.from(all).slice(n * width, (n + 1) * width));
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, each, n) => sum + each * b[n], 0);
}

const LENGTHS = [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536];
const FLOAT_BYTES = 4;

/** What training keeps for attention in a stack: with stored weights, without them, and with reversible layers. */
export function kept(settings: Settings): Drawn {
  const [layers, heads, headDim] = ['layers', 'heads', 'headDim'].map((name) => number(settings, name));
  const row = heads * headDim * FLOAT_BYTES;
  const stored = (length: number): number => layers * (heads * length ** 2 * FLOAT_BYTES + 4 * length * row);
  // Queries, keys, values and the output, and two numbers of each row: the largest score and the sum.
  const lean = (length: number): number => layers * (4 * length * row + 2 * heads * length * FLOAT_BYTES);
  const reversible = (length: number): number => lean(length) / layers + 2 * length * row;
  const line = (name: string, of: (length: number) => number) => ({
    name,
    points: LENGTHS.map((length) => [length, of(length)] as const),
  });
  const last = LENGTHS[LENGTHS.length - 1];
  return {
    panels: [
      {
        kind: 'chart',
        title: 'Kept for the backward pass',
        x: { label: 'tokens', log: true },
        y: { label: 'bytes', log: true },
        lines: [
          line('with the weights', stored),
          line('without: online softmax', lean),
          line('and with reversible layers', reversible),
        ],
      },
    ],
    says: `At ${last.toLocaleString('en')} tokens, ${layers} layers keep ${formatBytes(stored(last))} with the weights, ${formatBytes(lean(last))} without, and ${formatBytes(reversible(last))} if layers can be run backwards.`,
  };
}
