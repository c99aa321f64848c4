/** A small training, run where the picture is drawn: which way of reading learns to recall, and with how wide a state. */
import { backward, noGrad, zeroGrad } from '../../../src/core/autograd.ts';
import {
  attention,
  crossEntropy,
  everything,
  gatherRows,
  matmul,
  normalizeRows,
  reshape,
  scale,
  scan,
} from '../../../src/core/ops/index.ts';
import { Random } from '../../../src/core/random.ts';
import { scope } from '../../../src/core/scope.ts';
import { elements, filled, fromArray, randomNormal, type Tensor } from '../../../src/core/tensor.ts';
import { AdamW } from '../../../src/training/optimizers/adamw.ts';
import { type Drawn, number, type Settings } from '../drawn.ts';

const SYMBOLS = 32;
const CLASSES = 8;
const BATCH = 20;
const STEPS = 60;
/** Losses are shown as means of so many steps. */
const SHOWN = 6;
const TESTED = 96;
const RATE = 0.03;

const READERS = [
  { name: 'softmax attention: keeps all pairs', read: bySoftmax },
  { name: 'a sum of pairs', read: bySum },
  { name: 'the delta rule', read: byDelta },
] as const;

type Read = (queries: Tensor, keys: Tensor, values: Tensor) => Tensor;

/** Keys and values of some pairs, and which of them is asked for. */
interface Asked {
  symbols: Int32Array;
  asked: Int32Array;
  classes: Int32Array;
  targets: Int32Array;
}

export function trained(settings: Settings): Drawn {
  const [pairs, width, seed] = ['pairs', 'width', 'seed'].map((name) => number(settings, name));
  const runs = READERS.map(({ name, read }) => ({ name, ...run(read, pairs, width, seed) }));
  return {
    panels: [
      {
        kind: 'chart',
        title: 'Loss while training',
        x: { label: 'step', log: false, from: 0, to: STEPS },
        y: { label: 'cross-entropy', log: false, from: 0 },
        lines: runs.map(({ name, losses }) => ({ name, points: losses })),
      },
      {
        kind: 'bars',
        title: `Recall of ${TESTED} new sequences`,
        most: 1,
        bars: runs.map(({ name, recall }) => ({
          name: name.split(':')[0],
          value: recall,
          text: `${Math.round(recall * 100)} %`,
        })),
      },
    ],
    says: `${pairs} pairs, keys of width ${width}, ${STEPS} steps. Recall of new sequences: ${runs.map(({ name, recall }) => `${name.split(':')[0]} ${Math.round(recall * 100)} %`).join(', ')}. By chance it would be ${Math.round(100 / CLASSES)} %.`,
  };
}

/** What is learned is a key for each symbol. */
function run(read: Read, pairs: number, width: number, seed: number) {
  return scope(() => {
    const random = new Random(seed);
    const keys = randomNormal([SYMBOLS, width], random.split('keys')).withGrad();
    const optimizer = new AdamW(new Map([['keys', keys]]), { weightDecay: 0 });
    const losses: [number, number][] = [];
    let sum = 0;
    for (let step = 1; step <= STEPS; step++) {
      const asked = draw(random.split(`step ${step}`), BATCH, pairs);
      sum += scope(() => {
        const loss = crossEntropy(
          logitsOf(read, keys, asked, pairs),
          fromArray(asked.targets, [asked.targets.length], 'int32'),
        );
        backward(loss);
        return elements(loss)[0];
      });
      optimizer.step(RATE);
      zeroGrad([keys]);
      if (step % SHOWN !== 0) continue;
      losses.push([step, sum / SHOWN]);
      sum = 0;
    }
    const test = draw(random.split('test'), TESTED, pairs);
    const logits = scope(() => noGrad(() => Array.from(elements(logitsOf(read, keys, test, pairs)))));
    const right = Array.from(test.targets).filter((target, n) => {
      const own = logits.slice(n * CLASSES, (n + 1) * CLASSES);
      return own.indexOf(Math.max(...own)) === target;
    });
    return { losses, recall: right.length / TESTED };
  });
}

function draw(random: Random, count: number, pairs: number): Asked {
  const symbols = new Int32Array(count * pairs);
  const classes = symbols.map(() => random.integer(CLASSES));
  const [asked, targets] = [new Int32Array(count), new Int32Array(count)];
  for (let n = 0; n < count; n++) {
    symbols.set(random.choose(SYMBOLS, pairs), n * pairs);
    const which = n * pairs + random.integer(pairs);
    [asked[n], targets[n]] = [symbols[which], classes[which]];
  }
  return { symbols, asked, classes, targets };
}

/** [count, CLASSES]: what is read under the key that is asked for; a value is a 1 in the place of its class. */
function logitsOf(read: Read, keys: Tensor, { symbols, asked, classes }: Asked, pairs: number): Tensor {
  const [count, width] = [asked.length, keys.shape[1]];
  const values = new Float32Array(symbols.length * CLASSES);
  classes.forEach((own, n) => {
    values[n * CLASSES + own] = 1;
  });
  const rows = (of: Int32Array, length: number) => reshape(gatherRows(keys, of), [count, 1, length, width]);
  const output = read(rows(asked, 1), rows(symbols, pairs), fromArray(values, [count, 1, pairs, CLASSES]));
  // Outputs are shares; logits have to be larger to be sure of anything.
  return scale(reshape(output, [count, CLASSES]), 8);
}

function bySoftmax(queries: Tensor, keys: Tensor, values: Tensor): Tensor {
  return attention(queries, keys, values, everything(1, keys.shape[2])).output;
}

function bySum(queries: Tensor, keys: Tensor, values: Tensor): Tensor {
  return matmul(normalizeRows(queries), matmul(normalizeRows(keys), values, { transposeA: true }));
}

function byDelta(queries: Tensor, keys: Tensor, values: Tensor): Tensor {
  const [count, , pairs] = keys.shape;
  const rows = normalizeRows(keys);
  return matmul(normalizeRows(queries), scan(rows, rows, values, { beta: filled([count, 1, pairs], 1) }).state);
}
