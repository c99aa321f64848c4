/** What any attention is: a function of its inputs alone, linear in the values, one batch entry and head at a time. */
import { EfficientTransformersError } from '../../../src/core/errors.ts';
import { slice, transpose } from '../../../src/core/ops/index.ts';
import { Random } from '../../../src/core/random.ts';
import { fromArray, type Tensor } from '../../../src/core/tensor.ts';
import { mapTokens, unreadInputs as unreadByAttend } from '../../../src/variants/inputs.ts';
import type { AnyVariant } from '../../../src/variants/registry.ts';
import type { AttentionInputs, Parameters } from '../../../src/variants/variant.ts';
import { type AttentionCase, forAllCases, inputsOf, withLinearValues } from '../draw.ts';
import {
  expectClose,
  expectFiniteNumbers,
  expectSameBits,
  type Law,
  outputOf,
  parametersOf,
  ROUNDING,
  redrawn,
} from '../evaluate.ts';

export function basics(variant: AnyVariant): Law[] {
  return [
    {
      name: 'the output has the shape of the queries, as wide as the values, in their type, and is finite',
      run: () =>
        forAllCases(variant, {}, 60, (attentionCase) => {
          const { batch, heads, queryLength, headDim, dtype } = attentionCase.shape;
          for (const valueDim of [headDim, headDim + 3]) {
            const output = unlessRefused(
              () => outputOf(variant, attentionCase, inputsOf(attentionCase, { valueDim })),
              valueDim !== headDim,
            );
            if (output === null) continue;
            const expected = [batch, heads, queryLength, valueDim];
            if (String(output.shape) !== String(expected))
              throw new Error(`output: got shape ${output.shape}, expected ${expected}`);
            if (output.dtype !== dtype) throw new Error(`output: got ${output.dtype}, expected ${dtype}`);
            expectFiniteNumbers(output.data, 'output');
          }
        }),
    },
    {
      name: 'the same seed gives the same bits, and the inputs are left as they were',
      run: () =>
        forAllCases(variant, {}, 60, (attentionCase) => {
          const inputs = inputsOf(attentionCase);
          const first = outputOf(variant, attentionCase, inputs);
          const untouched = inputsOf(attentionCase);
          for (const name of ['queries', 'keys', 'values'] as const) {
            expectSameBits(inputs[name].toArray(), untouched[name].toArray(), `${name} after attend`);
          }
          expectSameBits(outputOf(variant, attentionCase, inputs).data, first.data, 'a second run');
        }),
    },
    ...unreadInputs(variant),
    {
      name: 'strided views of the inputs give the bits that packed copies give',
      run: () =>
        forAllCases(variant, {}, 20, (attentionCase) => {
          const inputs = inputsOf(attentionCase);
          const views = { ...inputs, ...mapInputs(inputs, asView) };
          expectSameBits(
            outputOf(variant, attentionCase, views).data,
            outputOf(variant, attentionCase, inputs).data,
            'views',
          );
        }),
    },
    {
      name: 'the output is linear in the values',
      run: () =>
        forAllCases(variant, { dtype: 'float64' }, 60, (drawn) => {
          const attentionCase = withLinearValues(variant, drawn);
          const inputs = inputsOf(attentionCase);
          const others = inputsOf(attentionCase, { name: 'other values' }).values;
          const [a, b] = [2.5, -0.75];
          const one = inputs.values.toArray();
          const other = others.toArray();
          const mixed = fromArray(
            one.map((value, n) => a * value + b * other[n]),
            inputs.values.shape,
            'float64',
          );

          const expected = outputOf(variant, attentionCase, inputs);
          const second = outputOf(variant, attentionCase, { ...inputs, values: others });
          expected.data = expected.data.map((value, n) => a * value + b * second.data[n]) as Float64Array;
          const actual = outputOf(variant, attentionCase, { ...inputs, values: mixed });
          expectClose(actual, expected, ROUNDING, 'attend(2.5 v − 0.75 w)');
        }),
    },
    {
      name: 'a batch gives what its entries give alone',
      run: () =>
        forAllCases(variant, { dtype: 'float64', minBatch: 2 }, 50, (attentionCase) => {
          const inputs = inputsOf(attentionCase);
          const parameters = parametersOf(variant, attentionCase);
          const whole = outputOf(variant, attentionCase, inputs, parameters);
          for (let entry = 0; entry < attentionCase.shape.batch; entry++) {
            const alone = entryAlone(variant, attentionCase, inputs, parameters, entry);
            const size = alone.data.length;
            const part = { ...alone, data: whole.data.slice(entry * size, (entry + 1) * size) };
            expectClose(part, alone, ROUNDING, `entry ${entry} of the batch`);
          }
        }),
    },
    {
      name: 'a head sees nothing of the other heads',
      run: () =>
        forAllCases(variant, { dtype: 'float64', minHeads: 2 }, 50, (attentionCase) => {
          // Whether heads may share is what a variant says of its options; laws of its own say what they share.
          if (variant.headsShare?.(attentionCase.options)) return;
          const inputs = inputsOf(attentionCase);
          const random = new Random(attentionCase.seed).split('another head');
          const changed = random.integer(attentionCase.shape.heads);
          const others = {
            ...inputs,
            ...mapInputs(inputs, (tensor) => redrawn(tensor, (_, head) => head === changed, random)),
          };
          const before = outputOf(variant, attentionCase, inputs);
          const after = outputOf(variant, attentionCase, others);
          expectClose(after, before, ROUNDING, `after head ${changed} changed`, (_, head) => head !== changed);
        }),
    },
  ];
}

function unreadInputs(variant: AnyVariant): Law[] {
  const { queries, keys } = variant.inputs;
  if (queries === undefined && keys === undefined) return [];
  return [
    {
      name: 'what it says it does not read makes no difference',
      run: () =>
        forAllCases(variant, {}, 30, (attentionCase) => {
          const unread = unreadByAttend(variant, attentionCase.options);
          if (unread.length === 0) return;
          const inputs = inputsOf(attentionCase);
          const others = inputsOf(attentionCase, { name: 'other inputs' });
          const changed = { ...inputs };
          for (const name of unread) changed[name] = others[name];
          const output = outputOf(variant, attentionCase, inputs).data;
          expectSameBits(outputOf(variant, attentionCase, changed).data, output, `other ${unread.join(' and ')}`);
        }),
    },
  ];
}

/** Values of another width than the keys may be refused, but with a typed error. */
function unlessRefused<T>(body: () => T, mayRefuse: boolean): T | null {
  try {
    return body();
  } catch (error) {
    if (mayRefuse && error instanceof EfficientTransformersError && error.message.startsWith('values')) return null;
    throw error;
  }
}

function mapInputs(inputs: AttentionInputs, change: (tensor: Tensor) => Tensor) {
  return { queries: change(inputs.queries), keys: change(inputs.keys), values: change(inputs.values) };
}

/** The same elements stored as [batch, length, heads, headDim], the layout that projections leave behind. */
function asView(tensor: Tensor): Tensor {
  const stored = transpose(tensor, [0, 2, 1, 3]);
  return transpose(fromArray(stored.toArray(), stored.shape, stored.dtype), [0, 2, 1, 3]);
}

function entryAlone(
  variant: AnyVariant,
  attentionCase: AttentionCase,
  inputs: AttentionInputs,
  parameters: Parameters,
  entry: number,
) {
  const { shape, mask } = attentionCase;
  const alone: AttentionCase = {
    ...attentionCase,
    shape: { ...shape, batch: 1 },
    mask: mask === null ? null : [mask[entry]],
  };
  const { keyMask } = inputsOf(alone);
  const { keyMask: _, ...others } = inputs;
  const cut = mapTokens(others, (tensor) => slice(tensor, 0, entry, entry + 1));
  return outputOf(variant, alone, keyMask === undefined ? cut : { ...cut, keyMask }, parameters);
}
