/** What a layer has and what a token meets of it, counted by changing each number: its part in the result shows. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { noGrad } from '../../../src/core/autograd.ts';
import { elements } from '../../../src/core/tensor.ts';
import { FEED_FORWARD_KINDS } from '../../../src/training/feed-forward/registry.ts';
import { callOf, layerOf } from './draw.ts';

const WIDTH = 3;
const HIDDEN = 4;

/**
 * Few, so that each number can be changed. One head of a memory, since two may read one value, with halves of queries of three
 * numbers: of two, a normalisation leaves no more than a sign.
 */
const OPTIONS: Readonly<Record<string, Record<string, number>>> = {
  switch: { numExperts: 3 },
  'top-2': { numExperts: 4 },
  'product-keys': { numKeys: 4, memoryHeads: 1, topKeys: 2, queryDim: 6 },
  controlled: { blockSize: 2 },
};

for (const { name } of FEED_FORWARD_KINDS) {
  test(`${name}: all its numbers are counted, and as active those that change the result for a token`, () => {
    for (const seed of [1, 2, 3]) {
      const { kind, options, parameters, apply } = layerOf(name, OPTIONS[name] ?? {}, {
        batch: 1,
        length: 1,
        width: WIDTH,
        hidden: HIDDEN,
        seed,
      });
      // So that a unit of a ReLU that is chosen is never 0.
      if (name === 'controlled') elements(parameters.b1).fill(30);
      const resultNow = () => Array.from(noGrad(() => elements(apply(callOf({ training: false })))));
      const before = resultNow();
      let [all, active] = [0, 0];
      for (const parameter of Object.values(parameters)) {
        const values = elements(parameter);
        for (let n = 0; n < values.length; n++) {
          all++;
          const own = values[n];
          // A key or a score that is not chosen shows once it is the largest, of either sign.
          const shows = [own + 1e3, own - 1e3].some((other) => {
            values[n] = other;
            return resultNow().some((value, at) => value !== before[at]);
          });
          values[n] = own;
          if (shows) active++;
        }
      }
      assert.equal(kind.counts(options, { width: WIDTH, hidden: HIDDEN }), { all, active }, `seed ${seed}`);
    }
  });
}

test.run();
