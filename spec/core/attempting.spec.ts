/** `attempting`: a body that fails leaves nothing behind, and one with a limit never goes beyond it. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { attempting, measureMemory, memoryStatistics, release } from '../../src/core/memory.ts';
import { keep, scope } from '../../src/core/scope.ts';
import { elements, type Tensor, zeros } from '../../src/core/tensor.ts';

const liveBytes = () => memoryStatistics().liveBytes;

/** Allocations, kept or not, within scopes and attempts of their own; `fails` ends one by an error. */
interface Step {
  kind: 'make' | 'keep' | 'scope' | 'attempt';
  size: number;
  fails: boolean;
  inside: readonly Step[];
}

const steps = (depth: number): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.record({
      kind: fc.constantFrom('make', 'keep', 'scope', 'attempt'),
      size: fc.integer({ min: 1, max: 500 }),
      fails: fc.boolean(),
      inside: depth === 0 ? fc.constant([]) : steps(depth - 1),
    }),
    { maxLength: 4 },
  );

/** All tensors that are still held. */
function take(steps: readonly Step[], held: Tensor[]): void {
  for (const { kind, size, fails, inside } of steps) {
    if (kind === 'make') held.push(zeros([size]));
    if (kind === 'keep') held.push(keep(zeros([size])));
    const body = () => {
      take(inside, held);
      if (fails) throw new Error('expected');
    };
    try {
      if (kind === 'scope') scope(body);
      if (kind === 'attempt') attempting(body);
    } catch (error) {
      assert.is((error as Error).message, 'expected');
    }
  }
}

test('whatever a body allocated and kept, nothing of it is live after it failed', () => {
  fc.assert(
    fc.property(steps(3), (drawn) => {
      const before = liveBytes();
      const earlier = keep(zeros([10]));
      const held: Tensor[] = [];
      assert.throws(
        () =>
          attempting(() => {
            take(drawn, held);
            throw new Error('last');
          }),
        'last',
      );
      assert.is(liveBytes(), before + earlier.block.bytes);
      for (const tensor of held) assert.throws(() => elements(tensor), /used after its scope released it/);
      assert.is(elements(earlier)[9], 0);
      release(earlier.array.data);
    }),
  );
});

test('whatever a body allocated stays when it succeeded, also for an attempt around it that fails later', () => {
  const before = liveBytes();
  const made = attempting(() => keep(zeros([100])));
  assert.is(elements(made)[99], 0);
  release(made.array.data);
  assert.throws(() =>
    attempting(() => {
      attempting(() => keep(zeros([100])));
      throw new Error('outer');
    }),
  );
  assert.is(liveBytes(), before);
});

test('with a limit no more than it is live at once, nested limits too, and what is asked beyond is what was said', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 400 }), { maxLength: 30 }),
      fc.nat(30_000),
      fc.nat(30_000),
      (sizes, outer, inner) => {
        const limit = (bytes: number) => ({ bytes, exceeded: () => new Error('beyond') });
        const total = sizes.reduce((sum, size) => sum + Math.ceil((4 * size) / 64) * 64, 0);
        const fits = total <= Math.min(outer, inner);
        const { peakBytes } = measureMemory(() => {
          const body = () => scope(() => sizes.map((size) => zeros([size])).length);
          try {
            assert.is(
              attempting(() => attempting(body, limit(inner)), limit(outer)),
              sizes.length,
            );
            assert.ok(fits);
          } catch (error) {
            assert.is((error as Error).message, 'beyond');
            assert.not.ok(fits);
          }
        });
        assert.ok(peakBytes <= Math.min(outer, inner));
      },
    ),
  );
});

test.run();
