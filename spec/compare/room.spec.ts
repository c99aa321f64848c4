/** What a comparison does about memory. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { expectRoom, ifItFits, sampledRows } from '../../src/compare/room.ts';
import { MemoryError, ShapeError } from '../../src/core/errors.ts';
import { memoryLimit, memoryStatistics } from '../../src/core/memory.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';

const shapeOf = (batch: number, heads: number, length: number, headDim: number) =>
  ({ batch, heads, queryLength: length, keyLength: length, headDim, dtype: 'float32' }) as const;

test('there is room for what the limit holds and for nothing above it', () => {
  const limit = memoryLimit();
  assert.ok(limit >= memoryStatistics().reservedBytes);
  const sizes = fc.record({
    batch: fc.integer({ min: 1, max: 9 }),
    heads: fc.integer({ min: 1, max: 32 }),
    headDim: fc.integer({ min: 1, max: 256 }),
  });
  fc.assert(
    fc.property(sizes, fc.constantFrom('file', 'synthetic', 'fixture'), ({ batch, heads, headDim }, source) => {
      const bytesPerToken = 4 * batch * heads * headDim * (source === 'file' ? 2 : 4);
      const most = Math.floor(limit / bytesPerToken);
      expectRoom(shapeOf(batch, heads, most, headDim), source);
      expectThrows(MemoryError, 'length', () => expectRoom(shapeOf(batch, heads, most + 1, headDim), source));
    }),
  );
});

test('fewer rows are looked at where they are long, never more than wanted, never none', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 2 ** 24 }), (heads, length) => {
      const rows = sampledRows(shapeOf(1, heads, length, 64), 64);
      assert.ok(rows >= 8 && rows <= 64);
      assert.ok(rows === 8 || rows * heads * length <= 2 ** 26);
    }),
  );
  assert.is(sampledRows(shapeOf(1, 8, 16384, 64), 64), 64);
});

test('memory that is refused, by the heap or by the engine, is an answer; anything else is thrown on', () => {
  assert.is(
    ifItFits(() => 3),
    3,
  );
  const mine = new MemoryError('memory: full');
  const throwing = (error: unknown) => () => {
    throw error;
  };
  assert.is(ifItFits(throwing(mine)), mine);
  const refused = ifItFits(() => new ArrayBuffer(2 ** 52).byteLength);
  assert.instance(refused, MemoryError);
  assert.match((refused as MemoryError).message, /^memory: .*use fewer tokens/);
  for (const other of [new ShapeError('x: wrong'), new RangeError('Invalid array length'), 'text']) {
    assert.throws(
      () => ifItFits(throwing(other)),
      (error: unknown) => error === other,
    );
  }
});

test.run();
