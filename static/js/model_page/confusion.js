/** The confusion matrix as a grid: each cell says in words what it counts. */

import { one } from '../base/dom.js';
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
  /** @type {Record<string, string>} */
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

/** @typedef {[number, number]} Place row and column of a cell, without the heads */

/** @param {HTMLElement} matrix the table, its switch of units, and the line that tells of a cell */
export function exploreConfusions(matrix) {
  const table = one(matrix, 'table', HTMLTableElement);
  const readout = one(matrix, '.readout');
  const units = one(matrix, '.switch');
  const rows = [...table.tBodies[0].rows];
  const columnHeads = [...table.rows[0].cells].slice(1);
  const rowHeads = rows.map((row) => row.cells[0]);
  const cells = rows.map((row) => [...row.cells].slice(1));
  const names = rowHeads.map((head) => head.textContent.trim());
  const counts = cells.map((row) => row.map((cell) => Number(cell.textContent) || 0));
  const totals = counts.map((row) => row.reduce((sum, count) => sum + count, 0));
  // The cell where the keyboard is; once chosen, it is told again when the pointer leaves.
  /** @type {Place} */
  let here = [0, 0];
  let isChosen = false;
  const hint = readout.textContent;

  /** The cell that an event is about. @param {Event} event @returns {Place | null} */
  const find = ({ target }) => {
    const cell = target instanceof Element ? target.closest('td') : null;
    const row = rows.findIndex((each) => each === cell?.parentElement);
    return cell && row >= 0 ? [row, cells[row].indexOf(cell)] : null;
  };

  /** @param {Place | null} place */
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

  /** @param {Place} place */
  function choose(place) {
    cells[here[0]][here[1]].tabIndex = -1;
    cells[place[0]][place[1]].tabIndex = 0;
    here = place;
    isChosen = true;
    light(place);
  }

  function write() {
    const inShares = one(units, ':checked', HTMLInputElement).value === 'shares';
    cells.forEach((row, i) => row.forEach((cell, j) => {
      const count = counts[i][j];
      if (count) cell.textContent = inShares ? percent(count / totals[i]) : integer(count);
    }));
  }

  /** @param {KeyboardEvent} event */
  function move(event) {
    const place = find(event);
    if (!place || event.altKey || event.metaKey) return;
    const last = names.length - 1;
    const [row, column] = place;
    const farthest = event.ctrlKey;
    /** @type {Record<string, Place>} */
    const goals = {
      ArrowUp: [row - 1, column],
      ArrowDown: [row + 1, column],
      ArrowLeft: [row, column - 1],
      ArrowRight: [row, column + 1],
      Home: [farthest ? 0 : row, 0],
      End: [farthest ? last : row, last],
      PageUp: [0, column],
      PageDown: [last, column],
    };
    const to = goals[event.key];
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
  // The cells take the focus now and come into view by themselves: its box need not be scrolled.
  table.parentElement?.removeAttribute('tabindex');
  table.addEventListener('keydown', move);
  table.addEventListener('focusin', (event) => {
    const place = find(event);
    if (place) choose(place);
  });
  table.addEventListener('pointerover', (event) => {
    const place = find(event);
    if (place) light(place);
  });
  table.addEventListener('pointerleave', () => light(isChosen ? here : null));
  // Not every browser gives the focus to what is tapped.
  table.addEventListener('click', (event) => {
    const place = find(event);
    if (place) cells[place[0]][place[1]].focus();
  });
  units.addEventListener('change', write);
  units.hidden = false;
  readout.hidden = false;
  // Browsers may remember the switch over a reload.
  write();
}
