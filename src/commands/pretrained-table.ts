/** `compare --pretrained` as text: how far the output of a model moves with each variant. */
import type { Drift } from '../pretrained/swap.ts';
import { counted, formatError, formatMilliseconds, formatPercent, formatRatio } from '../terminal/format.ts';
import { formatTable } from '../terminal/table.ts';
import { wrapLines } from '../terminal/width.ts';
import type { SwapBaseline, SwapReport, SwapResult } from './compare-pretrained.ts';
import { formatRead } from './pretrained-tokens.ts';
import { describeSkips } from './skips.ts';

/** Columns that are dropped first where there is little room. */
const LESSER = /worst|same top|attention|own/;

/** For people: a row for each variant and length, then the baselines; tables by layer, if measured. */
export function formatSwaps(
  { model, read, results, baselines, drawn, skips }: SwapReport,
  style: { colour: boolean; width?: number | undefined },
) {
  const withLogits = results.some(({ drift }) => drift.logits !== undefined);
  const logitsCells = ({ logits }: Drift) =>
    withLogits ? [formatError(logits?.divergence ?? Number.NaN), formatPercent(logits?.sameArgMax ?? Number.NaN)] : [];
  const driftCells = (drift: Drift) => [
    formatError(drift.relativeError),
    drift.meanCosine.toFixed(4),
    drift.worstCosine.toFixed(4),
    ...logitsCells(drift),
  ];
  const titles = ['error', 'cosine', 'worst', ...(withLogits ? ['KL', 'same top'] : [])];
  const columns = (...names: string[]) =>
    names.map((title, n) => {
      return { title, align: n === 0 ? ('left' as const) : ('right' as const), droppable: LESSER.test(title) };
    });
  const options = { colour: style.colour, ...(style.width !== undefined && { width: style.width }) };
  const longest = Math.max(...results.map(({ length }) => length));
  const parts = [
    `${model.directory}: ${model.type}, ${model.layers} layers, their attention replaced`,
    `Read: ${formatRead(read)}`,
    ...(longest > model.positions
      ? [`Its ${model.positions} positions are repeated up to ${longest} (Beltagy et al. 2020, section 5).`]
      : []),
    formatTable(
      columns('variant', 'tokens', ...titles, 'attention', 'own', 'time'),
      [
        ...results.map(({ variant, length, drift, attentionMilliseconds: time, ownMilliseconds: own }) => [
          variant,
          String(length),
          ...driftCells(drift),
          formatMilliseconds(time),
          formatMilliseconds(own),
          formatRatio(time / own),
        ]),
        { heading: 'Baselines, which read no queries and no keys' },
        ...baselines.map(({ baseline, length, drift }) => {
          return [baseline, String(length), ...driftCells(drift), '', '', ''];
        }),
      ],
      options,
    ),
    ...noNearer(results, baselines),
    ...[...results, ...baselines.map((each) => ({ ...each, variant: each.baseline }))].flatMap((result) => {
      const { variant, length, layers } = result;
      if (layers === undefined) return [];
      const rows = layers.map(({ layer, alone, upTo }) => [String(layer), ...driftCells(alone), ...driftCells(upTo)]);
      const upTo = titles.map((title) => `0…n ${title}`);
      return [
        `${variant}, ${counted(length, 'token')}`,
        formatTable(columns('layer n', ...titles, ...upTo), rows, options),
      ];
    }),
    ...(drawn.length > 0 ? [`With random, untrained parameters: ${drawn.join(', ')}`] : []),
    // Here nothing can be made causal: --causal would be no advice.
    ...describeSkips(skips, true),
  ];
  return `${parts.map((part) => (part.includes('\n') ? part : wrapLines(part, style.width))).join('\n\n')}\n`;
}

/** A line on the variants whose output is no nearer to the model's own than a baseline of the same length. */
function noNearer(results: readonly SwapResult[], baselines: readonly SwapBaseline[]): string[] {
  const several = new Set(results.map(({ length }) => length)).size > 1;
  const names = results.flatMap(({ variant, length, drift }) => {
    const bar = Math.min(...baselines.filter((each) => each.length === length).map((each) => each.drift.relativeError));
    return drift.relativeError < bar ? [] : [several ? `${variant} (${counted(length, 'token')})` : variant];
  });
  return names.length === 0 ? [] : [`No nearer to the model than a baseline: ${names.join(', ')}`];
}
