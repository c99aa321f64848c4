/** A state says whether it has a key mask: without it, padding would be read as text. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { noGrad } from '../../src/core/autograd.ts';
import { ArgumentError } from '../../src/core/errors.ts';
import { Random } from '../../src/core/random.ts';
import { fromArray, randomNormal } from '../../src/core/tensor.ts';
import { attendFrom } from '../../src/variants/continue.ts';
import { allVariants } from '../../src/variants/registry.ts';
import { type AttentionState, copyState, stateBytes } from '../../src/variants/state.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';

const MASK = 'key mask';
const settings = { maxLength: 8, seed: 1 };
const rows = (length: number) => randomNormal([2, 2, length, 4], new Random(length), 'float64');
const prefix = { queries: rows(5), keys: rows(5), values: rows(5) };
const token = { queries: rows(1), keys: rows(1), values: rows(1) };
const keyMask = fromArray([0, 1, 1, 1, 1, 0, 0, 1, 1, 1], [2, 5], 'uint8');

// Variants whose state keeps a mask, and that need nothing but queries, keys and values.
const masking = allVariants().filter(({ supports, inputs }) => {
  return (
    supports.incremental && supports.padding && Object.values(inputs.gates ?? {}).every((gate) => 'absent' in gate)
  );
});
const after = (variant: (typeof masking)[number], mask?: typeof keyMask) =>
  noGrad(() => attendFrom(variant, { ...prefix, ...(mask && { keyMask: mask }) }, null, {}, settings)).state;
const goOn = (variant: (typeof masking)[number], state: AttentionState) =>
  noGrad(() => attendFrom(variant, token, state, {}, settings)).output.toArray();

const kept: string[] = [];
for (const variant of masking) {
  const state = after(variant, keyMask);
  if (state.tensors[MASK] === undefined) continue;
  kept.push(variant.name);

  test(`${variant.name}: a state that has lost its key mask, or was given one, is refused by name`, () => {
    const { [MASK]: mask, ...others } = state.tensors;
    for (const each of [state, copyState(state), { ...state, tensors: { ...state.tensors } }]) {
      assert.is(each.masked, true);
      assert.equal(goOn(variant, each), goOn(variant, state));
    }
    const bare = { ...state, tensors: others };
    expectThrows(ArgumentError, `state.tensors.${MASK}`, () => goOn(variant, bare));
    expectThrows(ArgumentError, `state.tensors.${MASK}`, () => stateBytes(bare));
    const unpadded = after(variant);
    assert.is(unpadded.masked, false);
    const given = { ...unpadded, tensors: { ...unpadded.tensors, [MASK]: mask } };
    expectThrows(ArgumentError, `state.tensors.${MASK}`, () => goOn(variant, given));
    expectThrows(ArgumentError, 'state.masked', () => goOn(variant, { ...state, masked: 1 as never }));
  });
}

test('variants with a cache of keys keep a mask', () => {
  for (const name of ['full', 'longformer', 'local-attention', 'sparse-transformer'])
    assert.ok(kept.includes(name), name);
});

test('what a mask hides would be read without it', () => {
  const variant = masking.find(({ name }) => name === 'full') as (typeof masking)[number];
  const { masked: _, ...state } = after(variant, keyMask);
  const { [MASK]: __, ...tensors } = state.tensors;
  assert.not.equal(goOn(variant, { ...state, tensors }), goOn(variant, state));
});

test.run();
