/** The confusion matrix as a grid: each cell says in words what it counts. */

import { integer, percent } from '../base/format.js';
import { t, tn } from '../base/text.js';

/**
 * @param {number} count songs of `genre` that were called `called`
 * @param {number} total songs of `genre`
 * @param {string} genre
 * @param {string} called
 * @returns {string} such as "12 of 29 rock songs were called country (41%)"
 */
export function sentence(count, total, genre, called) {
  const values = { n: integer(count), total: integer(total), genre, called };
  if (!total) return t('No {genre} song was tested', values);
  if (!count) {
    return genre === called
      ? t('None of {total} {genre} songs was recognised', values)
      : t('None of {total} {genre} songs was called {called}', values);
  }
  values.share = percent(count / total);
  return genre === called
    ? tn('{n} of {total} {genre} songs was recognised ({share})',
      '{n} of {total} {genre} songs were recognised ({share})', count, values)
    : tn('{n} of {total} {genre} songs was called {called} ({share})',
      '{n} of {total} {genre} songs were called {called} ({share})', count, values);
}

/** @param {HTMLElement} matrix the table with its switch and the place where a cell is told */
export function exploreConfusions(matrix) {
  const table = matrix.querySelector('table');
  const readout = matrix.querySelector('.readout');
  const units = matrix.querySelector('.switch');
  const rows = [...table.tBodies[0].rows];
  const columnHeads = [...table.tHead.rows[0].cells].slice(1);
  const rowHeads = rows.map((row) => row.cells[0]);
  const cells = rows.map((row) => [...row.cells].slice(1));
  const names = rowHeads.map((head) => head.textContent.trim());
  const counts = cells.map((row) => row.map((cell) => Number(cell.textContent) || 0));
  const totals = counts.map((row) => row.reduce((sum, count) => sum + count, 0));
  // Where the keyboard is, which is also what stays told when the pointer leaves.
  let here = [0, 0];
  let isChosen = false;
  const hint = readout.textContent;

  const find = (target) => {
    const cell = target.closest?.('td');
    const row = rows.indexOf(cell?.parentElement);
    return row < 0 ? null : [row, cells[row].indexOf(cell)];
  };

  function light(place) {
    cells.forEach((row, i) => row.forEach((cell, j) => {
      cell.classList.toggle('in-row', place?.[0] === i && place[1] !== j);
      cell.classList.toggle('in-column', place?.[1] === j && place[0] !== i);
      cell.classList.toggle('here', place?.[0] === i && place[1] === j);
    }));
    rowHeads.forEach((head, i) => head.classList.toggle('lit', place?.[0] === i));
    columnHeads.forEach((head, j) => head.classList.toggle('lit', place?.[1] === j));
    readout.textContent = place ? cells[place[0]][place[1]].ariaLabel : hint;
  }

  function choose(place) {
    cells[here[0]][here[1]].tabIndex = -1;
    cells[place[0]][place[1]].tabIndex = 0;
    here = place;
    isChosen = true;
    light(place);
  }

  function write() {
    const inShares = units.querySelector(':checked').value === 'shares';
    cells.forEach((row, i) => row.forEach((cell, j) => {
      const count = counts[i][j];
      if (count) cell.textContent = inShares ? percent(count / totals[i]) : integer(count);
    }));
  }

  function move(event) {
    const place = find(event.target);
    if (!place || event.altKey || event.metaKey) return;
    const last = names.length - 1;
    const [row, column] = place;
    const all = event.ctrlKey;
    const to = {
      ArrowUp: [row - 1, column],
      ArrowDown: [row + 1, column],
      ArrowLeft: [row, column - 1],
      ArrowRight: [row, column + 1],
      Home: [all ? 0 : row, 0],
      End: [all ? last : row, last],
      PageUp: [0, column],
      PageDown: [last, column],
    }[event.key];
    if (!to) return;
    event.preventDefault();
    const [toRow, toColumn] = to.map((n) => Math.min(last, Math.max(0, n)));
    cells[toRow][toColumn].focus();
  }

  table.setAttribute('role', 'grid');
  table.setAttribute('aria-readonly', 'true');
  cells.forEach((row, i) => row.forEach((cell, j) => {
    cell.setAttribute('role', 'gridcell');
    cell.ariaLabel = sentence(counts[i][j], totals[i], names[i], names[j]);
    cell.tabIndex = i || j ? -1 : 0;
  }));
  // The cells take the focus now, and bring themselves into view.
  table.parentElement.removeAttribute('tabindex');
  table.addEventListener('keydown', move);
  table.addEventListener('focusin', (event) => {
    const place = find(event.target);
    if (place) choose(place);
  });
  table.addEventListener('pointerover', (event) => {
    const place = find(event.target);
    if (place) light(place);
  });
  table.addEventListener('pointerleave', () => light(isChosen ? here : null));
  // A tap gives the focus, but not in every browser.
  table.addEventListener('click', (event) => {
    const place = find(event.target);
    if (place) cells[place[0]][place[1]].focus();
  });
  units.addEventListener('change', write);
  units.hidden = false;
  readout.hidden = false;
  // Browsers may remember the switch over a reload.
  write();
}
