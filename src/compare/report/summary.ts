/** The parts of the report that are text: what was compared and where, the best of it, the table. */

import { formatBytes, formatError, formatMilliseconds, formatPercent, formatRatio } from '../../terminal/format.ts';
import { bestOfColumn, resultColumns } from '../columns.ts';
import type { ComparisonReport, ComparisonResult } from '../result.ts';
import { labelsOf, mainLength, REFERENCE_VARIANT, seriesOf, sortResults, withReference } from '../series.ts';
import { type Html, html, raw } from './html.ts';
import { seriesColour } from './style.ts';

export function renderFacts({ environment, input, results }: ComparisonReport): Html {
  const { version, node, platform, cpu, threads, kernels, date } = environment;
  const many = input.lengths.length > 1 ? 'lengths' : 'length';
  const facts: [string, string][] = [
    ['input', `${input.source}: ${input.detail}`],
    [many, input.lengths.join(', ')],
    ['batch × heads × head dimension', `${input.batch} × ${input.heads} × ${input.headDim}`],
    ['masking', input.causal ? 'causal' : 'none'],
    ['seed', String(input.seed)],
    ['processor', cpu],
    ['threads', String(threads)],
    ['kernels', kernels],
    ['software', `efficient-transformers ${version}, Node ${node}, ${platform}`],
    ['date', readableDate(date)],
    ...checkOfReference(results),
  ];
  return html`<dl class="facts">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** How far full attention, which everything is measured against, is itself from float64; nothing without results. */
function checkOfReference(results: readonly ComparisonResult[]): [string, string][] {
  if (results.length === 0) return [];
  const worst = Math.max(...results.map(({ fullOracleError }) => fullOracleError));
  return [['full attention, checked', `error ${formatError(worst)} against float64, in the sampled rows`]];
}

/** The nearest, the fastest and the smallest of the approximations, at the length of the error plots. */
export function renderCards(results: readonly ComparisonResult[]): Html | null {
  const candidates = results.filter(({ variant }) => variant !== REFERENCE_VARIANT);
  if (candidates.length === 0) return null;
  const length = mainLength(candidates);
  const shown = candidates.filter((result) => result.length === length);
  const labels = labelsOf(results);
  const least = (value: (result: ComparisonResult) => number): ComparisonResult =>
    // Whatever it is, a number is better than none.
    shown.reduce((best, result) => (value(result) < value(best) || Number.isNaN(value(best)) ? result : best));
  const card = (title: string, result: ComparisonResult, figure: string, detail: string): Html => {
    const { budget, layer } = result;
    const settings = [budget === null ? '' : `${budget.symbol} = ${budget.value}`, layer ?? ''].filter(
      (text) => text !== '',
    );
    const name = [labels.get(result) ?? result.variant, ...settings].join(', ');
    return html`<section class="card"><h3>${title}</h3><div class="figure">${figure}</div>
      <p><strong>${name}</strong></p><p class="note">${detail}</p></section>`;
  };
  const nearest = least(({ relativeError }) => relativeError);
  const fastest = least(({ milliseconds, fullMilliseconds }) => milliseconds / fullMilliseconds);
  const smallest = least(({ peakBytes, fullPeakBytes }) => peakBytes / fullPeakBytes);
  const error = ({ relativeError }: ComparisonResult): string => `error ${formatError(relativeError)}`;
  const ratio = ({ milliseconds, fullMilliseconds }: ComparisonResult): string =>
    formatRatio(fullMilliseconds / milliseconds);
  return html`<div class="cards">
    ${card('Smallest error', nearest, formatError(nearest.relativeError), `${ratio(nearest)} as fast as full attention`)}
    ${card('Fastest', fastest, ratio(fastest), `${formatMilliseconds(fastest.milliseconds)}, full attention ${formatMilliseconds(fastest.fullMilliseconds)}; ${error(fastest)}`)}
    ${card('Least memory', smallest, formatPercent(smallest.peakBytes / smallest.fullPeakBytes), `${formatBytes(smallest.peakBytes)}, full attention ${formatBytes(smallest.fullPeakBytes)}; ${error(smallest)}`)}
  </div>`;
}

export function renderTable(results: readonly ComparisonResult[]): Html {
  // Colours as in the plots, where full attention is grey whether or not it was among the variants compared.
  const colours = new Map(
    seriesOf(results).flatMap(({ variant, index, results: own }) =>
      own.map((result) => [result, variant === REFERENCE_VARIANT ? undefined : seriesColour(index)] as const),
    ),
  );
  const sorted = sortResults(withReference(results));
  const columns = resultColumns(sorted).map((column) => ({ ...column, winners: bestOfColumn(column, sorted) }));
  const groupOf = ({ length, layer }: ComparisonResult): string => JSON.stringify([length, layer]);

  const rows = sorted.map((result, row) => {
    const starts = row > 0 && groupOf(result) !== groupOf(sorted[row - 1]);
    const cells = columns.slice(1).map((column) => {
      const classes = [column.align === 'right' ? 'number' : '', column.winners.has(result) ? 'best' : ''];
      return html`<td class="${classes.join(' ').trim()}">${column.text(result)}</td>`;
    });
    const swatch = html`<span class="swatch" style="background:${colours.get(result) ?? 'var(--muted)'}"></span>`;
    return html`<tr${starts ? raw(' class="first"') : null}><th scope="row">${swatch}${columns[0].text(result)}</th>${cells}</tr>`;
  });
  const titles = columns.map(
    ({ title, explanation, align }) =>
      html`<th scope="col"${align === 'right' ? raw(' class="number"') : null}><abbr title="${explanation}">${title}</abbr></th>`,
  );
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Results table">
    <table><thead><tr>${titles}</tr></thead><tbody>${rows}</tbody></table></div>`;
}

/** `2026-05-04 13:05 UTC`; what is not a date stays as it is. */
function readableDate(date: string): string {
  const time = new Date(date);
  if (Number.isNaN(time.getTime())) return date;
  return `${time.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
