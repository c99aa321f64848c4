/** What error messages say, and that one base class catches them all. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as errors from '../../src/core/errors.ts';

const { ArgumentError, describe, EfficientTransformersError, expectInteger, expectShape, formatShape, ShapeError } =
  errors;
const messageOf = (body: () => void) => {
  try {
    body();
  } catch (error) {
    return `${error}`;
  }
  return 'nothing was thrown';
};

test('every error is an EfficientTransformersError, with its own name and its cause', () => {
  const types = Object.values(errors).filter((each) => typeof each === 'function' && /Error$/.test(each.name));
  assert.ok(types.length >= 7);
  for (const type of types as (typeof EfficientTransformersError)[]) {
    const error = new type('queries: wrong', { cause: 'why' });
    assert.instance(error, EfficientTransformersError);
    assert.instance(error, Error);
    assert.is(`${error}`, `${type.name}: queries: wrong`);
    assert.is(error.cause, 'why');
  }
});

test('expectShape accepts equal shapes alone, and says what it wanted, why, and what it got', () => {
  const shape = fc.array(fc.nat(3), { maxLength: 4 });
  fc.assert(
    fc.property(shape, shape, (actual, expected) => {
      const message = messageOf(() => expectShape('keys', actual, expected, 'to match queries'));
      const [got, wanted] = [formatShape(actual), formatShape(expected)];
      if (actual.join() === expected.join()) assert.is(message, 'nothing was thrown');
      else assert.is(message, `ShapeError: keys: expected ${wanted} to match queries, got ${got}`);
    }),
  );
  assert.throws(
    () => expectShape('x', [2], [2, 8]),
    (error: unknown) => error instanceof ShapeError && error.message === 'x: expected [2, 8], got [2]',
  );
});

test('expectInteger accepts the integers in the range alone', () => {
  const anything = fc.oneof(
    fc.integer({ min: -20, max: 20 }),
    fc.double(),
    fc.string(),
    fc.constantFrom(null, [3], true),
  );
  fc.assert(
    fc.property(anything, fc.integer({ min: -9, max: 0 }), fc.nat(9), (value, minimum, maximum) => {
      const right = Number.isInteger(value) && Number(value) >= minimum && Number(value) <= maximum;
      const message = messageOf(() => expectInteger('w', value, minimum, maximum));
      const refusal = `ArgumentError: w: expected an integer from ${minimum} to ${maximum}, got ${describe(value)}`;
      // A text of a number gets advice.
      const isNumeric = typeof value === 'string' && value.trim() !== '' && Number.isFinite(Number(value));
      const advice = isNumeric ? '; without quotes it is a number' : '';
      assert.is(message, right ? 'nothing was thrown' : refusal + advice);
    }),
  );
  assert.throws(
    () => expectInteger('w', 0, 1),
    (error: unknown) =>
      error instanceof ArgumentError && error.message === 'w: expected an integer of at least 1, got 0',
  );
});

test('describe has a few words for any value, and lets no control character through', () => {
  const cases: [unknown, string][] = [
    [5, '5'],
    [Number.NaN, 'NaN'],
    [undefined, 'undefined'],
    [null, 'null'],
    [true, 'true'],
    ['5', "'5'"],
    ['\u001b[2J\n', "'\ufffd[2J\ufffd'"],
    ['x'.repeat(61), `'${'x'.repeat(60)}…'`],
    [5n, '5n'],
    [Symbol('x'), 'a symbol'],
    [() => 5, 'a function'],
    [[], 'an empty list'],
    [[1, 2], 'a list of 2'],
    [{}, 'an object'],
    [Object.create(null), 'an object'],
    [new Float32Array(3), 'a Float32Array'],
    [new (class {})(), 'an object'],
  ];
  for (const [value, expected] of cases) assert.is(describe(value), expected);
  fc.assert(
    fc.property(fc.anything({ withBigInt: true, withNullPrototype: true, withTypedArray: true }), (value) => {
      const text = describe(value);
      assert.ok(text.length > 0 && text.length < 400);
      assert.not.match(text, /\p{Cc}/u);
    }),
  );
});

test.run();
