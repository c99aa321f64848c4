/**
 * Gates that an input of a comparison lacks. Queries, keys and values come without decays and write strengths, so a variant
 * that has gates runs with its declared values in their place, and variants that differ in their gates only become alike.
 */
import { gatesOf } from '../variants/inputs.ts';
import type { AnyVariant } from '../variants/registry.ts';
import type { AttentionInputs, CommonOptions } from '../variants/variant.ts';
import type { ComparisonResult } from './result.ts';

/** The gates that the variant has with these options and the inputs lack, with the values in their place; empty if there are none. */
export function absentGatesOf(
  { inputs }: AnyVariant,
  options: CommonOptions,
  { gates: given = {} }: Pick<AttentionInputs, 'gates'>,
): Pick<ComparisonResult, 'absentGates'> {
  const absent = Object.entries(gatesOf(inputs, options)).flatMap(([name, { symbol = name, absent }]) =>
    Object.hasOwn(given, name) || absent === undefined ? [] : [[symbol, absent] as const],
  );
  return absent.length === 0 ? {} : { absentGates: Object.fromEntries(absent) };
}

/**
 * `Without gates, which these inputs do not have: gated-deltanet (log α = 0, β = 1).`, one item for each variant; '' if no
 * row lacks gates.
 */
export function describeAbsentGates(results: readonly Pick<ComparisonResult, 'variant' | 'absentGates'>[]): string {
  const items = results.flatMap(({ variant, absentGates }) => {
    const values = Object.entries(absentGates ?? {}).map(([symbol, value]) => `${symbol} = ${formatGate(value)}`);
    return values.length === 0 ? [] : [`${variant} (${values.join(', ')})`];
  });
  if (items.length === 0) return '';
  return `Without gates, which these inputs do not have: ${[...new Set(items)].join(', ')}.`;
}

/** At most three digits: `0.333`. */
export function formatGate(value: number): string {
  return String(Number(value.toPrecision(3)));
}
