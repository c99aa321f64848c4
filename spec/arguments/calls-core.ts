/** Right arguments for tensors, autograd, random streams, the oracle, files, threads and variants. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ndarray from 'ndarray';
import { release } from '../../src/core/memory.ts';
import * as api from '../../src/index.ts';
import { temporaryFolder } from '../core/temporary-folder.ts';
import { BY_NUMPY } from '../core/zip-cases.ts';
import type { Call } from './wrong.ts';

const folder = temporaryFolder();
// A text is a path, that files may be written to.
process.chdir(folder);
const drawn = (shape: readonly number[], seed = 1, dtype: 'float32' | 'float64' = 'float32') =>
  api.randomNormal(shape, new api.Random(seed), dtype);
const numbers = drawn([2]);
const SHAPE = [1, 2, 6, 4];
const inputs = () => ({ queries: drawn(SHAPE), keys: drawn(SHAPE, 2), values: drawn(SHAPE, 3) });
const mask = () => api.fromArray([1, 1, 1, 1, 1, 0], [1, 6], 'uint8');
const shape = () => ({ batch: 1, heads: 2, queryLength: 6, keyLength: 6, headDim: 4, dtype: 'float32' as const });
const dense = (extents: readonly number[]) => ({
  shape: [...extents],
  data: Float64Array.from({ length: extents.reduce((a, b) => a * b, 1) }, (_, n) => Math.sin(n)),
});
const denseInputs = () => ({ queries: dense(SHAPE), keys: dense(SHAPE), values: dense(SHAPE) });
const denseMask = () => ({ shape: [1, 6], data: [1, 1, 1, 1, 1, 0] });
const array = () => ({ shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) });

const npy = join(folder, 'numbers.npy');
const safetensors = join(folder, 'numbers.safetensors');
api.writeNpy(npy, array());
const npz = join(folder, 'numbers.npz');
writeFileSync(npz, Buffer.from(BY_NUMPY.savez, 'base64'));
api.writeSafetensors(safetensors, [['a', array()]]);

const of = (run: Call['run'], args: () => unknown[], more: Partial<Call> = {}): Call => ({ run, args, ...more });
const nothing = (run: Call['run']): Call => of(run, () => []);

/** Gives back all tensors of a decoder's state. */
const endDecoder = (decoder: unknown) => {
  const { state } = decoder as api.Decoder;
  for (const tensor of Object.values(state?.tensors ?? {})) if (!tensor.block.free) release(tensor.array.data);
};
const started = () => api.startDecoding(api.full, { batch: 1, heads: 2, headDim: 4, dtype: 'float32', maxLength: 4 });
const token = () => ({ queries: drawn([1, 2, 1, 4]), keys: drawn([1, 2, 1, 4]), values: drawn([1, 2, 1, 4]) });
const stateAfterOne = () => api.attendFrom(api.full, token(), null, {}, { maxLength: 4 }).state;

export const callsOfTensors: Readonly<Record<string, Call>> = {
  zeros: of(api.zeros, () => [[2, 3], 'float32']),
  ones: of(api.ones, () => [[2, 3], 'int32']),
  filled: of(api.filled, () => [[2, 3], 4, 'float32'], { also: { 1: ['NaN'] } }),
  fromArray: of(api.fromArray, () => [[1, 2, 3], [3], 'float32'], {
    also: { '*': [], '0.0': ['NaN'], '0.1': ['NaN'], '0.2': ['NaN'] },
  }),
  fromNdarray: of(api.fromNdarray, () => [ndarray([1, 2, 3, 4], [2, 2]), 'float32']),
  randomNormal: of(api.randomNormal, () => [[2, 3], new api.Random(1), 'float32']),
  keep: of(api.keep, () => [drawn([2])], {
    end: (tensor) => release((tensor as api.Tensor).array.data),
  }),
  scope: of(api.scope, () => [() => drawn([2])]),
  noGrad: of(api.noGrad, () => [() => drawn([2])]),
  memoryStatistics: nothing(api.memoryStatistics),
  Tensor: of(
    (array) => new api.Tensor(array),
    () => [drawn([2]).array],
  ),
  'Tensor.toArray': of(numbers.toArray.bind(numbers) as Call['run'], () => ['float32']),
  'Tensor.item': nothing(() => drawn([1]).item()),
  'Tensor.withGrad': nothing(() => drawn([2]).withGrad()),
  backward: of(
    api.backward,
    () => {
      const leaf = drawn([2]).withGrad();
      const result = api.ops.square(leaf);
      return [result, drawn([2])];
    },
    { depth: 1, end: () => {} },
  ),
  zeroGrad: of(api.zeroGrad, () => [[drawn([2])]], { also: { '0.0': ['released tensor'], 0: ['map'] } }),
  checkGradients: of(api.checkGradients, () => [
    (x: api.Tensor) => api.ops.square(x),
    [drawn([2], 1, 'float64')],
    { epsilon: 1e-5, tolerance: 1e-3, maxEntries: 2, seed: 1 },
  ]),
};

const STREAM_ENDS = { also: { '*': [] } } as const;
export const callsOfRandom: Readonly<Record<string, Call>> = {
  Random: of(
    (seed) => new api.Random(seed),
    () => [1],
  ),
  'Random.split': of(
    (name) => new api.Random(1).split(name),
    () => ['a'],
  ),
  'Random.uniform': nothing(() => new api.Random(1).uniform()),
  'Random.normal': nothing(() => new api.Random(1).normal()),
  'Random.integer': of(
    (below) => new api.Random(1).integer(below),
    () => [7],
  ),
  'Random.fillNormal': of(
    (...given: [Float32Array, number, number]) => new api.Random(1).fillNormal(...given),
    () => [new Float32Array(3), 0, 1],
    { names: ['array', 'mean', 'deviation'] },
  ),
  'Random.fillUniform': of(
    (...given: [Float32Array, number, number]) => new api.Random(1).fillUniform(...given),
    () => [new Float32Array(3), 0, 1],
    { names: ['array', 'low', 'high'] },
  ),
  'Random.permutation': of(
    (n) => new api.Random(1).permutation(n),
    () => [7],
  ),
  'Random.choose': of(
    (n, k) => new api.Random(1).choose(n, k),
    () => [7, 3],
  ),
  'Random.chi': of(
    (degrees) => new api.Random(1).chi(degrees),
    () => [7],
  ),
  'Random.state': nothing(() => new api.Random(1).state()),
  'Random.fromState': of(
    (state) => api.Random.fromState(state),
    () => [new api.Random(1).state()],
    STREAM_ENDS,
  ),
};

export const callsOfOracle: Readonly<Record<string, Call>> = {
  referenceWeights: of(api.referenceWeights, () => [denseInputs(), { causal: true, keyMask: denseMask(), scale: 1 }]),
  referenceAttention: of(api.referenceAttention, () => [
    denseInputs(),
    { causal: true, keyMask: denseMask(), scale: 1, allowed: () => true, allowedIn: () => true, bias: () => 0 },
  ]),
  referenceAttentionGradients: of(api.referenceAttentionGradients, () => [
    denseInputs(),
    dense(SHAPE),
    { causal: true, keyMask: denseMask() },
  ]),
  referenceKernelWeights: of(api.referenceKernelWeights, () => [
    dense(SHAPE),
    dense(SHAPE),
    { causal: true, keyMask: denseMask() },
  ]),
  referenceLinearAttention: of(api.referenceLinearAttention, () => [
    dense(SHAPE),
    dense(SHAPE),
    dense(SHAPE),
    { causal: true, keyMask: denseMask() },
  ]),
  maxAbsoluteError: of(api.maxAbsoluteError, () => [dense([2, 2]), dense([2, 2])]),
  relativeFrobeniusError: of(api.relativeFrobeniusError, () => [dense([2, 2]), dense([2, 2])]),
};

export const callsOfFiles: Readonly<Record<string, Call>> = {
  readNpy: of(api.readNpy, () => [npy]),
  'readNpy.load': nothing(() => api.readNpy(npy).load()),
  writeNpy: of(api.writeNpy, () => [join(folder, 'out.npy'), array()]),
  readNpz: of(api.readNpz, () => [npz]),
  'readNpz.open': nothing(() => api.readNpz(npz).get('a')?.()),
  readSafetensors: of(api.readSafetensors, () => [safetensors]),
  writeSafetensors: of(
    api.writeSafetensors,
    () => [join(folder, 'out.safetensors'), [['a', array()]], [['key', 'text']]],
    {
      also: { 1: ['map'], 2: ['map'] },
      aliases: ['a'],
    },
  ),
};

export const callsOfThreads: Readonly<Record<string, Call>> = {
  threadCount: nothing(api.threadCount),
  setThreads: of(
    (threads) => api.setThreads(threads),
    () => [1],
  ),
  kernelBuild: nothing(api.kernelBuild),
  kernelSet: nothing(api.kernelSet),
  setKernels: of(
    (kernels) => api.setKernels(kernels),
    () => [api.kernelSet()],
  ),
  closePool: nothing(api.closePool),
  poolReady: nothing(async () => api.poolReady()),
};

export const callsOfVariants: Readonly<Record<string, Call>> = {
  attend: of(api.attend, () => [
    api.longformer,
    { ...inputs(), keyMask: mask(), global: inputs() },
    { causal: false, attentionWindow: 2, dilation: [1, 1], globalPositions: [0] },
    { parameters: {}, seed: 1, checkFinite: true },
  ]),
  checkInputs: of(api.checkInputs, () => [{ ...inputs(), keyMask: mask() }, true]),
  checkOptions: of(api.checkOptions, () => [
    api.performer,
    { causal: true, numRandomFeatures: 8, epsilon: 0.5, kernel: 'relu' },
    shape(),
  ]),
  drawParameters: of(api.drawParameters, () => [api.performer, { causal: false, numRandomFeatures: 8 }, shape(), 1]),
  indexerLoss: of(api.indexerLoss, () => [
    drawn(SHAPE),
    drawn(SHAPE, 2),
    { indexQueries: drawn([1, 2, 6, 3]), indexKeys: drawn([1, 2, 6, 3], 2), indexWeights: drawn([1, 2, 6]) },
    { topKeys: 3, keyMask: mask() },
  ]),
  reconstructionLoss: of(api.reconstructionLoss, () => [
    drawn(SHAPE),
    drawn(SHAPE, 2),
    drawn(SHAPE, 3),
    { W_K: drawn([SHAPE[1], 2 * SHAPE[3], SHAPE[3]]), W_V: drawn([SHAPE[1], 2 * SHAPE[3], SHAPE[3]], 2) },
  ]),
  summaryLoss: of(api.summaryLoss, () => [
    drawn([2, 3, 4]),
    drawn([2, 3, 4], 2),
    api.fromArray([0, 1, 1, 0, 0, 1], [2, 3], 'uint8'),
  ]),
  startDecoding: of(api.startDecoding, () => [
    api.full,
    { batch: 1, heads: 2, headDim: 4, dtype: 'float32', maxLength: 4 },
    { causal: true },
    { parameters: {}, seed: 1, checkFinite: true },
  ]),
  attendFrom: of(
    api.attendFrom,
    () => [
      api.full,
      token(),
      stateAfterOne(),
      { causal: true },
      { parameters: {}, seed: 1, checkFinite: true, maxLength: 4 },
    ],
    { also: { 2: ['null'] } },
  ),
  // What options hold is looked at where a run goes on from the state.
  stateBytes: of(api.stateBytes, () => [stateAfterOne()], { depth: 1 }),
  copyState: of(api.copyState, () => [stateAfterOne()], { depth: 1 }),
  'Decoder.step': of(
    (inputs) => {
      const decoder = started();
      const output = decoder.step(inputs);
      endDecoder(decoder);
      return output;
    },
    () => [token()],
  ),
  allVariants: nothing(api.allVariants),
  findVariant: of(api.findVariant, () => ['full']),
  attentionRows: of(api.attentionRows, () => [
    api.full,
    { ...inputs(), keyMask: mask() },
    { causal: true },
    [0, 3],
    { parameters: {}, seed: 1, checkFinite: true },
  ]),
};

const drawing = () => ({ extents: [2, 3], random: new api.Random(1), dtype: 'float32' });
const entry = () => ({ symbol: 'r', description: 'how far', minimum: 1, default: 2 });
/** A default may be made by a function. */
const MADE: Partial<Call> = { also: { '0.default': ['function'] } };
/** The state behind two tokens, of which rows are remembered as `keys`. */
const before = () => {
  const { variant, options, sizes } = stateAfterOne();
  const mask = api.fromArray([1, 0], [1, 2], 'uint8');
  return { variant, options, sizes, position: 2, tensors: { keys: drawn([1, 2, 2, 4]), 'key mask': mask } };
};
/** What a memory holds is made with it, before a call is refused. */
const OF_MEMORY: Partial<Call> = { keeps: true };
const memory = () => new api.Memory(before(), 6);

export const callsOfDeclarations: Readonly<Record<string, Call>> = {
  integer: of(api.integer, () => [{ ...entry(), maximum: () => 9, limit: 9, multipleOf: 1 }], MADE),
  number: of(api.number, () => [{ ...entry(), maximum: 9 }], MADE),
  boolean: of(api.boolean, () => [{ description: 'whether', default: false }], MADE),
  integers: of(api.integers, () => [{ ...entry(), per: 'head', default: [1] }], MADE),
  choice: of(api.choice, () => [{ description: 'which', choices: ['a', 'b'], default: 'a' }], MADE),
  normal: of(api.normal, () => [drawing(), 2]),
  glorotUniform: of(api.glorotUniform, () => [drawing(), 2, 3]),
  Memory: of(
    (state: never, length: never) => new api.Memory(state, length),
    () => [before(), 6],
    { depth: 1 },
  ),
  'Memory.get': of(
    (name: never, shape: never) => memory().get(name, shape),
    () => ['keys', [1, 2, 2, 4]],
    OF_MEMORY,
  ),
  'Memory.getAll': of(
    (names: never) => memory().getAll(names),
    () => [['keys', 'key mask']],
    OF_MEMORY,
  ),
  'Memory.set': of(
    (name: never, tensor: never) => memory().set(name, tensor),
    () => ['keys', drawn([1])],
    OF_MEMORY,
  ),
  'Memory.append': of(
    (name: never, rows: never, keep: never, held: never) => memory().append(name, rows, keep, held),
    () => ['keys', drawn(SHAPE), 8, 2],
    OF_MEMORY,
  ),
  'Memory.appendPicked': of(
    (name: never, rows: never, own: never, count: never, keyMask: never) =>
      memory().appendPicked(name, rows, own, count, keyMask),
    () => ['keys', drawn(SHAPE), Int32Array.of(0, 3), 4, mask()],
    OF_MEMORY,
  ),
  'Memory.appendMask': of(
    (keyMask: never, batch: never, keep: never, held: never) => memory().appendMask(keyMask, batch, keep, held),
    () => [mask(), 1, 8, 2],
    OF_MEMORY,
  ),
  'Memory.leave': of(
    (output: never) => memory().leave(output).output,
    () => [drawn(SHAPE)],
    OF_MEMORY,
  ),
};

/** Last: what is registered is there for all that comes after. */
export const callOfRegister: Readonly<Record<string, Call>> = {
  defineVariant: of(
    (definition: never) => api.defineVariant(definition),
    () => [
      {
        ...{ name: 'own', family: 'kernel', exactness: 'own', complexity: 'O(L)', budget: null },
        paper: api.full.paper,
        supports: api.full.supports,
        options: { reach: { kind: 'integer', minimum: 0, default: 1, description: 'how far' } },
        inputs: { gates: { decay: { activation: 'sigmoid', description: 'a decay' } } },
        attend: api.full.attend,
        cost: api.full.cost,
      },
    ],
    { depth: 2 },
  ),
  register: of(api.register, () => [{ ...api.full, name: `own ${Math.random()}` }], { depth: 2 }),
};
