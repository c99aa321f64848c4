/**
 * BigBird against Hugging Face's BigBirdBlockSparseAttention, on our random graphs: fixtures/golden/bigbird.safetensors.
 *
 * Which blocks a query meets at random is up to a seed, and cannot agree with theirs. Nor does the number quite: in the
 * second block and the second last, whose window overlaps a global block, theirs meets one block less than elsewhere and
 * ours one more at random, so that every row has as many. So the file is made with the blocks that ours draws, and holds
 * how theirs attends to those. Theirs has one global block at each end and at least one random block; other numbers, and
 * global tokens in front (ETC), are not compared.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type BigBirdOptions, bigbird } from '../../src/variants/bigbird.ts';
import { planBlocks } from '../../src/variants/bigbird-blocks.ts';
import { expectAgreement, readGolden, runVariant } from './golden.ts';

for (const golden of readGolden('bigbird')) {
  test(`${golden.name}: the file was made for the random blocks that we draw`, () => {
    const [, heads, length] = golden.tensor('queries', 'float32').shape;
    const options = { ...bigbird.defaults(length), ...golden.options } as BigBirdOptions;
    const drawn = planBlocks(length, heads, options).random.map((ofHead) => ofHead.slice(1, -1));
    const remedy = `put ${JSON.stringify(drawn)} into fixtures/scripts/golden/bigbird.py, and make the file again`;
    assert.equal(golden.theirs.graph, drawn, remedy);
  });

  for (const dtype of ['float32', 'float64'] as const) {
    test(`${golden.name} in ${dtype}: output and gradients as transformers has them`, () => {
      expectAgreement(golden, dtype, () => runVariant(bigbird, golden, dtype));
    });
  }
}

test.run();
