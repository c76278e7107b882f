/** A table that is sorted by a click on the head of a column. */

import { t, words } from '../base/text.js';

const collator = new Intl.Collator(words.language, { numeric: true });

/** Numbers by size, texts as people sort them. @param {string} a @param {string} b */
const compare = (a, b) => {
  const [x, y] = [Number(a), Number(b)];
  return Number.isNaN(x) || Number.isNaN(y) ? collator.compare(a, b) : x - y;
};

/**
 * Every cell of the body has its value in `data-value`; one without a value comes last either way.
 * @param {HTMLTableElement} table its rows are in the order of the first column
 */
export function sortable(table) {
  const body = table.tBodies[0];
  const heads = [...table.rows[0].cells];

  /** @param {number} column @param {'ascending' | 'descending'} direction */
  function sort(column, direction) {
    /** @param {HTMLTableRowElement} row */
    const value = (row) => row.cells[column].dataset.value;
    const rows = [...body.rows].sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (!x || !y) return Number(!x) - Number(!y);
      return (direction === 'ascending' ? 1 : -1) * compare(x, y);
    });
    body.append(...rows);
    for (const head of heads) head.removeAttribute('aria-sort');
    heads[column].setAttribute('aria-sort', direction);
  }

  heads.forEach((head, column) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...head.childNodes);
    button.title = t('Sort by this column');
    button.addEventListener('click', () => {
      const upwards = head.getAttribute('aria-sort') === 'ascending';
      sort(column, upwards ? 'descending' : 'ascending');
    });
    head.append(button);
  });
  heads[0].setAttribute('aria-sort', 'ascending');
}
