/** What `npm run s5-lengths` has measured: who keeps products of swaps beyond the length of the training. */
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { s5Recipe } from '../../src/training/recipes/s5.ts';

type LengthRow = { run: string; seed: number; length: number; accuracy: number };

test('from every seed, negative eigenvalues are right on four times the tokens, and nothing else is', () => {
  const file = new URL('../../bench/results/s5-lengths.json', import.meta.url);
  const { rows } = JSON.parse(readFileSync(file, 'utf8')) as { rows: LengthRow[] };
  for (const run of Object.keys(s5Recipe.runs)) {
    for (const length of [32, 128]) {
      const own = rows.filter((row) => row.run === run && row.length === length);
      assert.equal(
        own.map(({ seed }) => seed),
        [1, 2, 3],
        run,
      );
      for (const { seed, accuracy } of own) {
        const claim = `${run} from seed ${seed} at ${length} tokens: ${accuracy}`;
        if (run.endsWith('-negative')) assert.ok(accuracy > 0.99, claim);
        else assert.ok(accuracy < 0.1, claim);
      }
    }
  }
});

test.run();
