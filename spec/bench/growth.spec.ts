/** Streams, decoded tokens and growing training steps: which variants take part, what is fitted, and the quick forms. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { drawBetween } from '../../bench/peers/inputs.ts';
import { prepareDecodedToken } from '../../bench/peers/us-decoded-token.ts';
import { drawModel } from '../../bench/peers/us-model-step.ts';
import { generation } from '../../bench/suites/generation.ts';
import { AXES, type GrowthRow, growth, sizesFrom, slopesAlong } from '../../bench/suites/growth.ts';
import { keepsItsSize, slopeOf, stream } from '../../bench/suites/stream.ts';
import { elements, fromNumbers } from '../../src/core/tensor.ts';
import { evaluation } from '../../src/training/module.ts';
import { findVariant } from '../../src/variants/registry.ts';

const settings = { rounds: 1, quick: true, tell: () => {}, limitSeconds: 1 };

test('a sliding window and a recurrence keep their size; a cache, and tables of the text’s length, do not', () => {
  const keeps = (name: string) => {
    const variant = findVariant(name);
    return variant !== undefined && keepsItsSize(variant);
  };
  for (const name of ['longformer', 'transformer-xl', 'mamba2']) assert.ok(keeps(name), name);
  for (const name of ['full', 'image-transformer', 'hyena', 'bigbird']) assert.not(keeps(name), name);
});

test('a stream in its quick form: parts follow each other, and what lives between calls is the same after each', async () => {
  const { rows, table } = await stream.run(settings);
  const all = rows as unknown as { variant: string; tokens: number; liveBytes: number; stateBytes: number }[];
  const names = [...new Set(all.map(({ variant }) => variant))];
  assert.ok(names.length > 0);
  for (const name of names) {
    const own = all.filter(({ variant }) => variant === name);
    assert.equal(
      own.map(({ tokens }) => tokens),
      own.map((_, n) => (n + 1) * own[0].tokens),
    );
    // Rows of a cache with spare room move now and then: at most the state and as much room again.
    const [first, last] = [own[0], own[own.length - 1]];
    assert.ok(last.liveBytes <= 2 * first.liveBytes, `${name}: ${first.liveBytes}, then ${last.liveBytes}`);
    assert.ok(table.includes(name));
  }
});

test('parts of one length make a slope of 1, and parts that grow evenly one of nearly 2', () => {
  const parts = (of: (n: number) => number) =>
    Array.from({ length: 10 }, (_, n) => ({ tokens: 1000 * (n + 1), milliseconds: of(n) }));
  assert.ok(Math.abs(slopeOf(parts(() => 3)) - 1) < 1e-12);
  // Sums of odd numbers are squares.
  assert.ok(Math.abs(slopeOf(parts((n) => 2 * n + 1)) - 2) < 1e-12);
});

test('exponents of a training step are those of a power law along each size', () => {
  const exponent = fc.double({ min: -1, max: 3, noNaN: true });
  fc.assert(
    fc.property(fc.tuple(exponent, exponent, exponent, exponent), (powers) => {
      const rows = sizesFrom({ length: 8, width: 4, depth: 1, batch: 2 }, [1, 2, 4]).map((sizes): GrowthRow => {
        const y = AXES.reduce((product, axis, n) => product * sizes[axis] ** powers[n], 1);
        return { variant: 'any', ...sizes, milliseconds: y, peakBytes: y ** 2 };
      });
      AXES.forEach((axis, n) => {
        const { time, memory } = slopesAlong(rows, axis);
        assert.ok(Math.abs(time - powers[n]) < 1e-9, axis);
        assert.ok(Math.abs(memory - 2 * powers[n]) < 1e-9, axis);
      });
    }),
  );
});

test('growth in its quick form: a larger size holds more', async () => {
  const rows = (await growth.run(settings)).rows as unknown as GrowthRow[];
  for (const name of new Set(rows.map(({ variant }) => variant))) {
    const [base, ...larger] = rows.filter(({ variant }) => variant === name);
    assert.is(larger.length, AXES.length);
    for (const row of larger) assert.ok(row.peakBytes > base.peakBytes, name);
  }
});

test('a decoded token has the logits of a whole run, and can be decoded again', async () => {
  const sizes = { layers: 1, heads: 2, width: 8 };
  const token = prepareDecodedToken({ ...sizes, batch: 1, length: 5 });
  const { logits } = await token.results();
  token.run();
  assert.equal((await token.results()).logits, logits);
  token.release();
  const model = drawModel({ ...sizes, length: 16 });
  // Four tokens after five others.
  const bytes = drawBetween('tokens', 9, 0, 256).map(Math.floor);
  const whole = elements(model.forward(fromNumbers('tokens', bytes, [1, 9], 'int32'), evaluation));
  // Logits of deviation 1 in float32, through one layer.
  for (const [n, logit] of logits.entries()) assert.ok(Math.abs(logit - whole[5 * 256 + n]) < 1e-4, String(n));
});

test('generation in its quick form measures this library, and says who is missing', async () => {
  const { rows, problems } = await generation.run(settings);
  assert.equal(
    rows.map(({ contestant, ratio }) => [contestant, ratio]),
    [['this library', 1]],
  );
  assert.is(problems?.length, 3);
  for (const problem of problems ?? []) assert.match(problem, /^PyTorch/);
});

test.run();
