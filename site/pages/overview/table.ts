/** Every variant in one table: what it promises, and what was measured of it. */
import { middlePoints, needComparison, needSuite, slopesOf } from '../../../bench/report/results.ts';
import { barAt, noteOf, standingOf } from '../../../src/compare/judge.ts';
import { type Html, html, raw } from '../../../src/compare/report/html.ts';
import { type SortKey, sortedBy } from '../../../src/compare/report/sorting.ts';
import { mainLength, REFERENCE_VARIANT } from '../../../src/compare/series.ts';
import { formatBytes, formatError, formatRatio, formatWhole } from '../../../src/terminal/format.ts';
import { type AnyVariant, allVariants } from '../../../src/variants/registry.ts';
import { familyTitle } from '../families.ts';
import { growthRank, RESULTS } from '../finder.ts';
import { scrollBox } from '../scroll-box.ts';
import { comparisonEvidence, evidenceLine, suiteEvidence, variantLink } from './links.ts';

interface Cell {
  shown: Html | string;
  /** What a column is sorted by; null where nothing was measured. */
  by: SortKey;
}

interface Column {
  title: string;
  align?: 'right';
  /** Whether its cells may have several lines. */
  wraps?: true;
  cell(variant: AnyVariant): Cell;
}

const SPEED_LENGTHS = [1024, 4096, 8192];

export function bigTable(): Html {
  const columns = tableColumns();
  const variants = allVariants();
  const heads = columns.map((column) => html`<th scope="col"${classOf(column)}>${column.title}</th>`);
  const rows = variants.map((variant) => {
    const [first, ...rest] = columns.map((column) => ({ column, ...column.cell(variant) }));
    const cells = rest.map(({ column, shown, by }) => html`<td${classOf(column)}${sortedBy(by)}>${shown}</td>`);
    return html`<tr data-variant="${variant.name}"><th scope="row"${sortedBy(first.by)}>${first.shown}</th>${cells}</tr>
`;
  });
  const table = html`<table class="sortable">
<thead><tr>${heads}</tr></thead>
<tbody>
${rows}</tbody>
</table>`;
  const { environment, results } = needComparison();
  return html`<section aria-labelledby="table">
<h2 id="table">All variants, measured</h2>
<p>Click the head of a column to sort by it. Errors, times and memory are measurements. The family, the cost and what a variant can do
are claims from its paper, which the tests check. The models of a well-known survey have <a href="survey.html">a table of their own</a>.
What papers measured is repeated here: <a href="reproduced.html">does it hold?</a></p>
${scrollBox('All variants, table', rows.length, table, 'broad')}
<div class="note">
<p><strong>Error</strong>: the relative error of the output, against full attention’s output, on queries, keys and values of a trained
model (${formatWhole(mainLength(results))} tokens). Each variant has the middle one of its measured budgets, and was not trained.
<em>No nearer than a baseline</em>: the mean of the values, or zeros, has an error as small as this. <strong>Faster at</strong>:
full attention’s time divided by the variant’s, for a forward pass with default options. <strong>Memory</strong>: the peak of one forward
pass beyond its inputs; a dash: not measured, because it takes too long. <strong>Slopes</strong>: how time and memory grow with
the length; 1 is linear and 2 is quadratic. <strong>Result</strong>: <em>exact on its pattern</em> is softmax attention over the allowed pairs,
<em>approximate</em> is an estimate of softmax attention over all pairs, and <em>another function</em> is not softmax attention, but what its paper
defines. <strong>Decodes</strong>: generates text token by token from a state.</p>
<p>${environment.cpu}, ${environment.threads} threads.</p>
${[comparisonEvidence, suiteEvidence('scaling'), suiteEvidence('crossover')].map(evidenceLine)}
</div>
</section>`;
}

/** By variant, what the terminal says of its row: `no nearer than a baseline`, `another function`, '' of an approximation. */
export function notesOnErrors(): Map<string, string> {
  const comparison = needComparison();
  const noted = [...middlePoints(comparison)].map(([variant, point]): [string, string] => {
    const bar = barAt(comparison.baselines, { length: point.length });
    return [variant, noteOf(standingOf({ ...point, variant }, bar))];
  });
  return new Map(noted);
}

/** What the library's registry says of a variant, then what bench/results/ does. */
export function tableColumns(): Column[] {
  const scaling = needSuite('scaling').rows;
  const crossover = needSuite('crossover').rows;
  const middle = middlePoints(needComparison());
  const notes = notesOnErrors();
  const longest = Math.max(...scaling.flatMap(({ length }) => length ?? []));
  const forward = (name: string, length: number) => (row: { variant: string; length?: number; training: boolean }) =>
    row.variant === name && row.length === length && !row.training;
  const figure = (value: number | null | undefined, format: (value: number) => string): Cell =>
    typeof value === 'number' ? { shown: format(value), by: value } : { shown: '–', by: null };
  const answer = (value: boolean): Cell => ({ shown: value ? 'yes' : 'no', by: value ? 1 : 0 });
  const slope = (value: number | null) => figure(value, (exponent) => exponent.toFixed(2));

  return [
    {
      title: 'variant',
      cell: ({ name }) => ({ shown: html`${variantLink(name)}${noteBelow(notes.get(name))}`, by: name }),
    },
    { title: 'error', align: 'right', cell: ({ name }) => figure(middle.get(name)?.error, formatError) },
    ...SPEED_LENGTHS.map(
      (length): Column => ({
        title: `faster at ${formatWhole(length)}`,
        align: 'right',
        cell: ({ name }) => {
          if (name === REFERENCE_VARIANT) return { shown: formatRatio(1), by: 1 };
          return figure(crossover.find(forward(name, length))?.speedUp, formatRatio);
        },
      }),
    ),
    {
      title: `memory at ${formatWhole(longest)}`,
      align: 'right',
      cell: ({ name }) => figure(scaling.find(forward(name, longest))?.peakBytes, formatBytes),
    },
    { title: 'time slope', align: 'right', cell: ({ name }) => slope(slopesOf(scaling, name).time) },
    { title: 'memory slope', align: 'right', cell: ({ name }) => slope(slopesOf(scaling, name).memory) },
    { title: 'family', cell: ({ family }) => text(familyTitle(family).toLowerCase()) },
    {
      title: 'cost',
      wraps: true,
      cell: ({ name, complexity }) => ({ shown: complexity, by: `${growthRank(complexity)} ${name}` }),
    },
    { title: 'result', wraps: true, cell: ({ exactness }) => text(RESULTS[exactness]) },
    { title: 'causal', cell: ({ supports }) => answer(supports.causal) },
    { title: 'decodes', cell: ({ supports }) => answer(supports.incremental) },
    { title: 'padding', cell: ({ supports }) => answer(supports.padding) },
    {
      title: 'paper',
      wraps: true,
      cell: ({ paper: { authors, year, arxiv } }) => ({
        shown: html`<a href="https://arxiv.org/abs/${arxiv}">${authors} ${year}</a>`,
        by: `${year} ${authors}`,
      }),
    },
  ];
}

function classOf({ align, wraps }: Column): Html | null {
  if (align !== undefined) return raw(' class="number"');
  return wraps === true ? raw(' class="wraps"') : null;
}

function noteBelow(note = ''): Html | null {
  return note === '' ? null : html`<span class="standing">${note}</span>`;
}

function text(shown: string): Cell {
  return { shown, by: shown };
}
