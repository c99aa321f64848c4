/** Generation token by token: the same numbers as the causal run over the whole sequence, and memory for the state alone. */

import { median } from '../../../src/compare/stopwatch.ts';
import { UnsupportedError } from '../../../src/core/errors.ts';
import { measureMemory, memoryStatistics } from '../../../src/core/memory.ts';
import { slice } from '../../../src/core/ops/index.ts';
import { scope } from '../../../src/core/scope.ts';
import { type Decoder, startDecoding } from '../../../src/variants/decoding.ts';
import { mapTokens } from '../../../src/variants/inputs.ts';
import type { AnyVariant } from '../../../src/variants/registry.ts';
import type { AttentionInputs } from '../../../src/variants/variant.ts';
import { type AttentionCase, forAllCases, inputsOf } from '../draw.ts';
import { expectClose, type Law, outputOf, parametersOf, read } from '../evaluate.ts';
import { inAllSettings } from '../settings.ts';
import { expectThrows } from './expect-throws.ts';

export function decoding(variant: AnyVariant): Law[] {
  if (!variant.supports.incremental) return [cannotDecode(variant)];
  // Hashing sorts the whole sequence at once: what a prefix gives is a law of its own there.
  if (variant.regroups === true) return [keepsOnlyItsState(variant), copiesNoCache(variant)];
  return [...equalsTheCausalRun(variant), keepsOnlyItsState(variant), copiesNoCache(variant)];
}

const wishes = { causal: true, masked: false, maxLength: 40 } as const;

function equalsTheCausalRun(variant: AnyVariant): Law[] {
  return inAllSettings('decoding: every step gives the row of the causal run', ({ draw, tolerance }) => {
    draw(variant, wishes, 40, (attentionCase) => {
      const inputs = inputsOf(attentionCase);
      const whole = outputOf(variant, attentionCase, inputs);
      const decoder = decoderOf(variant, attentionCase);
      const bound = tolerance(inputs);
      for (let position = 0; position < attentionCase.shape.keyLength; position++) {
        const row = read(decoder.step(tokenOf(inputs, position)));
        const [batch, heads, length, width] = whole.shape;
        const expected = new Float64Array(row.data.length);
        for (let group = 0; group < batch * heads; group++) {
          const from = (group * length + position) * width;
          expected.set(whole.data.subarray(from, from + width), group * width);
        }
        expectClose(row, { ...row, data: expected }, bound, `token ${position}`);
      }
    });
  });
}

function keepsOnlyItsState(variant: AnyVariant): Law {
  return {
    name: 'decoding: after each step only the state and the output are left',
    run: () =>
      forAllCases(variant, wishes, 10, (attentionCase) => {
        const inputs = inputsOf(attentionCase);
        const decoder = decoderOf(variant, attentionCase);
        const before = memoryStatistics().liveBytes;
        for (let position = 0; position < attentionCase.shape.keyLength; position++) {
          scope(() => void decoder.step(tokenOf(inputs, position)));
        }
        const blocks = new Set(Object.values(decoder.state?.tensors ?? {}).map(({ block }) => block));
        const state = [...blocks].reduce((sum, block) => sum + (block?.bytes ?? 0), 0);
        const left = memoryStatistics().liveBytes - before - state;
        if (left > 0) throw new Error(`${left} bytes are left beside a state of ${state}`);
      }),
  };
}

/**
 * What a step allocates does not grow with what was seen, but for the few in which a cache grows. Hashing sorts what was
 * seen, as integers: a quarter of what the vectors take that it keeps; half would be one of its two caches.
 */
function copiesNoCache(variant: AnyVariant): Law {
  return {
    name: 'decoding: a step copies no cache',
    run: () => {
      const length = 600;
      const shape = { batch: 1, heads: 2, headDim: 64, queryLength: length, keyLength: length } as const;
      const options = { ...variant.defaults(length), causal: true };
      const attentionCase: AttentionCase = { shape: { ...shape, dtype: 'float32' }, options, mask: null, seed: 1 };
      scope(() => {
        const inputs = inputsOf(attentionCase);
        const decoder = decoderOf(variant, attentionCase);
        const taken = Array.from({ length }, (_, position) => {
          const step = () => void decoder.step(tokenOf(inputs, position));
          return measureMemory(() => scope(step)).peakBytes;
        });
        const [early, late] = [250, 500].map((from) => median(taken.slice(from, from + 50)));
        const state = Object.values(decoder.state?.tensors ?? {}).reduce((sum, { size }) => sum + 4 * size, 0);
        decoder.end();
        // Lists of places grow with the root of the length in the Sparse Transformer.
        if (variant.regroups === true ? late <= state / 2 : late <= 1.5 * early) return;
        throw new Error(
          `${early} bytes a step after 250 tokens, ${late} after 500, with a state of ${state} at the end`,
        );
      });
    },
  };
}

function cannotDecode(variant: AnyVariant): Law {
  return {
    name: 'decoding: what it cannot do is refused by name',
    run: () => {
      const shape = { batch: 1, heads: 1, headDim: 4, dtype: 'float32', maxLength: 8 } as const;
      expectThrows(UnsupportedError, 'variant', () => startDecoding(variant, shape));
    },
  };
}

function decoderOf(variant: AnyVariant, attentionCase: AttentionCase): Decoder {
  const { batch, heads, headDim, dtype, keyLength } = attentionCase.shape;
  const shape = { batch, heads, headDim, dtype, maxLength: keyLength };
  return startDecoding(variant, shape, attentionCase.options, { parameters: parametersOf(variant, attentionCase) });
}

/** Views of one token; `decoder.step` reads them before the next is asked for. */
function tokenOf(inputs: AttentionInputs, position: number): AttentionInputs {
  const { keyMask: _, ...others } = inputs;
  return mapTokens(others, (rows) => slice(rows, 2, position, position + 1));
}
