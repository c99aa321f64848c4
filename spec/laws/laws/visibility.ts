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
  type Output,
  outputOf,
  parametersOf,
  redrawn,
} from '../evaluate.ts';
import { inAllSettings } from '../settings.ts';
import { expectThrows } from './expect-throws.ts';

export function visibility(variant: AnyVariant): Law[] {
  const { causal, padding, crossAttention } = variant.supports;
  const laws: Law[] = causal
    ? [...futureIsUnseen(variant), ...futureHasNoGradient(variant)]
    : [refused(variant, 'causal')];
  if (padding) laws.push(...paddingIsUnseen(variant), ...nothingToSee(variant), ...nothingToSeeGradients(variant));
  else laws.push(refused(variant, 'keyMask'));
  if (causal && padding) laws.push(...nothingToSeeYet(variant));
  if (!crossAttention) laws.push(refused(variant, 'queries'));
  else if (causal) laws.push(causalCrossAttentionIsRefused(variant));
  return laws;
}

/**
 * Where the keys decide who meets whom (hashing, clustering), later tokens move the boundaries of the groups, and an
 * earlier query may lose or gain earlier neighbours: there only the values may be changed.
 */
const routesByContent = (variant: AnyVariant) => variant.regroups === true;

function futureIsUnseen(variant: AnyVariant): Law[] {
  return inAllSettings('causal: the output up to i stays when the tokens after i change', ({ draw, tolerance }) => {
    draw(variant, { causal: true, minLength: 2 }, 80, (attentionCase) => {
      const inputs = inputsOf(attentionCase);
      const random = new Random(attentionCase.seed).split('another future');
      const last = random.integer(attentionCase.shape.keyLength - 1);
      // As large as they are drawn, or a hundred times: a maximum over all keys would be taken by the future.
      const size = random.integer(2) === 0 ? 1 : 100;
      const change = (tensor: Tensor) => redrawn(tensor, (_b, _h, position) => position > last, random, size);
      const changed = routesByContent(variant)
        ? { ...inputs, values: change(inputs.values) }
        : { ...inputs, queries: change(inputs.queries), keys: change(inputs.keys), values: change(inputs.values) };
      const before = outputOf(variant, attentionCase, inputs);
      const after = outputOf(variant, attentionCase, changed);
      const bound = tolerance(inputs);
      expectClose(after, before, bound, `after the tokens from ${last + 1} on changed`, (_b, _h, i) => i <= last);
    });
  });
}

function futureHasNoGradient(variant: AnyVariant): Law[] {
  return inAllSettings('causal: the output up to i has no gradient in the tokens after i', ({ draw, tolerance }) => {
    draw(variant, { causal: true, minLength: 2, maxLength: 40 }, 20, (attentionCase) => {
      const random = new Random(attentionCase.seed).split('gradient');
      const last = random.integer(attentionCase.shape.keyLength - 1);
      const gradients = gradientsOf(variant, attentionCase, (position) => (position <= last ? random.normal() : 0));
      const bound = tolerance(inputsOf(attentionCase));
      for (const [name, gradient] of Object.entries(gradients)) {
        const zero = { ...gradient, data: new Float64Array(gradient.data.length) };
        expectClose(gradient, zero, bound, `gradient of ${name}`, (_b, _h, position) => position > last);
      }
    });
  });
}

function paddingIsUnseen(variant: AnyVariant): Law[] {
  return inAllSettings('padding: what a masked key and its value hold changes nothing', ({ draw, tolerance }) => {
    draw(variant, { masked: true }, 80, (attentionCase) => {
      const mask = attentionCase.mask as number[][];
      const inputs = inputsOf(attentionCase);
      const random = new Random(attentionCase.seed).split('rubbish');
      // Larger, so that a maximum over all keys would be taken by the padding.
      const size = random.integer(2) === 0 ? 10 : 300;
      const change = (tensor: Tensor) =>
        redrawn(tensor, (batch, _h, position) => mask[batch][position] === 0, random, size);
      const changed = { ...inputs, keys: change(inputs.keys), values: change(inputs.values) };
      const before = outputOf(variant, attentionCase, inputs);
      const after = outputOf(variant, attentionCase, changed);
      expectClose(after, before, tolerance(inputs), 'after masked keys changed');
    });
  });
}

function nothingToSee(variant: AnyVariant): Law[] {
  return inAllSettings('padding: where all keys are masked the output is zero', ({ draw }) => {
    draw(variant, { masked: true }, 50, (drawn) => {
      const attentionCase = withFirstEntryMasked(drawn);
      const output = outputOf(variant, attentionCase);
      expectFiniteNumbers(output.data, 'output');
      expectZeroRows(output, (batch) => batch === 0);
    });
  });
}

function nothingToSeeGradients(variant: AnyVariant): Law[] {
  const name = 'padding: where all keys are masked the gradients are zero, and finite elsewhere';
  return inAllSettings(name, ({ draw }) => {
    draw(variant, { masked: true, maxLength: 40 }, 15, (drawn) => {
      const attentionCase = withFirstEntryMasked(drawn);
      const gradients = gradientsOf(variant, attentionCase, () => 1);
      for (const [name, gradient] of Object.entries(gradients)) {
        expectFiniteNumbers(gradient.data, `gradient of ${name}`);
        expectZeroRows(gradient, (batch) => batch === 0);
      }
    });
  });
}

function nothingToSeeYet(variant: AnyVariant): Law[] {
  return inAllSettings('causal with padding: before the first real key the output is zero', ({ draw }) => {
    draw(variant, { causal: true, masked: true, minLength: 2 }, 50, (drawn) => {
      const first = new Random(drawn.seed).integer(drawn.shape.keyLength);
      const mask = (drawn.mask as number[][]).map((row) => row.map((kept, j) => (j < first ? 0 : kept)));
      const output = outputOf(variant, { ...drawn, mask });
      expectFiniteNumbers(output.data, 'output');
      expectZeroRows(output, (_b, position) => position < first);
    });
  });
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

export function expectZeroRows(
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
export function gradientsOf(
  variant: AnyVariant,
  attentionCase: AttentionCase,
  weight: (position: number, batch: number) => number,
  { queries, keys, values, ...others } = inputsOf(attentionCase),
): Record<string, Output> {
  const leaves = { queries: queries.withGrad(), keys: keys.withGrad(), values: values.withGrad() };
  const output = attend(variant, { ...others, ...leaves }, attentionCase.options, {
    parameters: parametersOf(variant, attentionCase),
    checkFinite: false,
  });
  const weights = new Float64Array(output.size);
  eachRow(output.shape, (batch, _h, position, start, width) => {
    for (let c = start; c < start + width; c++) weights[c] = weight(position, batch);
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
