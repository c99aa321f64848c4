/**
 * What is masked has no influence, whatever it holds: NaN, infinities, numbers whose products are infinite, numbers that are
 * hardly there. Not on the outputs of real tokens, not on their gradients; and it has no gradient itself.
 */
import { Random } from '../../../src/core/random.ts';
import type { Tensor } from '../../../src/core/tensor.ts';
import type { AnyVariant } from '../../../src/variants/registry.ts';
import type { AttentionInputs } from '../../../src/variants/variant.ts';
import { type AttentionCase, forAllCases, inputsOf } from '../draw.ts';
import { eachRow, expectSameBits, type Law, mapRows, type Output, outputOf, type Rows } from '../evaluate.ts';
import { onAllKernelSets } from '../settings.ts';
import { expectZeroRows, gradientsOf } from './visibility.ts';

export function padding(variant: AnyVariant): Law[] {
  return variant.supports.padding ? [changesNoBit(variant), changesNoGradient(variant)] : [];
}

const SPOILT: Record<AttentionCase['shape']['dtype'], readonly number[]> = {
  float32: [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 3e38, -3e38, 1e-40],
  float64: [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e308, -1e308, 1e-310],
};

/** The masked rows of a tensor with one of these in every place, or with one drawn for each. */
function spoiler({ shape, mask, seed }: AttentionCase): (tensor: Tensor) => Tensor {
  const random = new Random(seed).split('what padding holds');
  const all = SPOILT[shape.dtype];
  const alike = random.integer(2) === 0 ? all[random.integer(all.length)] : null;
  return (tensor) => mapRows(tensor, isMasked(mask), () => alike ?? all[random.integer(all.length)]);
}

const isMasked =
  (mask: number[][] | null): Rows =>
  (batch, _head, position) =>
    mask?.[batch][position] === 0;

function changesNoBit(variant: AnyVariant): Law {
  return {
    name: 'padding: NaN, infinities and numbers at the ends of the range in masked keys and values change no bit',
    run: () =>
      onAllKernelSets(() =>
        forAllCases(variant, { masked: true }, 40, (attentionCase) => {
          const inputs = completeInputs(variant, attentionCase);
          const spoil = spoiler(attentionCase);
          const spoilt = spoiltInputs(inputs, spoil, ['keys', 'values']);
          const before = outputOf(variant, attentionCase, inputs);
          const after = outputOf(variant, attentionCase, spoilt, undefined, areFinite(spoilt));
          expectSameBits(after.data, before.data, 'after masked keys and values were spoilt');
        }),
      ),
  };
}

/** The loss reads real tokens alone, as all do that know of the mask. */
function changesNoGradient(variant: AnyVariant): Law {
  return {
    name: 'padding: tokens spoilt so, queries too, change no output and no gradient of real ones, and have none',
    run: () =>
      onAllKernelSets(() =>
        forAllCases(variant, { masked: true, selfAttention: true, maxLength: 40 }, 40, (attentionCase) => {
          const masked = isMasked(attentionCase.mask);
          const inputs = completeInputs(variant, attentionCase);
          const spoil = spoiler(attentionCase);
          const spoilt = spoiltInputs(inputs, spoil, ['queries', 'keys', 'values']);
          const random = new Random(attentionCase.seed).split('gradient');
          const factors = Array.from({ length: attentionCase.shape.queryLength }, () => random.normal());
          const weight = (position: number, batch: number) => (masked(batch, 0, position) ? 0 : factors[position]);
          const before = gradientsOf(variant, attentionCase, weight, inputs);
          const after = gradientsOf(variant, attentionCase, weight, spoilt);
          for (const [name, gradient] of Object.entries(after)) {
            expectZeroRows(gradient, (batch, position) => masked(batch, 0, position));
            expectSameRealRows(gradient, before[name], masked, `gradient of ${name}`);
          }
          const outputs = [inputs, spoilt].map((given) => {
            return outputOf(variant, attentionCase, given, undefined, areFinite(given));
          });
          expectSameRealRows(outputs[1], outputs[0], masked, 'output');
        }),
      ),
  };
}

/** With projections of their own for global tokens, where the variant takes them. */
function completeInputs({ inputs: declared }: AnyVariant, attentionCase: AttentionCase): AttentionInputs {
  const inputs = inputsOf(attentionCase);
  if (declared.global === undefined) return inputs;
  const { queries, keys, values } = inputsOf(attentionCase, { name: 'global tokens' });
  return { ...inputs, global: { queries, keys, values } };
}

type Part = 'queries' | 'keys' | 'values';

function spoiltInputs(inputs: AttentionInputs, spoil: (tensor: Tensor) => Tensor, parts: Part[]): AttentionInputs {
  const spoilt = (of: Pick<AttentionInputs, Part>) => Object.fromEntries(parts.map((part) => [part, spoil(of[part])]));
  const { global } = inputs;
  return { ...inputs, ...spoilt(inputs), ...(global && { global: { ...global, ...spoilt(global) } }) };
}

/** Then they pass the check of the door. */
function areFinite({ queries, keys, values, global }: AttentionInputs): boolean {
  const tensors = [queries, keys, values, ...(global ? [global.queries, global.keys, global.values] : [])];
  return tensors.every((tensor) => Array.from(tensor.toArray()).every(Number.isFinite));
}

function expectSameRealRows(actual: Output, expected: Output, masked: Rows, claim: string): void {
  eachRow(actual.shape, (batch, head, position, start, width) => {
    if (masked(batch, head, position)) return;
    const [own, other] = [actual, expected].map(({ data }) => data.slice(start, start + width));
    expectSameBits(own, other, `${claim} at batch ${batch}, head ${head}, position ${position}`);
  });
}
