/** js-pytorch on the CPU: arrays of arrays of numbers. A training step of the small model, with SGD written out. */
import { draw } from './inputs.ts';
import { load, type Peer, type Prepared, product, type TaskOf, trainingStep, versionsOf } from './peer.ts';
import { COMPARED_STEPS, LEARNING_RATE, WEIGHTS, weightDeviation } from './training-step.ts';

type Nested = number | Nested[];

interface JsTensor {
  _data: Nested;
  _grad: JsTensor;
  readonly data: Nested;
  matmul(other: JsTensor): JsTensor;
  transpose(first: number, second: number): JsTensor;
  add(other: JsTensor): JsTensor;
  sub(other: JsTensor): JsTensor;
  mul(other: number): JsTensor;
  pow(exponent: number): JsTensor;
  mean(axis: number): JsTensor;
  backward(): void;
  zero_grad(): void;
}
interface JsPytorch {
  torch: {
    tensor(data: Nested, requiresGradient?: boolean): JsTensor;
    nn: { Softmax: new () => { forward(x: JsTensor, axis: number): JsTensor } };
  };
}

export async function open(): Promise<Peer> {
  const { torch } = await load<JsPytorch>('js-pytorch');
  return {
    versions: versionsOf('js-pytorch'),
    threads: 1,
    contestants: [
      product('product', 'javascript', ({ size }) => {
        const [a, b] = ['a', 'b'].map((name) => torch.tensor(rows(name, size, size)));
        return {
          run: () => void a.matmul(b),
          results: () => ({ output: flat(a.matmul(b).data) }),
          release() {},
        };
      }),
      trainingStep('training step', 'javascript', (task) => prepareTrainingStep(torch, task)),
    ],
  };
}

function rows(name: string, count: number, width: number, deviation = 1): number[][] {
  const numbers = draw(name, count * width, deviation);
  return Array.from({ length: count }, (_, row) => Array.from(numbers.subarray(row * width, (row + 1) * width)));
}

function flat(data: Nested): Float32Array {
  const numbersIn = (each: Nested): number[] => (typeof each === 'number' ? [each] : each.flatMap(numbersIn));
  return Float32Array.from(numbersIn(data));
}

function prepareTrainingStep(torch: JsPytorch['torch'], { length, width }: TaskOf<'training-step'>): Prepared {
  const tokens = torch.tensor(rows('tokens', length, width));
  const targets = torch.tensor(rows('targets', length, width));
  const softmax = new torch.nn.Softmax();
  const fresh = () => WEIGHTS.map((name) => torch.tensor(rows(name, width, width, weightDeviation(width)), true));
  let weights = fresh();
  const step = (): number => {
    const [wq, wk, wv, wo, wy] = weights;
    const [queries, keys, values] = [wq, wk, wv].map((weight) => tokens.matmul(weight));
    // Transposed, for a softmax over the first axis: over the last, version 0.7.2 gives a gradient that is not the loss's
    // (a sum with its axis kept passes it on along the wrong one), as finite differences show.
    const scores = keys.matmul(queries.transpose(0, 1)).mul(1 / Math.sqrt(width));
    const attended = softmax.forward(scores, 0).transpose(0, 1).matmul(values);
    const error = tokens.add(attended.matmul(wo)).matmul(wy).sub(targets);
    const loss = error.pow(2).mean(1).mean(0);
    loss.backward();
    for (const weight of weights) {
      weight._data = weight.add(weight._grad.mul(-LEARNING_RATE))._data;
    }
    for (const weight of weights) weight.zero_grad();
    return flat(loss.data)[0];
  };
  return {
    run: () => void step(),
    results() {
      weights = fresh();
      return { losses: Float32Array.from({ length: COMPARED_STEPS }, step) };
    },
    release() {},
  };
}
