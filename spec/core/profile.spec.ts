/** A profile counts the calls, the operations and the arrays of each op, apart for gradients, and changes no result. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, noGrad } from '../../src/core/autograd.ts';
import * as ops from '../../src/core/ops/index.ts';
import { isProfiling, type OpProfile, profileOps } from '../../src/core/profile.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { randomNormal } from '../../src/core/tensor.ts';

/** y = gelu(x W) for `calls` products, and the gradients of Σ y. */
function body(calls: number, m: number, k: number, n: number, seed: number): number[] {
  return scope(() => {
    const x = randomNormal([m, k], new Random(seed).split('x')).withGrad();
    const w = randomNormal([k, n], new Random(seed).split('w')).withGrad();
    for (let call = 0; call < calls; call++) backward(ops.sum(ops.gelu(ops.matmul(x, w))));
    return [...(x.grad?.toArray() ?? []), ...(w.grad?.toArray() ?? [])];
  });
}

const find = (all: readonly OpProfile[], name: string, isBackward: boolean): OpProfile => {
  const found = all.find((op) => op.name === name && op.backward === isBackward);
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
};

test('calls, operations and arrays of each op; the results are those without a profile', async () => {
  const size = fc.integer({ min: 1, max: 40 });
  const drawn = fc.record({ calls: fc.integer({ min: 1, max: 4 }), m: size, k: size, n: size, seed: fc.nat(1000) });
  await fc.assert(
    fc.asyncProperty(drawn, async ({ calls, m, k, n, seed }) => {
      const expected = body(calls, m, k, n, seed);
      const { result, ops: all } = await profileOps(() => body(calls, m, k, n, seed));
      assert.equal(result, expected);
      const product = find(all, 'matmul', false);
      assert.is(product.calls, calls);
      assert.is(product.flops, calls * 2 * m * k * n);
      // Its gradients are two products of the same size.
      assert.is(find(all, 'matmul', true).flops, calls * 4 * m * k * n);
      // The result of gelu alone, of float32, in lines of 64 bytes.
      const activation = find(all, 'gelu', false);
      assert.is(activation.allocations, calls);
      assert.is(activation.allocatedBytes, calls * 64 * Math.ceil((4 * m * n) / 64));
      for (const op of all) {
        assert.ok(op.kernelMilliseconds >= 0 && op.kernelMilliseconds <= op.milliseconds, `${op.name}: more than all`);
      }
      assert.equal(
        all.map(({ milliseconds }) => milliseconds),
        all.map(({ milliseconds }) => milliseconds).sort((a, b) => b - a),
      );
    }),
  );
});

test('only what keeps a tape is counted, and only while the body runs', async () => {
  const { ops: none } = await profileOps(() => {
    noGrad(() => scope(() => void ops.gelu(randomNormal([3], new Random(1)))));
  });
  assert.equal(none, []);
  assert.is(isProfiling(), false);
  const failure = profileOps(() => {
    throw new Error('of the body');
  });
  const message = await failure.then(
    () => 'no error',
    (error: Error) => error.message,
  );
  assert.is(message, 'of the body');
  assert.is(isProfiling(), false);
});

test.run();
