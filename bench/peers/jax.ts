/** jax-js, compiled (`jit`) to WebAssembly: attention as two products and a softmax. */
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

/** Using an array up is the rule: `ref` is one more use of it. */
interface JaxArray {
  readonly ref: JaxArray;
  add(other: JaxArray): JaxArray;
  sub(other: JaxArray): JaxArray;
  mul(other: JaxArray | number): JaxArray;
  sum(): JaxArray;
  mean(): JaxArray;
  reshape(shape: readonly number[]): JaxArray;
  data(): Promise<Float32Array>;
  dispose(): void;
}
type Outputs = JaxArray | JaxArray[];
type Compiled<T extends Outputs> = (...inputs: JaxArray[]) => T;

/** The part of @jax-js/jax that is used here. */
interface Jax {
  init(device: string): Promise<string[]>;
  defaultDevice(device: string): void;
  jit<T extends Outputs>(body: Compiled<T>): Compiled<T>;
  grad(body: Compiled<JaxArray>, options: { argnums: number[] }): Compiled<JaxArray[]>;
  valueAndGrad(
    body: Compiled<JaxArray>,
    options: { argnums: number[] },
  ): (...inputs: JaxArray[]) => [JaxArray, JaxArray[]];
  blockUntilReady<T extends Outputs>(arrays: T): Promise<T>;
  numpy: {
    array(values: Float32Array): JaxArray;
    matmul(a: JaxArray, b: JaxArray): JaxArray;
    transpose(x: JaxArray, axes: number[]): JaxArray;
  };
  nn: { softmax(x: JaxArray, axis: number): JaxArray };
}

export async function open(): Promise<Peer> {
  const jax = await load<Jax>('@jax-js/jax');
  // Only this device: looking for all of them takes a browser.
  await jax.init('wasm');
  jax.defaultDevice('wasm');
  return {
    versions: versionsOf('@jax-js/jax'),
    // Its threads are a browser's workers.
    threads: 1,
    contestants: [
      attention('full', 'full', true, { instructions: 'wasm', scoreArrays: [3, 6] }, (task) =>
        prepareAttention(jax, task),
      ),
      product('product', 'wasm', ({ size }) => {
        const inputs = ['a', 'b'].map((name) => arrayOf(jax, name, [size, size]));
        return prepareBody(jax, inputs, (a, b) => jax.numpy.matmul(a, b), ['output']);
      }),
      trainingStep('training step', 'wasm', (task) => prepareTrainingStep(jax, task)),
    ],
  };
}

function arrayOf(jax: Jax, name: string, shape: readonly number[], deviation = 1): JaxArray {
  const size = shape.reduce((product, extent) => product * extent, 1);
  return jax.numpy.array(draw(name, size, deviation)).reshape(shape);
}

function attend(jax: Jax, queries: JaxArray, keys: JaxArray, values: JaxArray, scale: number, axes: number[]) {
  const { matmul, transpose } = jax.numpy;
  return matmul(jax.nn.softmax(matmul(queries, transpose(keys, axes)).mul(scale), -1), values);
}

function prepareAttention(jax: Jax, { heads, length, headDim, training }: TaskOf<'attention'>): Prepared {
  const names = ['queries', 'keys', 'values', ...(training ? ['upstream'] : [])];
  const inputs = names.map((name) => arrayOf(jax, name, [heads, length, headDim]));
  const forward = (queries: JaxArray, keys: JaxArray, values: JaxArray) =>
    attend(jax, queries, keys, values, 1 / Math.sqrt(headDim), [0, 2, 1]);
  if (!training) return prepareBody(jax, inputs, forward, ['output']);
  // Values and gradients of ⟨output, upstream⟩, whose gradients are those wanted.
  const weighted = (queries: JaxArray, keys: JaxArray, values: JaxArray, upstream: JaxArray) =>
    forward(queries, keys, values).mul(upstream).sum();
  const gradients = prepareBody(jax, inputs, jax.grad(weighted, { argnums: [0, 1, 2] }), ['queries', 'keys', 'values']);
  return {
    ...gradients,
    async results() {
      const once = prepareBody(jax, inputs.slice(0, 3), forward, ['output']);
      return { ...(await once.results()), ...(await gradients.results()) };
    },
  };
}

/** A function of the inputs, compiled; its outputs by these names. */
function prepareBody<T extends Outputs>(jax: Jax, inputs: JaxArray[], body: Compiled<T>, names: string[]): Prepared {
  const compiled = jax.jit(body);
  const run = async (): Promise<JaxArray[]> => {
    const outputs: Outputs = await jax.blockUntilReady(compiled(...inputs.map(({ ref }) => ref)));
    return Array.isArray(outputs) ? outputs : [outputs];
  };
  return {
    async run() {
      for (const output of await run()) output.dispose();
    },
    async results() {
      const outputs = await run();
      const entries = await Promise.all(outputs.map(async (each, index) => [names[index], await each.data()] as const));
      return Object.fromEntries(entries) satisfies Results;
    },
    release() {
      for (const input of inputs) input.dispose();
    },
  };
}

function prepareTrainingStep(jax: Jax, { length, width }: TaskOf<'training-step'>): Prepared {
  const { matmul } = jax.numpy;
  const tokens = arrayOf(jax, 'tokens', [length, width]);
  const targets = arrayOf(jax, 'targets', [length, width]);
  const loss: Compiled<JaxArray> = (x, t, wq, wk, wv, wo, wy) => {
    const [queries, keys, values] = [wq, wk, wv].map((weight) => matmul(x.ref, weight));
    const attended = attend(jax, queries, keys, values, 1 / Math.sqrt(width), [1, 0]);
    const error = matmul(x.add(matmul(attended, wo)), wy).sub(t);
    return error.ref.mul(error).mean();
  };
  const weightPlaces = WEIGHTS.map((_, index) => index + 2);
  const lossAndGradients = jax.valueAndGrad(loss, { argnums: weightPlaces });
  const compiled = jax.jit((x, t, ...weights) => {
    const [value, gradients] = lossAndGradients(x, t, ...weights.map(({ ref }) => ref));
    return [value, ...weights.map((weight, index) => weight.sub(gradients[index].mul(LEARNING_RATE)))];
  });
  const fresh = () => WEIGHTS.map((name) => arrayOf(jax, name, [width, width], weightDeviation(width)));
  let weights = fresh();
  const step = async (): Promise<number> => {
    const [value, ...updated] = await jax.blockUntilReady(compiled(tokens.ref, targets.ref, ...weights));
    weights = updated;
    return (await value.data())[0];
  };
  return {
    async run() {
      await step();
    },
    async results() {
      for (const weight of weights) weight.dispose();
      weights = fresh();
      const losses: number[] = [];
      for (let n = 0; n < COMPARED_STEPS; n++) losses.push(await step());
      return { losses: Float32Array.from(losses) };
    },
    release() {
      for (const each of [tokens, targets, ...weights]) each.dispose();
    },
  };
}
