/** The gradients of queries, keys, values and learned parameters against central differences, in float64. */
import { backward, noGrad } from '../../../src/core/autograd.ts';
import { Random } from '../../../src/core/random.ts';
import { fromArray, randomNormal, type Tensor } from '../../../src/core/tensor.ts';
import { attend } from '../../../src/variants/attend.ts';
import type { AnyVariant } from '../../../src/variants/registry.ts';
import type { AttentionInputs, CommonOptions } from '../../../src/variants/variant.ts';
import { type AttentionCase, forAllCases, inputsOf } from '../draw.ts';
import { expectSameBits, type Law, outputOf, parametersOf } from '../evaluate.ts';

/** Error of a central difference: h² ≈ 10⁻¹⁰ of the third derivative, and rounding 10⁻¹⁶ / h ≈ 10⁻¹¹. */
const STEP = 1e-5;
/** Relative to the size of the gradient and the result; steep functions (d = 1, large scores) multiply the above. */
const TOLERANCE = 1e-6;

export function gradients(variant: AnyVariant): Law[] {
  const laws: Law[] = [
    {
      name: 'gradients of queries, keys, values, gates and learned parameters agree with central differences',
      run: () =>
        forAllCases(variant, { dtype: 'float64', maxLength: 24, maxHeadDim: 6 }, 50, (attentionCase) => {
          // A step may straddle a kink (relu at 0, a bucket's edge), which about one point in a thousand lies close
          // to. A gradient that is wrong is wrong at the next point too.
          const mistake = mistakeAt(variant, attentionCase, 'point');
          if (mistake !== null && mistakeAt(variant, attentionCase, 'another point') !== null) throw new Error(mistake);
        }),
    },
  ];
  if (variant.withWholeGradient !== undefined) laws.push(cutsChangeNoOutput(variant));
  return laws;
}

/** What a cut takes from the gradient is a law of the variant's own: it shows in no output. */
function cutsChangeNoOutput(variant: AnyVariant): Law {
  return {
    name: 'gradients that are cut off leave the output as it is',
    run: () =>
      forAllCases(variant, {}, 50, (attentionCase) => {
        const whole = { ...attentionCase, options: wholeGradient(variant, attentionCase.options) };
        const inputs = inputsOf(attentionCase);
        expectSameBits(
          outputOf(variant, whole, inputs).data,
          outputOf(variant, attentionCase, inputs).data,
          'with whole gradients',
        );
      }),
  };
}

const wholeGradient = (variant: AnyVariant, options: CommonOptions) => variant.withWholeGradient?.(options) ?? options;

/**
 * Compares ⟨∇f, u⟩ with the difference of f along u, for each leaf by itself along a random u, f being the output
 * weighted by random numbers. A wrong element shows in every direction, and it takes two evaluations a leaf.
 */
function mistakeAt(variant: AnyVariant, attentionCase: AttentionCase, name: string): string | null {
  const options = wholeGradient(variant, attentionCase.options);
  const { seed } = attentionCase;
  const random = new Random(seed).split(name);
  const { keyMask, queries, keys, values, gates: drawn } = inputsOf(attentionCase, { name });
  const gates = inside(attentionCase, drawn);
  const parameters = parametersOf(variant, attentionCase);
  const learned = Object.fromEntries(Object.entries(parameters).filter(([, tensor]) => tensor.requiresGrad));
  const leaves: Record<string, Tensor> = { queries, keys, values, ...gates, ...learned };
  const output = (changed: Record<string, Tensor>) => {
    const all = { ...leaves, ...changed };
    const pick = (names: object) => Object.fromEntries(Object.keys(names).map((each) => [each, all[each]]));
    const { queries, keys, values } = all;
    const given = { queries, keys, values, ...(keyMask && { keyMask }), ...(drawn && { gates: pick(gates) }) };
    return attend(variant, given, options, { parameters: { ...parameters, ...pick(learned) } });
  };

  for (const leaf of Object.values(leaves)) leaf.withGrad();
  const result = output({});
  const weights = randomNormal(result.shape, random.split('weights'), 'float64');
  backward(result, weights);
  const f = (changed: Record<string, Tensor>) =>
    inner(
      noGrad(() => output(changed)),
      weights,
    );

  for (const [which, leaf] of Object.entries(leaves)) {
    const direction = randomNormal(leaf.shape, random.split(which), 'float64');
    const slopeOf = (step: number) =>
      (f({ [which]: moved(leaf, direction, step) }) - f({ [which]: moved(leaf, direction, -step) })) / (2 * step);
    // A leaf that the output does not depend on has no gradient, which means zero.
    const gradient = leaf.grad === null ? 0 : inner(leaf.grad, direction);
    const isSlope = (slope: number) => {
      const size = 1 + Math.abs(slope) + (leaf.grad === null ? 0 : Math.sqrt(inner(leaf.grad, leaf.grad)));
      return Math.abs(gradient - slope) <= TOLERANCE * size;
    };
    let slope = slopeOf(STEP);
    if (isSlope(slope)) continue;
    // Sines of sines may turn so fast that h² of the third derivative counts: a shorter step takes that term out.
    slope = (16 * slopeOf(STEP / 4) - slope) / 15;
    if (isSlope(slope)) continue;
    return `gradient of ${which}: ${gradient} along a direction in which the output changes by ${slope}`;
  }
  return null;
}

/** Gates a little within their ranges, which a step of the difference must not leave. */
function inside({ gates = {} }: AttentionCase, drawn: AttentionInputs['gates']): Record<string, Tensor> {
  const entries = Object.entries(drawn ?? {}).map(([name, gate]) => {
    const { least, most } = gates[name];
    const middle = (least + most) / 2;
    const numbers = gate.toArray().map((value) => middle + 0.999 * (value - middle));
    return [name, fromArray(numbers, gate.shape, 'float64')];
  });
  return Object.fromEntries(entries);
}

function moved(leaf: Tensor, direction: Tensor, step: number): Tensor {
  const along = direction.toArray();
  return fromArray(
    leaf.toArray().map((value, n) => value + step * along[n]),
    leaf.shape,
    'float64',
  );
}

function inner(a: Tensor, b: Tensor): number {
  const [left, right] = [a.toArray(), b.toArray()];
  let total = 0;
  for (let n = 0; n < left.length; n++) total += left[n] * right[n];
  return total;
}
