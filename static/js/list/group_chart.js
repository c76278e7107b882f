/** A chart of groups of songs: a bar of their shares, and for each a row with its playlist. */

import { copyOf, one } from '../base/dom.js';
import { integer } from '../base/format.js';

/**
 * @typedef {import('../songs/collection.js').Group} Group
 *
 * Where a chart is shown.
 * @typedef {object} Places
 * @property {HTMLElement} mix the bar
 * @property {HTMLElement} names what stands below it on paper
 * @property {HTMLElement} rows
 *
 * The groups of a chart, by their names.
 * @typedef {object} Kind
 * @property {(name: string) => string} keyOf the group, in the filter
 * @property {(name: string) => string} titleOf the group: the page's word
 * @property {(name: string) => string} colourOf the group: classes
 * @property {(name: string) => string} playlistOf the group: the label of its button
 */

/**
 * Give an element these children.
 * @param {HTMLElement} parent
 * @param {Element[]} wanted
 */
export function arrange(parent, wanted) {
  const { children } = parent;
  if (children.length === wanted.length && wanted.every((each, i) => children[i] === each)) return;
  // Moved elements lose the focus.
  const focused = document.activeElement;
  parent.replaceChildren(...wanted);
  if (focused instanceof HTMLElement && parent.contains(focused)) focused.focus({ preventScroll: true });
}

/**
 * @param {Kind} kind
 * @param {string} name of a group
 * @param {(key: string, title: string) => void} onPlaylist
 */
function partsOf({ keyOf, titleOf, colourOf, playlistOf }, name, onPlaylist) {
  const [key, title, colour] = [keyOf(name), titleOf(name), colourOf(name)];
  const stripe = document.createElement('span');
  stripe.className = `mix-part ${colour}`;
  const swatch = document.createElement('span');
  swatch.className = `swatch ${colour}`;
  const text = new Text();
  const paper = document.createElement('span');
  paper.append(swatch, text);
  const row = copyOf('group-template');
  row.classList.add(...colour.split(' '));
  one(row, '.group-name').textContent = title;
  const button = one(row, 'button', HTMLButtonElement);
  button.ariaLabel = playlistOf(name);
  button.addEventListener('click', () => onPlaylist(key, title));
  return {
    title, stripe, paper, text, row, button, option: new Option(title, key),
    bar: one(row, '.bar'), number: one(row, '.group-count'),
  };
}

export class GroupChart {
  #places;
  #kind;
  #onPlaylist;
  /** @type {Map<string, ReturnType<typeof partsOf>>} */
  #parts = new Map();

  /**
   * @param {Places} places
   * @param {Kind} kind
   * @param {(key: string, title: string) => void} onPlaylist the songs of a group are wanted
   */
  constructor(places, kind, onPlaylist) {
    this.#places = places;
    this.#kind = kind;
    this.#onPlaylist = onPlaylist;
  }

  /**
   * @param {Group[]} groups all that there are, in their order
   * @param {string} chosen key of the group whose songs alone are shown
   * @returns {HTMLOptionElement[]} their entries in the filter
   */
  show(groups, chosen) {
    const before = this.#parts;
    this.#parts = new Map(groups.map(({ name }) =>
      [name, before.get(name) ?? partsOf(this.#kind, name, this.#onPlaylist)]));
    const parts = [...this.#parts.values()];
    const { mix, names, rows } = this.#places;
    arrange(mix, parts.map(({ stripe }) => stripe));
    arrange(names, parts.map(({ paper }) => paper));
    arrange(rows, parts.map(({ row }) => row));
    const most = Math.max(1, ...groups.map(({ count }) => count));
    groups.forEach(({ count }, i) => this.#count(parts[i], count, most, chosen));
    return parts.map(({ option }) => option);
  }

  /** @param {Group[]} groups @returns {string} those that have songs, the largest first */
  summaryOf(groups) {
    return groups.filter(({ count }) => count).sort((a, b) => b.count - a.count)
      .map(({ name, count }) => `${this.#kind.titleOf(name)} ${integer(count)}`).join(', ');
  }

  /**
   * @param {ReturnType<typeof partsOf>} parts
   * @param {number} count of songs
   * @param {number} most songs of a group
   * @param {string} chosen
   */
  #count({ title, stripe, bar, number, button, option, paper, text }, count, most, chosen) {
    stripe.style.flexGrow = String(count);
    stripe.hidden = paper.hidden = !count;
    stripe.title = `${title}: ${integer(count)}`;
    bar.style.width = `${(100 * count) / most}%`;
    number.textContent = integer(count);
    button.disabled = !count;
    const entry = `${title} (${integer(count)})`;
    // An open menu is not written anew for nothing.
    if (option.textContent !== entry) option.textContent = entry;
    text.data = `${title} ${integer(count)}`;
    // The chosen one stays, or nobody could see why the list is empty.
    option.disabled = !count && option.value !== chosen;
  }
}
