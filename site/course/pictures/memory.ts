/** What a state of fixed size can hold: pairs of key and value are written one after the other, and read back. */
import { noGrad } from '../../../src/core/autograd.ts';
import { scan } from '../../../src/core/ops/index.ts';
import { Random } from '../../../src/core/random.ts';
import { scope } from '../../../src/core/scope.ts';
import { elements, filled, fromArray } from '../../../src/core/tensor.ts';
import { formatError } from '../../../src/terminal/format.ts';
import { type Drawn, number, type Settings } from '../drawn.ts';
import type { Rule } from '../snippets/write.ts';

const VALUE_WIDTH = 16;
const RULES: readonly { rule: Rule; name: string }[] = [
  { rule: 'sum', name: 'sum' },
  { rule: 'decay', name: 'sum with decay' },
  { rule: 'delta', name: 'delta rule' },
];

interface Pairs {
  keys: Float64Array;
  values: Float64Array;
  count: number;
  width: number;
}

/** The first key comes once more at the end with another value, if `again`. */
export function memory(settings: Settings): Drawn {
  const [count, width, decay] = ['count', 'width', 'decay'].map((name) => number(settings, name));
  const pairs = drawnPairs(count, width, settings.again === true, number(settings, 'seed'));
  return scope(() => {
    const all = RULES.map(({ rule, name }) => ({ name, ...readBack(pairs, rule, decay) }));
    const chosen = all[RULES.findIndex(({ rule }) => rule === settings.rule)];
    return {
      panels: [
        {
          kind: 'matrix',
          title: `The state: ${chosen.name}`,
          rows: width,
          columns: VALUE_WIDTH,
          values: chosen.state,
          shading: 'linear',
          axes: ['key channels', 'value channels'],
        },
        {
          kind: 'chart',
          title: 'Error of what is read back',
          x: { label: 'pair, in the order of writing', log: false, from: 1 },
          y: { label: 'relative error', log: false, from: 0, to: 1 },
          lines: all.map(({ name, errors }) => ({
            name,
            points: errors.map((error, n) => [n + 1, Math.min(error, 2)] as const),
          })),
        },
      ],
      says: `${count} pairs in a state of ${width} × ${VALUE_WIDTH}. The mean error is ${all.map(({ name, errors }) => `${formatError(errors.reduce((sum, each) => sum + each, 0) / errors.length)} with ${name === 'sum' ? 'a sum' : name === 'delta rule' ? 'the delta rule' : 'a decay'}`).join(', ')}. The last pair’s is ${all.map(({ errors }) => shown(errors[errors.length - 1])).join(', ')}.`,
    };
  });
}

/** Rounding is no error. */
const shown = (error: number): string => (error < 1e-9 ? '0' : formatError(error));

const WIDTHS = [8, 16, 32, 64];
const COUNTS = [2, 4, 8, 16, 32, 64];

/** The share of values that are recalled, nearest of all, against the number of pairs. */
export function capacity(settings: Settings): Drawn {
  const rule = String(settings.rule) as Rule;
  const seed = number(settings, 'seed');
  return scope(() => {
    const lines = WIDTHS.map((width) => ({
      name: `${width} × ${VALUE_WIDTH} numbers`,
      points: COUNTS.map((count) => {
        const draws = [0, 1, 2, 3].map((n) => recalled(drawnPairs(count, width, false, 10 * seed + n), rule));
        return [count, draws.reduce((sum, each) => sum + each, 0) / draws.length] as const;
      }),
    }));
    const ends = lines.map(({ name, points }) => `${name} ${Math.round(points[points.length - 1][1] * 100)} %`);
    return {
      panels: [
        {
          kind: 'chart',
          title: 'Recall of a state of fixed size',
          x: { label: 'pairs that were written', log: true },
          y: { label: 'share recalled', log: false, from: 0, to: 1 },
          lines,
        },
      ],
      says: `Of ${COUNTS[COUNTS.length - 1]} pairs are recalled: ${ends.join(', ')}.`,
    };
  });
}

function drawnPairs(count: number, width: number, again: boolean, seed: number): Pairs {
  const random = new Random(seed);
  const keys = random.split('keys').fillNormal(new Float64Array(count * width));
  for (let n = 0; n < count; n++) {
    const key = keys.subarray(n * width, (n + 1) * width);
    const norm = Math.sqrt(key.reduce((sum, each) => sum + each ** 2, 0));
    for (let c = 0; c < width; c++) key[c] /= norm;
  }
  if (again && count > 1) keys.copyWithin((count - 1) * width, 0, width);
  return { keys, values: random.split('values').fillNormal(new Float64Array(count * VALUE_WIDTH)), count, width };
}

/** Writes all pairs by the library's `scan`, and reads each key from the last state. */
function readBack({ keys, values, count, width }: Pairs, rule: Rule, decay: number) {
  return noGrad(() => {
    const rows = fromArray(keys, [1, 1, count, width], 'float64');
    const { state } = scan(rows, rows, fromArray(values, [1, 1, count, VALUE_WIDTH], 'float64'), {
      ...(rule === 'decay' ? { logDecay: filled([1, 1, count], Math.log(decay), 'float64') } : {}),
      ...(rule === 'delta' ? { beta: filled([1, 1, count], 1, 'float64') } : {}),
    });
    const S = Array.from(elements(state));
    const outputs = Array.from({ length: count }, (_, n) =>
      Array.from({ length: VALUE_WIDTH }, (_, c) => {
        let sum = 0;
        for (let m = 0; m < width; m++) sum += keys[n * width + m] * S[m * VALUE_WIDTH + c];
        return sum;
      }),
    );
    const errors = outputs.map((output, n) => {
      const value = values.subarray(n * VALUE_WIDTH, (n + 1) * VALUE_WIDTH);
      const [off, size] = output.reduce(([a, b], each, c) => [a + (each - value[c]) ** 2, b + value[c] ** 2], [0, 0]);
      return Math.sqrt(off / size);
    });
    return { state: S, outputs, errors };
  });
}

/** A value is recalled if it is nearest to what its key reads. */
function recalled(pairs: Pairs, rule: Rule): number {
  const { outputs } = readBack(pairs, rule, 0.9);
  const distance = (output: readonly number[], n: number): number =>
    output.reduce((sum, each, c) => sum + (each - pairs.values[n * VALUE_WIDTH + c]) ** 2, 0);
  const right = outputs.filter((output, n) => {
    const own = distance(output, n);
    return outputs.every((_, other) => other === n || distance(output, other) > own);
  });
  return right.length / pairs.count;
}
