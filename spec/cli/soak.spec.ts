/** The soak: flat where nothing is held, and told where something is. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { LOOKS, soak } from '../../scripts/soak.ts';
import type { Tensor } from '../../src/core/tensor.ts';
import { type AnyVariant, findVariant } from '../../src/variants/registry.ts';

const [full, transformerXL] = ['full', 'transformer-xl'].map((name) => findVariant(name) as AnyVariant);

test('hundreds of calls without a scope: nothing grows', async () => {
  for (const variant of [full, transformerXL]) {
    const { calls, looks, grown, bytesPerCall, mostLiveBytes } = await soak(variant, 400);
    assert.equal([calls, looks.length, grown], [400, LOOKS, []]);
    assert.ok(bytesPerCall > 0 && mostLiveBytes > bytesPerCall);
  }
});

test('one output in ten that somebody holds is told', async () => {
  const held: Tensor[] = [];
  let calls = 0;
  const { grown } = await soak(full, 400, undefined, (output) => {
    if (++calls % 10 === 0) held.push(output as Tensor);
  });
  assert.is(grown.length, 1, grown.join());
  assert.match(grown[0], /^liveBytes: .* more than after 40 calls$/);
  assert.ok(held.length > 35);
});

test('who stops it is given what was done', async () => {
  let asked = 0;
  const { calls, looks } = await soak(full, 400, () => ++asked > 45);
  assert.equal([calls, looks.length], [45, 2]);
});

test.run();
