/** TensorFlow.js, on its `cpu` backend (plain JavaScript) or its `wasm` backend: attention as two products and a softmax. */
import { draw } from './inputs.ts';
import {
  attention,
  load,
  type Peer,
  type Prepared,
  product,
  type Results,
  type TaskOf,
  trainingStep,
  versionsOf,
} from './peer.ts';
import { COMPARED_STEPS, LEARNING_RATE, WEIGHTS, weightDeviation } from './training-step.ts';

interface TfTensor {
  dataSync(): Float32Array;
  dispose(): void;
}
interface TfVariable extends TfTensor {
  assign(value: TfTensor): void;
}
type Attention = (queries: TfTensor, keys: TfTensor, values: TfTensor) => TfTensor;

/** The part of @tensorflow/tfjs that is used here. */
interface Tf {
  setBackend(name: string): Promise<boolean>;
  getBackend(): string;
  enableProdMode(): void;
  tensor(values: Float32Array, shape: readonly number[]): TfTensor;
  variable(initial: TfTensor): TfVariable;
  scalar(value: number): TfTensor;
  matMul(a: TfTensor, b: TfTensor, transposeA?: boolean, transposeB?: boolean): TfTensor;
  softmax(x: TfTensor): TfTensor;
  mul(a: TfTensor, b: TfTensor): TfTensor;
  add(a: TfTensor, b: TfTensor): TfTensor;
  sub(a: TfTensor, b: TfTensor): TfTensor;
  square(x: TfTensor): TfTensor;
  mean(x: TfTensor): TfTensor;
  grads(f: Attention): (inputs: TfTensor[], upstream: TfTensor) => TfTensor[];
  tidy<T>(body: () => T): T;
  dispose(tensors: TfTensor[]): void;
  train: { sgd(rate: number): { minimize(loss: () => TfTensor, keep: boolean, variables: TfVariable[]): TfTensor } };
}
interface TfWasm {
  setThreadsCount(count: number): void;
  getThreadsCount(): number;
}

export async function open(name: string, threads: number): Promise<Peer> {
  const backend = name === 'tfjs-cpu' ? 'cpu' : 'wasm';
  const packages = ['@tensorflow/tfjs', ...(backend === 'wasm' ? ['@tensorflow/tfjs-backend-wasm'] : [])];
  const tf = await load<Tf>(packages[0]);
  const wasm = backend === 'wasm' ? await load<TfWasm>(packages[1]) : null;
  wasm?.setThreadsCount(threads);
  if (!(await tf.setBackend(backend)) || tf.getBackend() !== backend) throw new Error(`no ${backend} backend here`);
  tf.enableProdMode();
  const instructions = backend === 'cpu' ? 'javascript' : 'wasm';
  return {
    versions: versionsOf(...packages),
    // In Node the wasm backend counts 1, whatever it was asked for.
    threads: wasm?.getThreadsCount() ?? 1,
    contestants: [
      // Scores, scaled scores and weights; and their gradients.
      attention('full', 'full', true, { instructions, scoreArrays: [3, 6] }, (task) => prepareAttention(tf, task)),
      product('product', instructions, (task) => prepareProduct(tf, task)),
      trainingStep('training step', instructions, (task) => prepareTrainingStep(tf, task)),
    ],
  };
}

function attend(tf: Tf, scale: number): Attention {
  return (queries, keys, values) =>
    tf.matMul(tf.softmax(tf.mul(tf.matMul(queries, keys, false, true), tf.scalar(scale))), values);
}

function prepareAttention(tf: Tf, { heads, length, headDim, training }: TaskOf<'attention'>): Prepared {
  const size = heads * length * headDim;
  const [queries, keys, values, upstream] = ['queries', 'keys', 'values', 'upstream'].map((each) =>
    tf.tensor(draw(each, size), [heads, length, headDim]),
  );
  const forward = attend(tf, 1 / Math.sqrt(headDim));
  const backward = tf.grads(forward);
  const gradients = () => backward([queries, keys, values], upstream);
  return {
    run: () => tf.tidy(() => void (training ? gradients() : forward(queries, keys, values))),
    results: () =>
      tf.tidy(() => {
        const results: Results = { output: forward(queries, keys, values).dataSync().slice() };
        if (!training) return results;
        const data = gradients().map((each) => each.dataSync().slice());
        return { ...results, queries: data[0], keys: data[1], values: data[2] };
      }),
    release: () => tf.dispose([queries, keys, values, upstream]),
  };
}

function prepareProduct(tf: Tf, { size }: TaskOf<'product'>): Prepared {
  const [a, b] = ['a', 'b'].map((each) => tf.tensor(draw(each, size * size), [size, size]));
  return {
    run: () => tf.tidy(() => void tf.matMul(a, b)),
    results: () => tf.tidy(() => ({ output: tf.matMul(a, b).dataSync().slice() })),
    release: () => tf.dispose([a, b]),
  };
}

function prepareTrainingStep(tf: Tf, { length, width }: TaskOf<'training-step'>): Prepared {
  const [tokens, targets] = ['tokens', 'targets'].map((each) => tf.tensor(draw(each, length * width), [length, width]));
  const initial = WEIGHTS.map((each) => tf.tensor(draw(each, width * width, weightDeviation(width)), [width, width]));
  const variables = initial.map((each) => tf.variable(each));
  const [wq, wk, wv, wo, wy] = variables;
  const forward = attend(tf, 1 / Math.sqrt(width));
  const loss = () => {
    const attended = forward(tf.matMul(tokens, wq), tf.matMul(tokens, wk), tf.matMul(tokens, wv));
    const outputs = tf.matMul(tf.add(tokens, tf.matMul(attended, wo)), wy);
    return tf.mean(tf.square(tf.sub(outputs, targets)));
  };
  const optimizer = tf.train.sgd(LEARNING_RATE);
  const step = () => tf.tidy(() => optimizer.minimize(loss, true, variables).dataSync()[0]);
  return {
    run: () => void step(),
    results() {
      variables.forEach((variable, index) => {
        variable.assign(initial[index]);
      });
      return { losses: Float32Array.from({ length: COMPARED_STEPS }, step) };
    },
    release: () => tf.dispose([tokens, targets, ...initial, ...variables]),
  };
}
