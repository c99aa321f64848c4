/** Sorts the table by a column: a button in each of its heads, which says by `aria-sort` what was done. */

const table = document.querySelector<HTMLTableElement>('table.sortable');
const collator = new Intl.Collator('en', { numeric: true });

if (table !== null) {
  const heads = [...table.querySelectorAll<HTMLTableCellElement>('thead th')];
  heads.forEach((head, column) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener('click', () => {
      const descending = head.getAttribute('aria-sort') === 'ascending';
      for (const other of heads) other.removeAttribute('aria-sort');
      head.setAttribute('aria-sort', descending ? 'descending' : 'ascending');
      sortRows(table.tBodies[0], column, descending);
    });
  });
}

/** Rows that have nothing in the column stay below, whichever way. */
function sortRows(body: HTMLTableSectionElement, column: number, descending: boolean): void {
  const keyOf = (row: HTMLTableRowElement) => row.cells[column].dataset.by ?? '';
  const compare = (a: string, b: string) => {
    const [left, right] = [Number(a), Number(b)];
    return Number.isNaN(left - right) ? collator.compare(a, b) : left - right;
  };
  const rows = [...body.rows].sort((a, b) => {
    const [left, right] = [keyOf(a), keyOf(b)];
    if (left === '' || right === '') return Number(left === '') - Number(right === '');
    return descending ? compare(right, left) : compare(left, right);
  });
  body.append(...rows);
}
