/** The columns of the results table, the same in the terminal and in the HTML report. */

import {
  formatBytes,
  formatCount,
  formatError,
  formatEstimate,
  formatMilliseconds,
  formatPercent,
  formatRatio,
  formatWhole,
} from '../terminal/format.ts';
import { memoryShare, savesWork, slowness } from './best.ts';
import type { RankedGroup } from './judge.ts';
import { TOP_K } from './metrics.ts';
import type { SortKey } from './report/sorting.ts';
import type { ComparisonResult } from './result.ts';
import { labelsOf } from './series.ts';

/** A note on the column of memory, which could surprise. */
export const STREAMS =
  'Full attention streams here: it never holds the matrix, so its memory is O(L), not O(L²), in the length L.';

export interface ResultColumn {
  title: string;
  /** The meaning of the figure, in a sentence. */
  explanation: string;
  align: 'left' | 'right';
  text(result: ComparisonResult): string;
  /** The value that the column is sorted by; null if a row has none. */
  value(result: ComparisonResult): SortKey;
  /** Whether it helps to identify the row: if there is little room, it is below the name. */
  identifies?: boolean;
  /** Whether a narrow terminal may leave it out. */
  droppable?: boolean;
  /** Whether low or high values are better, and which rows may be the best at all. The values are numbers. */
  best?: { of: 'lowest' | 'highest'; among?(result: ComparisonResult): boolean };
}

/** Columns for these results; length and layer only where they differ between rows. */
export function resultColumns(results: readonly ComparisonResult[]): ResultColumn[] {
  const labels = labelsOf(results);
  const differ = (value: (result: ComparisonResult) => unknown): boolean => new Set(results.map(value)).size > 1;
  const columns: ResultColumn[] = [
    {
      title: 'variant',
      explanation: 'The variant, and what else sets this row apart',
      align: 'left',
      text: (result) => labels.get(result) ?? result.variant,
      value: (result) => labels.get(result) ?? result.variant,
    },
    {
      title: 'budget',
      explanation: 'The budget of the variant: the option that was swept',
      align: 'left',
      text: ({ budget }) => (budget === null ? '' : `${budget.symbol} = ${budget.value}`),
      value: ({ budget }) => budget?.value ?? null,
      identifies: true,
    },
  ];
  if (differ(({ length }) => length)) {
    columns.push({
      title: 'length',
      explanation: 'Tokens',
      align: 'right',
      text: ({ length }) => formatWhole(length),
      value: ({ length }) => length,
      identifies: true,
    });
  }
  if (differ(({ layer }) => layer)) {
    const text = ({ layer }: ComparisonResult): string => layer ?? '';
    const value = ({ layer }: ComparisonResult): string | null => layer ?? null;
    const explanation = 'The layer of the input file';
    columns.push({ title: 'layer', explanation, align: 'left', text, value, identifies: true });
  }
  const hasStates = results.some(({ stateBytes }) => stateBytes !== undefined);
  return [...columns, ...MEASURES.filter((column) => column !== STATE || hasStates)];
}

/**
 * The best of a column for each length and layer, including ties, among the approximations that beat the baselines. None if
 * there is no choice.
 */
export function bestOfColumn(
  { best, value: figureOf }: ResultColumn,
  groups: readonly RankedGroup[],
): ReadonlySet<ComparisonResult> {
  if (best === undefined) return new Set();
  const value = (result: ComparisonResult): number => (best.of === 'lowest' ? -1 : 1) * Number(figureOf(result));
  const winners = groups.flatMap(({ sections }) => {
    const compared = sections.filter(({ kind }) => kind !== 'reference' && kind !== 'baseline');
    if (compared.flatMap(({ rows }) => rows).length < 2) return [];
    const eligible = compared
      .filter(({ kind }) => kind === 'approximation')
      .flatMap(({ rows }) => rows.filter((row) => best.among?.(row) ?? true));
    const most = Math.max(...eligible.map(value).filter((figure) => !Number.isNaN(figure)));
    return eligible.filter((result) => value(result) === most);
  });
  return new Set(winners);
}

const speedUp = (result: ComparisonResult): number => 1 / slowness(result);
const isFaster = (result: ComparisonResult): boolean =>
  slowness(result) < 1 && savesWork({ share: result.flops / result.fullFlops });

/** The size of a state: of those that can continue token by token. */
const STATE: ResultColumn = {
  title: 'state',
  explanation: 'Memory of the state after the last token, from which a generation continues',
  align: 'right',
  text: ({ stateBytes }) => (stateBytes === undefined ? '' : formatBytes(stateBytes)),
  value: ({ stateBytes }) => stateBytes ?? null,
  droppable: true,
};

const MEASURES: readonly ResultColumn[] = [
  {
    title: 'error',
    explanation: 'Relative Frobenius error of the output, ‖out − full‖ / ‖full‖; 1 is the error of zeros',
    align: 'right',
    text: ({ relativeError }) => formatError(relativeError),
    value: ({ relativeError }) => relativeError,
    best: { of: 'lowest' },
  },
  {
    title: 'TV',
    explanation:
      'Total-variation distance of the attention rows, mean over rows: 0 is the same, 1 disjoint, and more only where weights are negative or add up to more than 1; ± twice the standard error where rows were sampled',
    align: 'right',
    text: ({ totalVariation, totalVariationError = 0 }) => formatEstimate(totalVariation, totalVariationError),
    value: ({ totalVariation }) => totalVariation,
    droppable: true,
  },
  {
    title: 'top-k',
    explanation: `Share of the ${TOP_K} largest weights of a row of full attention that are among the ${TOP_K} largest here; weights of 0 or less never are`,
    align: 'right',
    text: ({ topKRecall, topKRecallError = 0 }) => formatEstimate(topKRecall, topKRecallError, '%'),
    value: ({ topKRecall }) => topKRecall,
    droppable: true,
  },
  {
    title: 'time',
    explanation: 'Median wall time of one forward pass',
    align: 'right',
    text: ({ milliseconds }) => formatMilliseconds(milliseconds),
    value: ({ milliseconds }) => milliseconds,
  },
  {
    title: 'speed-up',
    explanation: 'Time of full attention in the same run, divided by this time',
    align: 'right',
    text: (result) => formatRatio(speedUp(result)),
    value: speedUp,
    best: { of: 'highest', among: isFaster },
  },
  {
    title: 'memory',
    explanation: 'Peak tensor memory of one forward pass beyond its inputs and parameters',
    align: 'right',
    text: ({ peakBytes }) => formatBytes(peakBytes),
    value: ({ peakBytes }) => peakBytes,
    best: { of: 'lowest', among: (result) => memoryShare(result) < 1 },
  },
  {
    title: 'of full',
    explanation: 'That memory as a share of full attention’s',
    align: 'right',
    text: (result) => formatPercent(memoryShare(result)),
    value: memoryShare,
    droppable: true,
  },
  STATE,
  {
    title: 'FLOPs',
    explanation: 'Floating point operations of one forward pass',
    align: 'right',
    text: ({ flops }) => formatCount(flops),
    value: ({ flops }) => flops,
    droppable: true,
  },
  {
    title: 'max error',
    explanation: 'Largest absolute difference of any output element',
    align: 'right',
    text: ({ maxAbsError }) => formatError(maxAbsError),
    value: ({ maxAbsError }) => maxAbsError,
    droppable: true,
  },
];
