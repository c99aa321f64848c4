/**
 * ONNX Runtime's native library for Node: attention as a graph of two products and a softmax, and by its own fused
 * operator. It runs graphs forward only.
 */
import { draw } from './inputs.ts';
import { encodeModel, type Graph } from './onnx-model.ts';
import { attention, load, type Peer, type Prepared, product, type TaskOf, versionsOf } from './peer.ts';

interface OrtTensor {
  data: Float32Array;
}
type Feeds = Record<string, OrtTensor>;
interface Session {
  run(feeds: Feeds, fetches: Feeds): Promise<Feeds>;
  release(): Promise<void>;
}
/** The part of onnxruntime-node that is used here. */
interface Ort {
  Tensor: new (type: 'float32', data: Float32Array, shape: readonly number[]) => OrtTensor;
  InferenceSession: { create(model: Uint8Array, options: Record<string, unknown>): Promise<Session> };
}

export async function open(_name: string, threads: number): Promise<Peer> {
  const ort = await load<Ort>('onnxruntime-node');
  const run = (graph: Graph, feeds: Record<string, Float32Array>) => prepareGraph(ort, threads, graph, feeds);
  return {
    versions: versionsOf('onnxruntime-node'),
    threads,
    contestants: [
      attention('full', 'full', false, { instructions: 'native', scoreArrays: [2, 2] }, (task) =>
        run(productsAndSoftmax(task), inputsOf(task)),
      ),
      attention('full, fused', 'full', false, { instructions: 'native' }, (task) => prepareFused(run, task)),
      product('product', 'native', ({ size }: TaskOf<'product'>) => {
        const shape = [size, size];
        const nodes = [{ operator: 'MatMul', inputs: ['a', 'b'], outputs: ['output'] }];
        const graph = { nodes, inputs: { a: shape, b: shape }, outputs: { output: shape } };
        return run(graph, { a: draw('a', size * size), b: draw('b', size * size) });
      }),
    ],
  };
}

function inputsOf({ heads, length, headDim }: TaskOf<'attention'>): Record<string, Float32Array> {
  const names = ['queries', 'keys', 'values'];
  return Object.fromEntries(names.map((name) => [name, draw(name, heads * length * headDim)]));
}

function productsAndSoftmax({ heads, length, headDim }: TaskOf<'attention'>): Graph {
  const shape = [heads, length, headDim];
  return {
    nodes: [
      { operator: 'Transpose', inputs: ['keys'], outputs: ['turned'], integers: { perm: [0, 2, 1] } },
      { operator: 'MatMul', inputs: ['queries', 'turned'], outputs: ['products'] },
      { operator: 'Mul', inputs: ['products', 'scale'], outputs: ['scores'] },
      { operator: 'Softmax', inputs: ['scores'], outputs: ['weights'], integers: { axis: 2 } },
      { operator: 'MatMul', inputs: ['weights', 'values'], outputs: ['output'] },
    ],
    inputs: { queries: shape, keys: shape, values: shape },
    outputs: { output: shape },
    constants: { scale: 1 / Math.sqrt(headDim) },
  };
}

/** MultiHeadAttention takes [batch, length, heads × headDim]; the numbers are those of all others, laid out so. */
async function prepareFused(
  run: (graph: Graph, feeds: Record<string, Float32Array>) => Promise<Prepared>,
  task: TaskOf<'attention'>,
): Promise<Prepared> {
  const { heads, length, headDim } = task;
  const shape = [1, length, heads * headDim];
  const inputs = ['queries', 'keys', 'values'];
  const node = { operator: 'MultiHeadAttention', inputs, outputs: ['output'], domain: 'com.microsoft' };
  const graph: Graph = {
    nodes: [{ ...node, integers: { num_heads: heads } }],
    inputs: { queries: shape, keys: shape, values: shape },
    outputs: { output: shape },
  };
  const feeds = Object.entries(inputsOf(task)).map(([name, data]) => [name, exchange(data, heads, length, headDim)]);
  const prepared = await run(graph, Object.fromEntries(feeds));
  return {
    ...prepared,
    async results() {
      const { output } = await prepared.results();
      return { output: exchange(output, length, heads, headDim) };
    },
  };
}

/** [first, second, width] as [second, first, width]. */
function exchange(data: Float32Array, first: number, second: number, width: number): Float32Array {
  const result = new Float32Array(data.length);
  for (let a = 0; a < first; a++) {
    for (let b = 0; b < second; b++) {
      const from = (a * second + b) * width;
      result.set(data.subarray(from, from + width), (b * first + a) * width);
    }
  }
  return result;
}

async function prepareGraph(
  ort: Ort,
  threads: number,
  graph: Graph,
  arrays: Record<string, Float32Array>,
): Promise<Prepared> {
  const session = await ort.InferenceSession.create(encodeModel(graph), {
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
  });
  const tensorOf = (data: Float32Array, shape: readonly number[]) => new ort.Tensor('float32', data, shape);
  const feeds = Object.entries(arrays).map(([name, data]) => [name, tensorOf(data, graph.inputs[name])]);
  const { output: shape } = graph.outputs;
  const output = tensorOf(new Float32Array(shape.reduce((size, extent) => size * extent, 1)), shape);
  const run = () => session.run(Object.fromEntries(feeds), { output });
  return {
    async run() {
      await run();
    },
    async results() {
      return { output: (await run()).output.data.slice() };
    },
    release: () => void session.release(),
  };
}
