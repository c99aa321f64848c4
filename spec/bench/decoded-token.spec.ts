/** The decoded token of the benches: as many can be taken as it says. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MOST_TOKENS, prepareDecodedToken } from '../../bench/peers/us-decoded-token.ts';

test('a model of a bench has room for the tokens that may be taken, and for no more', async () => {
  const prepared = prepareDecodedToken({ layers: 1, heads: 1, batch: 1, width: 8, length: 4 });
  for (let n = 0; n < MOST_TOKENS; n++) await prepared.run();
  assert.throws(() => prepared.run(), /tokens: expected integers/);
  prepared.release();
});

test.run();
