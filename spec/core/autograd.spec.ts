/** The tape: gradients of any graph against forward differentiation, the order of passing, and who gets what. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, isRecording, noGrad, record, recordAll, zeroGrad } from '../../src/core/autograd.ts';
import { ArgumentError, MemoryError, ShapeError } from '../../src/core/errors.ts';
import { checkGradients } from '../../src/core/gradient-check.ts';
import * as ops from '../../src/core/ops/index.ts';
import { scope } from '../../src/core/scope.ts';
import { filled, fromArray, packed, type Tensor, zeros } from '../../src/core/tensor.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { assertClose, assertSame, forAll, leafOf } from './tensors.ts';

/** A number with its derivatives in every leaf: differentiation the other way round. */
interface Dual {
  value: number;
  slopes: number[];
}

/** Each maps values within ±1 to values within ±1, and at most doubles slopes. */
const dualOps: [(a: Tensor, b: Tensor) => Tensor, (a: Dual, b: Dual) => Dual][] = [
  [
    (a, b) => ops.scale(ops.add(a, b), 0.5),
    (a, b) => ({ value: (a.value + b.value) / 2, slopes: a.slopes.map((slope, i) => (slope + b.slopes[i]) / 2) }),
  ],
  [
    (a, b) => ops.scale(ops.subtract(a, b), 0.5),
    (a, b) => ({ value: (a.value - b.value) / 2, slopes: a.slopes.map((slope, i) => (slope - b.slopes[i]) / 2) }),
  ],
  [
    ops.multiply,
    (a, b) => ({
      value: a.value * b.value,
      slopes: a.slopes.map((slope, i) => slope * b.value + a.value * b.slopes[i]),
    }),
  ],
  [ops.sin, (a) => ({ value: Math.sin(a.value), slopes: a.slopes.map((slope) => slope * Math.cos(a.value)) })],
  [(a) => ops.reshape(ops.transpose(a), [1, 1]), (a) => a],
];

/** Steps of a graph: which op, and how far back its two operands lie; so values are shared, or used twice by one op. */
const graphs = fc.record({
  leaves: fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 1, maxLength: 3 }),
  steps: fc.array(fc.tuple(fc.nat(dualOps.length - 1), fc.nat(4), fc.nat(4)), {
    minLength: 1,
    maxLength: 12,
    size: 'max',
  }),
});
const placeOf = (back: number, count: number) => Math.max(0, count - 1 - back);

test('any graph, with shared parts and values used twice: the derivatives of forward differentiation', () => {
  const law = ({ leaves, steps }: { leaves: number[]; steps: [number, number, number][] }) => {
    const tensors = leaves.map((value) => fromArray([value], [1, 1], 'float64').withGrad());
    const duals: Dual[] = leaves.map((value, i) => ({ value, slopes: leaves.map((_, j) => Number(i === j)) }));
    for (const [op, first, second] of steps) {
      const [a, b] = [placeOf(first, duals.length), placeOf(second, duals.length)];
      tensors.push(dualOps[op][0](tensors[a], tensors[b]));
      duals.push(dualOps[op][1](duals[a], duals[b]));
    }
    const last = duals[duals.length - 1];
    backward(tensors[tensors.length - 1]);
    leaves.forEach((_, i) => {
      const grad = tensors[i].grad ?? zeros([1, 1], 'float64');
      // Terms of up to 2¹² may cancel, with some 2¹² roundings of 2⁻⁵³ each: far below what a wrong path would give.
      assertClose(grad, { shape: [1, 1], data: [last.slopes[i]] }, 1e-9, `gradient of leaf ${i}`, 1);
    });
  };
  forAll(graphs, law, 500);
});

test('each op is passed once, after all that used its result, and only if the result depends on it', () => {
  forAll(graphs, ({ leaves, steps }) => {
    const passed: number[] = [];
    const values: Tensor[] = leaves.map((value) => filled([1], value).withGrad());
    const uses: number[][] = [];
    steps.forEach(([, first, second], step) => {
      const used = [placeOf(first, values.length), placeOf(second, values.length)];
      uses.push(used.map((index) => index - leaves.length));
      const inputs = used.map((index) => values[index]);
      const vjp = (gradient: Tensor) => {
        passed.push(step);
        return [gradient, gradient];
      };
      values.push(record(`step ${step}`, zeros([1]), inputs, vjp));
    });
    backward(values[values.length - 1]);
    const reached = new Set([steps.length - 1]);
    for (const step of reached) for (const used of uses[step]) if (used >= 0) reached.add(used);
    assert.equal(
      passed,
      [...reached].sort((a, b) => b - a),
    );
  });
});

test('gradients through views of one tensor, overlapping and repeated', () => {
  checkGradients(
    (x) => {
      const rows = ops.slice(x, 0, 0, 2);
      const turned = ops.transpose(ops.slice(x, 0, 1, 3));
      return ops.add(ops.matmul(rows, turned), ops.sum(ops.broadcastTo(x, [2, 3, 4])));
    },
    [leafOf([3, 4], 1)],
  );
});

test('backward adds to what is there; zeroGrad forgets it, and releases it', () => {
  const x = fromArray([1, 2, 3], [3]).withGrad();
  const y = ops.square(x);
  backward(y);
  assertSame(x.grad as Tensor, { shape: [3], data: [2, 4, 6] });
  backward(y);
  backward(ops.sum(x));
  assertSame(x.grad as Tensor, { shape: [3], data: [5, 9, 13] });
  const forgotten = x.grad as Tensor;
  zeroGrad([x]);
  assert.is(x.grad, null);
  expectThrows(MemoryError, 'tensor', () => forgotten.toArray());
  zeroGrad([x]);
  backward(y);
  assertSame(x.grad as Tensor, { shape: [3], data: [2, 4, 6] });
});

test('only leaves that ask for a gradient get one', () => {
  const [x, constant] = [leafOf([2], 1), zeros([2], 'float64')];
  const inner = ops.multiply(x, constant);
  const outer = ops.add(ops.exp(inner), ops.detach(ops.square(x)));
  backward(outer);
  assert.equal(
    [inner, outer, constant].map(({ grad }) => grad),
    [null, null, null],
  );
  assert.equal(
    [inner, outer, constant].map(({ requiresGrad }) => requiresGrad),
    [true, true, false],
  );
  assert.is(ops.exp(constant).node, null);
  assertSame(x.grad as Tensor, { shape: [2], data: [0, 0] });
});

test('a weight on the result is passed on as it is, and is left alone, even where it reaches a leaf unchanged', () => {
  const x = zeros([2, 3]).withGrad();
  const weight = fromArray([1, 2, 3, 4, 5, 6], [3, 2]);
  const turned = ops.transpose(x);
  backward(turned, weight);
  backward(turned, ops.transpose(fromArray([1, 1, 1, 1, 1, 1], [2, 3])));
  assertSame(x.grad as Tensor, { shape: [2, 3], data: [2, 4, 6, 3, 5, 7] });
  assertSame(weight, { shape: [3, 2], data: [1, 2, 3, 4, 5, 6] });
  assert.is.not((x.grad as Tensor).block, weight.block);
});

test('an op may return tensors that are not its own: they are neither written to nor released', () => {
  const [a, b, c] = [leafOf([4], 1), leafOf([4], 2), leafOf([4], 3)];
  const [inner, saved] = [ops.exp(b), packed(c)];
  // The product of the last two, whose gradients are the saved factors themselves (the weight is 1).
  const product = record(
    'product',
    noGrad(() => ops.multiply(inner, saved)),
    [inner, c],
    () => [saved, inner],
  );
  const fresh: Tensor[] = [];
  const sameToAll = record('same to all', zeros([4], 'float64'), [a, product, inner, a], () => {
    fresh.push(filled([4], 1, 'float64'));
    return [fresh[0], fresh[0], fresh[0], fresh[0]];
  });
  const before = [inner, saved].map((each) => each.toArray());
  backward(sameToAll);
  assert.equal(
    [inner, saved].map((each) => each.toArray()),
    before,
  );
  assertSame(a.grad as Tensor, { shape: [4], data: [2, 2, 2, 2] });
  assert.equal((c.grad as Tensor).toArray(), inner.toArray());
  const expected = noGrad(() => ops.multiply(inner, ops.add(saved, 1)));
  assert.equal((b.grad as Tensor).toArray(), expected.toArray());
});

test('an op with several outputs sees null for those that nothing came back to', () => {
  const seen: boolean[][] = [];
  const split = (x: Tensor) => {
    const outputs = noGrad(() => [ops.scale(x, 2), ops.scale(x, 3)]);
    recordAll('split', outputs, [x], (gradients) => {
      seen.push(gradients.map((each) => each !== null));
      const parts = gradients.flatMap((each, i) => (each === null ? [] : [ops.scale(each, 2 + i)]));
      return [parts.reduce((sum, part) => ops.add(sum, part))];
    });
    return outputs;
  };
  checkGradients((x) => ops.multiply(...(split(x) as [Tensor, Tensor])), [leafOf([3], 1)]);
  checkGradients((x) => split(x)[1], [leafOf([3], 2)]);
  assert.equal(seen, [
    [true, true],
    [false, true],
  ]);
});

test('noGrad keeps no tape, nests, and ends with a throw', () => {
  const x = leafOf([2], 1);
  const result = noGrad(() => {
    noGrad(() => assert.not(isRecording()));
    assert.not(isRecording());
    return ops.exp(x);
  });
  assert.equal([result.node, result.requiresGrad], [null, false]);
  assert.throws(() =>
    noGrad(() => {
      throw new Error('inside');
    }),
  );
  assert.ok(isRecording());
  assert.is.not(ops.exp(x).node, null);
});

test('an op whose backward throws leaves tape and scopes as they were', () => {
  const x = leafOf([2], 1);
  const y = record('thrower', zeros([2], 'float64'), [x], () => {
    throw new RangeError('mine');
  });
  assert.throws(
    () => backward(y),
    (error: unknown) => error instanceof RangeError,
  );
  assert.ok(isRecording());
  assert.is(x.grad, null);
  assert.not(scope(() => zeros([2])).block.free);
});

test('arguments and gradients that cannot be right are refused by name', () => {
  const x = leafOf([2, 3], 1);
  expectThrows(ArgumentError, 'backward', () => backward(x));
  expectThrows(ArgumentError, 'backward', () => backward(ops.exp(zeros([2]))));
  expectThrows(ShapeError, 'gradient', () => backward(ops.exp(x), zeros([3, 2], 'float64')));
  expectThrows(ArgumentError, 'gradient', () => backward(ops.exp(x), zeros([2, 3])));
  const wrong = (gradient: Tensor) => record('odd', zeros([2, 3], 'float64'), [x], () => [gradient]);
  expectThrows(ShapeError, 'gradient of odd, input 0', () => backward(wrong(zeros([6], 'float64'))));
  expectThrows(ArgumentError, 'gradient of odd, input 0', () => backward(wrong(zeros([2, 3]))));
  assert.is(x.grad, null);
});

test.run();
