/** A table that is sorted by a click on the head of a column. */

import { t } from '../base/text.js';

const collator = new Intl.Collator(document.documentElement.lang || 'en', { numeric: true });

/** Numbers by size, texts as people sort them. */
const compare = (a, b) => {
  const [x, y] = [Number(a), Number(b)];
  return Number.isNaN(x) || Number.isNaN(y) ? collator.compare(a, b) : x - y;
};

/**
 * Every cell of the body tells its value in `data-value`; what has none comes last either way.
 * @param {HTMLTableElement} table its rows are in the order of the first column
 */
export function sortable(table) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];

  function sort(column, direction) {
    const value = (row) => row.cells[column].dataset.value;
    const rows = [...body.rows].sort((a, b) => {
      if (!value(a) || !value(b)) return Number(!value(a)) - Number(!value(b));
      return (direction === 'ascending' ? 1 : -1) * compare(value(a), value(b));
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
