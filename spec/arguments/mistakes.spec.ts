/**
 * The mistakes that people make, by kind, and what they are told: the argument, what they gave, and what would have been
 * right. Every piece of advice is tried too: what it says works.
 */
import ndarray from 'ndarray';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as api from '../../src/index.ts';

const SHAPE = [1, 2, 8, 4];
const drawn = (shape: readonly number[] = SHAPE) => api.randomNormal(shape, new api.Random(1));
const [queries, keys, values] = [drawn(), drawn(), drawn()];
const { attend, longformer, fromArray, ops } = api;

/** Throws unless the call is refused by a typed error of these very words. */
function refuses(call: () => unknown, message: string): void {
  let said: unknown = 'nothing';
  try {
    call();
  } catch (error) {
    assert.instance(error, api.EfficientTransformersError);
    said = (error as Error).message;
  }
  assert.is(said, message);
}

/** JavaScript, which no compiler looks at. */
// biome-ignore lint/suspicious/noExplicitAny: whatever somebody may write
const loose = api as any;

test('an input is missing', () => {
  for (const name of ['queries', 'keys', 'values']) {
    const inputs = { queries, keys, values, [name]: undefined };
    const message = `${name}: missing; expected a tensor [batch, heads, length, headDim] in inputs`;
    refuses(() => loose.attend(longformer, inputs), message);
    refuses(() => loose.attentionRows(longformer, inputs, {}, [0]), message);
  }
  refuses(() => loose.attend(longformer), 'inputs: missing; expected an object with options');
  refuses(
    () => loose.attend(),
    'variant: missing; expected a variant, as findVariant gives for a name that is registered',
  );
  refuses(
    () => loose.attend(longformer, { q: queries, k: keys, v: values }),
    'queries: missing; expected a tensor [batch, heads, length, headDim] in inputs',
  );
});

test('queries, keys and values one after another, as in PyTorch', () => {
  refuses(
    () => loose.attend(longformer, queries, keys, values),
    'inputs: expected an object { queries, keys, values }, got a Tensor',
  );
  refuses(
    () => loose.attend({ queries, keys, values }, longformer),
    'variant: expected a variant, got an object; the inputs come after it',
  );
});

test('a name for a variant, and a variant for a name', async () => {
  const inputs = { queries, keys, values };
  const message =
    "variant: expected a variant, got 'longformer'; import it by its name, or take findVariant('longformer')";
  refuses(() => loose.attend('longformer', inputs), message);
  refuses(() => loose.checkOptions('longformer', {}, api.checkInputs(inputs)), message);
  refuses(() => loose.startDecoding('longformer', {}), message);
  const wrong = loose.compare(api.syntheticInput({ lengths: [8] }), { variants: [longformer] });
  assert.match(
    await wrong.catch((error: Error) => error.message),
    "variants: expected the name of one variant, got an object; 'longformer' is one",
  );
  refuses(
    () => loose.loadPretrained('.', { attention: 'longformer' }),
    "attention: expected an object with options, got 'longformer'; { variant: 'longformer' } is one",
  );
});

const flat = [1, 2, 3, 4, 5, 6, 7, 8];
const stored = { shape: [1, 1, 2, 4], load: () => new Float32Array(flat) };
const notTensors: [unknown, string, (wrong: never) => api.Tensor][] = [
  [5, 'got 5; filled(shape, 5) makes one', () => api.filled([1, 1, 2, 4], 5)],
  [flat, 'got a list of 8; fromArray(queries, shape) makes one', (wrong: never) => fromArray(wrong, [1, 1, 2, 4])],
  [
    Float32Array.from(flat),
    'got a Float32Array; fromArray(queries, shape) makes one',
    (wrong: never) => fromArray(wrong, [1, 1, 2, 4]),
  ],
  [
    [
      [
        [
          [1, 2],
          [3, 4],
        ],
      ],
    ],
    'got a list of 1; fromArray(queries.flat(3), [1, 1, 2, 2]) makes one',
    (wrong: number[][][][]) => fromArray(wrong.flat(3), [1, 1, 2, 2]),
  ],
  [
    [[[Float32Array.of(1, 2), Float32Array.of(3, 4)]]],
    'got a list of 1; fromArray(queries.flat(2).flatMap((row) => [...row]), [1, 1, 2, 2]) makes one',
    (wrong: Float32Array[][][]) =>
      fromArray(
        wrong.flat(2).flatMap((row) => [...row]),
        [1, 1, 2, 2],
      ),
  ],
  [
    ndarray(flat, [1, 1, 2, 4]),
    'got a View4darray; fromNdarray(queries) makes one',
    (wrong: never) => api.fromNdarray(wrong),
  ],
  [
    { shape: [1, 1, 2, 4], data: flat },
    'got an object; fromArray(queries.data, queries.shape) makes one',
    ({ data, shape }: { data: number[]; shape: number[] }) => fromArray(data, shape),
  ],
  [
    stored,
    'got an object; fromArray(queries.load(), queries.shape) makes one',
    ({ load, shape }: typeof stored) => fromArray(load(), shape),
  ],
  [
    { output: drawn([1, 1, 2, 4]) },
    'got an object; queries.output is one',
    ({ output }: { output: api.Tensor }) => output,
  ],
] as never;

test('something else for a tensor', () => {
  for (const [wrong, said, mended] of notTensors) {
    const message = `queries: expected a tensor, ${said}`;
    refuses(() => loose.attend(longformer, { queries: wrong, keys, values }), message);
    refuses(() => loose.ops.scan(wrong, wrong, wrong), message);
    const tensor = mended(wrong as never);
    assert.instance(attend(api.full, { queries: tensor, keys: tensor, values: tensor }), api.Tensor);
  }
  refuses(() => loose.ops.softmax([1, 2]), 'x: expected a tensor, got a list of 2; fromArray(x, shape) makes one');
  refuses(() => loose.backward(5), 'result: expected a tensor, got 5; filled(shape, 5) makes one');
});

test('a shape without batch and heads', () => {
  const [two, three] = [drawn([8, 4]), drawn([2, 8, 4])];
  refuses(
    () => attend(longformer, { queries: two, keys: two, values: two }),
    'queries: expected [batch, heads, length, headDim], got [8, 4]; for one sequence and one head, ops.reshape(queries, [1, 1, 8, 4])',
  );
  refuses(
    () => attend(longformer, { queries: three, keys: three, values: three }),
    'queries: expected [batch, heads, length, headDim], got [2, 8, 4]; for one sequence of several heads, ops.reshape(queries, [1, 2, 8, 4])',
  );
  const [one, five] = [drawn([4]), drawn([1, 1, 2, 8, 4])];
  refuses(
    () => attend(longformer, { queries: one, keys: one, values: one }),
    'queries: expected [batch, heads, length, headDim], got [4]',
  );
  refuses(
    () => attend(longformer, { queries: five, keys, values }),
    'queries: expected [batch, heads, length, headDim], got [1, 1, 2, 8, 4]',
  );
  const mended = ops.reshape(two, [1, 1, 8, 4]);
  assert.equal(attend(longformer, { queries: mended, keys: mended, values: mended }).shape, [1, 1, 8, 4]);
});

test('numbers that are not one flat array', () => {
  refuses(
    () =>
      loose.fromArray(
        [
          [1, 2, 3],
          [4, 5, 6],
        ],
        [2, 3],
      ),
    'values: expected one flat array of numbers, got a list of 2; values.flat(1) is one, of shape [2, 3]',
  );
  refuses(
    () => loose.fromArray([Float32Array.of(1, 2)], [1, 2]),
    'values: expected one flat array of numbers, got a list of 1; values.flatMap((row) => [...row]) is one, of shape [1, 2]',
  );
  refuses(() => loose.fromArray(5, [1]), 'values: expected an array of numbers, got 5; [5] is one');
  refuses(
    () => loose.fromArray(queries, SHAPE),
    'values: expected an array of numbers, got a Tensor; values.toArray() is one',
  );
  refuses(
    () => loose.fromArray(stored, SHAPE),
    'values: expected an array of numbers, got an object; values.load() is one',
  );
  refuses(() => loose.fromArray(undefined, [1]), 'values: missing; expected an array of numbers');
});

test('extents that are not a list', () => {
  const wanted = 'expected a list of at most 8 extents, each an integer of at least 1';
  refuses(() => loose.fromArray([1, 2]), `shape: missing; ${wanted}`);
  refuses(() => loose.zeros(2, 3), `shape: ${wanted}, got 2; [shape] is one`);
  refuses(() => loose.zeros(Int32Array.of(2, 3)), `shape: ${wanted}, got an Int32Array; [...shape] is one`);
  refuses(() => loose.ops.reshape(queries, 8, 8), `shape: expected a list, got 8; [shape] is one`);
});

test('one thing for a list of them', () => {
  refuses(() => loose.fileInput('q.npy'), "qkv: expected a list, got 'q.npy'; [qkv] is one");
  refuses(() => loose.ops.concat(queries, keys), 'tensors: expected a list, got a Tensor; [tensors] is one');
  refuses(
    () => loose.writeSafetensors('x', { a: queries }),
    'tensors: expected a list or another iterable, got an object; Object.entries(tensors) is one',
  );
});

test('a seed for a stream, and Math.random', () => {
  refuses(() => loose.randomNormal([2], 7), 'random: expected a Random, got 7; new Random(7) is one');
  refuses(
    () => loose.randomNormal([2], Math.random),
    'random: expected a Random, got a function; new Random(0) is one',
  );
  refuses(() => loose.randomNormal([2]), 'random: missing; expected a Random; new Random(0) is one');
});

test('a text or a bigint for a number, and an address for a path', () => {
  refuses(
    () => loose.setThreads('2'),
    "threads: expected an integer from 1 to 64, got '2'; without quotes it is a number",
  );
  refuses(
    () => loose.setThreads(2n),
    'threads: expected an integer from 1 to 64, got 2n; without its n it is a number',
  );
  refuses(
    () => loose.readNpy(new URL('file:///q.npy')),
    'file: expected a path, or bytes as a Uint8Array or an ArrayBuffer, got a URL; fileURLToPath(file) is one',
  );
});

test('a tensor for what the oracle and files take', () => {
  const message = 'got a Tensor; { shape: queries.shape, data: queries.toArray() } is one';
  refuses(
    () => loose.referenceAttention({ queries, keys, values }),
    `queries: expected a shape and its numbers, ${message}`,
  );
  refuses(
    () => loose.writeNpy('x.npy', queries),
    `array: expected a shape and its numbers, ${message.replaceAll('queries', 'array')}`,
  );
});

test('a run, its settings, its learner, its model and its task', async () => {
  const settings: api.RunSettings = {
    ...api.runDefaults,
    ...{ task: { name: 'copy', length: 8 }, schedule: { kind: 'constant', rate: 1e-3 } },
    model: { layers: 1, modelDim: 8, heads: 2, attention: { variant: 'full' } },
  };
  const run = api.startRun(settings);
  const said = (promise: Promise<unknown>) => promise.then(String, (error: Error) => error.message);
  assert.is(
    await said(loose.train(settings)),
    'run: expected a run, got an object; settings are not one yet: startRun(run) is',
  );
  assert.is(
    await said(loose.train('run.safetensors')),
    "run: expected a run, got 'run.safetensors'; resumeRun('run.safetensors') reads one",
  );
  const look = { examples: 2, batch: 2, seed: 1 };
  refuses(
    () => loose.evaluate(run, run.task, look),
    'learner: expected a learner, got an object; learner.learner is one',
  );
  refuses(
    () => loose.evaluate(run.learner, 'copy', look),
    "task: expected a task, got 'copy'; openTask('copy') is one",
  );
  refuses(
    () => loose.generate(run.learner, [[1]], 2, new api.Random(1)),
    'model: expected a LanguageModel, got an object; model.model is one',
  );
  refuses(
    () => loose.generate(run, [[1]], 2, new api.Random(1)),
    'model: expected a LanguageModel, got an object; model.learner.model is one',
  );
  refuses(
    () => loose.startRun({ ...settings, model: { ...settings.model, attention: { variant: 'longfomer' } } }),
    `variant: unknown variant 'longfomer': did you mean 'longformer'? Known: ${api
      .allVariants()
      .map(({ name }) => name)
      .join(', ')}; register one of your own first: on the command line, by --import FILE`,
  );
  api.endRun(run);
});

test('a path, or tensors, for the input of a comparison', async () => {
  const said = (input: unknown) => loose.compare(input).catch((error: Error) => error.message);
  assert.is(await said('q.npy'), "input: expected an input, got 'q.npy'; fileInput(['q.npy']) is one");
  assert.match(
    await said({ queries, keys, values }),
    /^input: expected an input, which has a name, sizes and cases, got an object; put them into a file/,
  );
});

test('advice looks at anything, and never throws', () => {
  const hostile = new Proxy(
    {},
    {
      get: () => {
        throw new Error('hostile');
      },
      ownKeys: () => {
        throw new Error('hostile');
      },
    },
  );
  const circle: unknown[] = [];
  circle.push(circle);
  for (const value of [hostile, circle, Object.create(null), new DataView(new ArrayBuffer(4)), [[]], new Map()]) {
    for (const call of [
      loose.ops.softmax,
      loose.zeros,
      loose.readNpy,
      loose.fileInput,
      loose.setThreads,
      loose.zeroGrad,
    ]) {
      try {
        call(value);
      } catch (error) {
        assert.ok(error instanceof api.EfficientTransformersError || String(error) === 'Error: hostile', String(error));
      }
    }
  }
});

test('a declaration says another word than the contract has', () => {
  const right = { ...api.full, options: { reach: api.integer({ minimum: 0, default: 1, description: 'how far' }) } };
  const declare = (other: object) => () => loose.defineVariant({ ...right, inputs: {}, parameters: {}, ...other });
  assert.is(declare({})().name, 'full');
  const families = 'full, sparse, hashing, low-rank, kernel, recurrence, convolution';
  refuses(declare({ family: 'x' }), `definition.family: expected one of ${families}, got 'x'`);
  const known = 'exact, exact-on-its-pattern, approximate, own';
  refuses(declare({ exactness: 'x' }), `definition.exactness: expected one of ${known}, got 'x'`);
  refuses(declare({ inputs: { keys: 'x' } }), "definition.inputs.keys: expected one of unread, queries, got 'x'");
  refuses(declare({ inputs: { values: 'x' } }), "definition.inputs.values: expected one of gated, got 'x'");
  const gates = { decay: { description: 'a decay', activation: 'x' } };
  refuses(
    declare({ inputs: { gates } }),
    "definition.inputs.gates.decay.activation: expected one of none, sigmoid, softplus, logSigmoid, got 'x'",
  );
  const list = { kind: 'integers', minimum: 0, default: [], description: 'which', per: 'x' };
  refuses(declare({ options: { list } }), "definition.options.list.per: expected one of head, position, got 'x'");
  refuses(
    declare({ options: { list: { ...list, kind: 'x' } } }),
    "definition.options.list.kind: expected one of integer, number, choice, boolean, integers, got 'x'",
  );
  refuses(
    () => loose.choice({ description: 'which', choices: [], default: 'a' }),
    'entry.choices: expected at least one, got an empty list',
  );
});

test.run();
