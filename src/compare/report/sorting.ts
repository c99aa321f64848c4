/**
 * Sortable tables: a click on a column's head, or Enter on it, sorts the rows; a second one reverses the order; a third
 * restores it.
 */
import { type Html, html } from './html.ts';

/** The sort key of a row in a column: a number, a text, or null, which comes last in both directions. */
export type SortKey = number | string | null;

/** The attribute of a cell that the script reads; none if the key is not a number. */
export function sortedBy(key: SortKey): Html {
  const known = key === null || Number.isNaN(key) ? '' : String(key);
  return html` data-by="${known}"`;
}

/**
 * For a classic script after the page's content, or a deferred one. It turns the heads of every `table.sortable` into
 * buttons, with their state in `aria-sort`; without it the table stays as it was written. Rows of class `heading` title a
 * part of the original order: they are hidden in any other order, and the table then has `data-sorted`.
 */
export const sortingScript = `{
const collator = new Intl.Collator('en', { numeric: true });
const keyOf = (row, column) => row.cells[column].dataset.by ?? '';
const compare = (a, b) => {
  const difference = Number(a) - Number(b);
  return Number.isNaN(difference) ? collator.compare(a, b) : difference;
};
for (const table of document.querySelectorAll('table.sortable')) {
  const body = table.tBodies[0];
  const written = [...body.rows];
  const headings = written.filter((row) => row.classList.contains('heading'));
  const rows = written.filter((row) => !headings.includes(row));
  const heads = [...table.tHead.rows[0].cells];
  const sort = (column, order) => {
    heads.forEach((head, n) => {
      if (n === column && order !== null) head.setAttribute('aria-sort', order);
      else head.removeAttribute('aria-sort');
    });
    table.toggleAttribute('data-sorted', order !== null);
    for (const heading of headings) heading.hidden = order !== null;
    if (order === null) return body.append(...written);
    const sign = order === 'ascending' ? 1 : -1;
    body.append(...headings, ...[...rows].sort((one, other) => {
      const [a, b] = [keyOf(one, column), keyOf(other, column)];
      if (a === '' || b === '') return Number(a === '') - Number(b === '');
      return sign * compare(a, b);
    }));
  };
  heads.forEach((head, column) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener('click', () => {
      const before = head.getAttribute('aria-sort');
      sort(column, before === null ? 'ascending' : before === 'ascending' ? 'descending' : null);
    });
  });
}
}`;
