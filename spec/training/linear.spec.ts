/** The small modules and named tensors. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { memoryStatistics } from '../../src/core/memory.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, fromArray, ones, randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import {
  embed,
  embeddingParameters,
  linear,
  linearParameters,
  normalize,
  normParameters,
} from '../../src/training/linear.ts';
import { build, copyNamed, dropped, evaluation, learned, named, within } from '../../src/training/module.ts';
import { assertClose, assertSame, at, denseOf, leafOf, loop } from '../core/tensors.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { checkParameters, stepOf, stir } from './modules.ts';

test('linear: x W + b by plain loops, and its gradients', () => {
  const parameters = linearParameters(5, 3, new Random(1), 'float64');
  stir(named(parameters), 1);
  const x = leafOf([2, 4, 5], 2);
  const expected = loop([2, 4, 3], ([b, i, c]) => {
    let sum = at(parameters.bias as Tensor, [c]);
    for (let k = 0; k < 5; k++) sum += at(x, [b, i, k]) * at(parameters.weight, [k, c]);
    return sum;
  });
  // Five terms in float64.
  assertClose(linear(x, parameters), expected, 1e-14, 'linear', 1);
  checkParameters(() => linear(x, parameters), named(parameters), [x]);
  const { weight } = parameters;
  checkParameters(() => linear(x, { weight }), named({ weight }), [x]);
});

test('linear of a low rank: x W₁ W + b by plain loops, and its gradients; a rank is a whole number', () => {
  const parameters = linearParameters(5, 3, new Random(1), 'float64', 2);
  const inner = parameters.inner as Tensor;
  assert.equal(
    [inner.shape, parameters.weight.shape],
    [
      [5, 2],
      [2, 3],
    ],
  );
  stir(named(parameters), 1);
  const x = leafOf([2, 4, 5], 2);
  const expected = loop([2, 4, 3], ([b, i, c]) => {
    let sum = at(parameters.bias as Tensor, [c]);
    for (let r = 0; r < 2; r++) {
      for (let k = 0; k < 5; k++) sum += at(x, [b, i, k]) * at(inner, [k, r]) * at(parameters.weight, [r, c]);
    }
    return sum;
  });
  // Ten terms in float64.
  assertClose(linear(x, parameters), expected, 1e-14, 'linear', 1);
  checkParameters(() => linear(x, parameters), named(parameters), [x]);
  assert.throws(() => linearParameters(5, 3, new Random(1), 'float64', 0), /^rank: /);
});

test('weights start with variance 2 / (inputs + outputs), biases at 0, gains at 1', () => {
  const { weight, bias } = linearParameters(300, 200, new Random(1), 'float32');
  const values = Array.from(weight.toArray());
  const variance = values.reduce((sum, each) => sum + each * each, 0) / values.length;
  // 60 000 squares of normals: a relative standard error of √(2/60 000) = 0.6 %; four of them.
  assert.ok(Math.abs(variance * 250 - 1) < 0.024, `variance ${variance}`);
  assertSame(bias as Tensor, denseOf(zeros([200])));
  const { gain, bias: shift } = normParameters(4, 'float32');
  assertSame(gain, denseOf(ones([4])));
  assertSame(shift, denseOf(zeros([4])));
});

test('embedding: √width times the rows of tokens, which are of length about 1; gradients add up where a token comes twice', () => {
  const table = embeddingParameters(6, 4, new Random(1), 'float64');
  const tokens = fromArray([3, 3, 0, 5, 3, 1], [2, 3], 'int32');
  const expected = loop([2, 3, 4], ([b, i, c]) => 2 * at(table.weight, [at(tokens, [b, i]), c]));
  assertClose(embed(tokens, table), expected, 1e-15);
  checkParameters(() => embed(tokens, table), named(table));
  const large = elements(embeddingParameters(1000, 64, new Random(2), 'float32').weight);
  let squares = 0;
  for (const each of large) squares += each * each;
  // A mean of 64 000 squares: 0.6 %; four of them.
  assert.ok(Math.abs(squares / 1000 - 1) < 0.024, `mean squared length ${squares / 1000}`);
});

test('tokens that are none are refused by name', () => {
  const table = embeddingParameters(6, 4, new Random(1), 'float32');
  for (const wrong of [-1, 6]) {
    expectThrows(ArgumentError, 'tokens', () => embed(fromArray([0, wrong], [1, 2], 'int32'), table));
  }
  expectThrows(ArgumentError, 'tokens', () => embed(zeros([1, 2]), table));
  expectThrows(ShapeError, 'tokens', () => embed(zeros([2], 'int32'), table));
});

test('normalisation has gradients for its gain and bias', () => {
  const norm = normParameters(5, 'float64');
  stir(named(norm), 3);
  const x = leafOf([3, 5], 1);
  checkParameters(() => normalize(x, norm), named(norm), [x]);
});

test('dropout: a function of the step and the place in the model; none in an evaluation', () => {
  const x = ones([4, 50]);
  const step = stepOf(1);
  const mask = (context = step) => dropped(x, 0.5, context).toArray();
  assert.equal(mask(), mask(stepOf(1)));
  assert.not.equal(mask(), mask(stepOf(2)));
  assert.not.equal(mask(within(step, 'a')), mask(within(step, 'b')));
  assert.is(dropped(x, 0.5, evaluation), x);
  assert.is(dropped(x, 0.5, stepOf(1, false)), x);
});

test('names are paths, in order, and a name that comes twice is refused', () => {
  const [a, b] = [zeros([1]), zeros([2])];
  const parts = { x: a, inner: { list: [a, b], map: new Map([['deep.down', b]]), none: undefined } };
  assert.equal(
    [...named(parts)].map(([name, tensor]) => [name, tensor === a ? 'a' : 'b']),
    [
      ['x', 'a'],
      ['inner.list.0', 'a'],
      ['inner.list.1', 'b'],
      ['inner.map.deep.down', 'b'],
    ],
  );
  expectThrows(ArgumentError, 'parts', () => named({ a: { b: a }, 'a.b': b }));
  const leaf = zeros([1]).withGrad();
  assert.equal(
    [
      ...learned(
        new Map([
          ['random', a],
          ['leaf', leaf],
        ]),
      ).keys(),
    ],
    ['leaf'],
  );
});

test('tensors are copied by name, all or none', () => {
  const make = (value: number) =>
    new Map([
      ['a', fromArray([value, value], [2])],
      ['b', fromArray([value], [1])],
    ]);
  const target = make(1);
  copyNamed(target, make(2), 'tensors');
  assert.equal(
    [...target.values()].map((each) => each.toArray()),
    [Float32Array.of(2, 2), Float32Array.of(2)],
  );
  const refused = (type: typeof ArgumentError | typeof ShapeError, change: (map: Map<string, Tensor>) => void) => {
    const other = make(3);
    change(other);
    expectThrows(type, 'tensors', () => copyNamed(target, other, 'tensors'));
    assert.equal(
      [...target.values()].map((each) => each.toArray()),
      [Float32Array.of(2, 2), Float32Array.of(2)],
    );
  };
  refused(ArgumentError, (map) => map.delete('b'));
  refused(ArgumentError, (map) => map.set('c', zeros([1])));
  refused(ShapeError, (map) => map.set('b', zeros([2])));
  refused(ArgumentError, (map) => map.set('b', zeros([1], 'float64')));
});

test('what is built outlives the scope that it is built in, and nothing else does', () => {
  const before = memoryStatistics().liveBytes;
  let tensor = zeros([1]);
  scope(() => {
    build(() => {
      randomNormal([1000], new Random(1));
      tensor = ones([3]);
      return { tensors: () => named({ tensor }) };
    });
  });
  assert.equal(tensor.toArray(), Float32Array.of(1, 1, 1));
  // The one of the first line, and the one that was built: a cache line each.
  assert.ok(memoryStatistics().liveBytes - before <= 128);
});

test.run();
