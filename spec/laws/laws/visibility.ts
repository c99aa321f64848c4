/** Who may see whom: causality, padding, cross-attention. */
import { backward } from '../../../src/core/autograd.ts';
import { ShapeError, UnsupportedError } from '../../../src/core/errors.ts';
import { Random } from '../../../src/core/random.ts';
import { fromArray, type Tensor } from '../../../src/core/tensor.ts';
import { attend } from '../../../src/variants/attend.ts';
import type { AnyVariant } from '../../../src/variants/registry.ts';
import { type AttentionCase, forAllCases, inputsOf } from '../draw.ts';
import {
  eachRow,
  expectClose,
  expectFiniteNumbers,
  type Law,
  outputOf,
  parametersOf,
  ROUNDING,
  redrawn,
} from '../evaluate.ts';
import { expectThrows } from './expect-throws.ts';

export function visibility(variant: AnyVariant): Law[] {
  const { causal, padding, crossAttention } = variant.supports;
  const laws: Law[] = [causal ? futureIsUnseen(variant) : refused(variant, 'causal')];
  if (causal) laws.push(futureHasNoGradient(variant));
  if (padding) laws.push(paddingIsUnseen(variant), nothingToSee(variant), nothingToSeeGradients(variant));
  else laws.push(refused(variant, 'keyMask'));
  if (causal && padding) laws.push(nothingToSeeYet(variant));
  if (!crossAttention) laws.push(refused(variant, 'queries'));
  else if (causal) laws.push(causalCrossAttentionIsRefused(variant));
  return laws;
}

/**
 * Where the keys decide who meets whom (hashing, clustering), later tokens move the boundaries of the groups, and an
 * earlier query may lose or gain earlier neighbours: there only the values may be changed.
 */
const routesByContent = (variant: AnyVariant) => variant.regroups === true;

function futureIsUnseen(variant: AnyVariant): Law {
  return {
    name: 'causal: the output up to i stays when the tokens after i change',
    run: () =>
      forAllCases(variant, { dtype: 'float64', causal: true, minLength: 2 }, 80, (attentionCase) => {
        const inputs = inputsOf(attentionCase);
        const random = new Random(attentionCase.seed).split('another future');
        const last = random.integer(attentionCase.shape.keyLength - 1);
        const change = (tensor: Tensor) => redrawn(tensor, (_b, _h, position) => position > last, random);
        const changed = routesByContent(variant)
          ? { ...inputs, values: change(inputs.values) }
          : { ...inputs, queries: change(inputs.queries), keys: change(inputs.keys), values: change(inputs.values) };
        const before = outputOf(variant, attentionCase, inputs);
        const after = outputOf(variant, attentionCase, changed);
        expectClose(after, before, ROUNDING, `after the tokens from ${last + 1} on changed`, (_b, _h, i) => i <= last);
      }),
  };
}

function futureHasNoGradient(variant: AnyVariant): Law {
  return {
    name: 'causal: the output up to i has no gradient in the tokens after i',
    run: () =>
      forAllCases(variant, { dtype: 'float64', causal: true, minLength: 2, maxLength: 40 }, 20, (attentionCase) => {
        const random = new Random(attentionCase.seed).split('gradient');
        const last = random.integer(attentionCase.shape.keyLength - 1);
        const gradients = gradientsOf(variant, attentionCase, (position) => (position <= last ? random.normal() : 0));
        for (const [name, gradient] of Object.entries(gradients)) {
          const zero = { ...gradient, data: new Float64Array(gradient.data.length) };
          expectClose(gradient, zero, ROUNDING, `gradient of ${name}`, (_b, _h, position) => position > last);
        }
      }),
  };
}

function paddingIsUnseen(variant: AnyVariant): Law {
  return {
    name: 'padding: what a masked key and its value hold changes nothing',
    run: () =>
      forAllCases(variant, { dtype: 'float64', masked: true }, 80, (attentionCase) => {
        const mask = attentionCase.mask as number[][];
        const inputs = inputsOf(attentionCase);
        const random = new Random(attentionCase.seed).split('rubbish');
        // Ten times as large, so that a maximum over all keys would be taken by the padding.
        const change = (tensor: Tensor) =>
          redrawn(tensor, (batch, _h, position) => mask[batch][position] === 0, random, 10);
        const changed = { ...inputs, keys: change(inputs.keys), values: change(inputs.values) };
        const before = outputOf(variant, attentionCase, inputs);
        expectClose(outputOf(variant, attentionCase, changed), before, ROUNDING, 'after masked keys changed');
      }),
  };
}

function nothingToSee(variant: AnyVariant): Law {
  return {
    name: 'padding: where all keys are masked the output is zero',
    run: () =>
      forAllCases(variant, { masked: true }, 50, (drawn) => {
        const attentionCase = withFirstEntryMasked(drawn);
        const output = outputOf(variant, attentionCase);
        expectFiniteNumbers(output.data, 'output');
        expectZeroRows(output, (batch) => batch === 0);
      }),
  };
}

function nothingToSeeGradients(variant: AnyVariant): Law {
  return {
    name: 'padding: where all keys are masked the gradients are zero, and finite elsewhere',
    run: () =>
      forAllCases(variant, { masked: true, maxLength: 40 }, 15, (drawn) => {
        const attentionCase = withFirstEntryMasked(drawn);
        const gradients = gradientsOf(variant, attentionCase, () => 1);
        for (const [name, gradient] of Object.entries(gradients)) {
          expectFiniteNumbers(gradient.data, `gradient of ${name}`);
          expectZeroRows(gradient, (batch) => batch === 0);
        }
      }),
  };
}

function nothingToSeeYet(variant: AnyVariant): Law {
  return {
    name: 'causal with padding: before the first real key the output is zero',
    run: () =>
      forAllCases(variant, { causal: true, masked: true, minLength: 2 }, 50, (drawn) => {
        const first = new Random(drawn.seed).integer(drawn.shape.keyLength);
        const mask = (drawn.mask as number[][]).map((row) => row.map((kept, j) => (j < first ? 0 : kept)));
        const output = outputOf(variant, { ...drawn, mask });
        expectFiniteNumbers(output.data, 'output');
        expectZeroRows(output, (_b, position) => position < first);
      }),
  };
}

/** What a variant does not support is an UnsupportedError that names the argument, not a wrong answer. */
function refused(variant: AnyVariant, argument: 'causal' | 'keyMask' | 'queries'): Law {
  return {
    name: `what it cannot do is refused by name: ${argument}`,
    run: () =>
      forAllCases(variant, { causal: false, selfAttention: true, masked: false }, 10, (attentionCase) => {
        const { shape, options } = attentionCase;
        const parameters = parametersOf(variant, attentionCase);
        const inputs = inputsOf(attentionCase);
        const longer = inputsOf({ ...attentionCase, shape: { ...shape, queryLength: shape.queryLength + 1 } });
        const keyMask = fromArray(
          new Uint8Array(shape.batch * shape.keyLength).fill(1),
          [shape.batch, shape.keyLength],
          'uint8',
        );
        expectThrows(UnsupportedError, argument, () => {
          if (argument === 'causal') attend(variant, inputs, { ...options, causal: true }, { parameters });
          else if (argument === 'keyMask') attend(variant, { ...inputs, keyMask }, options, { parameters });
          else attend(variant, longer, options, { parameters });
        });
      }),
  };
}

function causalCrossAttentionIsRefused(variant: AnyVariant): Law {
  return {
    name: 'causal attention to another sequence is refused by name',
    run: () =>
      forAllCases(variant, { causal: true }, 10, (attentionCase) => {
        const { shape, options } = attentionCase;
        const inputs = inputsOf({ ...attentionCase, shape: { ...shape, queryLength: shape.queryLength + 1 } });
        expectThrows(ShapeError, 'causal', () => attend(variant, inputs, options));
      }),
  };
}

function withFirstEntryMasked(attentionCase: AttentionCase): AttentionCase {
  const mask = (attentionCase.mask as number[][]).map((row, batch) => (batch === 0 ? row.map(() => 0) : row));
  return { ...attentionCase, mask };
}

function expectZeroRows(
  { shape, data }: { shape: readonly number[]; data: ArrayLike<number> },
  rows: (batch: number, position: number) => boolean,
): void {
  eachRow(shape, (batch, head, position, start, width) => {
    if (!rows(batch, position)) return;
    for (let c = start; c < start + width; c++) {
      if (data[c] !== 0)
        throw new Error(`got ${data[c]}, expected 0 at batch ${batch}, head ${head}, position ${position}`);
    }
  });
}

/** Gradients of queries, keys and values, given the output's gradient, a function of the query's position. */
function gradientsOf(variant: AnyVariant, attentionCase: AttentionCase, weight: (position: number) => number) {
  const { queries, keys, values, keyMask } = inputsOf(attentionCase);
  const leaves = { queries: queries.withGrad(), keys: keys.withGrad(), values: values.withGrad() };
  const output = attend(variant, { ...leaves, ...(keyMask && { keyMask }) }, attentionCase.options, {
    parameters: parametersOf(variant, attentionCase),
  });
  const weights = new Float64Array(output.size);
  eachRow(output.shape, (_b, _h, position, start, width) => {
    for (let c = start; c < start + width; c++) weights[c] = weight(position);
  });
  backward(output, fromArray(weights, output.shape, output.dtype));
  // A leaf that the output does not depend on has no gradient, which means zero.
  const reached = Object.entries(leaves).filter(([, leaf]) => leaf.grad !== null);
  return Object.fromEntries(
    reached.map(([name, leaf]) => {
      const gradient = leaf.grad as Tensor;
      return [name, { shape: gradient.shape, dtype: gradient.dtype, data: gradient.toArray() as Float64Array }];
    }),
  );
}
