/** The genres of several songs: how many each has, its playlist, and its entry in the filter. */

import { byId, copyOf, one } from '../base/dom.js';
import { integer } from '../base/format.js';
import { colourClasses, genreName } from '../base/genres.js';
import { t, tn } from '../base/text.js';
import { UNSURE, counts } from '../songs/collection.js';

/** @typedef {import('../songs/collection.js').Group} Group */

/** @param {string} name of a group @returns {string} the page's word */
const title = (name) => (name === UNSURE ? t('not sure') : genreName(name));

/** @param {Group} group @returns {string} the classes that give it its colour */
const colourOf = ({ name }) => (name === UNSURE ? 'unsure' : colourClasses([name])[0]);

/** @param {Group} group @param {() => void} onPlaylist @returns its stripe, row and menu entry */
function partsOf(group, onPlaylist) {
  const name = title(group.name);
  const colour = colourOf(group);
  const stripe = document.createElement('span');
  stripe.className = `mix-part ${colour}`;
  const row = copyOf('group-template');
  row.classList.add(...colour.split(' '));
  one(row, '.group-name').textContent = name;
  const button = one(row, 'button', HTMLButtonElement);
  button.ariaLabel = t('Playlist of {genre}', { genre: name });
  button.addEventListener('click', onPlaylist);
  return {
    stripe, row, button, option: new Option(name, group.name),
    bar: one(row, '.bar'), number: one(row, '.group-count'),
  };
}

export class GroupsView {
  #queue;
  #onPlaylist;
  /** @type {Map<string, ReturnType<typeof partsOf>>} */
  #parts = new Map();
  #builtFor;

  /**
   * @param {import('../songs/queue.js').SongQueue} queue
   * @param {(group: string, title: string) => void} onPlaylist the songs of a group are wanted
   */
  constructor(queue, onPlaylist) {
    this.#queue = queue;
    this.#onPlaylist = onPlaylist;
    this.#builtFor = queue.model;
    for (const group of this.#counts()) this.#build(group);
  }

  /** Count the songs of each group. */
  update() {
    if (this.#builtFor !== this.#queue.model) this.#rebuild();
    const groups = this.#counts();
    for (const group of groups) if (!this.#parts.has(group.name)) this.#build(group);
    // A group of another version may have lost its last song.
    for (const [name, { stripe, row, option }] of this.#parts) {
      const gone = groups.every((group) => group.name !== name);
      row.hidden = option.hidden = gone;
      if (gone) stripe.hidden = option.disabled = true;
    }
    const most = Math.max(1, ...groups.map(({ count }) => count));
    for (const group of groups) this.#show(group, most);
    this.#tellVersions();
    byId('mix').ariaLabel = groups.filter(({ count }) => count)
      .sort((a, b) => b.count - a.count)
      .map(({ name, count }) => `${title(name)} ${integer(count)}`).join(', ') || t('No answers yet');
  }

  /** @returns {Group[]} those that the version may put a song in, and those of other versions' songs */
  #counts() {
    const { genres, tellsUnfamiliar } = this.#queue.model;
    const groups = counts(this.#queue.songs, genres);
    return groups.filter(({ name, count }) => name !== UNSURE || tellsUnfamiliar || count);
  }

  /** Another version may have other genres, and in another order. */
  #rebuild() {
    this.#builtFor = this.#queue.model;
    const filter = byId('filter', HTMLSelectElement);
    const chosen = filter.value;
    for (const { stripe, row, option } of this.#parts.values()) {
      for (const element of [stripe, row, option]) element.remove();
    }
    this.#parts.clear();
    for (const group of this.#counts()) this.#build(group);
    filter.value = chosen;
    // Without such a genre, all songs are shown: the first entry.
    if (filter.selectedIndex < 0) filter.selectedIndex = 0;
  }

  /** @param {Group} group */
  #build(group) {
    const { name } = group;
    const parts = partsOf(group, () => this.#onPlaylist(name, title(name)));
    // "Not sure" stays the last one.
    const last = name === UNSURE ? undefined : this.#parts.get(UNSURE);
    this.#parts.set(name, parts);
    byId('mix').insertBefore(parts.stripe, last?.stripe ?? null);
    byId('groups').insertBefore(parts.row, last?.row ?? null);
    byId('filter').insertBefore(parts.option, last?.option ?? null);
  }

  /** @param {Group} group @param {number} most songs of a group */
  #show({ name, count }, most) {
    const parts = this.#parts.get(name);
    if (!parts) return;
    const { stripe, bar, number, button, option } = parts;
    stripe.style.flexGrow = String(count);
    stripe.hidden = !count;
    stripe.title = `${title(name)}: ${integer(count)}`;
    bar.style.width = `${(100 * count) / most}%`;
    number.textContent = integer(count);
    button.disabled = !count;
    const text = `${title(name)} (${integer(count)})`;
    // An open menu is not written anew for nothing.
    if (option.textContent !== text) option.textContent = text;
    // The chosen one stays, or nobody could see why the list is empty.
    option.disabled = !count && !option.selected;
  }

  /** Tell of songs that another version has answered, if there are any. */
  #tellVersions() {
    const { version } = this.#queue.model;
    const others = this.#queue.songs.flatMap(({ prediction }) =>
      (prediction && prediction.version !== version ? [prediction.version] : []));
    const note = byId('other-versions');
    note.hidden = !others.length;
    const versions = [...new Set(others)].sort().join(', ');
    const text = tn(
      '{n} song was answered by another version ({versions}) at an earlier visit. It is counted under the genre that it was given then.',
      '{n} songs were answered by other versions ({versions}) at an earlier visit. They are counted under the genres that they were given then.',
      others.length,
      { n: integer(others.length), versions },
    );
    if (note.textContent !== text) note.textContent = text;
  }
}
