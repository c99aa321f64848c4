/** Loops: calls whose results nobody keeps leave nothing behind, in a scope at once and without one in the end. */
import { backward, zeroGrad } from '../../../src/core/autograd.ts';
import { collectForgotten, memoryStatistics } from '../../../src/core/memory.ts';
import { scope } from '../../../src/core/scope.ts';
import { attend } from '../../../src/variants/attend.ts';
import type { AnyVariant } from '../../../src/variants/registry.ts';
import type { AttentionInputs, Parameters } from '../../../src/variants/variant.ts';
import { type AttentionCase, forAllCases, inputsOf, sampleCases } from '../draw.ts';
import { type Law, parametersOf } from '../evaluate.ts';

export function loops(variant: AnyVariant): Law[] {
  return [scopesReleaseAll(variant), forgottenIsFound(variant)];
}

const liveBytes = () => memoryStatistics().liveBytes;
const small = { maxLength: 24, maxHeadDim: 8, selfAttention: true } as const;

/** Forward and back, with parameters that the call draws itself or is given, and leaves that are inside or outside. */
function scopesReleaseAll(variant: AnyVariant): Law {
  return {
    name: 'loops: a scope around attend and backward leaves nothing, whoever draws the parameters',
    run: () =>
      forAllCases(variant, small, 6, (attentionCase) => {
        const outside = leavesOf(attentionCase);
        const given = parametersOf(variant, attentionCase);
        const rounds: Record<string, () => void> = {
          'parameters drawn by the call': () => step(variant, attentionCase, outside),
          'parameters drawn in the scope': () => {
            step(variant, attentionCase, outside, parametersOf(variant, attentionCase));
          },
          'parameters given': () => step(variant, attentionCase, outside, given),
          'leaves in the scope': () => step(variant, attentionCase, leavesOf(attentionCase), given),
        };
        for (const [name, round] of Object.entries(rounds)) {
          const once = () => {
            scope(round);
            zeroGrad([outside.queries, outside.keys, outside.values, ...Object.values(given)]);
          };
          // The first run may fill a cache that stays.
          once();
          const before = liveBytes();
          for (let n = 0; n < 3; n++) once();
          if (liveBytes() !== before) throw new Error(`${name}: ${(liveBytes() - before) / 3} bytes stay of each call`);
        }
      }),
  };
}

/** Tapes, outputs and parameters that nobody holds and that no scope has. */
function forgottenIsFound(variant: AnyVariant): Law {
  return {
    name: 'loops: without a scope, what was forgotten is found',
    run: async () => {
      const [attentionCase] = sampleCases(variant, { ...small, dtype: 'float32' }, 1);
      const inputs = leavesOf(attentionCase);
      step(variant, attentionCase, inputs);
      const before = await heldBytes();
      step(variant, attentionCase, inputs);
      const ofOneCall = liveBytes() - before;
      for (let n = 0; n < 120; n++) {
        step(variant, attentionCase, inputs);
        if (n % 3 === 0) await turn();
      }
      // Places of the call stack that nobody reads any more may still hold some of the last call, and of the first.
      const left = Math.abs((await heldBytes()) - before);
      if (left > 2 * ofOneCall) throw new Error(`${left} bytes of 120 calls, ${JSON.stringify(attentionCase)}`);
      zeroGrad([inputs.queries, inputs.keys, inputs.values]);
    },
  };
}

function leavesOf(attentionCase: AttentionCase): AttentionInputs {
  const inputs = inputsOf(attentionCase);
  for (const leaf of [inputs.queries, inputs.keys, inputs.values]) leaf.withGrad();
  return inputs;
}

function step(variant: AnyVariant, { options, seed }: AttentionCase, inputs: AttentionInputs, parameters?: Parameters) {
  backward(attend(variant, inputs, options, parameters === undefined ? { seed } : { parameters }));
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** What is held once two collections, with turns of the event loop before each, find nothing more: also of laws before. */
async function heldBytes(): Promise<number> {
  for (let held = liveBytes(); ; held = liveBytes()) {
    await turn();
    await turn();
    collectForgotten();
    if (liveBytes() === held) return held;
  }
}
