/** What a comparison shows on a terminal while it goes on: the rows that are nearest to full attention so far. */
import type { CompareSettings } from '../compare/compare.ts';
import { REFERENCE_VARIANT } from '../compare/series.ts';
import { formatError, formatPercent } from '../terminal/format.ts';
import { formatTable } from '../terminal/table.ts';

type OnMeasured = NonNullable<CompareSettings['onMeasured']>;
type Row = Parameters<OnMeasured>[0];

const MOST_ROWS = 8;

/** Rows of the layer or the length that is measured now, the smallest error first. Times are not known yet. */
export function nearestSoFar(): { onMeasured: OnMeasured; lines: () => string[] } {
  let rows: Row[] = [];
  let lines: string[] = [];
  const onMeasured = (row: Row): void => {
    const sameCase = ({ layer, length }: Row): boolean => layer === row.layer && length === row.length;
    rows = rows.filter(sameCase);
    if (row.variant === REFERENCE_VARIANT) return;
    rows = [...rows, row].sort((a, b) => a.relativeError - b.relativeError).slice(0, MOST_ROWS);
    lines = linesOf(rows);
  };
  return { onMeasured, lines: () => lines };
}

function linesOf(rows: readonly Row[]): string[] {
  const columns = [
    { title: 'nearest so far' },
    { title: '' },
    { title: 'error', align: 'right' as const },
    { title: 'TV', align: 'right' as const },
    { title: 'top-k', align: 'right' as const },
  ];
  const cells = rows.map(({ variant, budget, relativeError, totalVariation, topKRecall }) => [
    variant,
    budget === null ? '' : `${budget.symbol} = ${budget.value}`,
    formatError(relativeError),
    formatError(totalVariation),
    formatPercent(topKRecall),
  ]);
  return formatTable(columns, cells).trimEnd().split('\n');
}
