/** The text of the report: what was compared and where, the best results, the table. */

import {
  formatBytes,
  formatError,
  formatMilliseconds,
  formatPercent,
  formatRatio,
  formatWhole,
} from '../../terminal/format.ts';
import { bestOf, memoryShare, slowness } from '../best.ts';
import { bestOfColumn, resultColumns } from '../columns.ts';
import { barAt, type Measurements, noteOf, rankedGroups, standingOf } from '../judge.ts';
import type { ComparisonReport, ComparisonResult } from '../result.ts';
import { labelsOf, mainLength, REFERENCE_VARIANT, seriesOf } from '../series.ts';
import { looksOf } from './family-looks.ts';
import { type Html, html, raw } from './html.ts';
import { signOf } from './looks.ts';
import { sortedBy } from './sorting.ts';
import { seriesColour } from './style.ts';

export function renderFacts({ environment, input, results }: ComparisonReport): Html {
  const { version, node, platform, cpu, threads, kernels, date } = environment;
  const many = input.lengths.length > 1 ? 'lengths' : 'length';
  const facts: [string, string][] = [
    ['input', `${input.source}: ${input.detail}`],
    [many, input.lengths.map(formatWhole).join(' · ')],
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

/** The distance of full attention, against which everything is measured, from float64; empty without results. */
function checkOfReference(results: readonly ComparisonResult[]): [string, string][] {
  if (results.length === 0) return [];
  const worst = Math.max(...results.map(({ fullOracleError }) => fullOracleError));
  return [['full attention, checked', `error ${formatError(worst)} against float64, in the sampled rows`]];
}

/**
 * The nearest, the fastest and the smallest of the approximations that beat the baselines, at the length of the error plots,
 * and a sentence about each of these that does not exist.
 */
export function renderCards({ results, baselines }: Measurements): Html | null {
  const compared = results.filter(({ variant }) => variant !== REFERENCE_VARIANT);
  if (compared.length === 0) return null;
  const length = mainLength(compared);
  const rows = compared
    .filter((result) => result.length === length)
    .map((result) => {
      const { layer, relativeError: error, flops, fullFlops } = result;
      const standing = standingOf({ ...result, error }, barAt(baselines, { length, layer }));
      return { ...result, result, error, standing, share: flops / fullFlops };
    });
  const { nearest, fastest, smallest, notes } = bestOf(rows, barAt(baselines, { length }));
  const labels = labelsOf(results);
  type Row = (typeof rows)[number];
  const of = (best: Row | null, words: (best: Row) => [title: string, figure: string, detail: string]): Html[] => {
    if (best === null) return [];
    const { result, budget, layer, variant } = best;
    const [title, figure, detail] = words(best);
    const settings = [budget === null ? '' : `${budget.symbol} = ${budget.value}`, layer ?? ''];
    const name = [labels.get(result) ?? variant, ...settings].filter((text) => text !== '').join(', ');
    const card = html`<section class="card"><h3>${title}</h3><div class="figure">${figure}</div>
      <p><strong>${name}</strong></p><p class="note">${detail}</p></section>`;
    return [card];
  };
  const ratio = (best: Row): string => formatRatio(1 / slowness(best));
  const cards = [
    ...of(nearest, (best) => ['Smallest error', formatError(best.error), `${ratio(best)} as fast as full attention`]),
    ...of(fastest, (best) => [
      'Fastest',
      ratio(best),
      `${formatMilliseconds(best.milliseconds)}, full attention ${formatMilliseconds(best.fullMilliseconds)}; error ${formatError(best.error)}`,
    ]),
    ...of(smallest, (best) => [
      'Least memory',
      formatPercent(memoryShare(best)),
      `${formatBytes(best.peakBytes)}, full attention ${formatBytes(best.fullPeakBytes)}; error ${formatError(best.error)}`,
    ]),
  ];
  return html`${cards.length === 0 ? null : html`<div class="cards">${cards}</div>`}${notes.map((note) => html`<p class="note">${note}</p>`)}`;
}

/**
 * As in the terminal: approximations by error, then the other rows, with the reason above them, then the baselines. If sorted
 * by a column, each row names its reason.
 */
export function renderTable(measured: Measurements): Html {
  // Colours and markers as in the plots, where full attention is grey whether or not it was among the variants compared.
  const series = seriesOf(measured.results);
  const looks = looksOf(series.map(({ variant }) => variant));
  const signs = new Map(
    series.flatMap(({ variant, results: own }, n) => {
      const { tone } = looks[n];
      const sign = { colour: seriesColour(tone), text: signOf(looks[n]) };
      return variant === REFERENCE_VARIANT ? [] : own.map((result) => [result, sign] as const);
    }),
  );
  const groups = rankedGroups(measured);
  const all = groups.flatMap(({ sections }) => sections.flatMap(({ rows }) => rows));
  const columns = resultColumns(all).map((column) => ({ ...column, winners: bestOfColumn(column, groups) }));

  const rowOf = (result: ComparisonResult, note: string, starts: boolean): Html => {
    const [name, ...others] = columns;
    const cells = others.map((column) => {
      const classes = [
        column.align === 'right' ? 'number' : '',
        column.winners.has(result) ? 'best' : '',
        column.identifies === true ? 'wide' : '',
      ];
      const shown = classes.filter((text) => text !== '').join(' ');
      return html`<td class="${shown}"${sortedBy(column.value(result))}>${column.text(result)}</td>`;
    });
    const { colour, text } = signs.get(result) ?? GREY;
    const swatch = html`<span class="swatch" style="color:${colour}" aria-hidden="true">${text}</span>`;
    const which = others.flatMap((column) => (column.identifies === true ? [column.text(result)] : []));
    const small = which.filter((text) => text !== '').join(', ');
    return html`<tr${starts ? raw(' class="first"') : null}><th scope="row"${sortedBy(name.value(result))}>${swatch}${name.text(result)}${
      small === '' ? null : html`<small class="which">${small}</small>`
    }${note === '' ? null : html`<small class="standing">${note}</small>`}</th>${cells}</tr>`;
  };
  const rows = groups.flatMap(({ sections }, group) =>
    sections.flatMap(({ kind, title, rows }, section) => {
      const note = kind === 'reference' ? '' : kind === 'baseline' ? 'baseline' : noteOf(kind);
      return [
        ...(title === ''
          ? []
          : [html`<tr class="heading"><th scope="rowgroup" colspan="${columns.length}">${title}</th></tr>`]),
        ...rows.map((result, row) => rowOf(result, note, group > 0 && section === 0 && row === 0)),
      ];
    }),
  );
  const titles = columns.map(({ title, explanation, align, identifies }) => {
    const classes = [align === 'right' ? 'number' : '', identifies === true ? 'wide' : ''];
    const shown = classes.filter((text) => text !== '').join(' ');
    return html`<th scope="col"${shown === '' ? null : html` class="${shown}"`}><abbr title="${explanation}">${title}</abbr></th>`;
  });
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Results table">
    <table class="sortable"><thead><tr>${titles}</tr></thead><tbody>${rows}</tbody></table></div>`;
}

const GREY = { colour: 'var(--muted)', text: '●' };

/** `2026-05-04 13:05 UTC`; other texts stay as they are. */
function readableDate(date: string): string {
  const time = new Date(date);
  if (Number.isNaN(time.getTime())) return date;
  return `${time.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
