/** The weights of an encoder's attention, against plain loops that take the values by them. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Random } from '../../src/core/random.ts';
import { fromArray, randomNormal } from '../../src/core/tensor.ts';
import type { Encoder } from '../../src/pretrained/encoder.ts';
import { loadPretrained } from '../../src/pretrained/load.ts';
import type { Linear } from '../../src/training/linear.ts';
import { checkpoint } from './checkpoints.ts';

test('weights are those by which the attention of a layer takes its values, its own and one of another variant', () => {
  for (const [seed, attention] of [
    undefined,
    { variant: 'linear-transformer', options: { featureMap: 'hedgehog' } },
    { variant: 'performer' },
  ].entries()) {
    const encoder = loadPretrained(checkpoint('bert-model'), { ...(attention && { attention }), seed }) as Encoder;
    const [{ attention: layer }] = encoder.layers;
    const { modelDim: d, heads } = encoder.description;
    const [batch, length] = [2, 7];
    const x = randomNormal([batch, length, d], new Random(seed));
    const flags = Array.from({ length: batch * length }, (_, at) => Number(at < 11));
    const call = { keyMask: fromArray(flags, [batch, length], 'uint8'), training: false };
    const [weights, found] = [layer.weights(x, call), layer.forward(x, call)].map((each) => each.toArray());
    const projected = (rows: number[][], { weight, bias }: Linear) => {
      const [W, b] = [weight.toArray(), bias?.toArray()];
      return rows.map((row) =>
        row.map((_, to) => row.reduce((sum, each, from) => sum + each * W[from * d + to], b?.[to] ?? 0)),
      );
    };
    const rowsOf = (all: ArrayLike<number>) =>
      Array.from({ length: batch * length }, (_, row) => Array.from({ length: d }, (_, c) => all[row * d + c]));
    const values = projected(rowsOf(x.toArray()), layer.projections.value);
    const mixed = values.map((row, at) =>
      row.map((_, c) => {
        const [text, head] = [Math.floor(at / length), Math.floor((c * heads) / d)];
        const from = ((text * heads + head) * length + (at % length)) * length;
        return Array.from({ length }, (_, j) => weights[from + j] * values[text * length + j][c]).reduce(
          (a, b) => a + b,
        );
      }),
    );
    const expected = projected(mixed, layer.output);
    const largest = Math.max(...expected.flat().map(Math.abs));
    for (const [row, own] of rowsOf(found).entries()) {
      if (flags[row] === 0) continue;
      // Sums of some tens of numbers in float32.
      for (const [c, each] of own.entries()) {
        assert.ok(Math.abs(each - expected[row][c]) <= 1e-5 * largest, `${seed}: ${row}, ${c}`);
      }
    }
  }
});

test.run();
