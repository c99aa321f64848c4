/** Exact variants against the dense oracle, and every variant that states a pattern against that pattern. */

import { concat, slice } from '../../../src/core/ops/index.ts';
import { Random } from '../../../src/core/random.ts';
import { referenceAttention } from '../../../src/core/reference.ts';
import { fromArray, randomNormal, type Tensor } from '../../../src/core/tensor.ts';
import { mapTokens } from '../../../src/variants/inputs.ts';
import type { AnyVariant } from '../../../src/variants/registry.ts';
import type { AttentionInputs, AttentionPattern } from '../../../src/variants/variant.ts';
import { type AttentionCase, accepts, averages, forAllCases, inputsOf, withLinearValues } from '../draw.ts';
import { eachRow, expectClose, type Law, type Output, outputOf, parametersOf, ROUNDING } from '../evaluate.ts';
import { inAllSettings } from '../settings.ts';

export function patterns(variant: AnyVariant): Law[] {
  const laws: Law[] = [];
  if (variant.exactness === 'exact' || variant.exactness === 'exact-on-its-pattern')
    laws.push(...equalsTheOracle(variant));
  if (variant.pattern !== undefined) laws.push(staysInsideItsPattern(variant));
  if (variant.weighsAll !== undefined) laws.push(weighsEveryKey(variant));
  if (variant.supports.padding && mayIgnoreLength(variant)) laws.push(appendedPaddingIsIgnored(variant));
  return laws;
}

function equalsTheOracle(variant: AnyVariant): Law[] {
  const name = `exact: equals dense ${variant.pattern ? 'attention under its pattern' : 'attention'}`;
  return inAllSettings(name, ({ draw, tolerance }) => {
    draw(variant, {}, 80, (attentionCase) => {
      const { options, shape } = attentionCase;
      // A share of the weights goes elsewhere: what is left of the pattern is a law of the variant's own.
      if (!averages(variant, options)) return;
      // Queries that are turned once more have other scores, which are a law of the variant's own, too.
      if ((variant.turnsRotary?.(options) ?? null) !== null) return;
      const inputs = inputsOf(attentionCase);
      const dense = (tensor: Tensor) => ({ shape: tensor.shape, data: tensor.toArray() });
      const oracle = referenceAttention(
        { queries: dense(inputs.queries), keys: dense(inputs.keys), values: dense(inputs.values) },
        {
          causal: options.causal,
          ...(inputs.keyMask && { keyMask: dense(inputs.keyMask) }),
          ...(variant.pattern && { allowed: variant.pattern(options, shape) }),
        },
      );
      const expected = { ...oracle, dtype: shape.dtype };
      expectClose(outputOf(variant, attentionCase, inputs), expected, tolerance(inputs), 'output');
    });
  });
}

function staysInsideItsPattern(variant: AnyVariant): Law {
  return {
    name: 'pattern: the weights it implies are zero outside its pattern',
    run: () =>
      forAllCases(variant, { dtype: 'float64', masked: false, maxLength: 40 }, 50, (attentionCase) => {
        const { options, shape } = attentionCase;
        const allowed = (variant.pattern as NonNullable<typeof variant.pattern>)(options, shape);
        const visible: AttentionPattern = (h, i, j) => allowed(h, i, j) && (!options.causal || j <= i);
        const weights = impliedWeights(variant, withLinearValues(variant, attentionCase));
        eachRow(weights.shape, (batch, head, query, start, width) => {
          for (let key = 0; key < width; key++) {
            if (visible(head, query, key) || Math.abs(weights.data[start + key]) <= ROUNDING) continue;
            throw new Error(
              `batch ${batch}, head ${head}: query ${query} gives key ${key} ${weights.data[start + key]}`,
            );
          }
        });
      }),
  };
}

function weighsEveryKey(variant: AnyVariant): Law {
  return {
    name: 'weights: above 0 for every key that a query may meet, and they sum to 1, where it says so',
    run: () => {
      let held = 0;
      forAllCases(variant, { dtype: 'float64', maxLength: 40 }, 50, (attentionCase) => {
        const { options, mask } = attentionCase;
        if (!variant.weighsAll?.(options)) return;
        const weights = impliedWeights(variant, withLinearValues(variant, attentionCase));
        eachRow(weights.shape, (batch, head, query, start, width) => {
          const row = [...weights.data.subarray(start, start + width)];
          const visible = (key: number) => mask?.[batch][key] !== 0 && (!options.causal || key <= query);
          const own = row.filter((_, key) => visible(key));
          if (own.length === 0) return;
          held++;
          const sum = own.reduce((total, weight) => total + weight, 0);
          if (own.every((weight) => weight > 0) && Math.abs(sum - 1) <= ROUNDING) return;
          throw new Error(`batch ${batch}, head ${head}: query ${query} has the weights ${row}`);
        });
      });
      if (held === 0) throw new Error('no drawn case had such weights');
    },
  };
}

/** Attention is linear in the values, so values that are unit vectors bring out the columns of the weight matrix. */
function impliedWeights(variant: AnyVariant, attentionCase: AttentionCase): Output {
  const { batch, heads, queryLength, keyLength, headDim } = attentionCase.shape;
  const inputs = inputsOf(attentionCase);
  const parameters = parametersOf(variant, attentionCase);
  const weights = {
    shape: [batch, heads, queryLength, keyLength],
    dtype: 'float64',
    data: new Float64Array(batch * heads * queryLength * keyLength),
  };
  for (let first = 0; first < keyLength; first += headDim) {
    const unit = new Float64Array(inputs.values.size);
    eachRow(inputs.values.shape, (_b, _h, position, start, width) => {
      if (position >= first && position < first + width) unit[start + position - first] = 1;
    });
    const values = fromArray(unit, inputs.values.shape, 'float64');
    const columns = outputOf(variant, attentionCase, { ...inputs, values }, parameters);
    eachRow(weights.shape, (b, h, i, start) => {
      const from = ((b * heads + h) * queryLength + i) * headDim;
      for (let c = 0; c < Math.min(headDim, keyLength - first); c++)
        weights.data[start + first + c] = columns.data[from + c];
    });
  }
  return weights;
}

/** Without a structure that follows the length, padding at the end is as good as a shorter input. */
function mayIgnoreLength(variant: AnyVariant): boolean {
  return variant.family === 'full' || variant.family === 'kernel' || (variant.pattern ?? variant.buckets) !== undefined;
}

function appendedPaddingIsIgnored(variant: AnyVariant): Law {
  return {
    name: 'padding: masked tokens at the end give what the shorter input gives, where the pattern does not move',
    run: () => {
      let compared = 0;
      forAllCases(variant, { dtype: 'float64', selfAttention: true }, 60, (attentionCase) => {
        const extra = 1 + new Random(attentionCase.seed).split('extra').integer(9);
        const longer = lengthened(attentionCase, extra);
        if (!accepts(variant, longer.options, longer.shape) || !samePattern(variant, attentionCase, longer)) return;
        compared++;
        const inputs = inputsOf(attentionCase);
        const parameters = parametersOf(variant, attentionCase);
        const random = new Random(attentionCase.seed).split('padding');
        const { keyMask } = inputsOf(longer);
        const longerInputs = { ...appendTokens(inputs, extra, random), keyMask };
        const expected = outputOf(variant, attentionCase, inputs, parameters);
        const actual = outputOf(variant, longer, longerInputs, parameters);
        expectClose(withoutLastRows(actual, extra), expected, ROUNDING, `with ${extra} masked tokens appended`);
      });
      if (compared === 0) throw new Error('no drawn case had a pattern that stays in place, so nothing was compared');
    },
  };
}

function lengthened(attentionCase: AttentionCase, extra: number): AttentionCase {
  const { shape } = attentionCase;
  const length = shape.keyLength + extra;
  const mask =
    attentionCase.mask ?? Array.from({ length: shape.batch }, () => new Array<number>(shape.keyLength).fill(1));
  const longerMask = mask.map((row) => [...row, ...new Array<number>(extra).fill(0)]);
  return { ...attentionCase, shape: { ...shape, queryLength: length, keyLength: length }, mask: longerMask };
}

function samePattern(variant: AnyVariant, short: AttentionCase, long: AttentionCase): boolean {
  if (variant.pattern === undefined) return true;
  const before = variant.pattern(short.options, short.shape);
  const after = variant.pattern(long.options, long.shape);
  const { heads, keyLength } = short.shape;
  for (let h = 0; h < heads; h++) {
    for (let i = 0; i < keyLength; i++) {
      for (let j = 0; j < keyLength; j++) if (before(h, i, j) !== after(h, i, j)) return false;
    }
  }
  return true;
}

function appendTokens({ keyMask: _, ...inputs }: AttentionInputs, extra: number, random: Random): AttentionInputs {
  return mapTokens(inputs, (tensor, name) => {
    const more = randomNormal(tensor.shape.with(2, extra), random, 'float64');
    // Those of a token that is there are within the range of its gates.
    const own = name.startsWith('gates.') ? slice(tensor, 2, 0, 1) : undefined;
    return concat([tensor, ...(own === undefined ? [more] : new Array<Tensor>(extra).fill(own))], 2);
  });
}

function withoutLastRows(output: Output, extra: number): Output {
  const [batch, heads, length, width] = output.shape;
  const kept: number[] = [];
  eachRow(output.shape, (_b, _h, position, start) => {
    if (position < length - extra) kept.push(...output.data.subarray(start, start + width));
  });
  return { ...output, shape: [batch, heads, length - extra, width], data: Float64Array.from(kept) };
}
