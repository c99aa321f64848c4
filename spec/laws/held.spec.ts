/**
 * Once nobody has the tensors of a call, nothing has: what a kernel keeps from call to call holds on to none of them. In a
 * process of its own, where all that is live is of these calls.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward } from '../../src/core/autograd.ts';
import { collectForgotten, memoryStatistics } from '../../src/core/memory.ts';
import { attend } from '../../src/variants/attend.ts';
import { type AnyVariant, allVariants } from '../../src/variants/registry.ts';
import { type AttentionCase, inputsOf, sampleCases } from './draw.ts';

const CASES = 6;
/** Places of the call stack that nobody reads any more may hold some of a call; other calls write over them. */
const TURNS = 50;

function passBack(variant: AnyVariant, attentionCase: AttentionCase): void {
  const inputs = inputsOf(attentionCase);
  for (const leaf of [inputs.queries, inputs.keys, inputs.values]) leaf.withGrad();
  backward(attend(variant, inputs, attentionCase.options, { seed: attentionCase.seed }));
}

async function bytesHeld(): Promise<number> {
  for (let turn = 0; turn < TURNS; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
    writeOver(turn);
    collectForgotten();
    if (memoryStatistics().liveBytes === 0) break;
  }
  return memoryStatistics().liveBytes;
}

/** A deep stack of numbers. */
function writeOver(depth: number): number {
  return depth === 0 ? 0 : 1 + writeOver(depth - 1);
}

for (const variant of allVariants()) {
  test(`${variant.name}: what nobody has any more is garbage`, async () => {
    for (const each of sampleCases(variant, { maxLength: 40, maxHeadDim: 8, selfAttention: true }, CASES)) {
      passBack(variant, each);
    }
    assert.is(await bytesHeld(), 0);
  });
}

test.run();
