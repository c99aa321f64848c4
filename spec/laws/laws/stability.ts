/** What float32 makes of queries and keys of all sizes: finite numbers, the whole weight of a row, and what float64 says. */
import { noGrad } from '../../../src/core/autograd.ts';
import { filled, fromArray, type Tensor } from '../../../src/core/tensor.ts';
import { checkOptions } from '../../../src/variants/attend.ts';
import { mapTokens } from '../../../src/variants/inputs.ts';
import type { AnyVariant } from '../../../src/variants/registry.ts';
import type { Parameters } from '../../../src/variants/variant.ts';
import { type AttentionCase, averages, inputsOf } from '../draw.ts';
import { eachRow, expectClose, expectFiniteNumbers, type Law, outputOf, parametersOf, type Rows } from '../evaluate.ts';
import { CHOOSE_BY_ROUNDED } from '../rounded-choices.ts';
import { onAllKernelSets, wideFloat32 } from '../settings.ts';
import { gradientsOf } from './visibility.ts';

export function stability(variant: AnyVariant): Law[] {
  const laws = [staysFinite(variant)];
  if (variant.averages !== false) laws.push(givesOneForOnes(variant));
  // The inverse that Nyströmformer iterates for makes a rounding larger by 13/4 a step (nystromformer-inverse.ts).
  if (variant.name !== 'nystromformer') laws.push(isWhatFloat64Says(variant));
  return laws;
}

/** Features of both signs, whose sums are kept off 0, and features that may all be 0, as a Performer has if it is asked to. */
function mayWeighLess({ options }: AttentionCase): boolean {
  const { kernel, epsilon } = options as { kernel?: string; epsilon?: number };
  return kernel === 'softmax-trigonometric' || (kernel === 'relu' && epsilon === 0);
}

function staysFinite(variant: AnyVariant): Law {
  return {
    name: 'stability: outputs and gradients are finite (float32, wide norms)',
    run: () =>
      onAllKernelSets(() =>
        wideFloat32.draw(variant, { maxLength: 40 }, 50, (attentionCase) => {
          expectFiniteNumbers(outputOf(variant, attentionCase).data, 'output');
          for (const [name, gradient] of Object.entries(gradientsOf(variant, attentionCase, () => 1))) {
            expectFiniteNumbers(gradient.data, `gradient of ${name}`);
          }
        }),
      ),
  };
}

function givesOneForOnes(variant: AnyVariant): Law {
  return {
    name: 'stability: values of 1 come out as 1, or as 0 where no key is seen (float32, wide norms)',
    run: () =>
      onAllKernelSets(() =>
        wideFloat32.draw(variant, {}, 60, (attentionCase) => {
          if (mayWeighLess(attentionCase) || !averages(variant, attentionCase.options)) return;
          const inputs = inputsOf(attentionCase);
          const values = filled(inputs.values.shape, 1, 'float32');
          const output = outputOf(variant, attentionCase, { ...inputs, values });
          const seesNothing = seeingNothing(variant, attentionCase);
          eachRow(output.shape, (batch, head, query, start, width) => {
            for (let at = start; at < start + width; at++) {
              // A hundred roundings. Written so that NaN fails.
              if (Math.abs(output.data[at] - 1) <= 1e-5) continue;
              if (output.data[at] === 0 && seesNothing(batch, head, query)) continue;
              throw new Error(`got ${output.data[at]} at batch ${batch}, head ${head}, query ${query} for values of 1`);
            }
          });
        }),
      ),
  };
}

/** Rows without a key that is real and that the pattern allows; padding that hashes with padding alone. */
function seeingNothing(variant: AnyVariant, { shape, options, mask }: AttentionCase): Rows {
  const allowed = variant.pattern?.(options, shape) ?? (() => true);
  return (batch, head, query) => {
    if (variant.regroups && mask?.[batch][query] === 0) return true;
    const last = options.causal ? query : shape.keyLength - 1;
    for (let key = 0; key <= last; key++) if (mask?.[batch][key] !== 0 && allowed(head, query, key)) return false;
    return true;
  };
}

function isWhatFloat64Says(variant: AnyVariant): Law {
  return {
    name: 'stability: float32 gives what float64 gives for the same numbers (wide norms)',
    run: () =>
      onAllKernelSets(() =>
        wideFloat32.draw(variant, {}, 60, (attentionCase) => {
          const inputs = inputsOf(attentionCase);
          const parameters = parametersOf(variant, attentionCase);
          const output = outputOf(variant, attentionCase, inputs, parameters);
          const options = checkOptions(variant, attentionCase.options, attentionCase.shape);
          const chosen = CHOOSE_BY_ROUNDED.includes(variant.name)
            ? noGrad(() => variant.decisions?.(inputs, options, parameters))
            : {};
          const told = { ...eachInFloat64(parameters), ...chosen };
          const exact = outputOf(variant, attentionCase, mapTokens(inputs, inFloat64), told);
          expectClose(output, exact, wideFloat32.tolerance(inputs), 'output');
        }),
      ),
  };
}

const inFloat64 = (tensor: Tensor): Tensor =>
  tensor.dtype === 'float32' ? fromArray(tensor.toArray(), tensor.shape, 'float64') : tensor;

const eachInFloat64 = (parameters: Parameters): Parameters =>
  Object.fromEntries(Object.entries(parameters).map(([name, tensor]) => [name, inFloat64(tensor)]));
