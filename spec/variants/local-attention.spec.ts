/** Local attention: what its chunks see. The laws of all variants hold its output to its pattern. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { noGrad } from '../../src/core/autograd.ts';
import { ArgumentError } from '../../src/core/errors.ts';
import { concat, slice } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { maxAbsoluteError } from '../../src/core/reference.ts';
import { scope } from '../../src/core/scope.ts';
import { randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { attend } from '../../src/variants/attend.ts';
import { startDecoding } from '../../src/variants/decoding.ts';
import { full } from '../../src/variants/full.ts';
import { localAttention } from '../../src/variants/local-attention.ts';
import type { AttentionInputs, AttentionShape } from '../../src/variants/variant.ts';
import { effort } from '../laws/effort.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';

/** Sums of some tens of float64 terms near 1, grouped in another way. */
const ROUNDING = 1e-12;

const cases = fc.record({
  length: fc.integer({ min: 1, max: 60 }),
  chunkLength: fc.integer({ min: 1, max: 60 }),
  causal: fc.boolean(),
  seed: fc.nat(),
});

type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

function forAll(law: (drawn: Case, inputs: AttentionInputs) => void): void {
  const property = fc.property(cases, (drawn) => {
    const usable = { ...drawn, chunkLength: Math.min(drawn.chunkLength, drawn.length) };
    scope(() => noGrad(() => law(usable, inputsOf(usable))));
  });
  fc.assert(property, effort(40));
}

function inputsOf({ length, seed }: Pick<Case, 'length' | 'seed'>): AttentionInputs {
  const draw = (name: string) => randomNormal([1, 2, length, 4], new Random(seed).split(name), 'float64');
  return { queries: draw('queries'), keys: draw('keys'), values: draw('values') };
}

const part = ({ queries, keys, values }: AttentionInputs, begin: number, end: number): AttentionInputs => ({
  queries: slice(queries, 2, begin, end),
  keys: slice(keys, 2, begin, end),
  values: slice(values, 2, begin, end),
});

function close(actual: Tensor, expected: Tensor, claim: string): void {
  const dense = (tensor: Tensor) => ({ shape: tensor.shape, data: tensor.toArray() });
  const error = maxAbsoluteError(dense(actual), dense(expected));
  assert.ok(error <= ROUNDING, `${claim}: differs by ${error}`);
}

test('a chunk is full attention over itself and its neighbours, chunk by chunk', () => {
  forAll(({ length, chunkLength, causal }, inputs) => {
    const pieces: Tensor[] = [];
    for (let begin = 0; begin < length; begin += chunkLength) {
      const end = Math.min(length, begin + chunkLength);
      const first = Math.max(0, begin - chunkLength);
      const around = part(inputs, first, causal ? end : Math.min(length, end + chunkLength));
      pieces.push(slice(attend(full, around, { causal }), 2, begin - first, end - first));
    }
    close(attend(localAttention, inputs, { causal, chunkLength }), concat(pieces, 2), 'output');
  });
});

test('half the length to a chunk is full attention, also causally', () => {
  forAll(({ length, causal }, inputs) => {
    const chunkLength = Math.ceil(length / 2);
    close(attend(localAttention, inputs, { causal, chunkLength }), attend(full, inputs, { causal }), 'output');
  });
});

test('decoding keeps two chunks, however long the text', () => {
  const [length, chunkLength] = [50, 7];
  const inputs = inputsOf({ length, seed: 1 });
  const sizes = { batch: 1, heads: 2, headDim: 4, dtype: 'float64' as const, maxLength: length };
  const decoder = startDecoding(localAttention, sizes, { chunkLength });
  for (let position = 0; position < length; position++) {
    decoder.step(part(inputs, position, position + 1));
    for (const { shape } of Object.values(decoder.state?.tensors ?? {})) assert.ok(shape[2] <= 2 * chunkLength);
  }
});

test('cost counts the pairs of the pattern, exactly', () => {
  forAll(({ length, chunkLength, causal }) => {
    const shape: AttentionShape = {
      batch: 2,
      heads: 3,
      queryLength: length,
      keyLength: length,
      headDim: 4,
      dtype: 'float64',
    };
    const allowed = localAttention.pattern!({ causal, chunkLength }, shape);
    let pairs = 0;
    for (let i = 0; i < length; i++) for (let j = 0; j < length; j++) if (allowed(0, i, j)) pairs++;
    const one = { ...shape, batch: 1, heads: 1, queryLength: 1, keyLength: 1 };
    const perPair = full.cost(one, { causal: false }).flops;
    assert.is(localAttention.cost(shape, { causal, chunkLength }).flops, 6 * pairs * perPair);
  });
});

test('a chunk longer than the sequence is refused by name', () => {
  expectThrows(ArgumentError, 'chunkLength', () =>
    attend(localAttention, inputsOf({ length: 5, seed: 1 }), { chunkLength: 6 }),
  );
});

test.run();
